"""Looking after a history's file: ``backup`` and ``prune``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from flexiflow.analysis.base import words
from flexiflow.analysis.base.moments import duration_us
from flexiflow.cli.boundary import Command
from flexiflow.cli.json_text import print_json
from flexiflow.cli.output import FAINT, STRONG, say
from flexiflow.cli.text import visible, write_line

if TYPE_CHECKING:
    from flexiflow.persistence.retention import Pruning

_SHOWN = 20


@click.command(cls=Command)
@click.argument("db")
@click.argument("out")
@click.option("--force", is_flag=True, help="Replace OUT if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def backup(db: str, out: str, force: bool, as_json: bool) -> None:
    """Copy a history into one consistent file.

    It may be recorded to meanwhile. The copy has what is still in the -wal, shows one moment, and
    takes its name only when it is whole and synced.

    \b
    Example:
      flexiflow backup state.db copy.db

    \b
    JSON: {"path", "out", "size", "notices"}
    """
    from flexiflow.persistence.backup import backup_history

    made = backup_history(db, out, force=force)
    for notice in made.notices:
        write_line(visible(f"Note: {notice}"), to=sys.stderr)
    if as_json:
        print_json(asdict(made))
    else:
        say(f"{made.out}: {words.count(made.size)} bytes, one file.")


@click.command(cls=Command)
@click.argument("db")
@click.option("--keep", type=int, metavar="N", help="Keep so many of each component's rows.")
@click.option(
    "--older-than", metavar="AGE", help="Or let go what is older: 30d, 12h (us ms s m h d w)."
)
@click.option("--component", metavar="NAME", help="Only this component's rows.")
@click.option("--spare-errors", is_flag=True, help="Keep steps with an error, and their snapshots.")
@click.option("--no-spare-bookmarks", is_flag=True, help="Let marked rows go as well.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option(
    "--vacuum", is_flag=True, help="Write the whole file anew afterwards; it is held so long."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def prune(
    db: str,
    keep: int | None,
    older_than: str | None,
    component: str | None,
    spare_errors: bool,
    no_spare_bookmarks: bool,
    dry_run: bool,
    vacuum: bool,
    as_json: bool,
) -> None:
    """Delete old snapshots and steps of a history.

    By count, or by age before the newest record. It may be recorded to meanwhile: the file is held
    for about 50 ms at a time. The newest snapshot of a component always stays. What is gone is
    noted, so that `flexiflow verify` knows.

    \b
    Example:
      flexiflow prune state.db --keep 50 --dry-run
      flexiflow prune state.db --older-than 30d --spare-errors

    \b
    JSON: {"path", "dry_run", "rows", "pruned": [{component, table, rows,
      first_id, last_id}], "spared", "parts", "before_us", "bytes_before",
      "bytes_after", "notes"}
    """
    from flexiflow.persistence.retention import prune_history

    age = None
    if older_than is not None:
        age = timedelta(microseconds=duration_us("--older-than", older_than))
    pruning = prune_history(
        db,
        keep=keep,
        older_than=age,
        component=component,
        spare_errors=spare_errors,
        spare_bookmarks=not no_spare_bookmarks,
        dry_run=dry_run,
        vacuum=vacuum,
    )
    if as_json:
        print_json({**asdict(pruning), "rows": pruning.rows})
    else:
        _print_pruning(pruning)


def _print_pruning(pruning: Pruning) -> None:
    verb = "would go" if pruning.dry_run else "deleted"
    parts = f", {words.plural(pruning.parts, 'large part')}" if pruning.parts else ""
    say(f"{words.plural(pruning.rows, 'row')} {verb}{parts}.", STRONG)
    most = sorted(pruning.pruned, key=lambda each: -each.rows)
    for each in most[:_SHOWN]:
        kind = each.table.removeprefix("flexiflow_").removesuffix("s")
        ids = f"id {each.first_id}" if each.rows == 1 else f"ids {each.first_id} to {each.last_id}"
        say(f"  {words.name(each.component)}: {words.plural(each.rows, kind)}, {ids}")
    if len(most) > _SHOWN:
        say(f"  and {words.count(len(most) - _SHOWN)} more; --json has them all.", FAINT)
    if pruning.before_us is not None:
        say(f"Old is what was before {words.clock(pruning.before_us)} UTC.")
    if pruning.spared:
        say(f"Spared: {words.plural(pruning.spared, 'row')}.")
    if not pruning.dry_run:
        before, after = words.count(pruning.bytes_before), words.count(pruning.bytes_after)
        say(f"The file: {before} bytes before, {after} after.")
    for note in pruning.notes:
        say(note, FAINT)
