"""Learning and teaching: ``tutorial`` and ``lessons``."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flexiflow.cli.boundary import Command
from flexiflow.cli.json_text import print_json, records_of
from flexiflow.cli.output import FAINT, Column, print_table, say, table_of
from flexiflow.cli.text import command_line
from flexiflow.errors import FlexiFlowError

if TYPE_CHECKING:
    from flexiflow.lessons.notebooks import Copied

DEFAULT_FOLDER = "flexiflow-tutorial"


@click.command(cls=Command)
@click.argument("folder", metavar="[DIR]", default=DEFAULT_FOLDER)
@click.option("--no-lab", is_flag=True, help="Only copy them; do not open JupyterLab.")
@click.option("--json", "as_json", is_flag=True, help="Only copy, and print one JSON document.")
def tutorial(folder: str, no_lab: bool, as_json: bool) -> None:
    """Copy the notebooks, and open them in JupyterLab.

    They go to DIR, ./flexiflow-tutorial unless given. A notebook that is there already is left as
    it is, with all that you have written in it; name another DIR to begin anew. JupyterLab runs
    until it is stopped with ctrl and C.

    \b
    Example:
      flexiflow tutorial

    \b
    JSON: {"folder", "copied": [name], "kept": [name]}
    """
    from flexiflow.lessons.notebooks import copy_notebooks

    done = copy_notebooks(folder)
    if as_json:
        kept, copied = list(done.kept), list(done.copied)
        print_json({"folder": str(done.folder), "copied": copied, "kept": kept})
        return
    _say_what_was_done(done)
    say("Open them with:" if no_lab else "Opening them; by hand that is:", FAINT)
    say("  " + command_line("jupyter", "lab", done.first), wrap=False)
    if not no_lab:
        _open_lab(done)


def _say_what_was_done(done: Copied) -> None:
    say(f"Notebooks in {done.folder}: {len(done.copied)} copied.")
    if done.kept:
        say(f"{len(done.kept)} were there already, and are left as they are.")


def _open_lab(done: Copied) -> None:
    if find_spec("jupyterlab") is None:
        raise FlexiFlowError(
            "JupyterLab can't be opened.",
            why="The package jupyterlab is not installed.",
            fix='Install it: pip install "flexiflow[lab]". The notebooks are copied already.',
            context={"folder": str(done.folder)},
        )
    _become([sys.executable, "-m", "jupyterlab", str(done.first)], done.folder)


def _become(command: list[str], folder: Path) -> None:
    """Go on as another program, so that ctrl and C is its own affair."""
    sys.stdout.flush()
    os.chdir(folder)
    if os.name == "nt":  # there the shell would not wait for it
        sys.exit(subprocess.call(command))  # noqa: S603  # our own words
    os.execv(command[0], command)  # noqa: S606


@click.command(cls=Command)
@click.argument("action", type=click.Choice(["report"]), metavar="ACTION")
@click.argument("folder", metavar="[DIR]", default=".")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def lessons(action: str, folder: str, as_json: bool) -> None:
    """Show how far students are with the exercises.

    ACTION is `report`. Each student's notebooks note progress in a file beside them,
    flexiflow-progress.jsonl; collect these in DIR, one folder a student, or under names such as
    ana-flexiflow-progress.jsonl. Files that were copied twice count once.

    A mark is a tick where an exercise is solved, then how many tries and hints it took, and
    "shown" where the solution was looked at before.

    \b
    Example:
      flexiflow lessons report collected/

    \b
    JSON: {"standings": [{student, exercise, solved, tries, hints, revealed,
      first, last}], "files": [path], "notes": [what could not be read]}
    """
    from flexiflow.lessons.report import report

    found = report(folder)
    if as_json:
        print_json(
            {
                "standings": records_of(found.rows),
                "files": [str(file) for file in found.files],
                "notes": found.notes,
            }
        )
        return
    table = found.table().reset_index()
    # Exercises have dots in their names, which are no names of a row's fields.
    columns = [Column(str(name), itemgetter(at)) for at, name in enumerate(table.columns)]
    shown = table_of(table, columns)
    shown.notes += found.notes
    print_table(shown)
