"""What is read of a table, and how SQLite may pack it; see `packed`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flexiflow.analysis.reading.columns import Building

Pieces = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shortcut:
    """What a packed query asks for, where a table is as a recording or 1.x made it.

    Attributes:
        wholes: columns of whole numbers by the frame's names: of type INTEGER in the file.
        texts: columns of texts; of type TEXT.
        bodies: columns of JSON objects; of type TEXT, packed as lines.
        finish: the frame's pieces from the packed texts and the number of rows; None where a row
            is not what it should be.
    """

    wholes: Mapping[str, str]
    texts: Mapping[str, str]
    finish: Callable[[Building, Mapping[str, bytes], int], Pieces | None]
    bodies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """Rows of one table, and the columns of a frame.

    Attributes:
        table: the table, called ``s`` in all expressions.
        fields: an expression for each column of the frame, in its order; ``id`` among them.
        condition, values: which rows.
        component: the component that the condition asks for, or None: it has an index.
        after: only ids above this.
        last: only ids up to this.
        shortcut: how blocks are packed; None where rows must be read one by one.
        join: what each row is joined with, at most one row of another table.
    """

    table: str
    fields: Mapping[str, str]
    condition: str = "1"
    values: Sequence[Any] = field(default=())
    component: str | None = None
    after: int | None = None
    shortcut: Shortcut | None = None
    join: str = ""
    last: int | None = None
