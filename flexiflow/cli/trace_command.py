"""One message's path, and the traces of a log: ``trace``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from flexiflow.analysis.base import words
from flexiflow.cli.boundary import Command
from flexiflow.cli.following import follow_log
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

    from flexiflow.analysis.log import Log
    from flexiflow.analysis.traces.span_tree import SpanNode, TraceTree
    from flexiflow.analysis.traces.trace import Trace

TRACES_SHOWN = 20
LINES_SHOWN = 500


def _fields(_: click.Context, __: click.Parameter, given: Sequence[str]) -> dict[str, str] | None:
    """What ``--field`` says, as `open_log` takes it."""
    for each in given:
        if "=" not in each:
            raise click.BadParameter(f"{each!r} is not NAME=PLACE, as correlation_id=trace.id.")
    return dict(each.split("=", 1) for each in given) or None


@click.command(cls=Command)
@click.argument("log")
@click.argument("correlation_id", metavar="[ID]", required=False)
@click.option("--errors", is_flag=True, help="Only what failed or was refused.")
@click.option("--since", metavar="TIME", help="Only traces that begin then: ISO 8601, or -1h.")
@click.option("--story", is_flag=True, help="Tell a trace in sentences.")
@click.option("--follow", is_flag=True, help="Go on with what comes to the log, until Ctrl-C.")
@click.option("--index", is_flag=True, help="Keep an index beside LOG, to find an ID at once.")
@click.option(
    "--field",
    "fields",
    metavar="NAME=PLACE",
    multiple=True,
    callback=_fields,
    help="Where other people's lines have a field, as correlation_id=trace.id; several times.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"At most N traces [default: {TRACES_SHOWN}] or lines of a tree "
    f"[default: {LINES_SHOWN}]; with --json all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def trace(
    log: str,
    correlation_id: str | None,
    errors: bool,
    since: str | None,
    story: bool,
    follow: bool,
    index: bool,
    fields: dict[str, str] | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Show one message's whole path, or list the traces of a log.

    LOG is a file that record() wrote; a glob pattern in quotes means several, rotated and .gz
    ones too. Without ID the traces are listed: those with a failure first, then those with a
    refusal, the newest of each first. ID may be cut to its first four characters or more, where
    no other begins so.

    With --follow each record is a line as it comes, with --json one JSON object a line.

    \b
    Example:
      flexiflow trace run.jsonl --errors
      flexiflow trace "logs/*.jsonl*" 922fe268
      flexiflow trace run.jsonl --follow
      flexiflow trace theirs.jsonl --field correlation_id=request.id

    \b
    JSON: {"traces": [{correlation_id, start, duration_us, records,
      components, moved, refused, failed, first_component, first_message,
      outcome, slow, error}], "broken": lines that can't be read,
      "without_id": records that belong to no trace}
      or, with ID: {"correlation_id", "headline", "missing": [what the log
      does not say], "spans": [{span_id, parent_id, depth, kind, component,
      label, start, duration_us, outcome, from_state, to_state, detail,
      snapshots}]}, depth first; with --story {"correlation_id",
      "sentences": [{time, span_id, kind, outcome, sentence}]}.
    """
    given = {"--errors": errors, "--since": since, "--story": story, "--limit": limit}
    require_sense(correlation_id, given, follow=follow)
    opened = open_trace_log(log, index=index, fields=fields)
    if follow:
        follow_log(opened, correlation_id, errors=errors, as_json=as_json)
    elif correlation_id is not None:
        _show_trace(opened.trace(correlation_id), errors, story, limit, as_json)
    else:
        _list_traces(log, opened, errors, since, limit, as_json)


def require_sense(
    correlation_id: str | None, given: Mapping[str, object], *, follow: bool = False
) -> None:
    """Refuse an option that the answer would not heed.

    Args:
        correlation_id: the trace that was asked for, or None for the list.
        given: the values of ``--errors``, ``--since``, ``--story`` and ``--limit``.
        follow: whether the log is followed.
    """
    unheeded: tuple[str, ...]
    if follow:
        unheeded, why = ("--since", "--story", "--limit"), "--follow shows each record as it comes"
    elif correlation_id is None:
        unheeded, why = ("--story",), "Without ID the traces are listed"
    elif given["--story"]:
        unheeded, why = ("--since", "--errors"), "--story tells one trace whole"
    else:
        unheeded, why = ("--since",), "With ID one trace is shown"
    for option in unheeded:
        if given[option]:
            raise click.UsageError(f"{why}: leave {option} out.")


