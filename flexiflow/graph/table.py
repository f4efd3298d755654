"""Graphs as text: an aligned table, a Markdown table, and a listing that reads aloud well."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from flexiflow.graph.labels import visible
from flexiflow.graph.model import Edge, Graph
from flexiflow.graph.wording import onward, plural, state_words, summary

MOST_ROWS = 1_000
_HEADINGS = ("from", "message", "guard", "error", "to", "count", "failed", "refused", "known from")
_MARKDOWN_SPECIAL = str.maketrans({each: f"\\{each}" for each in r"\`*_[]|~$"})
_HTML_SPECIAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

Row = tuple[str, ...]


def to_table(graph: Graph, most: int = MOST_ROWS) -> str:
    """The transitions as plain text in aligned columns; columns without any entry are left out.

    Args:
        graph: any graph.
        most: rows shown; a last line says how many are left out.
    """
    headings, rows = _columns(graph, most)
    widths = [max(map(_width, column)) for column in zip(headings, *rows, strict=True)]
    lines = [
        summary(graph),
        _aligned(headings, widths),
        _aligned(["─" * w for w in widths], widths),
    ]
    lines += [_aligned(row, widths) for row in rows]
    return "\n".join([*lines, *_endnotes(graph, most)])


def to_markdown(graph: Graph, most: int = MOST_ROWS) -> str:
    """The transitions as a Markdown table; arguments as for `to_table`."""
    headings, rows = _columns(graph, most)
    table = [headings, tuple("---" for _ in headings)]
    table += [tuple(map(escaped_markdown, row)) for row in rows]
    endnotes = "".join(f"\n\n{escaped_markdown(note)}" for note in _endnotes(graph, most))
    return "\n".join(f"| {' | '.join(row)} |" for row in table) + endnotes


def to_text(graph: Graph, most: int = MOST_ROWS) -> str:
    """The graph as a listing: the text twin of a picture, a transition a line.

    Args:
        graph: any graph.
        most: lines of states and transitions; a last line says how many are left out.
    """
    lines = [line for state in graph.states for line in _state_lines(graph, state.name)]
    left_out = len(lines) - most
    shown = lines[:most] + ([f"… and {plural(left_out, 'line')} more"] if left_out > 0 else [])
    return "\n".join([summary(graph), *shown, *(f"Note: {visible(n, 400)}" for n in graph.notes)])


def _state_lines(graph: Graph, name: str) -> Iterable[str]:
    state = graph.state(name)
    words = "" if state is None else ", ".join(state_words(graph, state))
    head = visible(name) + (f" ({words})" if words else "")
    leaving = [edge for edge in graph.edges if edge.source == name]
    if not leaving:
        yield f"{head}: no transitions"
    for edge in leaving:
        yield f"{head} {onward(edge)}"
        head = visible(name)


def _columns(graph: Graph, most: int) -> tuple[Row, list[Row]]:
    rows = [_row(edge) for edge in graph.edges[:most]]
    kept = [
        place
        for place, heading in enumerate(_HEADINGS)
        if heading in ("from", "message", "to") or any(row[place] for row in rows)
    ]
    return tuple(_HEADINGS[i] for i in kept), [tuple(row[i] for i in kept) for row in rows]


def _row(edge: Edge) -> Row:
    sources = "" if edge.sources == {"declared"} else ", ".join(sorted(edge.sources))
    count = "" if edge.count is None else f"{edge.count:,}"
    unmoved = (f"{number:,}" if number else "" for number in (edge.failed, edge.refused))
    names = (edge.source, edge.message, edge.guard or "", edge.error or "", edge.target)
    return (*(visible(name) if name else "" for name in names), count, *unmoved, sources)


def _endnotes(graph: Graph, most: int) -> list[str]:
    left_out = len(graph.edges) - most
    more = [f"… and {plural(left_out, 'transition')} more"] if left_out > 0 else []
    return more + [f"Note: {visible(note, 400)}" for note in graph.notes]


def _aligned(row: Iterable[str], widths: list[int]) -> str:
    cells = zip(row, widths, strict=True)
    return "  ".join(cell + " " * (width - _width(cell)) for cell, width in cells).rstrip()


def _width(text: str) -> int:
    """Columns of a terminal."""
    return sum(
        0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF")
        for each in text
    )


def escaped_markdown(text: str) -> str:
    """`text`, which is one line, so that Markdown shows it as it is."""
    return text.translate(_MARKDOWN_SPECIAL).translate(_HTML_SPECIAL)
