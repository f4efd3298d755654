"""Answers as cards: stories, intervals, differences, checks, and what a configuration means."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from flexiflow.analysis.base import words
from flexiflow.notebook.cards import figure
from flexiflow.notebook.frame_table import frame_table, sentence
from flexiflow.notebook.html import (
    card,
    code,
    colour,
    element,
    escape,
    fitting,
    folded,
    muted,
    preformatted,
    table,
)
from flexiflow.notebook.live_cards import is_small
from flexiflow.visualize import graph_of

if TYPE_CHECKING:
    from flexiflow.analysis.history.verifying import VerifyReport
    from flexiflow.analysis.machine.check_report import CheckReport
    from flexiflow.analysis.questions.difference import Difference
    from flexiflow.analysis.questions.story import Story
    from flexiflow.analysis.questions.when import Intervals
    from flexiflow.analysis.traces.trace_story import TraceStory
    from flexiflow.explanation import ConfigExplanation, Diagnostic
    from flexiflow.graph.findings import Coverage

_MOST_SENTENCES = 60
_MOST_ROWS = 20
_MOST_INTERVALS = 5_000


def story(story: Story) -> str:
    """A component's history in sentences."""
    return _told(f"Story of {words.name(story.component)}", story.sentences)


def trace_story(story: TraceStory) -> str:
    """A trace in sentences."""
    return _told(f"Story of trace {words.name(story.correlation_id, 128)}", story.sentences)


def intervals(found: Intervals) -> str:
    """When a condition held."""
    title = f"{code(found.condition)} {'held' if len(found) else 'never held'}"
    told = sentence(found.text)
    if not 0 < len(found) <= _MOST_INTERVALS:
        return card(title, told, "neutral", found.text)
    columns = {"component": "component", "start": "from (UTC)", "end": "to", "dwell": "for"}
    columns |= {"first_step": "first step", "last_step": "last step"}
    rows = frame_table(found.frame, columns, "Intervals", "….frame")
    return card(title, fitting([told, rows]), "accent", found.text)


def difference(found: Difference) -> str:
    """What differs between two of a kind."""
    old, new = (element("strong", escape(words.name(each))) for each in (found.old, found.new))
    columns = {"component": "component", "field": "field", "old": "old", "new": "new"}
    rows = frame_table(found.frame, columns, "Differences", "….frame") if len(found.frame) else ""
    body = fitting([sentence(found.text), rows])
    return card(f"{old} → {new}", body, "accent", f"{found.old} → {found.new}")


def verify_report(report: VerifyReport) -> str:
    """Whether a history is as it was written."""
    findings = [finding for file in report.files for finding in file.findings]
    rows = [
        (each.table, each.kind, _ids(each.first_id, each.last_id), each.what)
        for each in findings[:_MOST_ROWS]
    ]
    found = table(("table", "kind", "rows", "what"), rows, "What was found") if rows else ""
    body = fitting([preformatted(report.text, 4_000), element("div", found, "overflow-x:auto")])
    return card(
        _passed(report.ok, "as it was written", "not as it was written"),
        body,
        "success" if report.ok else "failure",
        report.text,
    )


def check_report(report: CheckReport) -> str:
    """Which checks a machine passes."""
    rows = [(_mark(each.passed), each.name, each.what) for each in report.checks[:_MOST_ROWS]]
    answers = table(("", "check", "answer"), rows, f"Checks of {words.name(report.machine)}")
    picture = figure(report.graph) if is_small(report.graph) else ""
    details = folded("Details", preformatted(report.to_text()))
    passed = _passed(report.passed, "passes", "fails")
    title = f"{element('strong', escape(words.name(report.machine)))} {passed}"
    body = fitting([element("div", answers, "overflow-x:auto"), details, picture])
    return card(title, body, "success" if report.passed else "failure", report.machine)


def coverage(found: Coverage) -> str:
    """How many transitions were taken, and which were not."""
    title = f"{element('strong', f'{found.percent:.0f} %')} of the transitions were taken"
    rows = [(each.source, each.message, each.target) for each in found.untaken[:_MOST_ROWS]]
    told = sentence(f"{found.taken} of {found.declared}.")
    untaken = table(("from", "message", "to"), rows, "Never taken") if rows else ""
    more = len(found.untaken) - len(rows)
    note = muted(f"{words.count(more)} more in {code('….untaken')}") if more > 0 else ""
    return card(title, fitting([told, untaken, note]), "accent", "Coverage")


def explanation(explained: ConfigExplanation) -> str:
    """What a configuration means, and what is wrong with it."""
    name = words.name(explained.name or "(no name)")
    valid = _passed(explained.is_valid, "valid", "invalid")
    facts = [f"starts in {words.name(explained.initial_state or '(none)')}"]
    facts += [words.plural(explained.rules_count, "rule")] if explained.rules_count else []
    facts += [f"packs {', '.join(map(words.name, explained.pack_order))}"] * bool(explained.packs)
    facts += [words.name(explained.config_path, 200)] if explained.config_path else []
    parts = [sentence(" · ".join(facts))]
    parts += [_diagnostic(each) for each in islice(explained.issues, _MOST_ROWS)]
    graph = graph_of(explained)
    parts += [figure(graph)] if is_small(graph) and graph.states else []
    parts.append(folded("All of it in words", preformatted(explained.format())))
    title = f"{element('strong', escape(name))}: {valid}"
    accent = "success" if explained.is_valid else "failure"
    return card(title, fitting(parts), accent, f"Config of {name}")


def _told(title: str, sentences: Sequence[str]) -> str:
    items = [element("li", escape(each, 400)) for each in sentences[:_MOST_SENTENCES]]
    more = len(sentences) - len(items)
    note = muted(f"{words.plural(more, 'more sentence')} in {code('….text')}") if more > 0 else ""
    body = element("ol", "".join(items), "margin:4px 0;padding-left:28px")
    return card(element("strong", escape(title)), fitting([body, note]), "accent", title)


def _diagnostic(found: Diagnostic) -> str:
    is_error = found.level == "error"
    mark = "✕ error" if is_error else "◇ warning"
    head = element("strong", mark, colour("failure" if is_error else "refusal"))
    further = [
        f"{label}: {text}" for label, text in (("Why", found.why), ("Fix", found.fix)) if text
    ]
    lines = "".join(element("div", escape(each), "padding-left:16px") for each in further)
    return element("div", f"{head} {escape(found.what)}{lines}", "margin:8px 0")


def _passed(passed: bool, good: str, bad: str) -> str:
    accent = colour("success" if passed else "failure")
    return element("strong", f"{_mark(passed)} {good if passed else bad}", accent)


def _mark(passed: bool) -> str:
    return "✓" if passed else "✕"


def _ids(first: int | None, last: int | None) -> str:
    return "–".join(words.count(each) for each in dict.fromkeys((first, last)) if each is not None)
