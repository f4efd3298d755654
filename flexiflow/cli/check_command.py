"""The gate for continuous integration: ``check``."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import click

from flexiflow.analysis.base.text_file import write_text
from flexiflow.analysis.machine.check_report import Check, CheckReport, details_of
from flexiflow.cli.boundary import Command, answer
from flexiflow.cli.json_text import print_json, records_of
from flexiflow.cli.opening import is_database, open_database, open_machine
from flexiflow.cli.output import FAILED, FAINT, say
from flexiflow.cli.text import command_line
from flexiflow.explain import explain


@click.command(cls=Command)
@click.argument("machine")
@click.argument("db")
@click.option("--component", metavar="C", help="Only this component's part of DB.")
@click.option(
    "--min-coverage",
    type=float,
    metavar="PERCENT",
    help="Fail where fewer of the transitions were taken.",
)
@click.option("--fail-undeclared", is_flag=True, help="Fail on what only the history knows.")
@click.option(
    "--max-dwell",
    metavar="'S<5s'",
    multiple=True,
    help="Fail where a stay in state S took longer; repeatable. us, ms, s, m, h, d, w.",
)
@click.option("--junit", metavar="FILE", help="Write the report as JUnit XML as well.")
@click.option("--markdown", metavar="FILE", help="Write the report as Markdown as well.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check(
    machine: str,
    db: str,
    component: str | None,
    min_coverage: float | None,
    fail_undeclared: bool,
    max_dwell: tuple[str, ...],
    junit: str | None,
    markdown: str | None,
    as_json: bool,
) -> None:
    """Compare a machine with what happened; a gate for tests.

    MACHINE is a config, or a database that stores the machine; DB holds what happened. Errors of
    the machine itself always fail: a state that nobody defines, a transition that is never tried,
    a config that is invalid. A stay that lasts counts up to the newest record.

    \b
    Example:
      flexiflow check order.yaml state.db --min-coverage 80 --fail-undeclared
      flexiflow check state.db state.db --max-dwell 'Paying<5s' --junit check.xml

    \b
    Exit code: 3 where a check failed.
    JSON: {"passed", "machine", "checks": [{name, passed, what, details,
      fix}], "coverage": {declared, taken, percent}, "findings": [{kind,
      severity, state, message, target, what, why, fix}], "notes"}
    """
    graph = open_machine(machine, component if is_database(machine) else None)
    report = graph.check(
        open_database(db),
        component=component,
        min_coverage=min_coverage,
        fail_undeclared=fail_undeclared,
        max_dwell=max_dwell,
    )
    if not is_database(machine):
        report = _with_config(report, machine)
    for path, text in ((junit, report.to_junit), (markdown, report.to_markdown)):
        if path is not None:
            write_text(path, text())
    if as_json:
        print_json(_document(report))
    else:
        _print_report(report)
    answer(bad=not report.passed)


def _with_config(report: CheckReport, config: str) -> CheckReport:
    """The report with what is wrong with the config itself, first of all."""
    errors = explain(config).errors
    if not errors:
        return report
    what = f"The config is invalid; errors: {len(errors)}."
    fix = f"See {command_line('flexiflow', 'explain', config)}"
    found = Check("config", False, what, details_of(each.what for each in errors), fix)
    return replace(report, checks=(found, *report.checks))


def _print_report(report: CheckReport) -> None:
    for each in report.checks:
        first, *others = each.lines()
        say(first, "" if each.passed else FAILED)
        for line in others:
            say(line)
    for note in report.notes:
        say(f"Note: {note}", FAINT)


def _document(report: CheckReport) -> dict[str, Any]:
    from flexiflow.analysis.machine.machine_graph import MachineGraph

    covered = report.coverage
    return {
        "passed": report.passed,
        "machine": report.machine,
        "checks": [asdict(each) for each in report.checks],
        "coverage": {
            "declared": covered.declared,
            "taken": covered.taken,
            "percent": covered.percent,
        },
        "findings": records_of(MachineGraph(report.graph).findings()),
        "notes": list(report.notes),
    }
