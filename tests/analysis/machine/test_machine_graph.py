"""Machines as people ask for them: from code, from configs, from graphs, with a history or not."""

import pytest
from histories import NOON, Written

from flexiflow import (
    FlexiFlowEngine,
    State,
    StateMachine,
    explain,
    guard,
    machine_graph,
    on,
    record,
)
from flexiflow.analysis.machine.machine_graph import STATES, TRANSITIONS, MachineGraph
from flexiflow.errors import ComponentNotFound, InvalidType, InvalidValue
from flexiflow.graph.model import Edge, Graph, StateNode


@guard
def has_items(message, component):
    """Something is in it."""
    return bool(component.data.get("items"))


class Draft(State):
    @on("submit", to="Submitted", guard=has_items)
    async def submit(self, message, order):
        """Hand it in."""


class Submitted(State, final=True):
    pass


class Held(State):
    async def handle_message(self, message, order):
        """Read from its code."""
        if message["type"] == "release" and message.get("content") == "now":
            return True, Submitted()
        return False, self


EDGES = [("Draft", "submit", "Submitted", "has_items")]


def pairs(graph):
    frame = graph.transitions
    columns = (frame[name] for name in ("source", "message", "target", "guard"))
    return list(zip(*columns, strict=True))


def engine_with_order():
    engine = FlexiFlowEngine()
    return engine, engine.add("order-1042", Draft, data={"items": 3})


@pytest.mark.parametrize(
    "machine",
    [
        lambda: engine_with_order()[1],
        lambda: engine_with_order()[1].state_machine,
        lambda: Draft,
        lambda: Draft(),
        lambda: machine_graph(Draft),
        lambda: machine_graph(Draft).model,
        lambda: StateMachine(Draft()),
    ],
)
def test_from_code(machine):
    """A component, a machine, a State as class or instance, or a graph: the same transitions."""
    graph = machine_graph(machine())
    assert pairs(graph) == EDGES
    assert graph.states["state"].tolist() == ["Draft", "Submitted"]
    assert graph.states["final"].tolist() == [False, True]
    assert graph.states["start"].tolist() == [True, False]


def test_from_a_config(tmp_path):
    """A mapping, a path as text or Path, or its explanation."""
    config = {"name": "order", "rules": [], "initial_state": "InitialState"}
    path = tmp_path / "order.yaml"
    path.write_text("name: order\nrules: []\ninitial_state: InitialState\n")
    graphs = [machine_graph(each) for each in (config, path, str(path), explain(path))]
    assert [pairs(graph) for graph in graphs] == [pairs(graphs[0])] * 4
    assert ("InitialState", "start", "AwaitingConfirmation") in {
        row[:3] for row in pairs(graphs[0])
    }


@pytest.mark.parametrize("machine", [None, 5, object(), int])
def test_what_has_no_machine(machine):
    """A TypeError in four parts."""
    with pytest.raises(InvalidType) as caught:
        machine_graph(machine)
    assert caught.value.why
    assert caught.value.fix
    assert caught.value.context_items


def test_a_graph_without_a_history_has_no_counts():
    """Nothing is claimed about what happened."""
    graph = machine_graph(Draft)
    assert graph.states["visits"].isna().all()
    assert graph.transitions["count"].isna().all()
    assert not graph.transitions["observed"].any()


async def test_a_component_with_its_history():
    """Its own counts, where it is, and what only history knows."""
    engine, order = engine_with_order()
    other = engine.add("other", Draft, data={"items": 1})
    with record(engine) as recording:
        await order.send("submit")
        await other.send("submit")
        history = recording.history
        (row,) = machine_graph(order, history).transitions.to_dict("records")
        assert (row["count"], row["observed"], row["declared"]) == (1, True, True)
        assert machine_graph(order, history).model.current == "Submitted"
        assert machine_graph(Draft, history).transitions["count"].tolist() == [2]


class Lamp(State):
    @on("switch", to="Lamp")
    async def switch(self, message, component):
        """On and off."""


async def test_other_machines_of_the_history_are_left_out():
    """Only components that have this machine are counted."""
    engine, order = engine_with_order()
    lamp = engine.add("lamp", Lamp)
    with record(engine) as recording:
        await order.send("submit")
        await lamp.send("switch")
        graph = machine_graph(Draft, recording.history)
    assert graph.states["state"].tolist() == ["Draft", "Submitted"]
    assert graph.model.notes == ()


def test_a_machine_that_the_history_does_not_hold():
    """Everything is counted, and the note says so."""
    written = Written()
    written.step("order", "submit", "Draft", "Submitted")
    graph = machine_graph(Draft, written.history)
    assert graph.transitions["count"].tolist() == [1]
    assert "does not hold this machine" in graph.model.notes[0]


async def test_the_file_and_the_code_draw_the_same_machine():
    """history.graph needs no code, and says the same as machine_graph with it."""
    engine, order = engine_with_order()
    with record(engine) as recording:
        await order.send("submit")
        stored = recording.history.graph("order-1042")
        live = machine_graph(order, recording.history)
    assert stored.transitions.drop(columns="description").equals(
        live.transitions.drop(columns="description")
    )
    assert stored.states.drop(columns="description").equals(live.states.drop(columns="description"))


