"""Texts in pictures: names from anywhere made safe to show, cut to a length, and measured.

What stands here is about characters; each renderer escapes for its own language on top.
"""

from __future__ import annotations

import unicodedata

LONGEST_NAME = 36  # characters of a name in a picture; the whole one is in the hover text
LONGEST_WHOLE = 200

# Format characters that belong to letters and emoji; the others can reorder or hide text.
_JOINERS = frozenset("\u200c\u200d")
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))

# Advance widths of Arial in thousandths of an em, by letters that share one. The rest is 0.556.
_WIDTHS = {
    letter: width / 1000
    for width, letters in (
        (222, "ijl'"),
        (278, " !,./:;I[\\]ft|"),
        (333, "()-`{}r"),
        (389, '"*'),
        (500, "ckvxyszJ"),
        (584, "+<=>~×"),
        (667, "&ABEKPSVXY"),
        (722, "CDHNRUw"),
        (778, "GOQ"),
        (833, "mM✕◇"),
        (611, "FTZ"),
        (944, "W%@"),
        (1000, "…→—"),
    )
    for letter in letters
}
_USUAL_WIDTH = 0.556
_UNITS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))
_BOLD = 1.08


def visible(text: str, longest: int = LONGEST_WHOLE) -> str:
    r"""`text` on one line, with control and reordering characters as escapes such as ``\n``.

    Args:
        text: any string.
        longest: characters kept; an ellipsis stands for the rest.
    """
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    if not cut.strip():
        return f'"{cut}"' if cut.isprintable() else repr(cut)
    if cut.isprintable():
        return cut
    return "".join(_escaped(letter) if _hides(letter) else letter for letter in cut)


def short(text: str) -> str:
    """`text` as a picture shows it: visible, and cut to `LONGEST_NAME`."""
    return visible(text, LONGEST_NAME)


def count_text(count: int, sign: str = "×") -> str:
    """``×128``; from 10,000 on three digits and a unit, so that its width is bounded."""
    if count < 10_000:
        return f"{sign}{count:,}"
    size, unit = next(each for each in _UNITS if count >= each[0])
    value = count / size
    return f"{sign}{value:.1f}{unit}" if value < 99.95 else f"{sign}{min(value, 999):.0f}{unit}"


WIDEST_COUNT = " ×9,999"


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide `text` is in Arial, in the unit of `size`.

    It need not be exact, since boxes have room to spare, but it must be the same everywhere:
    the layout depends on it.
    """
    ems = sum(map(_ems, text))
    return ems * size * (_BOLD if bold else 1)


def _ems(letter: str) -> float:
    if letter < "\x7f" or letter in _WIDTHS:
        return _WIDTHS.get(letter, _USUAL_WIDTH)
    if unicodedata.combining(letter) or letter in _JOINERS:
        return 0.0
    return 1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.667


def _hides(letter: str) -> bool:
    return unicodedata.category(letter) in _INVISIBLE and letter not in _JOINERS


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
