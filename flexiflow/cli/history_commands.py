"""Questions to a history: ``why`` and ``history``."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flexiflow.analysis import words
from flexiflow.analysis.frames import microseconds_of
from flexiflow.cli.boundary import Command, answer
from flexiflow.cli.json_text import print_json, records_of
from flexiflow.cli.output import (
    FAILED,
    FAINT,
    REFUSED,
    STRONG,
    Column,
    left_out,
    print_table,
    say,
    table_of,
)
from flexiflow.cli.text import command_line
from flexiflow.errors import FlexiFlowError, PersistenceError, bounded

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History
    from flexiflow.analysis.why import Verdict

ROWS_SHOWN = 50
STUCK_SHOWN = 20

_MARKS = {"failed": "✕ failed", "cancelled": "✕ cancelled", "refused": "◇ refused"}
_STYLES = {"failed": FAILED, "cancelled": FAILED, "refused": REFUSED}


# -- why ----------------------------------------------------------------------------------


@click.command(cls=Command)
@click.argument("db")
@click.argument("component", required=False)
@click.option("--log", metavar="LOG", help="The trace log; else the one that the database names.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def why(db: str, component: str | None, log: str | None, as_json: bool) -> None:
    """Say what a component waits for, or which ones are stuck.

    DB is a database that record() wrote; a glob pattern in quotes means several. Without
    COMPONENT all that are stuck are listed, the worst first, with the verdict on the worst. "Now"
    is the newest record, never the wall clock.

    \b
    Example:
      flexiflow why state.db
      flexiflow why state.db order-1042 --log run.jsonl

    \b
    Exit code: 3 where something is stuck.
    JSON: {"stuck": [{component, state, verdict, since, dwell_us, siblings,
      p95_us, ratio, last_step, last_message, last_outcome, last_error,
      source}], "verdict": {component, kind, state, headline, sentences,
      text, steps (as in `flexiflow history --json`), next} or null};
      with COMPONENT the verdict alone.
    """
    history = open_database(db, log)
    if component is not None:
        verdict = history.why(component)
        hints = next_commands(history, db, verdict, log)
        if as_json:
            print_json(verdict_document(verdict, hints))
        else:
            print_verdict(verdict)
            print_hints(hints)
        answer(bad=verdict.kind == "stuck")
        return
    stuck = history.stuck()
    worst = None if stuck.empty else history.why(stuck.iloc[0]["component"])
    hints = [] if worst is None else next_commands(history, db, worst, log)
    if as_json:
        document = None if worst is None else verdict_document(worst, hints)
        print_json({"stuck": records_of(stuck), "verdict": document})
    elif worst is None:
        count = len(history.components())
        what = f"Nothing is stuck; components: {words.count(count)}."
        say(what if count else f"Nothing is recorded in {db}.")
    else:
        _print_stuck(stuck)
        print_verdict(worst, rows=False)
        print_hints([command_line("flexiflow", "why", db, *as_argument(worst.component)), *hints])
    answer(bad=bool((stuck["verdict"] == "stuck").any()))


def _print_stuck(stuck: pd.DataFrame) -> None:
    table = table_of(
        stuck.head(STUCK_SHOWN),
        [
            Column("component", "component", STRONG),
            Column("state", "state"),
            Column("for", "dwell", right=True),
            Column("verdict", _verdict_words, lambda row: STRONG if row.verdict == "stuck" else ""),
            Column("last step", _last_step, _last_style, optional=True, folds=True),
        ],
    )
    more = "--json has them all"
    table.notes += left_out(min(len(stuck), STUCK_SHOWN), len(stuck), "the worst", more)
    print_table(table)
    say()


def _verdict_words(row: Any) -> str:
    if row.verdict == "stuck":
        return f"stuck: {row.ratio:,.0f} × p95, {words.duration(microseconds_of(row.p95))}"
    return f"unknown: {row.siblings} to compare"


def _last_step(row: Any) -> object:
    if _missing(row.last_outcome):
        return None
    return f"{row.last_message}: {outcome_words(row.last_outcome)}", row.last_error


def _last_style(row: Any) -> str:
    return _STYLES.get(str(row.last_outcome), "")


def print_verdict(verdict: Verdict, *, rows: bool = True) -> None:
    """Print a verdict, a sentence a line, with the rows behind it."""
    say(verdict.headline, STRONG)
    for sentence in verdict.sentences:
        say(f"  {sentence}")
    if rows and len(verdict.rows):
        say()
        print_table(table_of(verdict.rows, step_columns()))


def print_hints(hints: list[str]) -> None:
    """Print commands to type next."""
    say()
    say("Next:", FAINT)
    for hint in hints:
        say(f"  {hint}", wrap=False)


def verdict_document(verdict: Verdict, hints: list[str]) -> dict[str, Any]:
    """A verdict as JSON has it."""
    return {
        "component": verdict.component,
        "kind": verdict.kind,
        "state": verdict.state,
        "headline": verdict.headline,
        "sentences": list(verdict.sentences),
        "text": verdict.text,
        "steps": records_of(verdict.rows),
        "next": hints,
    }


def next_commands(history: History, db: str, verdict: Verdict, log: str | None) -> list[str]:
    """What shows more about a verdict: the component's steps, and the trace of the trouble."""
    kind = [] if len(verdict.rows) else ["--snapshots"]
    hints = [command_line("flexiflow", "history", *kind, db, *as_argument(verdict.component))]
    where = log or _noted_log(history)
    correlation_id = _telling_id(verdict.rows)
    if where is not None and correlation_id is not None:
        hints.append(command_line("flexiflow", "trace", where, *as_argument(correlation_id)))
    return hints


