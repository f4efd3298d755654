"""Files of one history that were recorded at the same time, so that their order says less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flexiflow.analysis.base import words
from flexiflow.analysis.reading.components import component_names
from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.tables import began_us, ended_us

_NAMED = 3


@dataclass(frozen=True, slots=True)
class _Span:
    """When a file begins and ends, microseconds since 1970, and whose rows it has."""

    name: str
    began_us: int
    ended_us: int
    components: frozenset[str]


def overlaps(sources: Sequence[Source]) -> list[str]:
    """A sentence for each file that begins before one that stands before it ends.

    Args:
        sources: the databases, in the order of the history.
    """
    if len(sources) < 2:
        return []
    told = []
    longest: _Span | None = None  # of those so far, the one that ends last
    for span in filter(None, map(_span_of, sources)):
        if longest is not None and span.began_us < longest.ended_us:
            told.append(_sentence(longest, span))
        if longest is None or span.ended_us > longest.ended_us:
            longest = span
    return told


def _span_of(source: Source) -> _Span | None:
    """A file's span; None where it has no times."""
    with source.connect() as conn:
        began, ended = began_us(conn), ended_us(conn)
    if began is None or ended is None:
        return None
    return _Span(source.name, began, ended, frozenset(component_names([source])))


def _sentence(before: _Span, after: _Span) -> str:
    shared = sorted(before.components & after.components)
    who = "No component is in both."
    if shared:
        more = f" and {len(shared) - _NAMED} more" if len(shared) > _NAMED else ""
        named = ", ".join(map(words.name, shared[:_NAMED]))
        who = f"What is said of components that are in both may be out of order: {named}{more}."
    return (
        f"{words.name(after.name, 200)} begins at {words.clock(after.began_us)}, before "
        f"{words.name(before.name, 200)} ends at {words.clock(before.ended_us)}; their rows stand "
        f"file by file. {who}"
    )
