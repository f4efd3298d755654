"""Steps and snapshots as tables: which columns they have, and how an outcome is marked."""

from __future__ import annotations

import json
from typing import Any

from flexiflow.cli.output import FAILED, FAINT, REFUSED, STRONG, Column
from flexiflow.errors import bounded

STYLES = {"failed": FAILED, "cancelled": FAILED, "refused": REFUSED}

_MARKS = {"failed": "✕ failed", "cancelled": "✕ cancelled", "refused": "◇ refused"}


def outcome_words(outcome: object) -> object:
    """An outcome with its mark."""
    return _MARKS.get(str(outcome), outcome)


def step_style(row: Any) -> str:
    """The style of a row with an outcome."""
    return STYLES.get(str(row.outcome), "")


def step_columns(named: bool = False, *, several: bool) -> list[Column]:
    """The columns of a table of steps.

    Args:
        named: whether they belong to several components.
        several: whether the history has several files, so that an id alone names no row.
    """
    component = [Column("component", "component")] if named else []
    return [
        Column("step", lambda row: str(row.id), FAINT, right=True),
        Column("time", "time"),
        *component,
        Column("message", "message", STRONG),
        Column("took", "duration", right=True),
        Column("from", "sender", FAINT, optional=True, spare=True),
        Column("outcome", _outcome, step_style, folds=True),
        *([Column("file", "source")] if several else []),
    ]


def snapshot_columns(named: bool = False, *, several: bool) -> list[Column]:
    """The columns of a table of snapshots; arguments as for `step_columns`."""
    component = [Column("component", "component")] if named else []
    return [
        Column("snapshot", lambda row: str(row.id), FAINT, right=True),
        Column("time", "time"),
        *component,
        Column("state", "state", STRONG),
        Column("step", lambda row: id_text(row.step_id), right=True),
        Column("data", _data, folds=True),
        Column(
            "broken",
            lambda row: "" if missing(row.error) else f"✕ {row.error}",
            FAILED,
            optional=True,
        ),
        *([Column("file", "source")] if several else []),
    ]


def _outcome(row: Any) -> tuple[object, ...]:
    """``Draft → Paying``, or how it ended where, and the reason or error on a line of its own."""
    tries = f", {row.tries} tries" if row.tries > 1 else ""
    reason = row.reason if missing(row.error) else row.error
    if row.outcome == "moved":
        return f"{row.from_state} → {row.to_state}{tries}", reason
    return f"{outcome_words(row.outcome)} in {row.from_state}{tries}", reason


def _data(row: Any) -> str:
    """What a snapshot holds of the component's data, as it is stored."""
    try:
        body = json.loads(row.snapshot_json)
        return bounded(json.dumps(body.get("metadata"), ensure_ascii=False), 2000)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return bounded(str(row.snapshot_json), 2000)


def id_text(value: object) -> str:
    """An id, or nothing where there is none."""
    return "" if missing(value) else str(value)


def missing(value: object) -> bool:
    """Whether a frame has nothing there."""
    import pandas as pd

    return bool(pd.isna(value))  # type: ignore[call-overload]