def _telling_id(steps: pd.DataFrame) -> str | None:
    """The correlation id of the last step that failed, else was refused, else of the last one."""
    for outcomes in (["failed"], ["refused", "cancelled"]):
        trouble = steps[steps["outcome"].isin(outcomes)]
        if len(trouble):
            return str(trouble.iloc[-1]["correlation_id"])
    return str(steps.iloc[-1]["correlation_id"]) if len(steps) else None


def _noted_log(history: History) -> str | None:
    log = history.log
    if log is None:
        return None
    path, here = log.paths[0], Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def as_argument(word: str) -> tuple[str, ...]:
    """A word for a command line; one that begins with a dash is no option."""
    return ("--", word) if word.startswith("-") else (word,)


# -- history ------------------------------------------------------------------------------


@click.command(cls=Command)
@click.argument("db")
@click.argument("component", required=False)
@click.option("--since", metavar="TIME", help='ISO 8601, or "-1h" before the newest record.')
@click.option("--until", metavar="TIME", help="The same; both ends are included.")
@click.option(
    "--state", "states", metavar="S", multiple=True, help="Only in this state; repeatable."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"At most N rows, the newest. [default: {ROWS_SHOWN}; with --json all]",
)
@click.option("--snapshots", is_flag=True, help="The snapshots instead of the steps.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def history(
    db: str,
    component: str | None,
    since: str | None,
    until: str | None,
    states: tuple[str, ...],
    limit: int | None,
    snapshots: bool,
    as_json: bool,
) -> None:
    """Show what was recorded: components, steps, snapshots.

    DB is a database that record() wrote; a glob pattern in quotes means several. Without
    COMPONENT the components are listed, those that have not ended first; with --since, --until,
    --state or --snapshots the rows of them all. What failed is marked with a cross, what was
    refused with a diamond.

    \b
    Example:
      flexiflow history state.db
      flexiflow history state.db order-1042 --since=-1h --state Paying

    \b
    JSON, one of:
      {"components": [{component, state, final, outcome, snapshots, steps,
        first, last, source}]}
      {"steps": [{id, time, duration_us, component, message, from_state,
        to_state, outcome, reason, error, tries, sender, correlation_id,
        span_id, parent_id, run, fingerprint, message_fields, guards,
        error_parts, source}]}
      {"snapshots": [{id, time, component, state, correlation_id, step_id,
        run, fingerprint, snapshot, error, source}]}
    """
    opened = open_database(db)
    filters = {"since": since, "until": until, "states": states or None}
    filtered = any(value is not None for value in filters.values())
    if component is None and not filtered and not snapshots:
        _show_components(opened.components(), limit, as_json)
        return
    ask = opened.snapshots if snapshots else opened.steps
    most = limit if as_json or limit is not None else ROWS_SHOWN
    # One row more than is shown tells whether there are more.
    rows = ask(component, limit=None if most is None else most + 1, **filters)
    more = most is not None and len(rows) > most
    rows = rows.tail(len(rows) - 1).reset_index(drop=True) if more else rows
    if as_json:
        whole = _with_parts(opened, rows) if snapshots else rows
        print_json({"snapshots" if snapshots else "steps": records_of(whole)})
        return
    if rows.empty:
        _say_nothing_matches(opened, component, snapshots, filtered)
        return
    named = component is None
    table = table_of(rows, snapshot_columns(named) if snapshots else step_columns(named))
    if more:
        kind = "snapshots" if snapshots else "steps"
        total = None if filtered else _recorded(opened, component, kind)
        table.notes += left_out(len(rows), total, "the newest", "--limit N shows more")
    print_table(table)


def _say_nothing_matches(
    opened: History, component: str | None, snapshots: bool, filtered: bool
) -> None:
    if snapshots or filtered:
        say(f"No {'snapshots' if snapshots else 'steps'} match.")
    else:  # 1.x recorded none
        count = words.count(_recorded(opened, component, "snapshots"))
        say(f"No steps are recorded; --snapshots shows the snapshots: {count}.")


