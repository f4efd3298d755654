"""DataFrames whose columns, dtypes and units are fixed, also for zero rows.

Times are ``datetime64[us, UTC]``, durations ``timedelta64[us]``. Names that repeat (components,
states, messages, outcomes) are categories: a million of them take a byte or two each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

TIME = "datetime64[us, UTC]"
DURATION = "timedelta64[us]"
NAME = "category"
TEXT = "str"
ID = "int64"
OPTIONAL_ID = "Int64"
COUNT = "int64"
NUMBER = "float64"
FLAG = "boolean"

Columns = Mapping[str, str]

SNAPSHOTS: Columns = {
    "id": ID,
    "time": TIME,
    "component": NAME,
    "state": NAME,
    "correlation_id": TEXT,
    "step_id": OPTIONAL_ID,
    "run": NAME,
    "fingerprint": NAME,
    "snapshot_json": TEXT,
    "error": TEXT,
    "source": NAME,
}
STEPS: Columns = {
    "id": ID,
    "time": TIME,
    "duration": DURATION,
    "component": NAME,
    "message": NAME,
    "from_state": NAME,
    "to_state": NAME,
    "outcome": NAME,
    "reason": TEXT,
    "error": TEXT,
    "tries": COUNT,
    "sender": NAME,
    "correlation_id": TEXT,
    "span_id": TEXT,
    "parent_id": TEXT,
    "run": NAME,
    "fingerprint": NAME,
    "message_json": TEXT,
    "guards_json": TEXT,
    "error_json": TEXT,
    "source": NAME,
}
COMPONENTS: Columns = {
    "component": TEXT,
    "state": NAME,
    "final": FLAG,
    "outcome": NAME,
    "snapshots": COUNT,
    "steps": COUNT,
    "first": TIME,
    "last": TIME,
    "source": NAME,
}
VISITS: Columns = {
    "component": NAME,
    "state": NAME,
    "entered": TIME,
    "left": TIME,
    "dwell": DURATION,
    "left_by": NAME,
    "sender": NAME,
    "fingerprint": NAME,
    "source": NAME,
}
STUCK: Columns = {
    "component": TEXT,
    "state": NAME,
    "verdict": NAME,
    "since": TIME,
    "dwell": DURATION,
    "siblings": COUNT,
    "p95": DURATION,
    "ratio": NUMBER,
    "last_step": OPTIONAL_ID,
    "last_message": NAME,
    "last_outcome": NAME,
    "last_error": TEXT,
    "source": NAME,
}
TRACES: Columns = {
    "correlation_id": TEXT,
    "start": TIME,
    "duration": DURATION,
    "records": COUNT,
    "components": COUNT,
    "moved": COUNT,
    "refused": COUNT,
    "failed": COUNT,
    "first_component": NAME,
    "first_message": NAME,
}
RECORDS: Columns = {
    "time": TIME,
    "level": NAME,
    "event": NAME,
    "component": NAME,
    "handler": NAME,
    "message": NAME,
    "from_state": NAME,
    "to_state": NAME,
    "outcome": NAME,
    "reason": TEXT,
    "duration": DURATION,
    "error": TEXT,
    "correlation_id": TEXT,
    "span_id": TEXT,
    "parent_id": TEXT,
    "step_id": OPTIONAL_ID,
    "snapshot_id": OPTIONAL_ID,
    "run": NAME,
    "data": "object",
}


def frame(columns: Columns, rows: Iterable[Sequence[Any]]) -> pd.DataFrame:
    """Rows as a DataFrame with exactly those columns and dtypes.

    Args:
        columns: names and dtypes.
        rows: values in the order of the columns; times and durations as whole microseconds, None
            for what is missing.
    """
    import pandas as pd

    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    built = {
        name: _series(column, dtype)
        for (name, dtype), column in zip(columns.items(), values, strict=True)
    }
    return pd.DataFrame(built)


def empty(columns: Columns) -> pd.DataFrame:
    """A DataFrame with those columns and no rows."""
    return frame(columns, ())


def concat(columns: Columns, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames with the same columns, one after the other, dtypes kept."""
    import pandas as pd

    if not frames:
        return empty(columns)
    if len(frames) == 1:
        return frames[0]
    joined = pd.concat(frames, ignore_index=True)
    # Categories of different files are different; joined they would become plain objects.
    return joined.astype(dict(columns))


def microseconds(moment: pd.Timestamp | None) -> int | None:
    """A time as microseconds since 1970, or None where it is missing."""
    import pandas as pd

    if moment is None or pd.isna(moment):
        return None
    return int(moment.as_unit("us").to_datetime64().astype("int64"))


def microseconds_of(duration: pd.Timedelta | None) -> int | None:
    """A duration in microseconds, or None where it is missing."""
    import pandas as pd

    if duration is None or pd.isna(duration):
        return None
    return int(duration.as_unit("us").to_timedelta64().astype("int64"))


def _series(values: Sequence[Any], dtype: str) -> Any:
    import numpy as np
    import pandas as pd

    if dtype in (TIME, DURATION):
        nothing = np.iinfo(np.int64).min  # what NaT is made of
        raw = np.fromiter(
            (nothing if value is None else _within(value) for value in values), np.int64, len(values)
        )
        if dtype == TIME:
            return pd.Series(pd.DatetimeIndex(raw.view("datetime64[us]")).tz_localize("UTC"))
        return pd.Series(raw.view("timedelta64[us]"))
    if dtype == NAME:
        return pd.Series(pd.Categorical(list(values)))
    if dtype == "object":
        series = pd.Series([None] * len(values), dtype=object)
        for at, value in enumerate(values):
            series.iat[at] = value
        return series
    return pd.Series(list(values), dtype=dtype)


# Years 1678 to 2262 at any resolution: what other tools can still convert.
_EARLIEST, _LATEST = -9_214_560_000_000_000, 9_214_646_400_000_000


def _within(time_us: int) -> int:
    return min(max(time_us, _EARLIEST), _LATEST)
