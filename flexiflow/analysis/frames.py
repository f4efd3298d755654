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
BLAME: Columns = {
    "field": NAME,
    "change": NAME,
    "old": TEXT,
    "new": TEXT,
    "time": TIME,
    "step_id": OPTIONAL_ID,
    "snapshot_id": ID,
    "message": NAME,
    "sender": NAME,
    "outcome": NAME,
    "correlation_id": TEXT,
    "unsure": FLAG,
    "source": NAME,
}
WHEN: Columns = {
    "component": NAME,
    "start": TIME,
    "end": TIME,
    "dwell": DURATION,
    "first_step": OPTIONAL_ID,
    "last_step": OPTIONAL_ID,
    "end_step": OPTIONAL_ID,
    "first_snapshot": ID,
    "last_snapshot": ID,
    "snapshots": COUNT,
    "source": NAME,
}
DIFF: Columns = {
    "component": NAME,
    "field": TEXT,
    "change": NAME,
    "old": TEXT,
    "new": TEXT,
}
STORY: Columns = {
    "time": TIME,
    "first_step": OPTIONAL_ID,
    "last_step": OPTIONAL_ID,
    "steps": COUNT,
    "outcome": NAME,
    "sentence": TEXT,
    "source": NAME,
}
OUTLIERS: Columns = {
    "component": NAME,
    "what": NAME,
    "start": TIME,
    "took": DURATION,
    "usual": DURATION,
    "ratio": NUMBER,
    "siblings": COUNT,
    "lasts": FLAG,
    "step_id": OPTIONAL_ID,
    "correlation_id": TEXT,
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


# What 64 bits hold; beyond it a number is shown as missing, for pandas can't hold it either.
_LARGEST = 2**63 - 1
_EXACT = 2**53  # up to here a float holds every whole number


def frame(columns: Columns, rows: Iterable[Sequence[Any]]) -> pd.DataFrame:
    """Rows as a DataFrame with exactly those columns and dtypes.

    Args:
        columns: names and dtypes.
        rows: values in the order of the columns; times and durations as whole microseconds, None
            for what is missing. A value that its column can't hold is missing too.
    """
    import pandas as pd

    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    built = {
        name: _series(column, dtype)
        for (name, dtype), column in zip(columns.items(), values, strict=True)
    }
    return pd.DataFrame(built)


def with_fields(
    table: pd.DataFrame, prefix: str, records: Sequence[Mapping[Any, Any]]
) -> pd.DataFrame:
    """A frame with a further column for each field of its rows' records.

    A column of whole numbers is Int64, of numbers float64, of truth values boolean, of texts str;
    any other holds the values as they are. A row without the field has none.

    Args:
        table: the frame.
        prefix: what the columns' names begin with.
        records: one a row.
    """
    import pandas as pd

    fields: dict[str, list[Any]] = {}
    for at, record in enumerate(records):
        for key, value in record.items():
            name = f"{prefix}{key}"
            if name not in fields:
                fields[name] = [None] * len(records)
            fields[name][at] = value
    if not fields:
        return table
    added = {name: _inferred(values) for name, values in fields.items()}
    return pd.concat([table, pd.DataFrame(added, index=table.index)], axis=1)


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


def cell_text(value: Any) -> str | None:
    """A text in a frame's cell, or None where it is missing."""
    return value if isinstance(value, str) else None


def text_of(value: Any) -> str | None:
    """A stored name or text; bytes, which only a damaged file has there, as Python writes them."""
    return value if value is None or value.__class__ is str else str(value)


def _series(values: Sequence[Any], dtype: str) -> Any:
    import pandas as pd

    if dtype in (TIME, DURATION):
        return _moments(values, dtype)
    if dtype == OPTIONAL_ID:
        return pd.Series([each if _is_whole(each) else None for each in values], dtype=dtype)
    if dtype in (NAME, TEXT):
        texts = _texts([each if each.__class__ is str else text_of(each) for each in values])
        return pd.Series(pd.Categorical(texts) if dtype == NAME else texts)
    if dtype == "object":
        return _as_they_are(values)
    return pd.Series(list(values), dtype=dtype)


def _moments(values: Sequence[Any], dtype: str) -> Any:
    import numpy as np
    import pandas as pd

    nothing = np.iinfo(np.int64).min  # what NaT is made of
    whole = [each if _is_whole(each) else nothing for each in values]
    raw = np.array(whole, dtype=np.int64)
    if dtype == TIME:
        return pd.Series(pd.DatetimeIndex(raw.view("datetime64[us]")).tz_localize("UTC"))
    return pd.Series(raw.view("timedelta64[us]"))


def _texts(values: list[str | None]) -> Any:
    import pandas as pd

    # Lone surrogates: with pyarrow pandas can't hold them, and no file can.
    if any(map(_has_surrogates, values)):
        values = [each and each.encode("utf-8", "backslashreplace").decode() for each in values]
    return pd.array(values, dtype="str")


def _as_they_are(values: Sequence[Any]) -> Any:
    import numpy as np
    import pandas as pd

    # Filled one by one: numpy would take a list of lists for a table.
    held = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        held[at] = value
    return pd.Series(held, dtype=object)


def _inferred(values: list[Any]) -> Any:
    import pandas as pd

    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pd.Series(values, dtype=FLAG)
    if kinds == {int} and all(value is None or _is_whole(value) for value in values):
        return pd.Series(values, dtype=OPTIONAL_ID)
    if kinds and kinds <= {int, float} and all(map(_is_float, values)):
        return pd.Series(values, dtype=NUMBER)
    if kinds == {str} and not any(map(_has_surrogates, values)):
        return pd.Series(values, dtype=TEXT)
    return _as_they_are(values)


def _is_whole(value: Any) -> bool:
    return value.__class__ is int and -_LARGEST <= value <= _LARGEST


def _is_float(value: Any) -> bool:
    return value is None or isinstance(value, float) or -_EXACT <= value <= _EXACT


def _has_surrogates(value: str | None) -> bool:
    if value is None or value.isascii():
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False