def _show_components(frame: pd.DataFrame, limit: int | None, as_json: bool) -> None:
    if as_json:
        print_json({"components": records_of(frame if limit is None else frame.head(limit))})
        return
    if frame.empty:
        say("Nothing is recorded.")
        return
    ended = frame["final"].fillna(False).astype(bool)
    ordered = frame.assign(ended=ended).sort_values(
        ["ended", "last"], ascending=[True, False], kind="stable"
    )
    most = limit or ROWS_SHOWN
    table = table_of(
        ordered.head(most),
        [
            Column("component", "component", STRONG),
            Column("state", lambda row: f"{row.state} (final)" if row.ended else row.state),
            Column("last outcome", lambda row: outcome_words(row.outcome), step_style),
            Column("steps", "steps", right=True),
            Column("snapshots", "snapshots", right=True, spare=True),
            Column("first", "first", spare=True),
            Column("last", "last"),
            *([Column("file", "source")] if frame["source"].nunique() > 1 else []),
        ],
    )
    shown = min(most, len(frame))
    what = "those that have not ended, and the newest others," if ended.any() else "the newest"
    table.notes += left_out(shown, len(frame), what, "--limit N shows more")
    print_table(table)


def _recorded(history: History, component: str | None, kind: str) -> int:
    frame = history.components()
    return int((frame if component is None else frame[frame["component"] == component])[kind].sum())


def _with_parts(history: History, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with large parts, which are stored once and referred to, put back in."""
    from flexiflow.persistence import tagged

    def whole(row_id: int, text: str) -> str:
        if '"$ref"' not in text:
            return text
        try:
            return tagged.encode(vars(history.snapshot(row_id))).decode()
        except FlexiFlowError:
            return text

    texts = [whole(*each) for each in zip(rows["id"], rows["snapshot_json"], strict=True)]
    return rows.assign(snapshot_json=texts)


# -- what both show -----------------------------------------------------------------------


def open_database(db: str, log: str | None = None) -> History:
    """The history in a database; a trace log in its place gets a better error."""
    from flexiflow.analysis.history import open_history

    try:
        opened = open_history(db, log)
        if log is not None:
            _ = opened.log  # says at once where it is not there
        return opened
    except PersistenceError as exc:
        if first_bytes(db).startswith(b"{"):
            raise PersistenceError(
                f"{db} is not a database; it looks like a trace log.",
                why="It holds JSON, and a history is a SQLite database.",
                fix=f"For a log: {command_line('flexiflow', 'trace', db)}; else correct the path.",
                context={"path": db},
            ) from exc
        raise


def first_bytes(path: str) -> bytes:
    """The beginning of a file; nothing where it can't be read."""
    if os.path.isfile(path):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            return file.read(32)
    return b""


def outcome_words(outcome: object) -> object:
    """An outcome with its mark."""
    return _MARKS.get(str(outcome), outcome)


def step_style(row: Any) -> str:
    """The style of a row with an outcome."""
    return _STYLES.get(str(row.outcome), "")


def step_columns(named: bool = False) -> list[Column]:
    """The columns of a table of steps.

    Args:
        named: whether they belong to several components.
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
    ]


def snapshot_columns(named: bool = False) -> list[Column]:
    """The columns of a table of snapshots; `named` as in `step_columns`."""
    component = [Column("component", "component")] if named else []
    return [
        Column("snapshot", lambda row: str(row.id), FAINT, right=True),
        Column("time", "time"),
        *component,
        Column("state", "state", STRONG),
        Column("step", lambda row: "" if _missing(row.step_id) else str(row.step_id), right=True),
        Column("data", _data, folds=True),
        Column(
            "broken",
            lambda row: "" if _missing(row.error) else f"✕ {row.error}",
            FAILED,
            optional=True,
        ),
    ]


def _outcome(row: Any) -> tuple[object, ...]:
    """``Draft → Paying``, or how it ended where, and the reason or error on a line of its own."""
    tries = f", {row.tries} tries" if row.tries > 1 else ""
    reason = row.reason if _missing(row.error) else row.error
    if row.outcome == "moved":
        return f"{row.from_state} → {row.to_state}{tries}", reason
    return f"{outcome_words(row.outcome)} in {row.from_state}{tries}", reason


def _data(row: Any) -> str:
    """What a snapshot holds of the component's data, as it is stored."""
    import json

    try:
        body = json.loads(row.snapshot_json)
        return bounded(json.dumps(body.get("metadata"), ensure_ascii=False), 2000)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return bounded(str(row.snapshot_json), 2000)


def _missing(value: object) -> bool:
    import pandas as pd

    return bool(pd.isna(value))  # type: ignore[call-overload]
