"""Answers as one strict JSON document: what ``--json`` prints.

Times are ISO 8601 in UTC, durations whole microseconds under a name that ends in ``_us``, and
what is missing is null. The text is pure ASCII, so that any terminal and any pipe can carry it.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

from flexiflow.analysis.base.frames import microseconds, microseconds_of
from flexiflow.cli.text import write_line
from flexiflow.tracing.records import utc_text

if TYPE_CHECKING:
    import pandas as pd

# Columns that hold JSON are given as what they hold.
_EMBEDDED = {
    "message_json": "message_fields",
    "guards_json": "guards",
    "error_json": "error_parts",
    "snapshot_json": "snapshot",
}


def print_json(document: dict[str, Any]) -> None:
    """Write one document to standard output."""
    write_line(json.dumps(document, indent=2, allow_nan=False))


def records_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A frame's rows as objects."""
    columns = [_column(frame, name) for name in frame.columns]
    names = [name for name, _ in columns]
    return [
        dict(zip(names, row, strict=True))
        for row in zip(*(values for _, values in columns), strict=True)
    ]


def time_text(time_us: int | None) -> str | None:
    """Microseconds since 1970 in ISO 8601, or None where there are none."""
    return None if time_us is None else utc_text(time_us)


def _column(frame: pd.DataFrame, name: str) -> tuple[str, list[Any]]:
    series = frame[name]
    if name in _EMBEDDED:
        return _EMBEDDED[name], [_embedded(value) for value in series]
    if series.dtype.kind == "m":
        return f"{name}_us", [microseconds_of(value) for value in series]
    if series.dtype.kind == "M":
        return name, [time_text(microseconds(value)) for value in series]
    return name, [_plain(value) for value in series]


def _plain(value: Any) -> Any:
    import pandas as pd

    if pd.isna(value):
        return None
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _embedded(text: Any) -> Any:
    """The value that a column of JSON holds; the text itself where it is no strict JSON."""
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _refuse(text)
    return number


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of strict JSON")
