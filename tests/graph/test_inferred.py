"""Edges read from the code of classic handlers: right, or honestly given up."""

import ast
import enum
import functools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.graph import handlers, inferred
from flexiflow.graph.declared import declared_graph
from flexiflow.graph.definition import fingerprint, to_definition
from flexiflow.graph.handlers.reading import Reading
from flexiflow.graph.inferred import full_graph, read_state
from flexiflow.graph.mermaid import to_mermaid
from flexiflow.graph.model import ANY_MESSAGE
from flexiflow.graph.overlay import with_observed
from flexiflow.graph.render import to_svg
from flexiflow.graph.table import to_text
from flexiflow.lessons.demo.warehouse import AllBusy, Ready
from flexiflow.states import DEFAULT_REGISTRY, State, StateRegistry

SUBMIT = "submit"
CLOSING = ("close", "cancel")
NEXT_NAME = "InfNext"


class InfNext(State):
    pass


class InfOther(State):
    pass


REGISTRY = StateRegistry(DEFAULT_REGISTRY)
REGISTRY.register("InfNext", InfNext)
REGISTRY.register("InfOther", InfOther)
SINGLETON = InfNext()
TABLE = {"a": InfNext, "b": InfOther}


class Kind(enum.Enum):
    A = "a"
    B = "b"


class TextKind(enum.StrEnum):
    A = "a"


def is_a(message):
    """A helper of one line."""
    return message["type"] == "a"


def pick(message):
    if message["type"] == "a":
        return True, InfNext()
    return False, None


def keeps(function):
    @functools.wraps(function)
    async def wrapper(self, message, component):
        return await function(self, message, component)

    return wrapper


