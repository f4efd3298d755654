"""What a learner is told: right, wrong, not understood, a hint, the solution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from flexiflow.notebook.html import FOREGROUND, MONO, card, element, escape

Verdict = Literal["right", "wrong", "unclear", "hint", "solution"]

_TITLES: dict[Verdict, str] = {
    "right": "✓ Right.",
    "wrong": "✗ Not yet.",
    "unclear": "? Not understood.",
    "hint": "Hint.",
    "solution": "Solution.",
}
_ACCENTS: dict[Verdict, str] = {
    "right": "success",
    "wrong": "refusal",
    "unclear": "neutral",
    "hint": "accent",
    "solution": "accent",
}


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """What a learner is told.

    Attributes:
        verdict: right, wrong, unclear (which counts as no try), hint or solution.
        text: plain text; what stands between backticks is code, indented lines are a block.
        ends: whether it ends a try; False for a part of an exercise that has several.
    """

    verdict: Verdict
    text: str = ""
    ends: bool = True

    @property
    def right(self) -> bool:
        """Whether the answer was right."""
        return self.verdict == "right"

    @property
    def title(self) -> str:
        """The first words, such as ``✓ Right.``"""
        return _TITLES[self.verdict]

    def __repr__(self) -> str:
        begins = "\n" if is_code(self.text.split("\n\n")[0]) else " "
        return f"{self.title}{begins}{self.text}".rstrip()

    def _repr_html_(self) -> str:
        title = element("strong", escape(self.title))
        return card(title, as_html(self.text), _ACCENTS[self.verdict], self.title)


def as_html(text: str) -> str:
    """Text as HTML: paragraphs, indented blocks, and `code` between backticks."""
    return "".join(_block(block) for block in blocks(text))


def blocks(text: str) -> Iterator[str]:
    """The paragraphs and the indented blocks of a text; a block keeps its empty lines."""
    kept: list[str] = []
    for part in text.strip("\n").split("\n\n"):
        if kept and is_code(kept[-1]) and is_code(part):
            kept[-1] = f"{kept[-1]}\n\n{part}"
        else:
            kept.append(part)
    yield from (part for part in kept if part.strip())


def is_code(block: str) -> bool:
    """Whether all lines of a block are indented."""
    return all(line.startswith("    ") for line in block.splitlines() if line)


def _block(block: str) -> str:
    if is_code(block):
        lines = "\n".join(line[4:] for line in block.splitlines())
        style = f"font:12.5px/1.5 {MONO};color:{FOREGROUND};margin:8px 0;overflow-x:auto"
        return element("pre", escape(lines, 20_000), style, tabindex="0")
    pieces = block.split("`")
    code = f"font-family:{MONO}"
    written = (
        element("code", escape(piece), code) if index % 2 else escape(piece, 20_000)
        for index, piece in enumerate(pieces)
    )
    return element("p", "".join(written).replace("\n", "<br>"), "margin:8px 0 0")
