"""Running the demo: ``demo``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flexiflow.analysis.base import words
from flexiflow.cli.boundary import Command
from flexiflow.cli.json_text import print_json
from flexiflow.cli.output import FAINT, console, on_terminal, say
from flexiflow.cli.text import command_line, write_line
from flexiflow.cli.why_command import next_commands, print_verdict, verdict_document

if TYPE_CHECKING:
    from flexiflow.analysis.history import History
    from flexiflow.analysis.questions.why import Verdict
    from flexiflow.lessons.demo import DemoResult

DEFAULT_FOLDER = "flexiflow-demo"
_LINES_IN_A_PIPE = 4


@click.command(cls=Command)
@click.argument("folder", metavar="[DIR]", default=DEFAULT_FOLDER)
@click.option("--orders", type=int, default=320, show_default=True, help="How many, 60 to 5000.")
@click.option(
    "--seed", type=int, default=7, show_default=True, help="The same seed, the same outcomes."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def demo(folder: str, orders: int, seed: int, as_json: bool) -> None:
    """Record a shop in which one order gets stuck, and find it.

    It takes some hundred orders and ten thousand messages. The files go to DIR, ./flexiflow-demo
    unless given; those of an earlier run are replaced.

    \b
    Example:
      flexiflow demo

    \b
    JSON: {"database", "log", "messages", "seconds", "kinds": {kind: count},
      "unfinished": [component], "verdict": as in `flexiflow why --json`,
      or null}
    """
    from flexiflow.analysis.history import open_history
    from flexiflow.lessons.demo import run_demo

    with _progress(silent=as_json) as progress:
        result = run_demo(folder, orders=orders, seed=seed, progress=progress)
    database = str(Path(folder) / result.database.name)
    log = str(Path(folder) / result.log.name)
    history = open_history(database, log)
    # Not history.stuck(): on a busy machine a short demo's orders are all slow.
    verdict = history.why(result.unfinished[0]) if result.unfinished else None
    hints = _hints(history, database, log, verdict)
    if as_json:
        print_json(
            {
                "database": database,
                "log": log,
                "messages": result.messages,
                "seconds": round(result.seconds, 3),
                "kinds": dict(result.kinds),
                "unfinished": list(result.unfinished),
                "verdict": None if verdict is None else verdict_document(verdict, hints),
            }
        )
        return
    _print_result(result, database, log)
    if verdict is not None:
        print_verdict(verdict, rows=False)
        say()
    _print_ways_on(folder, hints)


@contextmanager
def _progress(*, silent: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on a terminal, a few lines in a pipe."""
    if silent:
        yield None
    elif not on_terminal():
        yield _print_some
    else:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (TextColumn("Orders"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=console(), transient=True) as bar:
            task = bar.add_task("orders", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_some(done: int, total: int) -> None:
    if done == 0:
        write_line(f"Running a shop with {words.count(total)} orders.")
    elif done * _LINES_IN_A_PIPE // total > (done - 1) * _LINES_IN_A_PIPE // total:
        write_line(f"  {words.count(done)} of {words.count(total)} orders")
    else:
        return
    sys.stdout.flush()  # whoever reads the pipe waits for news


def _print_result(result: DemoResult, database: str, log: str) -> None:
    components = words.count(sum(result.kinds.values()))
    say(
        f"{words.count(result.messages)} messages to {components} components of "
        f"{len(result.kinds)} kinds in {result.seconds:.1f} s."
    )
    say(f"Recorded: {database} (history), {log} (trace log).")
    say()


def _hints(history: History, database: str, log: str, verdict: Verdict | None) -> list[str]:
    if verdict is None:
        return [command_line("flexiflow", "history", database)]
    why = command_line("flexiflow", "why", database, verdict.component)
    return [why, *next_commands(history, database, verdict, log)]


def _print_ways_on(folder: str, hints: list[str]) -> None:
    say("Next:", FAINT)
    for hint in hints:
        say(f"  {hint}", wrap=False)
    say()
    say("Or in JupyterLab:", FAINT)
    if find_spec("jupyterlab") is None:
        say("  pip install 'flexiflow[lab]'")
    say("  " + command_line("jupyter", "lab", folder), wrap=False)
    say("  and in a notebook there:")
    say("    from flexiflow import open_history")
    say('    open_history("state.db").stuck()')
    say()
    say("Or learn it by doing, in notebooks:", FAINT)
    say("  " + command_line("flexiflow", "tutorial"), wrap=False)
