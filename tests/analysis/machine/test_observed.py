"""What happened, as counts on a machine's graph."""

import json
from collections import Counter

import pytest
from histories import NOON, Written, body_1x, written_by_1x
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.analysis.history import open_history
from flexiflow.analysis.machine.observed import handled_counts, observe
from flexiflow.graph.model import Edge, Graph, StateNode

EDGES = (("A", "go", "B"), ("B", "back", "A"), ("B", "end", "C"))


def declared(written: Written, fingerprint: str = "m") -> None:
    written.machine(fingerprint, ("A", "B", "C"), final=("C",), edges=EDGES)


def edges(graph):
    return {(edge.source, edge.message, edge.target): edge.count for edge in graph.edges}


def visits(graph):
    return {state.name: state.visits for state in graph.states}


def one_order() -> Written:
    written = Written()
    declared(written)
    written.snapshot("order", "A", NOON)
    for message, before, after in (("go", "A", "B"), ("back", "B", "A"), ("go", "A", "B")):
        written.step("order", message, before, after, NOON)
    written.step("order", "end", "B", time_us=NOON, outcome="refused")
    written.step("order", "end", "B", time_us=NOON, outcome="failed")
    return written


def test_the_declared_machine_with_counts():
    """The picture of yesterday's file, without the code: edges taken, edges never taken."""
    graph = one_order().history.graph("order").model
    assert edges(graph) == {("A", "go", "B"): 2, ("B", "back", "A"): 1, ("B", "end", "C"): 0}
    assert visits(graph) == {"A": 2, "B": 2, "C": 0}
    assert (graph.name, graph.start, graph.current) == ("order", "A", "B")
    assert graph.notes == ()


def test_refused_and_failed_messages_are_not_counted():
    """An edge is counted where it was taken."""
    history = one_order().history
    assert ("B", "B", "end") not in handled_counts(history).taken
    end = next(edge for edge in history.graph("order").model.edges if edge.message == "end")
    assert (end.count, end.failed, end.refused) == (0, 1, 1)


def test_messages_that_stayed_are_counted():
    """They lead back to where they came from, declared or not."""
    written = one_order()
    written.step("order", "ping", "B", time_us=NOON)
    graph = written.history.graph("order").model
    assert edges(graph)["B", "ping", "B"] == 1
    assert [edge.message for edge in graph.edges if edge.undeclared] == ["ping"]


def test_without_a_component_everybody_is_counted():
    """All components of the machine that most have; there is no one current state."""
    written = one_order()
    for number in range(3):
        written.step(f"other-{number}", "go", "A", "B", NOON)
    graph = written.history.graph().model
    assert edges(graph)["A", "go", "B"] == 5
    assert graph.current is None


def test_other_machines_are_named_and_not_mixed_in():
    """The machine that most components have is drawn; a note tells of the others."""
    written = one_order()
    declared(written, "n")
    written.step("odd", "go", "A", "B", NOON, fingerprint="n")
    written.step("order-2", "go", "A", "B", NOON)
    graph = written.history.graph().model
    assert edges(graph)["A", "go", "B"] == 3
    assert graph.notes == ("The file holds 1 more machine; name a component to see its own.",)
    assert edges(written.history.graph("odd").model)["A", "go", "B"] == 1


def test_a_component_is_drawn_with_its_newest_machine():
    """After a new version, that is the one it has; what the old one did is not on it."""
    written = one_order()
    written.machine("new", ("A", "B"), edges=(("B", "go", "B"),))
    written.snapshot("order", "B", NOON, fingerprint="new")
    written.snapshot("order", "B", NOON, fingerprint=None)
    graph = written.history.graph("order").model
    assert edges(graph) == {("B", "go", "B"): 0}
    assert graph.current == "B"


def test_a_history_of_1x():
    """Nothing is declared and no message is known: states followed each other."""
    rows = [("order", body_1x("order", state), "2023-11-14") for state in "ABAB"]
    graph = open_history(written_by_1x(rows)).graph("order").model
    assert edges(graph) == {("A", "?", "B"): 2, ("B", "?", "A"): 1}
    assert visits(graph) == {"A": 2, "B": 2}
    assert graph.notes == ("Nothing is declared in the file; the picture shows what was observed.",)


def test_components_do_not_follow_each_other():
    """Where one component's snapshots end, another's begin."""
    rows = [(name, body_1x(name, state), "2023-11-14") for name, state in (("x", "A"), ("y", "B"))]
    graph = open_history(written_by_1x(rows)).graph().model
    assert graph.edges == ()
    assert visits(graph) == {"A": 1, "B": 1}


def test_an_empty_history():
    """A graph without states."""
    graph = Written().history.graph()
    assert graph.model.states == ()
    assert len(graph.states) == len(graph.transitions) == 0


@pytest.mark.parametrize(
    "text", ["{oops", "5", "[]", "null", json.dumps({"states": "x", "edges": 5})]
)
def test_a_broken_definition(text):
    """What was observed is shown, and the note says what could not be read."""
    written = one_order()
    written.conn.execute("UPDATE flexiflow_machines SET definition_json = ?", (text,))
    graph = written.history.graph("order").model
    assert edges(graph) == {("A", "go", "B"): 2, ("B", "back", "A"): 1}
    assert graph.notes


def test_a_definition_that_is_not_in_the_file():
    """As where nothing was declared."""
    written = one_order()
    written.conn.execute("DELETE FROM flexiflow_machines")
    graph = written.history.graph("order").model
    assert edges(graph) == {("A", "go", "B"): 2, ("B", "back", "A"): 1}
    assert graph.notes


def test_several_files_are_added(tmp_path):
    """The definition may be in one of them, and the counts in all."""
    for number in range(3):
        written = Written(tmp_path / f"{number}.db", NOON + number)
        if number == 1:
            declared(written)
        written.step(f"order-{number}", "go", "A", "B", NOON + number)
        written.conn.close()
    graph = open_history(tmp_path / "*.db").graph().model
    assert edges(graph)["A", "go", "B"] == 3
    assert graph.state("C").final


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["x", "y"]),
        st.sampled_from("ABC"),
        st.sampled_from("ABC"),
        st.sampled_from(["go", None]),
        st.sampled_from(["moved", "refused", "failed"]),
        st.sampled_from(["m", "n"]),
    ),
    max_size=20,
)


@settings(max_examples=50)
@given(EVENTS, st.sampled_from(["x", "y", None]), st.sampled_from(["m", "n", None]))
def test_counts_equal_a_reference(events, component, fingerprint):
    """Every message that moved or stayed, of that component and machine, and no other."""
    written = Written()
    expected = Counter()
    for name, before, after, message, outcome, mark in events:
        if outcome == "moved" and before == after:
            outcome = "stayed"
        after = after if outcome == "moved" else before
        written.step(name, message, before, after, outcome=outcome, fingerprint=mark)
        asked = component in (None, name) and fingerprint in (None, mark)
        if asked and outcome in ("moved", "stayed"):
            expected[before, after, message or "?"] += 1
    assert handled_counts(written.history, component, fingerprint).taken == expected


def test_observing_a_graph_of_ones_own():
    """Any graph can have a history's counts laid over it."""
    graph = Graph("mine", (StateNode("A"), StateNode("B")), (Edge("A", "B", "go"),), "A")
    seen = observe(graph, one_order().history, "order")
    assert edges(seen)["A", "go", "B"] == 2
    assert seen.current == "B"
    assert edges(graph)["A", "go", "B"] is None
