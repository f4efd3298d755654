"""One message's path, and the traces of a log: ``trace``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from flexiflow.analysis import words
from flexiflow.cli.boundary import Command
from flexiflow.cli.json_text import print_json, records_of, time_text
from flexiflow.cli.opening import open_trace_log
from flexiflow.cli.output import (
    FAILED,
    FAINT,
    REFUSED,
    STRONG,
    Branch,
    Column,
    left_out,
    print_table,
    print_tree,
    say,
    table_of,
)
from flexiflow.cli.steps import STYLES
from flexiflow.cli.text import as_argument, command_line, visible

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.span_tree import SpanNode, TraceTree

TRACES_SHOWN = 20
LINES_SHOWN = 500


@click.command(cls=Command)
@click.argument("log")
@click.argument("correlation_id", metavar="[ID]", required=False)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"At most N traces [default: {TRACES_SHOWN}] or lines of a tree "
    f"[default: {LINES_SHOWN}]; with --json all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def trace(log: str, correlation_id: str | None, limit: int | None, as_json: bool) -> None:
    """Show one message's whole path, or list the traces of a log.

    LOG is a file that record() wrote; a glob pattern in quotes means several, .gz ones too.
    Without ID the traces are listed: those with a failure first, then those with a refusal, the
    newest of each first. ID may be cut to its first four characters or more, where no other
    begins so.

    \b
    Example:
      flexiflow trace run.jsonl
      flexiflow trace "logs/*.jsonl*" 922fe268

    \b
    JSON: {"traces": [{correlation_id, start, duration_us, records,
      components, moved, refused, failed, first_component, first_message,
      outcome, slow, error}]}
      or, with ID: {"correlation_id", "missing": [what the log does not
      say], "spans": [{span_id, parent_id, depth, kind, component, label,
      start, duration_us, outcome, from_state, to_state, detail,
      snapshots}]}, depth first.
    """
    opened = open_trace_log(log)
    if correlation_id is not None:
        tree = opened.trace(correlation_id).tree()
        if as_json:
            print_json(_tree_document(tree, limit))
        else:
            _print_tree(tree, limit or LINES_SHOWN)
        return
    traces = troubled_first(opened.traces())
    if as_json:
        print_json({"traces": records_of(traces if limit is None else traces.head(limit))})
    elif traces.empty:
        say(f"No traces are in {log}.")
    else:
        _print_traces(log, traces, limit or TRACES_SHOWN)


def troubled_first(traces: pd.DataFrame) -> pd.DataFrame:
    """Traces with a failure, then those with a refusal, then the others; the newest first."""
    failed, refused = traces["failed"] > 0, traces["refused"] > 0
    trouble = failed.astype(int) * 2 + (refused & ~failed).astype(int)
    order = traces.assign(trouble=trouble).sort_values(
        ["trouble", "start"], ascending=False, kind="stable"
    )
    return traces.loc[order.index]


def _print_traces(log: str, traces: pd.DataFrame, most: int) -> None:
    table = table_of(
        traces.head(most),
        [
            Column("id", "correlation_id", STRONG),
            Column("start", "start"),
            Column("took", "duration", right=True, spare=True),
            Column("begins with", _beginning, folds=True),
            Column("components", "components", right=True, spare=True),
            Column("moved", "moved", right=True, spare=True),
            Column("refused", lambda row: _marked("◇", row.refused), REFUSED, right=True),
            Column("failed", lambda row: _marked("✕", row.failed), FAILED, right=True),
        ],
    )
    table.notes += left_out(
        min(most, len(traces)), len(traces), "the first", "--limit N shows more"
    )
    print_table(table)
    say()
    say("Next:", FAINT)
    first = str(traces.iloc[0]["correlation_id"])
    say("  " + command_line("flexiflow", "trace", log, *as_argument(first)), wrap=False)


def _beginning(row: Any) -> str:
    if not isinstance(row.first_component, str):
        return "no message"
    message = row.first_message if isinstance(row.first_message, str) else "a message"
    return f"{row.first_component}: {message}"


def _marked(mark: str, count: int) -> str:
    return f"{mark} {words.count(count)}" if count else ""


def _print_tree(tree: TraceTree, most: int) -> None:
    nodes = list(tree.walk())
    print_tree(f"trace {tree.correlation_id}", (_branch(*each) for each in nodes[:most]))
    for note in left_out(min(most, len(nodes)), len(nodes), "the first", "--limit N shows more"):
        say(note, FAINT)
    for missing in tree.missing:
        say(f"! {missing}", REFUSED)


def _branch(depth: int, node: SpanNode) -> Branch:
    took = "" if node.duration_us is None else words.duration(node.duration_us)
    return Branch(depth, node.sentence, STYLES.get(node.outcome, ""), len(visible(took)))


def _tree_document(tree: TraceTree, most: int | None) -> dict[str, Any]:
    return {
        "correlation_id": tree.correlation_id,
        "missing": list(tree.missing),
        "spans": list(islice(_spans(tree), most)),
    }


def _spans(tree: TraceTree) -> Iterator[dict[str, Any]]:
    above: list[str | None] = []
    for depth, node in tree.walk():
        del above[depth:]
        yield {
            "span_id": node.span_id,
            "parent_id": above[-1] if above else None,
            "depth": depth,
            "kind": node.kind,
            "component": node.component,
            "label": node.label,
            "start": time_text(node.start_us),
            "duration_us": node.duration_us,
            "outcome": node.outcome,
            "from_state": node.from_state,
            "to_state": node.to_state,
            "detail": node.detail,
            "snapshots": node.snapshots,
        }
        above.append(node.span_id)