def _show_trace(found: Trace, errors: bool, story: bool, limit: int | None, as_json: bool) -> None:
    if story:
        told = found.story() if limit is None else found.story(limit)
        if as_json:
            sentences = records_of(told.frame)
            print_json({"correlation_id": found.correlation_id, "sentences": sentences})
        else:
            for sentence in told.sentences:
                say(sentence)
        return
    tree = found.tree()
    wanted = _troubled(tree) if errors else None
    if as_json:
        print_json(_tree_document(found, wanted, limit))
    else:
        nodes = [each for each in tree.walk() if wanted is None or each[1] in wanted]
        _print_tree(tree, nodes, limit or LINES_SHOWN)


def _troubled(tree: TraceTree) -> set[SpanNode]:
    """The spans in trouble, and what they were caused by."""
    wanted: set[SpanNode] = set()
    above: list[SpanNode] = []
    for depth, node in tree.walk():
        del above[depth:]
        above.append(node)
        unended = node.outcome == "unknown" and node.kind != "other"
        if node.outcome in STYLES or unended:
            wanted.update(above)
    return wanted


def _list_traces(
    log: str, opened: Log, errors: bool, since: str | None, limit: int | None, as_json: bool
) -> None:
    traces = troubled_first(opened.traces(since=since))
    if errors:
        traces = in_trouble(traces)
    summary = opened.summary()
    if as_json:
        shown = records_of(traces if limit is None else traces.head(limit))
        broken, without_id = summary.broken, summary.without_id
        print_json({"traces": shown, "broken": broken, "without_id": without_id})
        return
    if traces.empty:
        what = "traces with an error" if errors else "traces"
        say(f"No {what} are in {log}.")
    else:
        _print_traces(log, traces, limit or TRACES_SHOWN)
    if summary.without_id and not summary.traces:
        verb = "has" if summary.without_id == 1 else "have"
        records = words.plural(summary.without_id, "record")
        say(
            f"! {records} of {log} {verb} no correlation id. Say where it stands in a line: "
            "--field correlation_id=PLACE, as trace.id.",
            REFUSED,
        )
    if summary.broken:
        why = "" if summary.records else _first_broken(opened)
        say(f"! {words.plural(summary.broken, 'line')} of {log} can't be read.{why}", REFUSED)


def _first_broken(opened: Log) -> str:
    """Why the first line can't be read, with what helps as it is typed here."""
    first = opened.first_broken()
    if first is None:
        return ""
    why = re.sub(r'fields=\{"(\w+)": …\}', r"--field \1=PLACE", first.why)
    return f" The first: {words.sentence(why, 200)}."


def in_trouble(traces: pd.DataFrame) -> pd.DataFrame:
    """Traces with a failure or a refusal."""
    return traces[(traces["failed"] > 0) | (traces["refused"] > 0)]


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
    message = words.name(row.first_message) if isinstance(row.first_message, str) else "a message"
    return f"{words.name(row.first_component)}: {message}"


def _marked(mark: str, count: int) -> str:
    return f"{mark} {words.count(count)}" if count else ""


def _print_tree(tree: TraceTree, nodes: Sequence[tuple[int, SpanNode]], most: int) -> None:
    print_tree(f"trace {tree.correlation_id}", (_branch(*each) for each in nodes[:most]))
    for note in left_out(min(most, len(nodes)), len(nodes), "the first", "--limit N shows more"):
        say(note, FAINT)
    for missing in tree.missing:
        say(f"! {missing}", REFUSED)


def _branch(depth: int, node: SpanNode) -> Branch:
    took = "" if node.duration_us is None else words.duration(node.duration_us)
    return Branch(depth, node.sentence, STYLES.get(node.outcome, ""), len(visible(took)))


def _tree_document(found: Trace, wanted: Set[SpanNode] | None, most: int | None) -> dict[str, Any]:
    tree = found.tree()
    return {
        "correlation_id": tree.correlation_id,
        "headline": found.headline,
        "missing": list(tree.missing),
        "spans": list(islice(_spans(tree, wanted), most)),
    }


def _spans(tree: TraceTree, wanted: Set[SpanNode] | None) -> Iterator[dict[str, Any]]:
    above: list[str | None] = []
    for depth, node in tree.walk():
        del above[depth:]
        parent = above[-1] if above else None
        above.append(node.span_id)
        if wanted is not None and node not in wanted:
            continue
        yield {
            "span_id": node.span_id,
            "parent_id": parent,
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
