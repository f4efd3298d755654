"""Drawing configurations."""

import re
from xml.etree import ElementTree

import pytest

from flexiflow.declarations import on
from flexiflow.errors import FlexiFlowError, InvalidValue
from flexiflow.explain import explain
from flexiflow.graph.model import Edge, StateNode
from flexiflow.statepack import StateSpec, TransitionSpec
from flexiflow.states import DEFAULT_REGISTRY, State
from flexiflow.visualize import FORMATS, graph_of, visualize


class Classic(State):
    async def handle_message(self, message, component):
        return False, self


class LoginState(Classic):
    pass


class SessionState(Classic):
    pass


class CartState(State):
    """Holds what was picked."""

    @on("check_out", to="PaidState")
    def check_out(self, message, component): ...

    @on("stop", to="InitialState")
    def stop(self, message, component): ...


class PaidState(State, final=True):
    pass


class AuthPack:
    name = "auth"

    def provides(self):
        return {"Login": StateSpec(LoginState), "Session": StateSpec(SessionState)}

    def transitions(self):
        return [
            TransitionSpec("InitialState", "start", "Login"),
            TransitionSpec("Login", "ok", "Session", guard="password"),
            TransitionSpec("Session", "browse", "Mall"),
        ]

    def depends_on(self):
        return set()


class ShopPack:
    name = "shop"

    def provides(self):
        return {"Cart": StateSpec(CartState), "Paid": StateSpec(PaidState)}

    def transitions(self):
        return [TransitionSpec("Cart", "check_out", "Paid")]

    def depends_on(self):
        return {"Session"}


class EmptyPack(AuthPack):
    name = "empty"

    def provides(self):
        return {}

    def transitions(self):
        return []


def path_of(thing):
    return f"{__name__}:{thing.__name__}"


AUTH = {"name": "site", "packs": [path_of(AuthPack)], "initial_state": "Login"}


def test_chart_of_packs():
    """The chart: comments, packs, unknown states, the others, transitions."""
    config = {**AUTH, "packs": [path_of(EmptyPack), path_of(AuthPack)]}
    assert visualize(config) == "\n".join(
        [
            "flowchart LR",
            "%% Edge labels: on_message [guard]",
            "%% pack_order: empty, auth",
            "%% initial_state_resolution: [packs, builtin]",
            '    subgraph pack_auth["pack: auth"]',
            '        Login["Login"]',
            '        Session["Session"]',
            "    end",
            '    subgraph unknown["unknown states"]',
            '        Mall["Mall"]:::unknown',
            "    end",
            '    InitialState["InitialState"]',
            '    InitialState -->|"start"| Login',
            '    Login -->|"ok [password]"| Session',
            '    Session -->|"browse"| Mall',
            "    classDef unknown stroke-dasharray: 5 5, fill:none, stroke:#888888",
        ]
    )


def test_chart_of_a_mapping():
    """The states of a mapping are a pack called mapping."""
    config = {"name": "c", "states": {"Start": "flexiflow.state_machine:InitialState"}}
    assert visualize(config) == "\n".join(
        [
            "flowchart LR",
            "%% Edge labels: on_message [guard]",
            "%% pack_order: mapping",
            "%% initial_state_resolution: [packs, builtin]",
            '    subgraph pack_mapping["pack: mapping"]',
            '        Start["Start"]',
            "    end",
        ]
    )


def test_chart_without_packs():
    """A configuration without states has a chart without nodes."""
    assert visualize({"name": "c"}) == "\n".join(
        [
            "flowchart LR",
            "%% Edge labels: on_message [guard]",
            "%% initial_state_resolution: [packs, builtin]",
        ]
    )


def test_chart_shows_what_states_declare_once():
    """Declared transitions join those of the packs; one that both describe is drawn once."""
    chart = visualize({**AUTH, "packs": [path_of(AuthPack), path_of(ShopPack)]})
    assert chart.count('Cart -->|"check_out"| Paid') == 1
    assert chart.count('Cart -->|"stop"| InitialState') == 1
    assert "AwaitingConfirmation" not in chart


def test_resolution_policy_is_shown():
    """The comment follows the configuration."""
    chart = visualize({**AUTH, "initial_state_resolution": ["builtin", "packs"]})
    assert "%% initial_state_resolution: [builtin, packs]" in chart


