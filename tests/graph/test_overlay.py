"""Observed counts on a declared graph."""

from flexiflow.graph.model import ANY_MESSAGE, Edge, Graph, StateNode
from flexiflow.graph.overlay import with_observed, without_observed


def test_taken_transitions_carry_their_count(order):
    """A declared transition that was taken is declared and observed."""
    graph = with_observed(order, {("Draft", "Submitted", "submit"): 3})
    edge = graph.edges[0]
    assert edge.count == 3
    assert edge.sources == {"declared", "observed"}


def test_transitions_never_taken_count_zero(order):
    """Zero says that it was looked for; the source stays declared alone."""
    graph = with_observed(order, {})
    assert {edge.count for edge in graph.edges} == {0}
    assert {edge.sources for edge in graph.edges} == {frozenset({"declared"})}


def test_undeclared_transition_is_added(order):
    """What happened without being declared comes after what is declared."""
    graph = with_observed(order, {("Draft", "Archived", "drop"): 2})
    assert graph.edges[-1] == Edge(
        "Draft", "Archived", "drop", sources=frozenset({"observed"}), count=2
    )


def test_state_only_seen_is_known_and_undeclared(order):
    """A state that only history names exists, but no declaration does."""
    limbo = with_observed(order, {("Draft", "Limbo", "zap"): 1}).state("Limbo")
    assert limbo == StateNode("Limbo", visits=1, sources=frozenset({"observed"}))
    assert limbo.known
    assert limbo.undeclared


def test_unknown_target_stays_unknown():
    """A declared transition to nowhere does not become a state by being looked at."""
    graph = with_observed(Graph("g", (StateNode("A"),), (Edge("A", "B", "go"),)), {})
    assert not graph.state("B").known
    assert not graph.state("B").undeclared


def test_transitions_that_history_can_not_tell_apart_share_their_count():
    """Two guards for one step: each carries the sum."""
    edges = (Edge("A", "B", "go", "small"), Edge("A", "B", "go", "big"))
    graph = with_observed(Graph("g", tuple(map(StateNode, "AB")), edges), {("A", "B", "go"): 5})
    assert [edge.count for edge in graph.edges] == [5, 5]


def test_visits_follow_from_moves(order):
    """Without visits, each move into a state is one, and a state that was left was entered."""
    counts = {
        ("Draft", "Submitted", "submit"): 3,
        ("Rejected", "Draft", "revise"): 1,
        ("Submitted", "Submitted", "note"): 9,
    }
    graph = with_observed(order, counts, current="InReview")
    visits = {state.name: state.visits for state in graph.states}
    assert visits == {
        "Draft": 1,
        "Submitted": 3,
        "InReview": 1,
        "Approved": 0,
        "Rejected": 1,
        "Archived": 0,
    }


def test_given_visits_are_taken_as_they_are(order):
    """A history that knows visits is not second-guessed."""
    graph = with_observed(order, {}, visits={"Draft": 7})
    assert graph.state("Draft").visits == 7
    assert graph.state("Submitted").visits == 0


def test_current_state_is_laid_over(order):
    """The current state replaces the graph's own; without one it stays."""
    assert with_observed(order, {}, current="Approved").current == "Approved"
    assert with_observed(with_observed(order, {}, current="Draft"), {}).current == "Draft"


def test_current_state_that_nothing_names_is_added(order):
    """Where a machine is, is always in the picture."""
    assert with_observed(order, {}, current="Limbo").state("Limbo").undeclared


def test_what_was_observed_can_be_left_aside(order):
    """The declared graph comes back, without counts and without what only history knew."""
    counts = {("Draft", "Submitted", "submit"): 3, ("Draft", "Limbo", "drop"): 2}
    unmoved = {("Draft", "submit", "failed"): 1, ("Draft", "submit", "refused"): 2}
    seen = with_observed(order, counts, current="Limbo", unmoved=unmoved)
    assert without_observed(seen) == order


def unmoved_by_target(edges, unmoved):
    graph = with_observed(Graph("g", (), edges), {}, unmoved=unmoved)
    return {edge.target: (edge.failed, edge.refused) for edge in graph.edges}


def test_what_led_nowhere_is_said_where_it_would_have_led():
    """By state and message; of one state's messages no other state's transition says anything."""
    edges = (Edge("A", "B", "go"), Edge("A", "C", "stop"), Edge("B", "D", "go"))
    here = {("A", "go", "failed"): 2, ("A", "go", "refused"): 1}
    found = unmoved_by_target(edges, {**here, ("C", "go", "failed"): 5})
    assert found == {"B": (2, 1), "C": (0, 0), "D": (0, 0)}


def test_a_declared_exception_did_not_fail():
    """Its transition moves: what failed is no reason to mark it."""
    edges = (Edge("A", "B", "pay"), Edge("A", "C", "pay", error="CardDeclined"))
    assert unmoved_by_target(edges, {("A", "pay", "failed"): 1}) == {"B": (1, 0), "C": (0, 0)}


def test_messages_without_a_transition_of_their_own_led_nowhere_from_the_one_for_any():
    """They are counted together there."""
    edges = (Edge("A", "B", "go"), Edge("A", "C", ANY_MESSAGE))
    found = unmoved_by_target(
        edges,
        {
            ("A", "x", "failed"): 1,
            ("A", "y", "failed"): 2,
            ("A", "y", "refused"): 3,
            ("A", "go", "refused"): 4,
        },
    )
    assert found == {"B": (0, 4), "C": (3, 3)}
