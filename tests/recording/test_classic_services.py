"""Services in the style of 1.x that do what no example does, recorded: nothing of it is missing."""

from __future__ import annotations

import copy
import enum
import pickle

import pytest

from flexiflow import AsyncComponent, FlexiFlowEngine, State, StateMachine, open_history, record


class Idle(State):
    async def handle_message(self, message, component):
        return (True, Busy()) if message.get("type") == "start" else (False, self)


class Busy(State):
    async def handle_message(self, message, component):
        if message.get("type") == "fail":
            raise RuntimeError("no")
        return [True, Idle()]  # a list serves as well


class Bare:
    """A state that derives from nothing."""

    async def handle_message(self, message, component):
        return True, Idle()


class Name(enum.Enum):
    FIRST = "first"


class TextName(str, enum.Enum):  # noqa: UP042 - as code older than StrEnum has it
    FIRST = "first"


class Swallowing(AsyncComponent):
    """Tries twice, and keeps errors to itself."""

    async def handle_message(self, message):
        for _ in range(2):
            try:
                return await super().handle_message(message)
            except RuntimeError:
                continue


def component(name="x", state=None, kind=AsyncComponent):
    return kind(name, state_machine=StateMachine(Idle() if state is None else state))


def told(db):
    """What the history says of each step, once it is known to be sound."""
    history = open_history(db)
    assert history.verify().ok
    columns = ["component", "message", "from_state", "to_state", "outcome"]
    return [tuple(row) for row in history.steps()[columns].itertuples(index=False)]


@pytest.mark.parametrize("durability", ["grouped", "always"])
@pytest.mark.parametrize(
    ("name", "shown"),
    [(42, "42"), (Name.FIRST, "Name.FIRST"), (TextName.FIRST, "first"), (("a", 1), "('a', 1)")],
)
async def test_a_name_that_is_no_string_is_recorded_as_text(tmp_path, name, shown, durability):
    """And takes no other component's rows with it."""
    engine = FlexiFlowEngine()
    engine.register(component("other"))
    engine.register(component(name))
    async with record(engine, tmp_path / "s.db", log=tmp_path / "l.jsonl", durability=durability):
        await engine.handle_message(name, "start")
        await engine.handle_message("other", "start")
    assert [step[0] for step in told(tmp_path / "s.db")] == [shown, "other"]
    log = open_history(tmp_path / "s.db").log
    assert set(log.records(component=shown)["event"]) >= {"message.received", "handler.finished"}


@pytest.mark.parametrize("first", ["record", "assign"])
async def test_a_component_put_into_the_dict_by_hand_is_recorded(tmp_path, first):
    """Before the recording begins or after."""
    engine = FlexiFlowEngine()
    if first == "assign":
        engine.components["x"] = component()
    async with record(engine, tmp_path / "s.db"):
        engine.components.setdefault("x", component())
        await engine.handle_message("x", "start")
    assert told(tmp_path / "s.db") == [("x", "start", "Idle", "Busy", "moved")]
    assert open_history(tmp_path / "s.db").visits("x")["state"].tolist() == ["Idle", "Busy"]


async def test_states_need_no_base_and_may_answer_with_a_list(tmp_path):
    """1.x unpacked whatever came, and asked whatever handles messages."""
    engine = FlexiFlowEngine()
    engine.register(component(state=Bare()))
    async with record(engine, tmp_path / "s.db"):
        for kind in ("any", "start", "stop"):
            await engine.handle_message("x", kind)
    moves = [(before, after) for _, _, before, after, _ in told(tmp_path / "s.db")]
    assert moves == [("Bare", "Idle"), ("Idle", "Busy"), ("Busy", "Idle")]


async def test_errors_that_a_component_keeps_to_itself_are_its_steps(tmp_path):
    """Each try is one, and there is none beside them that says it was never tried."""
    engine = FlexiFlowEngine()
    engine.register(component(state=Busy(), kind=Swallowing))
    async with record(engine, tmp_path / "s.db"):
        step = await engine.handle_message("x", "fail")
    assert (step.outcome, str(step.error)) == ("failed", "no")
    assert told(tmp_path / "s.db") == [("x", "fail", "Busy", "Busy", "failed")] * 2


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda original: pickle.loads(pickle.dumps(original))],
    ids=["deepcopy", "pickle"],
)
async def test_a_copy_of_a_component_works_and_is_nobodys_row(tmp_path, copied):
    """Its bus, its engine and what waits for it are no obstacle."""
    engine = FlexiFlowEngine()
    original = engine.register(component())
    async with record(engine, tmp_path / "s.db", redact=["password"]):
        await original.handle_message({"type": "start"})
        twin = copied(original)
        await twin.handle_message({"type": "stop"})
        await copied(engine).handle_message("x", "stop")
    assert (original.state, twin.state) == ("Busy", "Idle")
    assert told(tmp_path / "s.db") == [("x", "start", "Idle", "Busy", "moved")]