def test_errors_are_noted_in_the_chart(tmp_path):
    """What could not be read is never left out silently."""
    assert "%% The configuration has 1 error: " in visualize(tmp_path / "missing.yaml")


@pytest.mark.parametrize("form", ["path", "text", "mapping", "explanation"])
def test_sources(tmp_path, form):
    """A path, its text, a mapping and an explanation draw the same."""
    path = tmp_path / "site.yaml"
    path.write_text(f"name: site\ninitial_state: Login\npacks: ['{path_of(AuthPack)}']\n")
    source = {"path": path, "text": str(path), "mapping": AUTH, "explanation": explain(AUTH)}[form]
    assert visualize(source) == visualize(AUTH)


def test_unknown_format_lists_the_known_ones():
    """The error names every format, and the nearest."""
    with pytest.raises(InvalidValue, match="Unknown format 'svgg'") as caught:
        visualize(AUTH, format="svgg")
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, FlexiFlowError)
    assert all(name in caught.value.why for name in FORMATS)
    assert "'svg'" in caught.value.fix


@pytest.mark.parametrize("form", FORMATS)
def test_formats_end_without_a_newline(form):
    """Every format draws the states, and ends where its text ends."""
    drawn = visualize(AUTH, form)
    assert "Session" in drawn
    assert not drawn.endswith("\n")


def test_formats_are_what_they_are_called():
    """Each is read by what reads it."""
    assert visualize(AUTH, "dot").startswith("digraph")
    assert ElementTree.fromstring(visualize(AUTH, "svg")).tag.endswith("svg")
    assert visualize(AUTH, "markdown").startswith("| from |")
    assert re.search("^from +message", visualize(AUTH, "table"), re.M)
    assert "Login (start" in visualize(AUTH, "text")


def test_drawing_registers_nothing():
    """A configuration can be looked at without being loaded."""
    before = {name: DEFAULT_REGISTRY.find(name) for name in DEFAULT_REGISTRY.names()}
    for form in FORMATS:
        visualize({**AUTH, "packs": [path_of(AuthPack), path_of(ShopPack)]}, form)
    assert {name: DEFAULT_REGISTRY.find(name) for name in DEFAULT_REGISTRY.names()} == before


def test_graph_is_the_whole_machine():
    """Start, packs, finals, descriptions, unknown states, and the built-in ones it can reach."""
    config = {**AUTH, "packs": [path_of(AuthPack), path_of(ShopPack)], "initial_state": "Cart"}
    graph = graph_of(config)
    assert (graph.name, graph.start) == ("site", "Cart")
    assert graph.state("Cart") == StateNode(
        "Cart", group="shop", description="Holds what was picked."
    )
    assert graph.state("Paid") == StateNode("Paid", final=True, group="shop")
    assert graph.state("Login").classic
    assert graph.state("Mall") == StateNode("Mall", known=False)
    assert graph.state("AwaitingConfirmation").known
    assert Edge("Cart", "InitialState", "stop") in graph.edges


def test_graph_of_the_built_in_machine():
    """A configuration that starts in a built-in state is that machine."""
    graph = graph_of({"name": "c"})
    assert graph.start == "InitialState"
    assert len(graph.states) == 4


def test_start_written_as_a_path_goes_by_its_key():
    """The initial state may be a dotted path to a state that has a key."""
    graph = graph_of({**AUTH, "initial_state": path_of(LoginState)})
    assert graph.start == "Login"


def test_start_written_as_a_path_without_a_key():
    """Or to one that has none, and then goes by its class."""
    graph = graph_of({"name": "c", "initial_state": path_of(CartState)})
    assert graph.start == "CartState"
    assert graph.state("CartState").known
    assert Edge("CartState", "PaidState", "check_out") in graph.edges


def test_start_that_nobody_knows_is_drawn_as_unknown():
    """A wrong initial state is seen in the picture, and noted."""
    graph = graph_of({"name": "c", "initial_state": "Nirvana"})
    assert graph.state("Nirvana") == StateNode("Nirvana", known=False)
    assert graph.notes[0].startswith("The configuration has 1 error: ")


@pytest.mark.parametrize("source", [{}, {"name": 3}, {"name": "c", "packs": "x"}])
def test_broken_configurations_are_drawn_as_far_as_they_go(source):
    """A picture of a broken configuration is no error."""
    for form in FORMATS:
        assert "error" in visualize(source, form)
