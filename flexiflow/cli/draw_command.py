"""Pictures of machines: ``draw``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flexiflow.cli.boundary import Command
from flexiflow.cli.json_text import print_json, records_of
from flexiflow.cli.opening import open_machine
from flexiflow.cli.output import console, on_terminal, say

if TYPE_CHECKING:
    from flexiflow.analysis.machine.machine_graph import MachineGraph


@click.command(cls=Command)
@click.argument("machine")
@click.argument("component", required=False)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write it there; the ending says as what: .svg, .dot, .mmd, .md or .txt.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def draw(machine: str, component: str | None, output: str | None, as_json: bool) -> None:
    """Draw the machine of a config or a database.

    MACHINE is a config or a database. Without --output it is printed: a tree on a terminal, plain
    lines in a pipe. A database needs no code: it stores the machine. Without COMPONENT the machine
    that most components have is drawn, with the steps of them all. The modules that a config names
    are imported, and so their code is run.

    \b
    Example:
      flexiflow draw order.yaml -o order.svg
      flexiflow draw state.db order-1042

    \b
    JSON: {"name", "start", "current", "states": [{state, start, final,
      resting, current, known, declared, classic, group, visits, description}],
      "transitions": [{source, message, target, guard, error, declared,
      inferred, observed, count, description}], "notes"}
    """
    graph = open_machine(machine, component)
    if output is not None:
        graph.save(output)
    if as_json:
        print_json(_document(graph))
    elif output is not None:
        say(f"Wrote {output}.")
        for note in graph.model.notes:
            say(f"Note: {note}")
    elif on_terminal():
        console().print(graph.to_tree())
    else:
        for line in graph.to_text().splitlines():
            say(line)


def _document(graph: MachineGraph) -> dict[str, Any]:
    return {
        "name": graph.model.name,
        "start": graph.model.start,
        "current": graph.model.current,
        "states": records_of(graph.states),
        "transitions": records_of(graph.transitions),
        "notes": list(graph.model.notes),
    }