class Subscript(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            return True, InfNext()
        return False, self


class Get(State):
    async def handle_message(self, message, component):
        if "a" == message.get("type"):  # noqa: SIM300
            return (True, InfNext())
        return False, None


class Variable(State):
    async def handle_message(self, msg, comp):
        type_ = msg["type"]
        if type_ == "a":
            return True, InfNext()
        elif type_ == SUBMIT:
            return True, self
        return False, self


class Among(State):
    async def handle_message(self, message, component):
        if message["type"] in ("a", "b"):
            return True, InfNext()
        if message["type"] in CLOSING:
            return True, InfOther()
        return False, self


class MatchType(State):
    async def handle_message(self, message, component):
        match message["type"]:
            case "a" | "b":
                return True, InfNext()
            case "c":
                return True, InfOther()
            case _:
                return False, self


class MatchMessage(State):
    async def handle_message(self, message, component):
        match message:
            case {"type": "a", "content": "confirmed"}:
                return True, InfNext()
            case {"type": "b", "total": total} if total > 5:
                return True, InfOther()
        return False, self


class MatchGuard(State):
    async def handle_message(self, message, component):
        match message.get("type"), message.get("content"):
            case "a", "yes":
                return True, InfNext()
            case str(), _:
                return False, self


class OwnTable(State):
    async def handle_message(self, message, component):
        handler = {"a": self.on_a, "b": self.on_b}.get(message["type"])
        if handler is None:
            return False, self
        return await handler(message, component)

    async def on_a(self, message, component):
        return True, InfNext()

    async def on_b(self, message, component):
        return True, InfOther() if message.get("content") == "x" else self


class ModuleTable(State):
    async def handle_message(self, message, component):
        kind = message["type"]
        if kind not in TABLE:
            return False, self
        return True, TABLE[kind]()


class NamedTable(State):
    handlers = {"a": "on_a"}  # noqa: RUF012

    async def handle_message(self, message, component):
        if name := self.handlers.get(message["type"]):
            return await getattr(self, name)(message)
        return False, self

    async def on_a(self, message):
        return True, InfNext()


class Early(State):
    async def handle_message(self, message, component):
        if message["type"] != "a":
            return False, self
        return True, InfNext()


class Nested(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            if message.get("content") == "confirmed":
                return True, InfNext()
            return True, InfOther()
        return False, self


class Both(State):
    async def handle_message(self, message, component):
        if message["type"] == "a" and message.get("content") == "confirmed":
            return True, InfNext()
        return False, self


class Data(State):
    async def handle_message(self, message, component):
        if message["type"] == "a" and component.data["total"] > 5:
            return True, InfNext()
        return False, self


class Negated(State):
    async def handle_message(self, message, component):
        if not (message["type"] == "a" or message["type"] == "b"):
            return False, self
        return True, InfNext()


class Helper(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            return await self.move(component)
        return False, self

    async def move(self, component):
        if component.data.get("ready"):
            return True, InfNext()
        return False, self


class Predicate(State):
    async def handle_message(self, message, component):
        if is_a(message):
            return True, InfNext()
        return False, self


class Elsewhere(State):
    async def handle_message(self, message, component):
        return pick(message)


class Walrus(State):
    async def handle_message(self, message, component):
        if (kind := message["type"]) == "a":
            return True, InfNext()
        return kind == "b", InfOther()


class Created(State):
    async def handle_message(self, message, component):
        registry = component.state_machine.registry
        if message["type"] == "a":
            return True, registry.create("InfNext")
        if message["type"] == "b":
            return True, component.state_machine.registry.create(NEXT_NAME)
        if message["type"] == "c":
            return True, DEFAULT_REGISTRY.create("InitialState")
        return False, self


class Assigned(State):
    async def handle_message(self, message, component):
        proceed, following = False, self
        if message["type"] == "a":
            proceed, following = True, InfNext()
        return proceed, following


class Conditional(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            return True, InfNext() if component.data["ok"] else InfOther()
        return False, self


class ClassAttribute(State):
    following = InfNext
    kind = "a"

    async def handle_message(self, message, component):
        if message["type"] == self.kind:
            return True, self.following()
        return False, self


class Inherits(Subscript):
    async def handle_message(self, message, component):
        if message["type"] == "b":
            return True, InfOther()
        return await super().handle_message(message, component)


class Declares(State):
    @on("go", to="InfNext")
    def go(self, message, component): ...


class Over(Declares):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            return True, self
        return await super().handle_message(message, component)


class Enumerated(State):
    async def handle_message(self, message, component):
        if Kind(message["type"]) is Kind.A:
            return True, InfNext()
        if message["type"] == TextKind.A.value:
            return True, InfOther()
        return False, self


class Caught(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            try:
                await component.pay()
            except ConnectionError:
                return True, InfOther()
            return True, InfNext()
        return False, self


class Loop(State):
    async def handle_message(self, message, component):
        for kind, following in (("a", InfNext), ("b", InfOther)):
            if message["type"] == kind:
                return True, following()
        return False, self


class Any(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            return False, self
        return True, InfNext()


class Single(State):
    async def handle_message(self, message, component):
        return message["type"] == "a", SINGLETON


class Decorated(State):
    @keeps
    async def handle_message(self, message, component):
        if message["type"] == "a":
            return True, InfNext()
        return False, self


class Undefined(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            return True, Nirvana()  # noqa: F821
        return False, self


class Flag(State):
    async def handle_message(self, message, component):
        is_first = message["type"] == "a"
        confirmed = message.get("content") == "confirmed"
        if is_first and confirmed:
            return True, InfNext()
        return False, self


class Plain(State):
    def handle_message(self, message, component):
        if message["type"] == "a":
            component.data["n"] = 1
            return True, type(self)()
        return False, self


class Imports(State):
    async def handle_message(self, message, component):
        from flexiflow.state_machine import InitialState

        if message["type"] == "a":
            return True, InitialState()
        return False, self


class Logs(State):
    async def handle_message(self, message, component):
        if component.data.get("verbose"):
            print(message)
        with component.lock:
            if message["type"] == "a":
                return True, InfNext()
        return False, self


A = ("a", "InfNext", None)
READ = [
    (Subscript, [A]),
    (Get, [A]),
    (Variable, [A, ("submit", "Variable", None)]),
    (
        Among,
        [A, ("b", "InfNext", None), ("close", "InfOther", None), ("cancel", "InfOther", None)],
    ),
    (MatchType, [A, ("b", "InfNext", None), ("c", "InfOther", None)]),
    (
        MatchMessage,
        [
            ("a", "InfNext", "content == 'confirmed'"),
            ("b", "InfOther", "'total' in message and total > 5"),
        ],
    ),
    (MatchGuard, [("a", "InfNext", "content == 'yes'")]),
    (
        OwnTable,
        [A, ("b", "InfOther", "content == 'x'"), ("b", "OwnTable", "content != 'x'")],
    ),
    (ModuleTable, [A, ("b", "InfOther", None)]),
    (NamedTable, [A]),
    (Early, [A]),
    (
        Nested,
        [
            ("a", "InfNext", "content == 'confirmed'"),
            ("a", "InfOther", "content != 'confirmed'"),
        ],
    ),
    (Both, [("a", "InfNext", "content == 'confirmed'")]),
    (Data, [("a", "InfNext", "data.total > 5")]),
    (Negated, [A, ("b", "InfNext", None)]),
    (Helper, [("a", "InfNext", "data.ready")]),
    (Predicate, [A]),
    (Elsewhere, [A]),
    (Walrus, [A, ("b", "InfOther", None)]),
    (Created, [A, ("b", "InfNext", None), ("c", "InitialState", None)]),
    (Assigned, [A]),
    (Conditional, [("a", "InfNext", "data.ok"), ("a", "InfOther", "not data.ok")]),
    (ClassAttribute, [A]),
    (Inherits, [("b", "InfOther", None), A]),
    (Over, [("a", "Over", None), ("go", "InfNext", None)]),
    (Enumerated, [A]),
    (Caught, [("a", "InfOther", None), A]),
    (Loop, [A, ("b", "InfOther", None)]),
    (Any, [(ANY_MESSAGE, "InfNext", "not a")]),
    (Single, [A]),
    (Decorated, [A]),
    (Undefined, [("a", "Nirvana", None)]),
    (Flag, [("a", "InfNext", "content == 'confirmed'")]),
    (Plain, [("a", "Plain", None)]),
    (Imports, [("a", "InitialState", None)]),
    (Logs, [A]),
]


class ComputedState(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            return True, component.data["next"]()
        return False, self


class ComputedName(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            return True, component.state_machine.registry.create(message["to"])
        return False, self


class ComputedType(State):
    async def handle_message(self, message, component):
        if message["type"].startswith("a"):
            return True, InfNext()
        return False, self


class ComputedMethod(State):
    async def handle_message(self, message, component):
        return await getattr(self, component.data["prefix"] + message["type"])(message, component)


class ComputedTable(State):
    async def handle_message(self, message, component):
        return True, component.table[message["type"]]()


class ComputedAnswer(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            return component.answer(message)
        return True, InfNext()


class ChangedAttribute(State):
    following = InfNext

    def __init__(self):
        self.following = InfOther

    async def handle_message(self, message, component):
        if message["type"] == "a":
            return True, self.following()
        return False, self


class ReadsItself(State):
    async def handle_message(self, message, component):
        message["type"] = component.data["kind"]
        return True, InfNext()


class Gathers(State):
    async def handle_message(self, *args):
        return True, InfNext()


class Partial(State):
    handle_message = functools.partialmethod(Subscript.handle_message)


GIVEN_UP = [
    (ComputedState, "the next state is computed"),
    (ComputedName, "the next state is computed"),
    (ComputedType, "which messages lead to InfNext is computed"),
    (ComputedMethod, "what it returns is computed"),
    (ComputedTable, "the next state is computed"),
    (ComputedAnswer, "what it returns is computed"),
    (ChangedAttribute, "the next state is computed"),
    (ReadsItself, "it changes the message's type"),
    (Gathers, "takes its arguments in a way that is not followed"),
    (Partial, "handle_message is not a plain function"),
]


@pytest.mark.parametrize(("cls", "expected"), READ, ids=lambda each: getattr(each, "__name__", ""))
def test_a_style_is_read(cls, expected):
    """Every message, target and guard is found, and nothing is left open."""
    reading = read_state(cls, registry=REGISTRY)
    assert [(edge.message, edge.target, edge.guard) for edge in reading.edges] == expected
    assert (reading.notes, reading.complete) == ((), True)


@pytest.mark.parametrize(
    ("cls", "reason"), GIVEN_UP, ids=lambda each: getattr(each, "__name__", "")
)
def test_a_style_is_given_up(cls, reason):
    """What is computed is said, and no edge is guessed."""
    reading = read_state(cls, registry=REGISTRY)
    assert not reading.complete
    assert reason in reading.notes[0]
    assert [edge for edge in reading.edges if edge.message == "a"] == []


def test_a_note_names_the_line():
    """The line is that of the file."""
    line = ComputedState.handle_message.__code__.co_firstlineno + 2
    note = read_state(ComputedState, registry=REGISTRY).notes[0]
    assert note.startswith(f"line {line}: ")


def test_an_edge_says_that_it_was_read():
    """The source of an edge is the code."""
    (edge,) = read_state(Subscript, registry=REGISTRY).edges
    assert (edge.sources, edge.inferred, edge.undeclared) == ({"inferred"}, True, False)


def test_a_caught_exception_stands_on_its_edge():
    """A state that a handler of an exception returns is reached by that exception."""
    errors = [edge.error for edge in read_state(Caught, registry=REGISTRY).edges]
    assert errors == ["ConnectionError", None]


def test_messages_are_the_types_that_are_taken():
    """In the order in which the code asks for them, each once."""
    assert read_state(Nested, registry=REGISTRY).messages == ("a",)


def test_a_state_without_a_classic_handler_has_nothing_to_be_read():
    """Declarations are not read from code."""
    assert read_state(InfNext) == Reading()


def test_code_without_a_source_is_noted():
    """Code from exec has no file to be read."""
    names = {"State": State}
    code = "class Exec(State):\n    async def handle_message(self, m, c): return True, self"
    exec(code, names)
    reading = read_state(names["Exec"])
    assert (reading.complete, reading.edges) == (False, ())
    assert "the source of handle_message is not available" in reading.notes[0]


def test_nothing_is_run():
    """Properties, metaclasses and module attributes stay untouched."""
    asked = []

    class Trap(State):
        @property
        def kind(self):
            asked.append("kind")
            return "a"

        @classmethod
        def make(cls):
            asked.append("make")
            return cls()

        async def handle_message(self, message, component):
            asked.append("handled")
            if message["type"] == self.kind:
                return True, self.make()
            return False, self

    assert not read_state(Trap).complete
    assert asked == []


def test_the_dispatcher_of_the_demo_is_read():
    """Its states lead to each other, as its module says."""
    ready = read_state(Ready, "Ready")
    assert [(edge.message, edge.target) for edge in ready.edges] == [
        ("assign", "Ready"),
        ("assign", "AllBusy"),
        ("done", "Ready"),
    ]
    assert read_state(AllBusy, "AllBusy").messages == ("assign", "done")


def test_the_full_graph_reaches_what_only_code_names():
    """States behind classic handlers are found, with their own transitions."""
    graph = full_graph(Ready)
    assert {"Ready", "AllBusy", "OffDuty"} == {state.name for state in graph.states}
    assert graph.state("Ready").read
    assert [edge.message for edge in graph.edges if not edge.inferred] == ["close"]


def test_states_that_only_code_leads_to_are_not_declared():
    """So the definition, by which a history is found, is that of the declared graph."""
    full, declared = full_graph(Ready), declared_graph(Ready)
    assert full.state("AllBusy").sources == {"inferred"}
    assert to_definition(full) == to_definition(declared)


def test_the_declared_graph_stays_as_it_is():
    """Neither the declared graph nor its fingerprint knows what was read."""
    assert [edge.message for edge in declared_graph(Ready).edges] == ["close"]
    full = to_definition(full_graph(Over, REGISTRY))
    assert full["edges"] == []
    assert fingerprint(to_definition(declared_graph(Subscript))) == "3c3a4fc17e5fb888"


def test_what_was_not_read_is_noted_on_the_graph():
    """The picture says that it may lack something."""
    graph = full_graph(ComputedState, REGISTRY)
    assert graph.notes[0].startswith("ComputedState: not all of handle_message could be read (line")
    assert not graph.state("ComputedState").read
    assert graph.state("ComputedState").unread[0].endswith("the next state is computed")


def test_text_says_that_an_edge_was_read():
    """The twin of a picture says in words what is dotted there."""
    text = to_text(full_graph(Subscript, REGISTRY))
    assert "Subscript (start, handle_message read from code) → a → InfNext; read from code" in text


def test_a_declaration_comes_before_the_handler():
    """What a declaration without a guard takes never reaches the classic handler."""

    class First(State):
        @on("a", to="InfNext")
        def a(self, message, component): ...

        async def handle_message(self, message, component):
            return (True, InfOther()) if message["type"] in ("a", "b") else (False, self)

    assert [edge.message for edge in read_state(First, registry=REGISTRY).edges] == ["b"]


def test_pictures_draw_it_dotted():
    """The line of an edge that was read is dotted in SVG and in Mermaid."""
    graph = full_graph(Subscript, REGISTRY)
    assert "ff-inferred" in to_svg(graph)
    assert "-.->" in to_mermaid(graph)


def test_observed_messages_count_on_an_edge_for_any():
    """What went over an edge for any message is not undeclared."""
    graph = with_observed(full_graph(Any, REGISTRY), {("Any", "InfNext", "b"): 2})
    (edge,) = graph.edges
    assert (edge.message, edge.count, edge.undeclared) == (ANY_MESSAGE, 2, False)


def test_a_component_knows_its_registry():
    """Names are resolved in the registry of the component's machine."""
    graph = full_graph(AsyncComponent("c"))
    assert len(graph.edges) == 6
    assert all(not edge.inferred for edge in graph.edges)


def make(body, tmp_path_factory):
    """A state class whose handler has these lines, from a file of its own."""
    path = tmp_path_factory.mktemp("code") / "made.py"
    lines = ["class Made(State):", "    async def handle_message(self, message, component):"]
    text = "\n".join(lines + ["        " + line for line in body])
    path.write_text(text, encoding="utf-8")
    names = {"State": State, "InfNext": InfNext, "__name__": __name__}
    exec(compile(text, str(path), "exec"), names)
    return names["Made"]


def test_a_huge_handler_takes_a_bounded_time(tmp_path_factory):
    """Ways that double with every line are given up, and said."""
    lines = []
    for number in range(3_000):
        lines.append(f"x{number} = 1 if component.data['a{number}'] else 2")
    cls = make([*lines, "return True, InfNext()"], tmp_path_factory)
    assert "handle_message is too large to be followed" in read_state(cls).notes


def test_a_long_chain_is_read_whole(tmp_path_factory):
    """A thousand messages are no reason to give up."""
    lines = ["kind = message['type']"]
    for number in range(1_000):
        lines += [f"if kind == 'm{number}':", "    return True, InfNext()"]
    reading = read_state(make([*lines, "return False, self"], tmp_path_factory))
    assert (len(reading.edges), reading.complete) == (1_000, True)


conditions = st.sampled_from(
    [
        "message['type'] == 'a'",
        "message.get('type') in ('a', 'b')",
        "component.data['x']",
        "not message",
        "x is None",
        "(y := message['type'])",
        "[m for m in message]",
        "lambda: message",
        "await component.ask(message)",
        "1 < len(message) < 3",
        "{**message}['type'] == 'a'",
        "message['type'] != None and x",
    ]
)
leaves = st.sampled_from(
    [
        ["return True, InfNext()"],
        ["return False, self"],
        ["return x"],
        ["return (True,)"],
        ["x = message['type']"],
        ["x, *y = message, component"],
        ["message = component.data"],
        ["del message"],
        ["raise ValueError"],
        ["component.data['n'] += 1"],
        ["import json, os.path as p"],
        ["x: int"],
        ["def inner(): return True, self"],
        ["return True, x() if x else self"],
        ["global G", "G = 1"],
        ["return {'a': InfNext}[message['type']]()"],
    ]
)


def indented(lines):
    return ["    " + line for line in lines]


def joined(blocks):
    return [line for block in blocks for line in block]


bodies = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(joined),
        st.tuples(conditions, inner, inner).map(
            lambda t: [f"if {t[0]}:", *indented(t[1]), "else:", *indented(t[2])]
        ),
        st.tuples(conditions, inner).map(
            lambda t: [f"while {t[0]}:", *indented(t[1]), "    break"]
        ),
        st.tuples(conditions, inner).map(
            lambda t: [f"for x in ({t[0]}, 'b'):", *indented(t[1]), "    continue"]
        ),
        inner.map(lambda t: ["async with component.lock as x:", *indented(t)]),
        st.tuples(inner, inner).map(
            lambda t: ["try:", *indented(t[0]), "except Exception as e:", *indented(t[1]),
                       "finally:", "    x = 1"]
        ),
        st.tuples(conditions, inner, inner).map(
            lambda t: [f"match {t[0]}:", "    case {'type': 'a', **x}:", *indented(indented(t[1])),
                       "    case [y, *_] | y if y:", *indented(indented(t[2]))]
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150)
@given(body=bodies)
def test_no_handler_is_too_strange(body, tmp_path_factory):
    """Whatever compiles gives a reading, and its edges lead to states."""
    try:
        cls = make(body, tmp_path_factory)
    except SyntaxError:
        return
    reading = read_state(cls)
    assert {edge.target for edge in reading.edges} <= {"InfNext", "Made"}
    assert reading.complete == (reading.notes == ())
    assert set(reading.classes) == {edge.target for edge in reading.edges}


def test_sources_are_parsed_only():
    """The reading itself never compiles or evaluates."""
    modules = [inferred.__file__, *Path(handlers.__file__).parent.glob("*.py")]
    trees = [ast.parse(Path(module).read_text(encoding="utf-8")) for module in modules]
    calls = [n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Call)]
    names = {each.func.id for each in calls if isinstance(each.func, ast.Name)}
    assert names & {"eval", "exec", "compile", "__import__"} == set()
