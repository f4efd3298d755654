"""Styles that take more to be read: names made of the type, either-or, loops, rebound names."""

import asyncio
import contextlib
import operator

import pytest

from flexiflow.graph.inferred import read_state
from flexiflow.graph.model import ANY_MESSAGE
from flexiflow.states import DEFAULT_REGISTRY, State, StateRegistry

PREFIX = "order"


class StyA(State):
    pass


class StyB(State):
    pass


REGISTRY = StateRegistry(DEFAULT_REGISTRY)
REGISTRY.register("StyA", StyA)
REGISTRY.register("StyB", StyB)


def needs(kind):
    """A decorator that does not pass on what its function refuses."""

    def decorate(function):
        async def wrapper(self, message, component):
            if message["type"] != kind:
                return False, self
            return await function(self, message, component)

        return wrapper

    return decorate


class FString(State):
    async def handle_message(self, message, component):
        if message["type"] == f"{PREFIX}.go":
            return True, StyA()
        return message["type"] == PREFIX + ".stop", StyB()


class MethodByName(State):
    async def handle_message(self, message, component):
        method = getattr(self, f"on_{message['type']}", None)
        if method is None:
            return False, self
        return await method(message, component)

    async def on_a(self, message, component):
        return True, StyA()

    async def on_b(self, message, component):
        return True, StyB()


class MethodBySum(State):
    async def handle_message(self, message, component):
        return await getattr(self, "on_" + message["type"], self.otherwise)(message)

    async def on_a(self, message):
        return True, StyA()

    async def otherwise(self, message):
        return False, self


