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

# What 64 bits hold; beyond it a number is shown as missing, for pandas can't hold it either.
LARGEST = 2**63 - 1
NO_NUMBER = -LARGEST - 1
"""The whole number that stands for none; pandas' NaT is made of it, so that no row can have it."""


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


def whole_microseconds(times: Any) -> Any:
    """A column of times as an int64 array, `NO_NUMBER` where there is none."""
    # Not `to_numpy`, which makes an object of every time that has a zone.
    values = times.array
    return (values if values.unit == "us" else values.as_unit("us")).asi8


def codes_of(names: Any) -> tuple[Any, list[str]]:
    """A column of names as places among its categories, -1 where there is none, and those."""
    categories = names.astype(NAME).cat
    return categories.codes.to_numpy(), list(categories.categories)


def codes_at(codes: Any, places: Any) -> Any:
    """Of an array those at some places; -1 where the place is -1."""
    import numpy as np

    return np.append(codes, np.array([-1], dtype=codes.dtype))[places]


def names_at(names: Any, places: Any) -> Any:
    """Some rows of a column of names; none where the place is -1."""
    import numpy as np

    codes, categories = codes_of(names)
    codes = codes_at(codes, places)
    used = np.unique(codes[codes >= 0])
    shown = np.full(len(categories) + 1, -1)  # the last one is for -1
    shown[used] = np.arange(len(used))
    return names_series(shown[codes], [categories[each] for each in used])


def optional_wholes(numbers: Any) -> Any:
    """A column of whole numbers as an int64 array, `NO_NUMBER` where there is none."""
    return numbers.to_numpy(dtype="int64", na_value=NO_NUMBER)


def cell_text(value: Any) -> str | None:
    """A text in a frame's cell, or None where it is missing."""
    return value if isinstance(value, str) else None


def text_of(value: Any) -> str | None:
    """A stored name or text; bytes, which only a damaged file has there, as Python writes them."""
    return value if value is None or value.__class__ is str else str(value)


def is_whole(value: Any) -> bool:
    """Whether a column of whole numbers can hold it."""
    return value.__class__ is int and -LARGEST <= value <= LARGEST


def wholes_series(raw: Any, dtype: str) -> Any:
    """Whole numbers, an int64 array with `NO_NUMBER` where there is none, as a column."""
    import pandas as pd

    if dtype == TIME:
        return pd.Series(pd.DatetimeIndex(raw.view("datetime64[us]")).tz_localize("UTC"))
    if dtype == DURATION:
        return pd.Series(raw.view("timedelta64[us]"))
    if dtype == OPTIONAL_ID:
        missing = raw == NO_NUMBER
        raw = raw.copy()
        raw[missing] = 1  # as pandas itself has it where there is none
        return pd.Series(pd.arrays.IntegerArray(raw, missing))
    return pd.Series(raw)


def names_series(codes: Any, names: Any) -> Any:
    """Names as a column of categories: `codes` are places in the sorted `names`, -1 for none.

    The names are strings, or what `texts_array` made of them.
    """
    import pandas as pd

    ready = isinstance(names, pd.api.extensions.ExtensionArray)
    texts: Any = names if ready else texts_array(names)
    return pd.Series(pd.Categorical.from_codes(codes, categories=texts))


def texts_array(values: Sequence[str | None]) -> Any:
    """Texts as pandas holds them."""
    import pandas as pd

    # Lone surrogates: with pyarrow pandas can't hold them, and no file can.
    if has_surrogates("".join(filter(None, values))):
        values = [each and each.encode("utf-8", "backslashreplace").decode() for each in values]
    if texts_are_in_arrow():  # which takes them as they are; pandas looks at each first
        import pyarrow as pa

        return arrow_series([pa.array(values, pa.large_string())], 0).array
    return pd.array(values, dtype="str")


def texts_are_in_arrow() -> bool:
    """Whether pandas holds texts in Arrow arrays: where pyarrow is installed."""
    import numpy as np
    import pandas as pd

    return bool(pd.StringDtype(na_value=np.nan).storage == "pyarrow")


def arrow_series(pieces: Sequence[Any], first: int) -> Any:
    """Arrow arrays of texts as one column, from that row on; nothing is copied."""
    import pandas as pd
    import pyarrow as pa

    series: Any = pd.Series  # whose stubs don't know from_arrow yet
    return series.from_arrow(pa.chunked_array(pieces, type=pa.large_string())[first:])


def _series(values: Sequence[Any], dtype: str) -> Any:
    import numpy as np
    import pandas as pd

    if dtype in (TIME, DURATION, OPTIONAL_ID):
        whole = [each if is_whole(each) else NO_NUMBER for each in values]
        return wholes_series(np.array(whole, dtype=np.int64), dtype)
    if dtype in (NAME, TEXT):
        texts = texts_array([each if each.__class__ is str else text_of(each) for each in values])
        return pd.Series(pd.Categorical(texts) if dtype == NAME else texts)
    if dtype == "object":
        return objects_series(values)
    return pd.Series(list(values), dtype=dtype)


def objects_series(values: Sequence[Any]) -> Any:
    """Values as they are, in a column of objects."""
    import numpy as np
    import pandas as pd

    # Filled one by one: numpy would take a list of lists for a table.
    held = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        held[at] = value
    return pd.Series(held, dtype=object)


def has_surrogates(text: str) -> bool:
    """Whether there are lone surrogates in a text, which no file can hold."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
