"""Comparing a machine with what happened."""

import pytest
from histories import NOON, SECOND, Written

from flexiflow.analysis.machine.check_report import MOST_DETAILS
from flexiflow.analysis.machine.checks import check
from flexiflow.errors import ComponentNotFound, InvalidValue, StateError
from flexiflow.graph.model import Edge, Graph, StateNode

EDGES = (("A", "go", "B"), ("B", "back", "A"), ("B", "end", "C"))
MACHINE = Graph(
    "m",
    (StateNode("A"), StateNode("B"), StateNode("C", final=True)),
    tuple(Edge(source, target, message) for source, message, target in EDGES),
    "A",
)


def went(*ways, seconds=1):
    """A history of one order that went these ways, a second or so in each state."""
    written = Written()
    written.snapshot("order", ways[0][0], NOON)
    for place, (before, message, after) in enumerate(ways, 1):
        written.step("order", message, before, after, NOON + place * seconds * SECOND)
    return written


def passed(report):
    return {each.name: each.passed for each in report.checks}


def answer(report, name):
    return next(each for each in report.checks if each.name == name)


def test_without_questions_findings_and_coverage_are_told():
    """Nothing is asked for, and nothing fails."""
    report = check(MACHINE, went(("A", "go", "B")).history)
    assert passed(report) == {"findings": True, "coverage": True}
    assert answer(report, "coverage").what == "Transitions taken: 1 of 3, 33.3 %."
    assert answer(report, "coverage").details == (
        "B → back → A; never taken",
        "B → end → C; never taken",
    )


@pytest.mark.parametrize(("least", "expected"), [(33.3, True), (33.4, False), (0, True)])
def test_coverage_has_a_least(least, expected):
    """Compared exactly: one of three is more than 33.3 per cent."""
    report = check(MACHINE, went(("A", "go", "B")).history, min_coverage=least)
    assert report.passed == expected


def test_an_error_of_the_machine_always_fails():
    """A transition leads to a state that nobody defines."""
    states = (*MACHINE.states, StateNode("Nirvana", known=False))
    broken = Graph("m", states, (*MACHINE.edges, Edge("A", "Nirvana", "x")), "A")
    report = check(broken, went(("A", "go", "B")).history)
    assert passed(report) == {"findings": False, "coverage": True}
    assert "Nirvana" in answer(report, "findings").details[0]


def test_what_only_history_knows_fails_on_request():
    """A transition that is not declared, and a state that is not."""
    history = went(("A", "go", "B"), ("B", "leap", "Z")).history
    assert check(MACHINE, history).passed
    report = check(MACHINE, history, fail_undeclared=True)
    assert answer(report, "undeclared").details == (
        "Only history knows the state 'Z'.",
        "B went to Z by leap, which is not declared.",
    )


def test_ways_out_of_a_state_that_was_not_read_are_not_judged():
    """Its handler may well take them."""
    states = (StateNode("A"), StateNode("B", classic=True), StateNode("C", final=True))
    history = went(("A", "go", "B"), ("B", "leap", "Z")).history
    report = check(Graph("m", states, MACHINE.edges, "A"), history, fail_undeclared=True)
    assert report.passed
    assert report.notes[-1] == (
        "Not judged: 1 observed transition from states whose handle_message could not be read."
    )


def test_a_stay_may_be_too_long():
    """The longest are listed first, and one that lasts says so."""
    history = went(("A", "go", "B"), ("B", "back", "A"), ("A", "go", "B"), seconds=10).history
    report = check(MACHINE, history, max_dwell=["A<5s", "B<1m"])
    assert passed(report) == {
        "findings": True,
        "coverage": True,
        "dwell A<5s": False,
        "dwell B<1m": True,
    }
    assert answer(report, "dwell A<5s").what == (
        "2 of 2 stays in A took too long, the longest 10.0 s."
    )
    assert answer(report, "dwell A<5s").details[0].startswith("order stayed 10.0 s from 2023-11-14")


def test_a_single_limit_may_be_a_text():
    """It is one limit, and not as many as it has letters."""
    report = check(MACHINE, went(("A", "go", "B")).history, max_dwell="C<5s")
    assert answer(report, "dwell C<5s").what == "Nothing ever was in C."


def test_a_limit_on_a_state_that_nobody_knows_is_an_error():
    """A misspelt name must not pass for ever."""
    with pytest.raises(StateError, match="Unknown state 'D'"):
        check(MACHINE, went(("A", "go", "B")).history, max_dwell=["D<5s"])


@pytest.mark.parametrize("least", [-1, 101, float("nan")])
def test_a_share_is_between_0_and_100(least):
    """Anything else is a mistake."""
    with pytest.raises(InvalidValue, match="min_coverage is not a share"):
        check(MACHINE, went(("A", "go", "B")).history, min_coverage=least)


def test_what_was_observed_before_is_left_aside():
    """A graph that carries another history's counts is compared with this one."""
    earlier = check(MACHINE, went(("A", "go", "B"), ("B", "end", "C")).history).graph
    report = check(earlier, went(("A", "go", "B")).history)
    assert report.coverage.taken == 1


def test_only_components_with_this_machine_count():
    """Another machine in the same file is no business of this one."""
    written = went(("A", "go", "B"))
    written.machine("other", ("X", "Y"), edges=(("X", "x", "Y"),))
    written.step("stranger", "x", "X", "Y", NOON, fingerprint="other")
    stored = written.history.graph("stranger").model
    report = check(stored, written.history, component="stranger", fail_undeclared=True)
    assert report.passed


def test_a_component_can_be_named():
    """An unknown one is an error."""
    with pytest.raises(ComponentNotFound):
        check(MACHINE, went(("A", "go", "B")).history, component="nobody")


def test_many_details_are_cut_and_counted():
    """A report stays readable."""
    states = tuple(StateNode(f"S{n}") for n in range(30))
    edges = tuple(Edge("S0", state.name, "go") for state in states)
    details = answer(check(Graph("m", states, edges), went(("A", "go", "B")).history), "coverage")
    assert len(details.details) == MOST_DETAILS + 1
    assert details.details[-1] == "… and 10 more"