class EitherOr(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            if message.get("x") or message.get("y"):
                return True, StyA()
            return True, StyB()
        return False, self


class NotBoth(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            if not (message.get("x") and message.get("y")):
                return True, StyA()
            return True, StyB()
        return False, self


class RefusedBetween(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            if message.get("x"):
                if message.get("y"):
                    return False, self
                component.data["n"] = 1
            return True, StyA()
        return False, self


class AllBranchesGoOn(State):
    async def handle_message(self, message, component):
        if message.get("x"):
            component.data["n"] = 1
        elif message.get("y"):
            component.data["n"] = 2
        else:
            component.data["n"] = 3
        return message["type"] == "a", StyA()


class FoundClass(State):
    async def handle_message(self, message, component):
        if (following := {"a": StyA, "b": StyB}.get(message["type"])) is None:
            return False, self
        return True, following()


class NextState(State):
    async def handle_message(self, message, component):
        following = None
        if message["type"] == "a":
            following = StyA()
        elif message["type"] == "b":
            following = StyB()
        if following is None:
            return False, self
        return True, following


class ResultOfSuper(EitherOr):
    async def handle_message(self, message, component):
        result = await super().handle_message(message, component)
        if result[0]:
            return result
        return message["type"] == "z", StyB()


class Retries(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            for _ in range(3):
                try:
                    await component.pay()
                    return True, StyA()
                except ConnectionError:
                    continue
            return True, StyB()
        return False, self


class KeyMissing(State):
    async def handle_message(self, message, component):
        try:
            return True, {"a": StyA, "b": StyB}[message["type"]]()
        except KeyError:
            return False, self


class Locks(State):
    async def handle_message(self, message, component):
        async with component.lock, contextlib.AsyncExitStack():
            if message["type"] == "a":
                return True, StyA()
        with contextlib.suppress(KeyError):
            return message["type"] == "b", StyB()
        return False, self


class Ternaries(State):
    async def handle_message(self, message, component):
        return (
            (True, StyA())
            if message["type"] == "a"
            else (True, StyB())
            if message["type"] == "b"
            else (False, self)
        )


class DecoratedByKind(State):
    @needs("a")
    async def handle_message(self, message, component):
        return True, StyA()


class StaticFactory(State):
    @staticmethod
    def make(name):
        return REGISTRY.create(name)

    async def handle_message(self, message, component):
        if message["type"] == "a":
            return True, self.make("StyA")
        return message["type"] == "b", StaticFactory.make("StyB")


class AsksForType(State):
    async def handle_message(self, message, component):
        if "type" not in message:
            return False, self
        return message["type"] == "a", StyA()


class MarksTheMessage(State):
    async def handle_message(self, message, component):
        message.update(seen=True)
        message.setdefault("x", 0)
        del component.data
        return message["type"] == "a", StyA()


class BreakAndElse(State):
    async def handle_message(self, message, component):
        for kind in ("a", "b"):
            if message["type"] == kind:
                break
        else:
            return
        return True, StyA()


class Raises(State):
    async def handle_message(self, message, component):
        if message["type"] not in ("a", "b"):
            raise ValueError(message["type"])
        return True, StyA() if message["type"] == "a" else StyB()


A, B = ("a", "StyA", None), ("b", "StyB", None)
READ = [
    (FString, [("order.go", "StyA", None), ("order.stop", "StyB", None)]),
    (MethodByName, [A, B]),
    (MethodBySum, [A]),
    (EitherOr, [("a", "StyA", "x or y"), ("a", "StyB", "not x and not y")]),
    (NotBoth, [("a", "StyA", "not (x and y)"), ("a", "StyB", "x and y")]),
    (RefusedBetween, [("a", "StyA", "x and not y or not x")]),
    (AllBranchesGoOn, [A]),
    (FoundClass, [A, B]),
    (NextState, [A, B]),
    (
        ResultOfSuper,
        [
            ("a", "StyA", "x or y"),
            ("a", "StyB", "not x and not y"),
            ("z", "StyB", None),
        ],
    ),
    (Retries, [A, ("a", "StyB", None)]),
    (KeyMissing, [A, B]),
    (Locks, [A, B]),
    (Ternaries, [A, B]),
    (DecoratedByKind, [A]),
    (StaticFactory, [A, B]),
    (AsksForType, [A]),
    (MarksTheMessage, [A]),
    (BreakAndElse, [A, ("b", "StyA", None)]),
    (Raises, [A, B]),
]


class Rebound(State):
    async def handle_message(self, message, component):
        kind = message["type"]
        kind += "!"
        if kind == "a!":
            return True, StyA()
        return False, self


class InGenerator(State):
    async def handle_message(self, message, component):
        if any(message["type"] == kind for kind in ("a", "b")):
            return True, StyA()
        return False, self


class Copied(State):
    async def handle_message(self, message, component):
        message = dict(message)
        return message["type"] == "a", StyA()


class Getter(State):
    async def handle_message(self, message, component):
        if operator.itemgetter("type")(message) == "a":
            return True, StyA()
        return False, self


class Nested(State):
    async def handle_message(self, message, component):
        def go():
            return True, StyA()

        if message["type"] == "a":
            return go()
        return False, self


class Lambdas(State):
    async def handle_message(self, message, component):
        return {"a": lambda: (True, StyA())}[message["type"]]()


class Splits(State):
    async def handle_message(self, message, component):
        match message["type"].split("."):
            case ["order", "go"]:
                return True, StyA()
        return False, self


class SetsTheState(State):
    async def handle_message(self, message, component):
        component.state_machine.current_state = StyA()
        return True, self


class SetsTheStateInAHelper(State):
    async def handle_message(self, message, component):
        self.move(component)
        return True, self

    def move(self, component):
        component.state_machine.current_state = StyA()


class SetsTheStateByName(State):
    async def handle_message(self, message, component):
        setattr(component.state_machine, "current_state", StyA())  # noqa: B010
        return True, self


class Updates(State):
    async def handle_message(self, message, component):
        message.update(type="b")
        return message["type"] != "a", StyA()


class Deletes(State):
    async def handle_message(self, message, component):
        del message["type"]
        return True, StyA()


class ChangesInAHelper(State):
    async def handle_message(self, message, component):
        self.rename(message)
        return message["type"] != "a", StyA()

    def rename(self, message):
        message["type"] = "b"


class ReturnsInFinally(State):
    async def handle_message(self, message, component):
        try:
            return True, StyA()
        finally:
            return False, self  # noqa: B012, SIM107


class Loops(State):
    async def handle_message(self, message, component):
        kinds = [message["type"]]
        while kinds:
            kind = kinds.pop()
            if kind == "a":
                return True, StyA()
        return False, self


GIVEN_UP = [
    (Rebound, "which messages lead to StyA is computed"),
    (InGenerator, "which messages lead to StyA is computed"),
    (Copied, "which messages lead to StyA is computed"),
    (Getter, "which messages lead to StyA is computed"),
    (Nested, "what it returns is computed"),
    (Lambdas, "what it returns is computed"),
    (Splits, "which messages lead to StyA is computed"),
    (SetsTheState, "it sets the current state itself"),
    (SetsTheStateInAHelper, "it sets the current state itself"),
    (SetsTheStateByName, "it sets the current state itself"),
    (Updates, "it changes the message's type"),
    (Deletes, "it changes the message's type"),
    (ChangesInAHelper, "it changes the message's type"),
    (ReturnsInFinally, "a return in finally overrides the others"),
    (Loops, "which messages lead to StyA is computed"),
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
    assert reason in reading.notes[0]
    assert (reading.edges, reading.complete) == ((), False)


class Payer:
    """A component that can do what these handlers ask for."""

    def __init__(self):
        self.data = {}
        self.lock = asyncio.Lock()

    async def pay(self):
        """Do nothing."""


@pytest.mark.parametrize("cls", [cls for cls, _ in READ], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("kind", ["a", "b", "z", "order.go", "order.stop", "other"])
@pytest.mark.parametrize("fields", [{}, {"x": 1}, {"y": 1}, {"x": 1, "y": 1}])
def test_what_a_handler_does_is_among_what_was_read(cls, kind, fields):
    """Run for once: where it leads is an edge for that message, and `takes` did not deny it."""
    reading = read_state(cls, registry=REGISTRY)

    async def run():
        try:
            return await cls().handle_message({"type": kind, **fields}, Payer()) or (False, None)
        except ValueError:
            return False, None

    proceeds, following = asyncio.run(run())
    found = {edge.target for edge in reading.edges if edge.message in (kind, ANY_MESSAGE)}
    assert not proceeds or type(following).__name__ in found
    assert reading.takes(kind) in (bool(proceeds), "unknown")
