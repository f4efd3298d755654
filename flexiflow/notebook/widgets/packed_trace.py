"""Traces as a script gets them: columns in JSON, packed, so that 80,000 spans are sent at once."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd

from flexiflow.analysis.base import words
from flexiflow.analysis.base.collecting import without_collecting

if TYPE_CHECKING:
    from flexiflow.analysis.traces.trace import Trace

MOST_TRACES = 10_000
"""Traces that are listed at once; those in trouble, then the newest."""

_MOST_SENTENCES = 200
_LONGEST = 300  # characters of a name or a detail


def packed(document: Any) -> bytes:
    """JSON, zlib-compressed."""
    return zlib.compress(msgspec.json.encode(document), 6)


def packed_list(traces: pd.DataFrame) -> bytes:
    """The list of traces.

    Args:
        traces: the columns of `shapes.TRACES`.
    """
    trouble = in_trouble(traces)
    counts = {
        "trouble": int(trouble.sum()),
        "failed": int((traces["failed"] > 0).sum()),
        "refused": int((traces["refused"] > 0).sum()),
        "slow": int(_slow(traces).sum()),
        "all": len(traces),
    }
    kept = traces
    if len(traces) > MOST_TRACES:
        order = np.lexsort((np.arange(len(traces)), trouble.to_numpy()))[::-1]
        kept = traces.iloc[np.sort(order[:MOST_TRACES])]
    start = _microseconds(kept["start"])
    duration = _microseconds(kept["duration"])
    return packed(
        {
            "counts": counts,
            "id": kept["correlation_id"].tolist(),
            "clock": ["" if us is None else _clock(us) for us in start],
            "start": start,
            "duration": duration,
            "first": [_text(each) for each in kept["first_component"]],
            "message": [_text(each) for each in kept["first_message"]],
            "components": kept["components"].tolist(),
            "records": kept["records"].tolist(),
            "outcome": [str(each) for each in kept["outcome"]],
            "failed": (kept["failed"] > 0).astype(int).tolist(),
            "refused": (kept["refused"] > 0).astype(int).tolist(),
            "slow": _slow(kept).astype(int).tolist(),
            "trouble": in_trouble(kept).astype(int).tolist(),
            "error": [_text(each) for each in kept["error"]],
        }
    )


def in_trouble(traces: pd.DataFrame) -> pd.Series[bool]:
    """Which traces failed, were refused, did not finish, or took unusually long."""
    bad = traces["outcome"].isin(["failed", "refused", "unfinished"])
    return bad | (traces["failed"] > 0) | _slow(traces)


def _slow(traces: pd.DataFrame) -> pd.Series[bool]:
    return traces["slow"].fillna(False).astype(bool)


@without_collecting()
def packed_trace(trace: Trace) -> bytes:
    """One trace with its waterfall and its story."""
    shown = trace.waterfall()
    spans = shown.spans
    start, end = shown.places(spans)
    ids = _ids(spans)
    row_of = {each: row for row, each in enumerate(ids) if each is not None}
    first = _microseconds(spans["start"])
    story = trace.story(_MOST_SENTENCES)
    return packed(
        {
            "id": trace.correlation_id,
            "headline": story.headline,
            "missing": list(shown.missing),
            "story": [
                [sentence, row_of.get(span, -1)]
                for sentence, span in zip(
                    story.frame["sentence"], story.frame["span_id"], strict=True
                )
            ],
            "axis": {
                "times": [int(each) - int(shown.axis.times_us[0]) for each in shown.axis.times_us],
                "at": _places(shown.axis.at),
            },
            "gaps": [
                [*pair, us]
                for *pair, us in zip(
                    *(_places(each) for each in shown.places(shown.gaps)),
                    _microseconds(shown.gaps["duration"]),
                    strict=True,
                )
            ],
            "path": [
                [row_of.get(span, -1), a, b, what]
                for span, a, b, what in zip(
                    _ids(shown.path),
                    *(_places(each) for each in shown.places(shown.path)),
                    shown.path["what"].astype(str),
                    strict=True,
                )
            ],
            "span": ids,
            "depth": spans["depth"].tolist(),
            "from": _places(start),
            "to": _places(end),
            "start": first,
            "took": _microseconds(spans["duration"]),
            "self": _microseconds(spans["self_time"]),
            "ended": spans["ended"].astype(int).tolist(),
            **_coded("component", spans["component"]),
            **_coded("label", spans["label"]),
            **_coded("outcome", spans["outcome"]),
            **_coded("kind", spans["kind"]),
            "change": _changes(spans),
            "detail": _details(spans["detail"]),
        }
    )


def _ids(rows: pd.DataFrame) -> list[str | None]:
    ids = rows["span_id"]
    return ids.astype(object).where(ids.notna(), None).tolist()


def _coded(name: str, values: pd.Series[Any]) -> dict[str, Any]:
    """Each text once, and a number a row."""
    numbers, texts = pd.factorize(values)
    codes: dict[str, int] = {}
    missing = [None] if -1 in numbers else []  # the last, which -1 means
    code_of = [codes.setdefault(_text(each), len(codes)) for each in (*texts, *missing)]
    return {name: np.array(code_of)[numbers].tolist(), f"{name}s": list(codes)}


def _changes(spans: pd.DataFrame) -> dict[str, str]:
    """From which state to which, by the rows that say so."""
    both = spans[["from_state", "to_state"]].astype(str)[
        spans["from_state"].notna() & spans["to_state"].notna()
    ]
    moved = both[both["from_state"] != both["to_state"]]
    return {
        str(row): f"{a} → {b}"[:_LONGEST]
        for row, a, b in zip(moved.index, moved["from_state"], moved["to_state"], strict=True)
    }


def _details(details: pd.Series[str]) -> dict[str, str]:
    """The reasons and errors, by the rows that have one."""
    return {str(row): _text(each) for row, each in details.dropna().items()}


def _text(value: Any) -> str:
    return words.name(value, _LONGEST) if isinstance(value, str) else ""


def _places(values: Any) -> list[float | None]:
    return [None if each != each else each for each in np.round(values, 6).tolist()]


def _microseconds(times: pd.Series[Any]) -> list[int | None]:
    naive = times.dt.tz_localize(None) if times.dtype.kind == "M" else times
    whole = naive.to_numpy().astype("int64").tolist()
    return [None if missing else us for us, missing in zip(whole, times.isna(), strict=True)]


def _clock(us: int) -> str:
    """Time of day in UTC, milliseconds."""
    seconds, rest = divmod(us, 1_000_000)
    day = seconds % 86_400
    return f"{day // 3600:02}:{day // 60 % 60:02}:{day % 60:02}.{rest // 1000:03}"
