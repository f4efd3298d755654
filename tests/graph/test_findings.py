"""Findings and coverage."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from flexiflow.analysis.machine.machine_graph import FINDINGS, machine_graph
from flexiflow.component import AsyncComponent
from flexiflow.graph.declared import declared_graph
from flexiflow.graph.findings import Coverage, Kind, coverage, findings
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.overlay import with_observed

A, B, END = StateNode("A"), StateNode("B"), StateNode("End", final=True)


def kinds(graph):
    """What is found, with the states that it is about."""
    return [(finding.kind, finding.state) for finding in findings(graph)]


def machine(states, *edges):
    return Graph("m", tuple(states), tuple(edges), "A")


def test_a_sound_machine_has_none(order):
    """Nothing is odd about the order machine."""
    assert findings(order) == []


def test_the_built_in_machine_has_none():
    """It goes round without a final state, and that is all right."""
    assert findings(declared_graph(AsyncComponent("c"))) == []


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (machine([A, B, END], Edge("A", "End", "x"), Edge("B", "End", "y")),
         ("unreachable state", "B")),
        (machine([A, B], Edge("A", "B", "x"), Edge("B", "B", "again")), ("dead end", "B")),
        (machine([A], Edge("A", "Nirvana", "x")), ("undeclared state", "Nirvana")),
        (machine([A, B, END], Edge("A", "End", "x"), Edge("A", "B", "y"), Edge("B", "A2", "z"),
                 Edge("A2", "B", "z")), ("no way to a final state", "B")),
        (machine([A, END], Edge("A", "End", "x"), Edge("A", "A", "x", "g")),
         ("two transitions claim a message", "A")),
        (machine([replace(A, classic=True)]), ("handler not read", "A")),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else "",
)  # fmt: skip
def test_what_is_odd_is_found(graph, expected):
    """Each sort of finding, on the smallest machine that has it."""
    assert expected in kinds(graph)


def test_every_finding_says_what_why_and_fix(observed):
    """No part is empty."""
    bad = machine([A, B, replace(END, classic=True)], Edge("A", "X", "x"), Edge("A", "B", "x"))
    for finding in findings(bad) + findings(observed):
        assert all([finding.what, finding.why, finding.fix])


def test_guarded_transitions_may_share_a_message():
    """A guard first and the rest after it is how one decides."""
    graph = machine([A, END], Edge("A", "End", "x", "g"), Edge("A", "A", "x"))
    assert kinds(graph) == []


def test_an_exception_claims_nothing():
    """The way of an exception belongs to the transition that it stands beside."""
    graph = machine([A, B, END], Edge("A", "End", "x"), Edge("A", "B", "x", None, "E"),
                    Edge("B", "End", "y"))  # fmt: skip
    assert kinds(graph) == []


def test_a_handler_that_was_not_read_may_lead_anywhere():
    """What depends on unknown ways is not claimed."""
    graph = machine([replace(A, classic=True), B, END], Edge("B", "End", "x"))
    assert kinds(graph) == [("handler not read", "A")]


def test_a_handler_that_was_read_is_trusted():
    """Its state is a dead end if its code has no way out."""
    assert kinds(machine([replace(A, classic=True, read=True)])) == [("dead end", "A")]


def test_what_was_observed_and_not_declared_is_found(observed):
    """The reset that nobody declared, and the transitions that nobody took."""
    found = kinds(observed)
    assert found[0] == ("undeclared transition", "InReview")
    assert ("never taken", "Rejected") in found


def test_nothing_is_never_taken_without_observations(order):
    """A graph with zero counts tells nothing about what was left out."""
    assert kinds(with_observed(order, {})) == []


def test_the_worst_stands_first():
    """Errors before warnings before information."""
    graph = machine([replace(A, classic=True, read=True), B], Edge("B", "X", "x"))
    severities = [finding.severity for finding in findings(graph)]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)


def test_coverage_counts_known_transitions(observed):
    """Three of seven were taken; the undeclared one does not count."""
    found = coverage(observed)
    assert (found.declared, found.taken, round(found.percent, 1)) == (7, 3, 42.9)
    assert [edge.message for edge in found.untaken] == ["reject", "archive", "revise", "give up"]


def test_nothing_to_cover_is_covered():
    """A machine without transitions is at 100 per cent."""
    assert coverage(Graph("m")) == Coverage(0, 0, 100.0)


def test_a_machine_graph_gives_them_as_a_frame(observed):
    """One row a finding, the columns as documented."""
    frame = machine_graph(observed).findings()
    assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == FINDINGS
    assert list(frame["message"])[:2] == ["reset", "reject"]


def test_the_frame_of_a_sound_machine_is_empty(order):
    """No rows, and all columns."""
    frame = machine_graph(order).findings()
    assert (len(frame), list(frame.columns)) == (0, list(FINDINGS))


def test_a_machine_graph_knows_its_coverage(observed):
    """The same as for the plain graph."""
    assert machine_graph(observed).coverage() == coverage(observed)


def test_the_page_lists_columns_and_kinds():
    """The page on graphs has every column with its dtype, and every kind."""
    page = (Path(__file__).parents[2] / "docs" / "graphs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (\S[^|]*) \|", page.partition("## Findings")[2], re.M)
    columns = dict(rows[: len(FINDINGS)])
    assert columns == FINDINGS
    assert {kind for kind, _ in rows[len(FINDINGS) :]} == set(get_args(Kind))


def test_the_code_of_the_page_runs(capsys, tmp_path):
    """Its handler is read, as the page says."""
    page = (Path(__file__).parents[2] / "docs" / "graphs.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    path = tmp_path / "page.py"
    path.write_text(block, encoding="utf-8")
    exec(compile(block, str(path), "exec"), {"__name__": "page"})
    printed = capsys.readouterr().out
    assert "→ decide [content == 'yes'] → Approved; read from code" in printed


def test_what_leaves_an_unread_state_is_not_called_undeclared():
    """Its handler may well take it; the same is true of the state where it leads."""
    states = (A, replace(B, classic=True))
    graph = with_observed(
        machine(states, Edge("A", "B", "x")), {("A", "B", "x"): 1, ("B", "C", "y"): 2}
    )
    assert kinds(graph) == [("handler not read", "B")]


def test_ways_that_were_read_from_code_contest_nothing():
    """Code tries one after the other, with conditions that may not be shown."""
    read = frozenset({"inferred"})
    edges = (Edge("A", "B", "x", sources=read), Edge("A", "End", "x", sources=read))
    states = (replace(A, classic=True, read=True), B, END)
    found = kinds(machine(states, *edges, Edge("B", "End", "y")))
    assert found == []
