"""Colours of pictures: one table, from which come both the attributes and the style sheet.

Attributes show a picture in the light colours wherever style sheets are stripped or not understood.
The style sheet follows the theme of the page: two neutral colours are taken from it, the others
are mixed of these, and the accents come in two shades of which the background picks one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

FONT = "Arial, Liberation Sans, Helvetica, sans-serif"

# name -> shade on a light and on a dark background. Each passes WCAG AA there as text.
ACCENTS = {
    "accent": ("#3a63e6", "#7aa2ff"),
    "failure": ("#c62a31", "#ff9a9e"),
    "caution": ("#8a5a00", "#e3b04b"),
    "success": ("#18794e", "#4cc38a"),
}
NEUTRALS = {"bg": "#ffffff", "fg": "#1f2328"}
FIXED = {"solid": "#3a63e6", "on-solid": "#ffffff", "none": "none"}

# name -> (colour, per cent of it, the rest).
MIXES = {
    "muted": ("fg", 68, "bg"),
    "line": ("fg", 54, "bg"),
    "border": ("fg", 48, "bg"),
    "card": ("fg", 4, "bg"),
    "frame": ("fg", 15, "bg"),
    "tint": ("accent", 13, "bg"),
    "tint-border": ("accent", 72, "bg"),
    "failure-border": ("failure", 72, "bg"),
}

Paint = Mapping[str, str]

# (classes that the group must have, class of the part, what it is painted with); later rows win.
# A value is the name of a colour, or a literal where it is none.
RULES: tuple[tuple[str, str, Paint], ...] = (
    ("", "ff-panel", {"fill": "bg", "stroke": "frame"}),
    ("", "ff-pack", {"fill": "none", "stroke": "border", "stroke-dasharray": "2 3"}),
    ("", "ff-note", {"fill": "muted"}),
    ("", "ff-dot", {"fill": "line"}),
    ("", "ff-box", {"fill": "card", "stroke": "border"}),
    ("", "ff-rim", {"fill": "none", "stroke": "border"}),
    ("", "ff-name", {"fill": "fg"}),
    ("", "ff-path", {"fill": "none", "stroke": "line"}),
    ("", "ff-head", {"fill": "line"}),
    ("", "ff-label", {"fill": "fg"}),
    ("", "ff-count-failed", {"fill": "failure"}),
    ("", "ff-count-refused", {"fill": "caution"}),
    ("", "ff-mark", {"fill": "bg", "stroke": "caution"}),
    ("ff-unvisited", "ff-name", {"fill": "muted"}),
    ("ff-untaken", "ff-label", {"fill": "muted"}),
    ("ff-untaken", "ff-path", {"stroke-dasharray": "7 4"}),
    ("ff-visited", "ff-box", {"fill": "tint", "stroke": "tint-border"}),
    ("ff-visited", "ff-rim", {"stroke": "tint-border"}),
    ("ff-taken", "ff-path", {"stroke": "tint-border", "stroke-dasharray": "none"}),
    ("ff-taken", "ff-head", {"fill": "tint-border"}),
    ("ff-failure", "ff-path", {"stroke": "failure-border"}),
    ("ff-failure", "ff-head", {"fill": "failure-border"}),
    ("ff-failure", "ff-label", {"fill": "failure"}),
    ("ff-failure", "ff-mark", {"stroke": "failure"}),
    ("ff-stopped", "ff-path", {"stroke": "failure-border"}),
    ("ff-stopped", "ff-head", {"fill": "failure-border"}),
    ("ff-stopped", "ff-label", {"fill": "failure"}),
    ("ff-inferred", "ff-path", {"stroke-dasharray": "1.6 3"}),
    ("ff-undeclared", "ff-path", {"stroke": "caution", "stroke-dasharray": "5 4"}),
    ("ff-undeclared", "ff-head", {"fill": "caution"}),
    ("ff-undeclared", "ff-label", {"fill": "caution"}),
    ("ff-undeclared", "ff-box", {"stroke": "caution", "stroke-dasharray": "5 4"}),
    ("ff-undeclared", "ff-rim", {"stroke": "caution"}),
    ("ff-unknown", "ff-box", {"fill": "bg", "stroke": "line", "stroke-dasharray": "3 3"}),
    ("ff-unknown", "ff-name", {"fill": "muted"}),
    ("ff-current", "ff-box", {"fill": "solid", "stroke": "solid"}),
    ("ff-current", "ff-rim", {"stroke": "solid"}),
    ("ff-current", "ff-name", {"fill": "on-solid"}),
)


def light(colour: str) -> str:
    """The value of a colour on a light page; a literal as it is."""
    if colour in MIXES:
        name, share, rest = MIXES[colour]
        return mixed(light(name), light(rest), share)
    if colour in ACCENTS:
        return ACCENTS[colour][0]
    return NEUTRALS.get(colour) or FIXED.get(colour, colour)


@cache
def paint(part: str, *group: str) -> Mapping[str, str]:
    """The attributes of a part in a group of these classes."""
    classes = {"", *group}
    merged: dict[str, str] = {}
    for needed, painted, values in RULES:
        if painted == part and needed in classes:
            merged.update(values)
    return {key: light(value) for key, value in merged.items()}


def mixed(first: str, second: str, share: float) -> str:
    """``color-mix(in srgb, first share%, second)`` of two ``#rrggbb`` colours."""
    parts = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round((a * share + b * (100 - share)) / 100):02x}" for a, b in parts)


