"""What came of checks, and how it is written down: as text, Markdown and JUnit XML."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

from flexiflow.analysis.base import words
from flexiflow.graph.findings import Coverage
from flexiflow.graph.labels import visible
from flexiflow.graph.model import Graph
from flexiflow.graph.table import escaped_markdown

MOST_DETAILS = 20
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Check:
    """One question, and whether the machine passes it.

    Attributes:
        name: ``findings``, ``coverage``, ``undeclared``, or ``dwell Paying<5s``.
        passed: whether it does.
        what: the answer in a sentence.
        details: the things behind it, a line each, at most `MOST_DETAILS` and one that counts the
            others.
        fix: what to do where it failed, or None.
    """

    name: str
    passed: bool
    what: str
    details: tuple[str, ...] = ()
    fix: str | None = None

    def lines(self) -> list[str]:
        """The answer as plain text; what stands behind it is indented."""
        details = [f"    {visible(detail, _LONGEST)}" for detail in self.details]
        fix = [] if self.fix is None else [f"    Fix: {self.fix}"]
        name, what = visible(self.name), visible(self.what, _LONGEST)
        return [f"{_mark(self)} {name}: {what}", *details, *fix]


def details_of(lines: Iterable[str]) -> tuple[str, ...]:
    """The details of a check: the first lines, and how many more there are."""
    whole = list(lines)
    left_out = len(whole) - MOST_DETAILS
    more = [f"… and {words.count(left_out)} more"] if left_out > 0 else []
    return (*whole[:MOST_DETAILS], *more)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What came of all checks.

    Attributes:
        machine: its name.
        checks: in the order in which they were asked for.
        coverage: how many transitions were taken.
        graph: the machine with what happened on it.
        notes: what people should know about the comparison.
    """

    machine: str
    checks: tuple[Check, ...]
    coverage: Coverage
    graph: Graph
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all of them passed."""
        return all(each.passed for each in self.checks)

    def to_markdown(self) -> str:
        """The report as a Markdown page."""
        return to_markdown(self)

    def to_junit(self) -> str:
        """The report as JUnit XML, which build servers show."""
        return to_junit(self)

    def to_text(self) -> str:
        """The report as plain lines."""
        lines = [line for each in self.checks for line in each.lines()]
        return "\n".join([*lines, *(f"Note: {visible(note, _LONGEST)}" for note in self.notes)])

    def __repr__(self) -> str:
        return self.to_text()


def to_markdown(report: CheckReport) -> str:
    """A report as a Markdown page; names in it can't become markup."""
    verdict = "passed" if report.passed else "failed"
    lines = [
        f"# Check of {_markdown(report.machine)}: {verdict}",
        "",
        "| | Check | Answer |",
        "|---|---|---|",
        *(f"| {_mark(e)} | {_markdown(e.name)} | {_markdown(e.what)} |" for e in report.checks),
    ]
    for each in report.checks:
        if each.details:
            lines += ["", f"## {_markdown(each.name)}", ""]
            lines += [f"- {_item(detail)}" for detail in each.details]
            lines += [] if each.fix is None else ["", f"Fix: {_markdown(each.fix)}"]
    for note in report.notes:
        lines += ["", f"Note: {_markdown(note)}"]
    return "\n".join(lines) + "\n"


def to_junit(report: CheckReport) -> str:
    """A report as JUnit XML: one suite, a test case a check."""
    failed = sum(not each.passed for each in report.checks)
    counts = {"tests": str(len(report.checks)), "failures": str(failed), "errors": "0"}
    suites = ElementTree.Element("testsuites", counts)
    name = f"flexiflow check {report.machine}"
    suite = ElementTree.SubElement(suites, "testsuite", {"name": _xml(name), **counts})
    for each in report.checks:
        about = {"classname": "flexiflow.check", "name": _xml(each.name)}
        case = ElementTree.SubElement(suite, "testcase", about)
        if not each.passed:
            failure = ElementTree.SubElement(case, "failure", {"message": _xml(each.what)})
            failure.text = _xml_lines(each)
        else:
            ElementTree.SubElement(case, "system-out").text = _xml_lines(each)
    if report.notes:
        noted = "\n".join(map(_xml, report.notes))
        ElementTree.SubElement(suite, "system-out").text = noted
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _mark(each: Check) -> str:
    return "✓" if each.passed else "✕"


def _markdown(text: str) -> str:
    return escaped_markdown(visible(text, _LONGEST))


def _item(text: str) -> str:
    """Text that begins a list item, and neither a heading, a list nor code in it."""
    return re.sub(r"^(\d*)([-+#.)=])", r"\1\\\2", _markdown(text).strip())


def _xml_lines(each: Check) -> str:
    fix = [] if each.fix is None else [f"Fix: {each.fix}"]
    return "\n".join(map(_xml, (each.what, *each.details, *fix)))


def _xml(text: str) -> str:
    """Text without what XML 1.0 has no place for, not even escaped."""
    shown = visible(text, _LONGEST)
    return "".join(letter if letter not in "\ufffe\uffff" else "\ufffd" for letter in shown)
