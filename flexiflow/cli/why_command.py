"""What a component waits for: ``why``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flexiflow.analysis.base import words
from flexiflow.analysis.base.frames import microseconds_of
from flexiflow.cli.boundary import Command, answer
from flexiflow.cli.json_text import print_json, records_of
from flexiflow.cli.opening import open_database, tell_notices
from flexiflow.cli.output import FAINT, STRONG, Column, left_out, print_table, say, table_of
from flexiflow.cli.steps import STYLES, missing, outcome_words, step_columns
from flexiflow.cli.text import as_argument, command_line

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History
    from flexiflow.analysis.questions.why import Verdict

STUCK_SHOWN = 20


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
    history = open_database(db, log, tell=False)  # the verdict has the notices
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
    if stuck.empty:
        tell_notices(history)
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
    if missing(row.last_outcome):
        return None
    message = "a message" if missing(row.last_message) else row.last_message
    return f"{message}: {outcome_words(row.last_outcome)}", row.last_error


def _last_style(row: Any) -> str:
    return STYLES.get(str(row.last_outcome), "")


def print_verdict(verdict: Verdict, *, rows: bool = True) -> None:
    """Print a verdict, a sentence a line, with the rows behind it."""
    say(verdict.headline, STRONG)
    for sentence in verdict.sentences:
        say(f"  {sentence}")
    if rows and len(verdict.rows):
        say()
        print_table(table_of(verdict.rows, step_columns(several=bool(verdict.files))))


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
