"""Whether a history is as it was written: ``verify``."""

from __future__ import annotations

from dataclasses import asdict

import click

from flexiflow.cli.boundary import Command, answer
from flexiflow.cli.json_text import print_json, records_of
from flexiflow.cli.opening import open_database
from flexiflow.cli.output import FAILED, FAINT, say


@click.command(cls=Command)
@click.argument("db")
@click.option("--head", metavar="HEAD", help="A head that was kept: shows a lost end as well.")
@click.option("--allow-foreign", is_flag=True, help="Rows without a hash, as of 1.x, are fine.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def verify(db: str, head: str | None, allow_foreign: bool, as_json: bool) -> None:
    """Check that a history is as it was written.

    Every row that was edited, deleted, inserted or swapped is named by table and id; what
    `flexiflow prune` deleted is known from its markers. That shows accidents and careless edits,
    not a forger who computes the hashes anew. Keep the head that is printed somewhere else: given
    with --head later, it shows whether the end of the file is lost.

    \b
    Example:
      flexiflow verify state.db
      flexiflow verify state.db --head h1:17-9f86d0...

    \b
    Exit code: 3 where something is not as it was written.
    JSON: {"ok", "findings": [{table, kind, first_id, last_id, what,
      source}], "files": [{source, head, parts, counts, tables: [{table,
      rows, pruned, unverified_up_to, last_id, last_hash}]}]}
    """
    report = open_database(db).verify(head=head, allow_foreign=allow_foreign)
    if as_json:
        files = [
            {
                "source": each.source,
                "head": each.head,
                "parts": each.parts,
                "counts": each.counts,
                "tables": [asdict(table) for table in each.tables],
            }
            for each in report.files
        ]
        print_json({"ok": report.ok, "findings": records_of(report.rows), "files": files})
    else:
        for line in report.text.splitlines():
            say(line, FAILED if line.startswith("  ") else "")
        for each in report.files:
            say(f"Head: {each.head}", FAINT, wrap=False)
    answer(bad=not report.ok)