def style_sheet() -> str:
    """The rules for pages whose style sheets work.

    Everything stands below ``.ff-graph``, so that it touches nothing else on the page, and inside
    ``@supports``, so that a viewer that can't compute the colours keeps the attributes whole.
    """
    rules = "".join(
        f".ff-graph {f'.{needed} ' if needed else ''}.{part}{{{_declarations(values)}}}"
        for needed, part, values in RULES
    )
    return f"@supports (color:rgb(from red r g b)){{{_VARIABLES}{rules}{_TOUCHES}}}"


def variables(selector: str) -> str:
    """The colours as CSS variables ``--ff-NAME`` of the elements that `selector` names.

    They follow the theme of the page that these elements stand in, also when it changes.
    """
    values = [
        "--ff-bg:var(--jp-layout-color1,var(--vscode-editor-background,Canvas))",
        "--ff-fg:var(--jp-ui-font-color1,var(--vscode-editor-foreground,CanvasText))",
        # 1 on a light background and 0 on a dark one, as the tokens of a calculation: a custom
        # property is text until it is used, and it is used where r, g and b are the background's.
        "--ff-day:clamp(0,(.3*r + .59*g + .11*b - 128)*9,1)",
    ]
    for name, (day, night) in ACCENTS.items():
        channels = zip(_channels(day), _channels(night), strict=True)
        steps = " ".join(f"calc({b} + {a - b}*var(--ff-day))" for a, b in channels)
        values.append(f"--ff-{name}:rgb(from var(--ff-bg) {steps})")
    for name, (first, share, rest) in MIXES.items():
        values.append(f"--ff-{name}:color-mix(in srgb,var(--ff-{first}) {share}%,var(--ff-{rest}))")
    return f"{selector}{{{';'.join(values)}}}"


def _declarations(values: Paint) -> str:
    return ";".join(f"{key}:{_css(value)}" for key, value in values.items())


def _css(value: str) -> str:
    if value in NEUTRALS or value in ACCENTS or value in MIXES:
        return f"var(--ff-{value})"
    return FIXED.get(value, value)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


# What only a page can have: a halo, a glow, a pointer, and figures of one width.
_TOUCHES = (
    ".ff-graph .ff-label{paint-order:stroke;stroke:var(--ff-bg);stroke-width:4px;"
    "stroke-linejoin:round;font-variant-numeric:tabular-nums}"
    ".ff-graph .ff-current .ff-box{filter:drop-shadow(0 0 4px var(--ff-tint-border))}"
    ".ff-graph [data-state],.ff-graph [data-edge]{cursor:pointer}"
    ".ff-graph [data-edge]:hover .ff-path,.ff-graph [data-state]:hover .ff-box{stroke-width:2.4}"
)
# Alone in a file or an <img> there is no page to follow, only the reader's preference.
_VARIABLES = variables(".ff-graph") + ".ff-graph:root{color-scheme:light dark}"