def test_a_component_that_the_history_does_not_know():
    """A KeyError, rather than a picture without counts."""
    written = Written()
    written.snapshot("order-1041", "Draft", NOON)
    with pytest.raises(ComponentNotFound) as caught:
        machine_graph(engine_with_order()[1], written.history)
    assert "'order-1041'" in caught.value.fix


@pytest.mark.parametrize(
    "graph",
    [
        Graph("empty"),
        Graph("one", (StateNode("A"),), (Edge("A", "A", "x"),), "A"),
        Graph(
            "many",
            (
                StateNode("A", group="pack", visits=2),
                StateNode("B", known=False),
                StateNode("C", True),
            ),
            (Edge("A", "B", "x", "g", "E", count=3, description="d"), Edge("B", "C", "y")),
        ),
    ],
    ids=["zero", "one", "many"],
)
def test_columns_and_dtypes(graph):
    """The documented columns, for any number of states and transitions."""
    machine = MachineGraph(graph)
    assert dict(machine.states.dtypes.astype(str)) == dict(STATES)
    assert dict(machine.transitions.dtypes.astype(str)) == dict(TRANSITIONS)
    assert len(machine.states) == len(graph.states)
    assert len(machine.transitions) == len(graph.edges)


def test_every_picture_is_made_of_the_model():
    """DOT, Mermaid, SVG, text and Markdown name the states and the message."""
    graph = machine_graph(Draft)
    pictures = (
        graph.to_dot(),
        graph.to_mermaid(),
        graph.to_svg(),
        graph.to_text(),
        graph.to_markdown(),
    )
    for picture in pictures:
        assert all(name in picture for name in ("Draft", "Submitted", "submit"))
    assert repr(graph) == graph.to_text()


def test_what_a_notebook_shows():
    """Text always, and a picture."""
    bundle = machine_graph(Draft)._repr_mimebundle_()
    assert bundle["text/plain"] == machine_graph(Draft).to_text()
    assert "<svg" in bundle["image/svg+xml"]


def test_hostile_names_are_drawn():
    """Quotes, line breaks, markup and emoji in names."""
    nasty = 'a"\n<script>☃]];'
    graph = MachineGraph(Graph(nasty, (StateNode(nasty),), (Edge(nasty, nasty, nasty),), nasty))
    assert graph.states["state"].tolist() == [nasty]
    for picture in (graph.to_svg(), graph.to_mermaid()):
        assert "<script>" not in picture
    assert "\n<script>" not in graph.to_text()


def test_a_path_is_no_history():
    """The error says how to open one."""
    with pytest.raises(InvalidType, match="history must be an opened history"):
        machine_graph(Draft, "m.db")


def test_a_config_shows_what_was_read_from_code():
    """As a component does, whose history is then found by the same machine."""
    config = {"name": "order", "states": {"Held": f"{__name__}:Held"}, "initial_state": "Held"}
    graph = machine_graph(config)
    assert pairs(graph) == [("Held", "release", "Submitted", "content == 'now'")]
    assert list(graph.transitions["inferred"]) == [True]
    assert graph.model.state("Submitted").final


def test_a_config_whose_component_is_in_the_history():
    """A machine that changed since is compared with what the component of its name did."""
    written = Written()
    written.snapshot("order", "Held", NOON)
    written.step("order", "release", "Held", "Submitted", NOON)
    written.step("other", "x", "P", "Q", NOON)
    config = {"name": "order", "states": {"Held": f"{__name__}:Held"}, "initial_state": "Held"}
    graph = machine_graph(config, written.history)
    assert list(graph.transitions["count"]) == [1]
    assert "what order did in it is counted." in graph.model.notes[-1]


@pytest.mark.parametrize("ending", ["svg", "dot", "mmd", "md", "txt"])
def test_a_graph_is_saved_as_its_ending_says(tmp_path, ending):
    """With a newline at its end, whatever names hold."""
    forms = {
        "svg": "to_svg", "dot": "to_dot", "mmd": "to_mermaid", "md": "to_markdown",
        "txt": "to_text",
    }  # fmt: skip
    graph = MachineGraph(Graph("g", (StateNode("half \ud83d pair"),)))
    graph.save(tmp_path / f"machine.{ending}")
    text = (tmp_path / f"machine.{ending}").read_text(encoding="utf-8")
    assert text == getattr(graph, forms[ending])().rstrip("\n") + "\n"


def test_a_graph_can_not_be_saved_as_anything(tmp_path):
    """The error lists the endings, and nothing is written."""
    for name in ("machine.png", "machine", ".svg"):
        with pytest.raises(InvalidValue, match="names no form of a graph"):
            machine_graph(Draft).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_can_not_be_drawn_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    """It is made before anything is written."""
    file = tmp_path / "machine.svg"
    file.write_text("old", encoding="utf-8")
    monkeypatch.setattr(MachineGraph, "to_svg", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        machine_graph(Draft).save(file)
    assert file.read_text(encoding="utf-8") == "old"


def test_a_tree_for_terminals():
    """What rich prints."""
    tree = machine_graph(Draft).to_tree()
    assert str(tree.label) == "Draft: 2 states and 1 transition, starting in Draft."
    assert [str(each.label) for each in tree.children] == ["Draft (start)", "Submitted (final)"]


def test_a_machine_checks_a_history():
    """The report says what passes."""
    written = Written()
    written.step("order", "submit", "Draft", "Submitted", NOON)
    report = machine_graph(Draft).check(written.history, min_coverage=100)
    assert report.passed
    assert report.coverage.percent == 100.0
