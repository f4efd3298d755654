"""What tells bad traces from good ones: the fields whose values differ most between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.base.values import shown
from flexiflow.analysis.traces.trouble import alike
from flexiflow.tracing.line_formats import BrokenLine
from flexiflow.tracing.records import LogRecord

if TYPE_CHECKING:
    import pandas as pd

_MOST_VALUES = 2_000  # of a field; one with more tells traces apart, not bad from good
_DEEPEST = 4

# What says itself how a trace ended, or merely which it is, explains nothing.
_FIELDS = ("component", "handler", "message_type", "from_state", "to_state", "run_id")


def separation_frame(
    lines: Iterable[LogRecord | BrokenLine], bad: Set[str], good: Set[str], most: int
) -> pd.DataFrame:
    """Tests on fields, the one that differs most first; see `Log.separate`."""
    found: dict[str, dict[str, set[Any]]] = {}
    wanted = bad | good
    for record in lines:
        if isinstance(record, BrokenLine) or record.correlation_id not in wanted:
            continue
        for name, value in _fields(record):
            traces = found.setdefault(name, {})
            traces.setdefault(record.correlation_id or "", set()).add(value)
    rows = [row for name, traces in found.items() for row in _tests(name, traces, bad, good)]
    rows.sort(key=lambda row: -abs(row[4]))
    return frames.frame(shapes.SEPARATION, rows[:most])


def _fields(record: LogRecord) -> Iterator[tuple[str, Any]]:
    if record.event in ("message.failed", "message.refused", "handler.failed"):
        return
    for name in _FIELDS:
        value = getattr(record, name)
        if value is not None:
            yield name, alike(value) if name == "component" else value
    yield from _inside(f"{record.message_type or record.event}.", record.data, 0)


def _inside(name: str, data: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """The single values in a record's data, each with its path."""
    if isinstance(data, dict):
        for key, value in data.items():
            if isinstance(value, dict) and depth < _DEEPEST:
                yield from _inside(f"{name}{key}.", value, depth + 1)
            elif isinstance(value, str | int | float | bool) or value is None:
                yield f"{name}{key}", value


def _tests(
    name: str, traces: dict[str, set[Any]], bad: Set[str], good: Set[str]
) -> Iterator[tuple[Any, ...]]:
    """The best test of each kind on one field: on a value, on a limit, on being there."""
    candidates = [_row(name, "is there", traces.keys(), bad, good)]
    by_value: dict[tuple[type, Any], set[str]] = {}
    for trace, values in traces.items():
        for value in values:
            by_value.setdefault((type(value), value), set()).add(trace)
    if len(by_value) <= _MOST_VALUES:
        for (_, value), having in by_value.items():
            candidates.append(_row(name, f"= {shown(value)}", having, bad, good))
    numbers = sorted(
        (value, trace)
        for trace, values in traces.items()
        for value in values
        if type(value) in (int, float) and value == value
    )
    candidates += _limits(name, numbers, bad, good)
    best = max(candidates, key=lambda row: (abs(row[4]), row[4]))
    if best[4]:
        yield best


def _limits(
    name: str, numbers: list[tuple[Any, str]], bad: Set[str], good: Set[str]
) -> Iterator[tuple[Any, ...]]:
    """The limit above which the most bad and the fewest good traces are, or the other way."""
    above = {trace for _, trace in numbers}
    best: tuple[float, Any] | None = None
    counts = [len(above & bad), len(above & good)]
    left: dict[str, int] = {}
    for _, trace in numbers:
        left[trace] = left.get(trace, 0) + 1
    for at, (value, trace) in enumerate(numbers[:-1]):
        left[trace] -= 1
        if not left[trace]:
            counts[0] -= trace in bad
            counts[1] -= trace in good
        if numbers[at + 1][0] != value:
            difference = abs(counts[0] / max(len(bad), 1) - counts[1] / max(len(good), 1))
            if best is None or difference > best[0]:
                best = difference, value
    if best is not None:
        having = {trace for value, trace in numbers if value > best[1]}
        yield _row(name, f"> {shown(best[1])}", having, bad, good)


def _row(name: str, test: str, having: Set[str], bad: Set[str], good: Set[str]) -> tuple[Any, ...]:
    bad_count, good_count = len(having & bad), len(having & good)
    bad_share, good_share = bad_count / max(len(bad), 1), good_count / max(len(good), 1)
    return name, test, bad_share, good_share, bad_share - good_share, bad_count, good_count
