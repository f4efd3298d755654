"""Small pieces of HTML, escaped and bounded, that read well on light and dark pages.

Where styles work the colours follow the notebook's theme by its CSS variables. Viewers that strip
``<style>`` (an untrusted notebook, a code host) still get the layout from inline styles.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

from flexiflow.errors import bounded

LONGEST_TEXT = 2_000
LARGEST = 60_000
"""Characters of one card. A notebook keeps every one of them in its file."""
_FRAME = 3_000

# The variables of JupyterLab, then of VS Code, then the browser's own colours.
BACKGROUND = "var(--jp-layout-color1, var(--vscode-editor-background, Canvas))"
FOREGROUND = "var(--jp-ui-font-color1, var(--vscode-editor-foreground, CanvasText))"
MUTED = f"color-mix(in srgb, {FOREGROUND} 68%, {BACKGROUND})"
LINE = f"color-mix(in srgb, {FOREGROUND} 18%, {BACKGROUND})"
SANS = "var(--jp-ui-font-family, system-ui, sans-serif)"
MONO = "var(--jp-code-font-family, ui-monospace, monospace)"

# Mixed with the page's own text colour: darker on a light page and lighter on a dark one, so that
# they pass WCAG AA on both, also where the page does not say which of the two it is.
ACCENTS = {
    "accent": "#3a63e6",
    "failure": "#d13438",
    "refusal": "#b77400",
    "success": "#18905a",
    "neutral": "#7a808c",
}


def escape(value: Any, longest: int = LONGEST_TEXT) -> str:
    """Text for HTML: bounded, escaped, control characters and bidi overrides made visible."""
    return _harmless(bounded(str(value), longest))


def element(tag: str, content: str, style: str = "", **attributes: str) -> str:
    """One element. `content` is HTML; attribute values are escaped here."""
    named = {"style": style, **attributes}
    written = "".join(
        f' {name.replace("_", "-")}="{_harmless(value)}"' for name, value in named.items() if value
    )
    return f"<{tag}{written}>{content}</{tag}>"


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str) -> str:
    """A plain table with a caption for readers who can't see it."""
    # A grey that shows on light and on dark: a mixture of the theme's would be said in each row.
    line = "border-bottom:1px solid #8884"
    cell = "padding:2px 12px 2px 0;text-align:left"
    short = f"{cell};white-space:nowrap"
    head = "".join(element("th", escape(name), short, scope="col") for name in columns)
    body = "".join(
        element(
            "tr",
            "".join(element("td", text, short if len(text) <= 40 else cell) for text in row),
            line,
        )
        for row in ([escape(value, 200) for value in row] for row in rows)
    )
    return element(
        "table",
        element("caption", escape(caption), f"text-align:left;color:{MUTED};padding-bottom:4px")
        + element("thead", element("tr", head, line))
        + element("tbody", body),
        "border-collapse:collapse;font-size:12.5px;font-variant-numeric:tabular-nums",
    )


def card(title: str, body: str, accent: str, label: str) -> str:
    """A framed card with a coloured edge.

    Args:
        title: HTML of the first line.
        body: HTML below it.
        accent: a key of `ACCENTS`.
        label: what a screen reader says of the whole.
    """
    edge = _accent(accent)
    # The first of two is for viewers that do not know color-mix().
    frame = (
        f"border:1px solid #8884;border:1px solid {LINE};border-left:4px solid {ACCENTS[accent]};"
        f"border-left:4px solid {edge};border-radius:8px;padding:12px 16px;margin:4px 0;"
        f"max-width:880px;background:{BACKGROUND};color:{FOREGROUND};font:12.5px/1.5 {SANS}"
    )
    heading = element("div", title, "font-size:15px;line-height:1.4")
    return element("section", heading + body, frame, aria_label=bounded(label, 200))


def fitting(parts: Iterable[str]) -> str:
    """Parts of a card's body, one below the other; those that make it too large are left out.

    Args:
        parts: HTML, the most important first.
    """
    kept, left_out, room = [], 0, LARGEST - _FRAME
    for part in parts:
        if len(part) <= room:
            kept.append(part)
            room -= len(part)
        else:
            left_out += 1
    note = muted(f"Parts that are too large to be kept in a notebook: {left_out}.")
    return "".join([*kept, note] if left_out else kept)


def colour(accent: str) -> str:
    """The style of text in one of the `ACCENTS`."""
    return f"color:{ACCENTS[accent]};color:{_accent(accent)}"


def _accent(name: str) -> str:
    return f"color-mix(in srgb, {ACCENTS[name]} 65%, {FOREGROUND})"


def code(text: object) -> str:
    """Code, or a name that people type; a click selects it whole."""
    style = f"font:12px {MONO};color:{FOREGROUND};user-select:all"
    return element("code", escape(text), style)


def muted(content: str) -> str:
    """A line that is set back. `content` is HTML."""
    return element("p", content, f"margin:8px 0 0;color:{MUTED}")


def folded(summary: str, content: str, *, opened: bool = False) -> str:
    """HTML under a summary that unfolds it, also where no script runs."""
    head = element("summary", escape(summary), f"cursor:pointer;color:{MUTED};margin-top:8px")
    return element("details", head + content, open="open" if opened else "")


def preformatted(text: str, longest: int = 20_000) -> str:
    """Text as it stands, line by line."""
    return element(
        "pre", escape(text, longest), f"font:12px/1.5 {MONO};margin:4px 0;overflow-x:auto"
    )


def _harmless(text: str) -> str:
    return html.escape("".join(map(_visible, text)), quote=True)


def _visible(character: str) -> str:
    code = ord(character)
    if character in "\n\t" or (character.isprintable() and not 0x2066 <= code <= 0x2069):
        return character
    return character if character == "\u200d" else f"\\u{code:04x}"
