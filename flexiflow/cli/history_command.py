"""What was recorded: ``history``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flexiflow.analysis.base import words
from flexiflow.cli.boundary import Command
from flexiflow.cli.history_questions import (
    require_component,
    require_one_question,
    show_blame,
    show_story,
    show_when,
)
from flexiflow.cli.json_text import print_json, records_of
from flexiflow.cli.opening import open_database
from flexiflow.cli.output import STRONG, Column, left_out, print_table, say, table_of
from flexiflow.cli.steps import outcome_words, snapshot_columns, step_columns, step_style
from flexiflow.errors import FlexiFlowError

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History

ROWS_SHOWN = 50


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
@click.option(
    "--blame", metavar="FIELD", help="What changed a field, and the last time; '*' for all."
)
@click.option("--when", metavar="CONDITION", help="When it held, e.g. 'attempts > 2'.")
@click.option("--story", is_flag=True, help="What happened, in plain sentences.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def history(
    db: str,
    component: str | None,
    since: str | None,
    until: str | None,
    states: tuple[str, ...],
    limit: int | None,
    snapshots: bool,
    blame: str | None,
    when: str | None,
    story: bool,
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
      flexiflow history state.db order-1042 --blame currency
      flexiflow history state.db --when "attempts > 2 and state == 'Paying'"

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
      {"blame": [{field, change, old, new, time, step_id, snapshot_id,
        message, sender, outcome, correlation_id, unsure, source}]}
      {"when": {condition, components, text, intervals: [{component, start,
        end, dwell_us, first_step, last_step, end_step, first_snapshot,
        last_snapshot, snapshots, source}]}}
      {"story": [{time, first_step, last_step, steps, outcome, sentence,
        source}], "left_out"}
    """
    require_one_question(
        {"--blame": blame, "--when": when, "--story": story},
        {"--since": since, "--until": until, "--state": states, "--snapshots": snapshots},
    )
    opened = open_database(db)
    if blame is not None:
        name = require_component(opened, component, "--blame")
        show_blame(opened, name, blame, limit or ROWS_SHOWN, as_json)
        return
    if when is not None:
        show_when(opened, component, when, limit or ROWS_SHOWN, as_json)
        return
    if story:
        show_story(opened, require_component(opened, component, "--story"), limit, as_json)
        return
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
    columns = snapshot_columns if snapshots else step_columns
    named, several = component is None, len(opened.sources) > 1
    table = table_of(rows, columns(named, several=several))
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
