"""A component: its entry, the order of one step, and what reaches the caller."""

import asyncio
import gc
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.component import AsyncComponent
from flexiflow.correlation import current_correlation_id, current_span, set_correlation_id
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import InvalidType, InvalidValue, PersistenceError
from flexiflow.event_manager import AsyncEventManager
from flexiflow.hooks import Hooks
from flexiflow.logger import CorrelationIdFilter
from flexiflow.state_machine import ErrorHandling, InitialState, StateMachine
from flexiflow.states import State
from flexiflow.step import Step


class End(State, final=True): ...


class Failed(State):
    @on("retry", to="Open")
    def retry(self, message, component): ...


class Open(State):
    @on("close", to=End)
    async def close(self, message, component):
        component.data["closed_by"] = message.get("by")

    @on("count")
    def count(self, message, component):
        component.data["count"] = component.data.get("count", 0) + 1

    @on("run", to=End, raises={KeyError: Failed})
    async def run(self, message, component):
        component.data["ran"] = True
        await message["do"]()

    @on("guarded", to=End, guard=lambda message, component: message["total"] > 10)
    def guarded(self, message, component): ...


def opened(name="door", start=Open, **more):
    return AsyncComponent(name, state_machine=StateMachine(start()), **more)


async def raising(error):
    raise error


class Watcher:
    """An observer that notes what it is told, and commits as the test says."""

    def __init__(self, component):
        self.told = []
        self.component = component
        self.answer = None
        component._hooks = Hooks(self)

    def registered(self, component): ...

    def received(self, step, message):
        self.told.append(("received", step.message_type, self.component.state))

    def handler_started(self, span, component, handler, data=None):
        self.told.append(("started", handler, self.component.state))

    def handler_finished(self, span, component, handler, duration_us, data=None):
        self.told.append(("finished", handler, self.component.state))

    def handler_failed(self, span, component, handler, duration_us, error, data=None):
        self.told.append(("handler failed", handler, type(error).__name__))

    def commit(self, step, message, component):
        self.told.append(("commit", step.outcome, self.component.state))
        self.committed = (step, component)
        return None if self.answer is None else self.answer()

    def uncommitted(self, step):
        self.told.append(("uncommitted", step.outcome, step.to_state))

    def settled(self, step):
        self.told.append(("settled", step.outcome, self.component.state))


# -- making one ---------------------------------------------------------------------------


def test_the_arguments_of_1_x_go_by_position():
    """name, rules, state_machine, logger, event_bus."""
    machine, logger, bus = StateMachine(Open()), logging.getLogger("x"), AsyncEventManager()
    component = AsyncComponent("door", ["r"], machine, logger, bus)
    assert component.name == "door"
    assert component.rules == ["r"]
    assert component.state_machine is machine
    assert component.logger is logger
    assert component.event_bus is bus


def test_the_defaults():
    """No rules, no data, the initial state, and nothing shared between components."""
    first, second = AsyncComponent("a"), AsyncComponent("b")
    assert (first.rules, first.data, first.state) == ([], {}, "InitialState")
    assert first.logger is None
    assert first.event_bus is None
    assert first.rules is not second.rules
    assert first.data is not second.data


def test_lists_and_dicts_are_kept_as_given():
    """The caller may go on using them."""
    rules, data = ["r"], {"a": 1}
    component = AsyncComponent("door", rules, data=data)
    assert component.rules is rules
    assert component.data is data


async def test_rules_are_added_one_by_one_and_several_at_once():
    """`update_rules` extends."""
    component = AsyncComponent("door")
    await component.add_rule("a")
    await component.update_rules(["b", "c"])
    assert component.rules == ["a", "b", "c"]


def test_the_repr_says_name_and_state():
    """And the class, since it may be a subclass."""

    class Door(AsyncComponent): ...

    assert repr(Door("front")) == "<Door 'front' in InitialState>"


async def test_a_subclass_that_does_not_call_init_works():
    """1.x had such; what they did not set is made when it is used."""

    class Bare(AsyncComponent):
        def __init__(self):
            self.name = "bare"
            self.state_machine = StateMachine(Open())

    first, second = Bare(), Bare()
    assert (await first.send("count")).outcome == "stayed"
    assert (first.rules, first.data) == ([], {"count": 1})
    assert second.data == {}
    assert FlexiFlowEngine().register(second).logger is not None


# -- the entry ----------------------------------------------------------------------------


async def test_handle_message_returns_none():
    """As in 1.x."""
    component = opened()
    assert await component.handle_message({"type": "close"}) is None
    assert component.state == "End"


async def test_send_returns_the_step():
    """With the fields as the message's fields."""
    component = opened()
    step = await component.send("close", by="me")
    assert isinstance(step, Step)
    assert (step.component, step.message_type, step.outcome) == ("door", "close", "moved")
    assert (step.from_state, step.to_state) == ("Open", "End")
    assert component.data == {"closed_by": "me"}


async def test_the_type_may_be_given_by_keyword():
    """`send(type=…)` is what the signature says."""
    assert (await opened().send(type="close")).outcome == "moved"


async def test_a_field_can_not_replace_the_type():
    """A message has one type; a second one is a mistake that Python names."""
    component = opened()
    with pytest.raises(TypeError, match="multiple values"):
        await component.send("close", type="count")
    assert component.state == "Open"


async def test_a_message_that_is_no_dict_is_refused():
    """A TypeError with what to send instead."""
    with pytest.raises(InvalidType, match="must be a dict, not str") as caught:
        await opened().handle_message("close")
    assert isinstance(caught.value, TypeError)
    assert "send" in caught.value.fix


@pytest.mark.parametrize(
    ("message", "shown"), [({}, None), ({"type": None}, None), ({"type": 5}, "5")]
)
async def test_a_type_that_is_no_text_is_shown_as_text(message, shown):
    """Nothing takes it; the step says what it was."""
    step = await opened()._deliver(message)
    assert (step.message_type, step.outcome) == (shown, "refused")


async def test_steps_report_each_outcome():
    """moved, stayed and refused return; the guards say what they saw."""
    assert (await opened().send("close")).outcome == "moved"
    assert (await opened().send("count")).outcome == "stayed"
    refused = await opened().send("guarded", total=5)
    assert refused.outcome == "refused"
    assert refused.guards[0].values == {"message.total": 5}
    assert refused.reason == "guard <lambda> said no: message.total=5"


async def test_a_step_has_times():
    """Microseconds: when its turn came, and how long it took."""
    step = await opened().send("run", do=lambda: asyncio.sleep(0.01))
    assert step.duration_us >= 9_000
    assert step.started_us > 1_600_000_000_000_000


# -- the order of one step ----------------------------------------------------------------


async def test_the_order_of_a_step():
    """guards → handler → commit → state assigned → state.changed published → result."""
    component = opened(event_bus=AsyncEventManager())
    watcher = Watcher(component)

    async def subscriber(event):
        watcher.told.append(("state.changed", event["to_state"], component.state))

    await component.event_bus.subscribe("state.changed", "x", subscriber)

    async def committing():
        await asyncio.sleep(0)
        watcher.told.append(("committed", None, component.state))

    watcher.answer = committing
    await component.send("close")
    assert watcher.told == [
        ("received", "close", "Open"),
        ("started", "Open.close", "Open"),
        ("finished", "Open.close", "Open"),
        ("commit", "moved", "Open"),
        ("committed", None, "Open"),
        ("settled", "moved", "End"),
        ("state.changed", "End", "End"),
    ]


async def test_the_events_carry_what_1_x_promised():
    """Names, not objects; payloads may only gain keys."""
    component = opened(event_bus=AsyncEventManager())
    events = []
    for name in ("component.message.received", "state.changed"):
        await component.event_bus.subscribe(name, "x", events.append)
    step = await component.send("close", by="me")
    assert events[0]["component"] == "door"
    assert events[0]["message"] == {"type": "close", "by": "me"}
    changed = dict(events[1])
    assert changed.pop("correlation_id") == step.correlation_id
    assert changed == {"component": "door", "from_state": "Open", "to_state": "End"}


async def test_state_changed_is_published_for_moves_only():
    """Staying, refusing and failing change no state."""
    component = opened(event_bus=AsyncEventManager())
    events = []
    await component.event_bus.subscribe("state.changed", "x", events.append)
    await component.send("count")
    await component.send("nothing")
    with pytest.raises(ValueError, match="no"):
        await component.send("run", do=lambda: raising(ValueError("no")))
    assert events == []


async def test_subscriber_errors_never_undo_a_step():
    """They come after it."""
    component = opened(event_bus=AsyncEventManager())
    await component.event_bus.subscribe("state.changed", "x", lambda _: 1 / 0)
    await component.event_bus.subscribe("component.message.received", "x", lambda _: 1 / 0)
    step = await component.send("close")
    assert (step.outcome, component.state) == ("moved", "End")


async def test_an_exception_leaves_the_old_state_and_the_new_data():
    """Data is not rolled back."""
    component = opened()
    with pytest.raises(ValueError, match="no"):
        await component.send("run", do=lambda: raising(ValueError("no")))
    assert component.state == "Open"
    assert component.data == {"ran": True}


async def test_a_failed_step_is_committed_before_its_error_is_raised():
    """It is recorded, and then reaches the caller."""
    component = opened()
    watcher = Watcher(component)
    error = ValueError("no")
    with pytest.raises(ValueError, match="no") as caught:
        await component.send("run", do=lambda: raising(error))
    assert caught.value is error
    assert watcher.told[-2:] == [
        ("handler failed", "Open.run", "ValueError"),
        ("commit", "failed", "Open"),
    ]
    assert watcher.committed[0].error is error


async def test_a_declared_exception_moves_with_its_error_and_is_not_raised():
    """outcome moved, its error filled in."""
    component = opened()
    error = KeyError("expected")
    step = await component.send("run", do=lambda: raising(error))
    assert (step.outcome, step.to_state, step.error) == ("moved", "Failed", error)
    assert component.state == "Failed"


async def test_a_move_to_the_same_state_stays():
    """A new instance of the present state is assigned, but nothing has changed."""

    class Same(State):
        @on("again", to="Same")
        def again(self, message, component): ...

        async def handle_message(self, message, component):
            return True, Same()

    component = opened(start=Same, event_bus=AsyncEventManager())
    events = []
    await component.event_bus.subscribe("state.changed", "x", events.append)
    before = component.state_machine.current_state
    assert (await component.send("again")).outcome == "stayed"
    assert (await component.send("classic")).outcome == "stayed"
    assert component.state_machine.current_state is not before
    assert events == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_handler_leaves_the_state_and_is_raised(error):
    """It is recorded as a failure like any other."""
    component = opened()
    watcher = Watcher(component)

    async def go():
        with pytest.raises(error):
            await component.send("run", do=lambda: raising(error()))

    asyncio.run(go())
    assert component.state == "Open"
    assert watcher.committed[0].outcome == "failed"


class Waiting(State):
    async def handle_message(self, message, component):
        await message["do"]()


class WaitingMachine(StateMachine):
    async def handle_message(self, message, component):
        await message["do"]()


@pytest.mark.parametrize(
    "machine",
    [StateMachine(Open()), StateMachine(Waiting()), WaitingMachine(Open())],
    ids=["declared", "classic", "machine"],
)
async def test_a_coroutine_that_is_closed_from_outside_commits_nothing(machine):
    """Nobody waits for it any more, and it can't await anything."""
    component = AsyncComponent("door", state_machine=machine)
    watcher = Watcher(component)
    watcher.answer = lambda: asyncio.sleep(0)
    forever = asyncio.get_running_loop().create_future()
    coroutine = component.send("run", do=lambda: forever)
    coroutine.send(None)
    coroutine.close()
    assert "commit" not in [what for what, *_ in watcher.told]
    assert component._mailbox.turn is None


# -- cancellation and the commit ----------------------------------------------------------


class Gate:
    """A commit that ends when the test says so."""

    def __init__(self):
        self.entered = asyncio.Event()
        self.future = asyncio.get_running_loop().create_future()

    def __call__(self):
        self.entered.set()
        return self.future


async def committing(message_type="close", bus=None, **fields):
    component = opened(event_bus=bus)
    watcher = Watcher(component)
    watcher.answer = gate = Gate()
    task = asyncio.create_task(component.send(message_type, **fields))
    await gate.entered.wait()
    return component, watcher, gate, task


async def test_a_cancellation_during_the_commit_arrives_after_the_state_is_assigned():
    """From the handler's return to the assignment the step is shielded."""
    component, watcher, gate, task = await committing()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    assert component.state == "Open"
    gate.future.set_result(None)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert component.state == "End"
    assert watcher.told[-1] == ("settled", "moved", "End")


async def test_several_cancellations_during_the_commit_are_one():
    """Each of them waits."""
    component, _, gate, task = await committing()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    gate.future.set_result(None)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert component.state == "End"


async def test_a_timeout_during_the_commit_is_a_timeout():
    """`asyncio.timeout` sees its own cancellation."""
    component = opened()
    Watcher(component).answer = gate = Gate()
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, lambda: gate.future.set_result(None))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await component.send("close")
    assert component.state == "End"


async def test_state_changed_is_published_although_the_caller_was_cancelled():
    """The move has happened: its subscribers hear of it."""
    bus, events = AsyncEventManager(), []
    await bus.subscribe("state.changed", "x", events.append)
    _, _, gate, task = await committing(bus=bus)
    task.cancel()
    await asyncio.sleep(0)
    assert events == []
    gate.future.set_result(None)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [event["to_state"] for event in events] == ["End"]


async def test_a_cancellation_while_a_failure_is_committed_is_not_swallowed():
    """A caller that catches the error would never learn of it; the error is its cause."""
    error = ValueError("no")
    component, _, gate, task = await committing("run", do=lambda: raising(error))
    task.cancel()
    await asyncio.sleep(0)
    gate.future.set_result(None)
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.__cause__ is error
    assert component.state == "Open"


async def test_a_commit_that_fails_raises_and_leaves_the_state():
    """`durability="always"`: what is not on disk has not happened."""
    component, watcher, gate, task = await committing()
    gate.future.set_exception(PersistenceError("The database can't be written."))
    with pytest.raises(PersistenceError):
        await task
    assert component.state == "Open"
    step = watcher.committed[0]
    assert (step.outcome, step.to_state) == ("failed", "Open")
    assert isinstance(step.error, PersistenceError)
    assert watcher.told[-1] == ("uncommitted", "failed", "Open")


async def test_a_commit_that_fails_and_a_cancellation_are_both_told():
    """The cancellation arrives, with the failure as its cause."""
    component, _, gate, task = await committing()
    task.cancel()
    await asyncio.sleep(0)
    gate.future.set_exception(PersistenceError("The database can't be written."))
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert isinstance(caught.value.__cause__, PersistenceError)
    assert component.state == "Open"


async def test_a_failure_that_can_not_be_committed_is_still_the_handlers():
    """The caller gets the handler's error, with a note that it is not recorded."""
    error = ValueError("no")
    _, _, gate, task = await committing("run", do=lambda: raising(error))
    gate.future.set_exception(PersistenceError("The database can't be written."))
    with pytest.raises(ValueError, match="no") as caught:
        await task
    assert "could not be recorded" in caught.value.__notes__[0]


async def test_the_component_is_free_after_a_commit_that_failed():
    """The next message has its turn."""
    component, watcher, gate, task = await committing()
    gate.future.set_exception(PersistenceError("no"))
    await asyncio.wait([task])
    task.exception()
    watcher.answer = None
    assert (await component.send("close")).outcome == "moved"


async def test_a_cancelled_wait_is_committed_without_the_component():
    """It never had its turn: another message may have changed half of the data."""
    component = opened()
    watcher = Watcher(component)
    gate = asyncio.Event()
    holder = asyncio.create_task(component.send("run", do=gate.wait))
    await asyncio.sleep(0)
    doomed = asyncio.create_task(component.send("count"))
    await asyncio.sleep(0)
    doomed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doomed
    step, given = watcher.committed
    assert (step.message_type, step.outcome) == ("count", "cancelled")
    assert step.reason == "cancelled while it waited"
    assert (step.from_state, step.to_state) == ("Open", "Open")
    assert step.started_us > 0
    assert given is None
    gate.set()
    await holder


async def test_a_wait_that_is_cancelled_during_a_commit_is_in_the_state_that_is_committed():
    """Its row comes after that of the move, so it must begin where the move ends."""
    component, watcher, gate, task = await committing()
    doomed = asyncio.create_task(component.send("count"))
    await asyncio.sleep(0)
    doomed.cancel()
    await asyncio.sleep(0)
    step = watcher.committed[0]
    assert (step.outcome, step.from_state, step.to_state) == ("cancelled", "End", "End")
    gate.future.set_result(None)
    await task
    await asyncio.wait([doomed])


async def test_a_wait_that_is_cancelled_as_it_is_handed_the_turn_is_in_the_present_state():
    """The next in the queue has the turn then, and does not know its state yet."""
    component = opened()
    watcher = Watcher(component)

    async def close_then_cancel():
        await component.send("close")
        doomed.cancel()

    gate = Gate()
    watcher.answer = gate
    holder = asyncio.create_task(close_then_cancel())
    await gate.entered.wait()
    watcher.answer = None
    doomed = asyncio.create_task(component.send("count"))
    following = asyncio.create_task(component.send("count"))
    await asyncio.sleep(0)
    committed = []
    watcher.commit = lambda step, *_: committed.append((step.outcome, step.from_state))
    gate.future.set_result(None)
    await asyncio.wait([holder, doomed, following])
    assert committed == [("cancelled", "End"), ("refused", "End")]


async def test_a_cancellation_before_the_handler_is_recorded():
    """A subscriber to component.message.received may be where it arrives."""
    component = opened(event_bus=AsyncEventManager())
    watcher = Watcher(component)
    entered = asyncio.Event()

    async def wait(_):
        entered.set()
        await asyncio.Event().wait()

    await component.event_bus.subscribe("component.message.received", "x", wait)
    task = asyncio.create_task(component.send("close"))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    step = watcher.committed[0]
    assert (step.outcome, step.reason) == ("cancelled", "cancelled before it was handled")
    assert component.state == "Open"


async def test_an_observer_that_comes_during_a_step_is_told_all_of_it():
    """A recording that begins while a handler runs gets the message, too."""
    component = opened()
    gate = asyncio.Event()
    task = asyncio.create_task(component.send("run", do=gate.wait))
    await asyncio.sleep(0)
    watcher = Watcher(component)
    gate.set()
    await task
    assert [what for what, *_ in watcher.told] == ["received", "commit", "settled"]


async def test_an_observer_that_goes_during_a_step_is_still_told_of_its_end():
    """What it was told of it also commits."""
    component = opened()
    watcher = Watcher(component)
    gate = asyncio.Event()
    task = asyncio.create_task(component.send("run", do=gate.wait))
    await asyncio.sleep(0)
    component._hooks = Hooks()
    gate.set()
    await task
    assert [what for what, *_ in watcher.told][-2:] == ["commit", "settled"]


# -- ids ----------------------------------------------------------------------------------


async def test_a_message_from_outside_gets_a_new_id():
    """32 hex digits, another one each time."""
    component = opened()
    first, second = await component.send("count"), await component.send("count")
    assert len(first.correlation_id) == 32
    assert first.correlation_id != second.correlation_id
    assert (first.parent_id, first.sender) == (None, None)


async def test_an_id_that_is_given_is_kept():
    """As an argument of send, or as a key of the message."""
    component = opened()
    assert (await component.send("count", correlation_id="mine")).correlation_id == "mine"
    step = await component._deliver({"type": "count", "correlation_id": "mine"})
    assert step.correlation_id == "mine"


async def test_a_traceparent_that_is_given_is_continued():
    """Its span is the step's parent."""
    step = await opened().send("count", traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    assert (step.correlation_id, step.parent_id) == ("a" * 32, "b" * 16)


async def test_an_id_that_can_not_be_used_is_a_value_error():
    """Before anything is handled."""
    component = opened()
    with pytest.raises(InvalidValue, match="correlation id"):
        await component.send("close", correlation_id="a\nb")
    assert component.state == "Open"
    assert component._mailbox.turn is None


async def test_the_ambient_id_is_inherited():
    """From `set_correlation_id`, in its context."""
    set_correlation_id("ambient")
    try:
        assert (await opened().send("count")).correlation_id == "ambient"
    finally:
        current_span.set(None)


async def test_a_handler_knows_its_id_and_forgets_it_afterwards():
    """The context is the step's while it runs, and the caller's own after it."""
    seen = []

    async def do():
        seen.append(current_correlation_id())

    step = await opened().send("run", do=do)
    assert seen == [step.correlation_id]
    assert current_correlation_id() is None


async def test_a_nested_message_has_its_sender_and_parent():
    """The step says who sent it, and from which step."""
    inner = opened("inner")
    steps = []

    async def do():
        steps.append(await inner.send("count"))

    outer = await opened("outer").send("run", do=do)
    assert steps[0].correlation_id == outer.correlation_id
    assert (steps[0].sender, steps[0].sender_span) == ("outer", outer.span_id)
    assert steps[0].parent_id == outer.span_id


# -- the style of 1.x ---------------------------------------------------------------------


async def test_an_overridden_handle_message_is_the_entry_of_send_too():
    """Everything goes through it, and the step still comes back."""
    seen = []

    class Logged(AsyncComponent):
        async def handle_message(self, message):
            seen.append(message["type"])
            await super().handle_message(message)

    component = Logged("x", state_machine=StateMachine(Open()))
    step = await component.send("close")
    assert (step.outcome, step.to_state) == ("moved", "End")
    engine = FlexiFlowEngine()
    engine.register(component)
    await engine.handle_message("x", "close")
    assert seen == ["close", "close"]


async def test_an_override_may_change_the_message():
    """What it passes on is what is handled."""

    class Renaming(AsyncComponent):
        async def handle_message(self, message):
            await super().handle_message({**message, "type": "close"})

    step = await Renaming("x", state_machine=StateMachine(Open())).send("shut")
    assert (step.message_type, step.outcome) == ("close", "moved")


async def test_an_override_that_keeps_a_message_to_itself_gives_a_step():
    """It says that the machine never saw it."""

    class Silent(AsyncComponent):
        async def handle_message(self, message):
            self.data["last"] = message["type"]

    component = Silent("x")
    step = await component.send("start", correlation_id="mine")
    assert step.outcome == "stayed"
    assert "did not pass it to the machine" in step.reason
    assert step.correlation_id == "mine"


async def test_an_override_that_sends_elsewhere_first_gets_its_own_step():
    """The step of another component is not mistaken for its own."""
    other = opened("other")

    class Forwarding(AsyncComponent):
        async def handle_message(self, message):
            await other.handle_message({"type": "count"})
            await super().handle_message(message)
            await other.handle_message({"type": "count"})

    step = await Forwarding("x", state_machine=StateMachine(Open())).send("close")
    assert (step.component, step.message_type) == ("x", "close")
    assert other.data == {"count": 2}


async def test_a_machine_subclass_that_handles_messages_itself_moves():
    """It assigns the state as it goes; that counts when the step is committed."""
    states = []

    class Own(StateMachine):
        async def handle_message(self, message, component):
            if message["type"] == "jump":
                self.current_state = ErrorHandling()
                return True
            return await super().handle_message(message, component)

    component = AsyncComponent("x", state_machine=Own(InitialState()))
    watcher = Watcher(component)
    watcher.commit = lambda step, *_: states.append((step.outcome, component.state))
    jumped = await component.send("jump")
    assert (jumped.outcome, jumped.to_state, component.state) == (
        "moved",
        "ErrorHandling",
        "ErrorHandling",
    )
    assert (await component.send("acknowledge")).to_state == "InitialState"
    assert (await component.send("unheard of")).outcome == "refused"
    assert states == [
        ("moved", "InitialState"),
        ("moved", "ErrorHandling"),
        ("refused", "InitialState"),
    ]


async def test_a_machine_subclass_that_moves_and_returns_nothing_has_moved():
    """In 1.x nobody looked at the answer."""

    class Forgetful(StateMachine):
        async def handle_message(self, message, component):
            self.current_state = ErrorHandling()

    step = await AsyncComponent("x", state_machine=Forgetful(InitialState())).send("go")
    assert (step.outcome, step.to_state) == ("moved", "ErrorHandling")


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError()])
async def test_a_machine_subclass_that_raises_leaves_the_old_state(error):
    """Also where it had assigned the new one already."""

    class Failing(StateMachine):
        async def handle_message(self, message, component):
            self.current_state = ErrorHandling()
            raise error

    component = AsyncComponent("x", state_machine=Failing(InitialState()))
    watcher = Watcher(component)
    with pytest.raises(type(error)):
        await component.send("go")
    assert component.state == "InitialState"
    expected = "failed" if isinstance(error, ValueError) else "cancelled"
    assert watcher.committed[0].outcome == expected


async def test_a_handler_that_assigns_the_state_itself_has_moved():
    """1.x handlers could; memory and history must say the same."""

    class Assigning(State):
        async def handle_message(self, message, component):
            component.state_machine.current_state = ErrorHandling()
            if message["type"] == "fail":
                raise ValueError("no")
            return message["type"] != "refuse", self

    def make():
        return AsyncComponent("x", state_machine=StateMachine(Assigning()))

    component = make()
    step = await component.send("go")
    assert (step.outcome, step.to_state, component.state) == (
        "moved",
        "ErrorHandling",
        "ErrorHandling",
    )
    component = make()
    assert (await component.send("refuse")).outcome == "refused"
    assert component.state == "Assigning"
    component = make()
    with pytest.raises(ValueError, match="no"):
        await component.send("fail")
    assert component.state == "Assigning"


# -- text lines and reprs -----------------------------------------------------------------


@pytest.fixture
def lines():
    """A logger that keeps its lines, formatted as people see them."""
    kept = []

    class Keeping(logging.Handler):
        def emit(self, record):
            kept.append(f"{record.levelname} cid={record.correlation_id} {record.getMessage()}")

    logger = logging.getLogger("flexiflow.test_component")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = Keeping()
    handler.addFilter(CorrelationIdFilter())
    logger.addHandler(handler)
    yield logger, kept
    logger.removeHandler(handler)


async def test_each_step_is_a_text_line_with_the_id(lines):
    """For people; failures reach the caller and are no louder than the rest."""
    logger, kept = lines
    component = opened(logger=logger)
    await component.send("count", correlation_id="one")
    await component.send("nothing", correlation_id="two")
    with pytest.raises(ValueError, match="no"):
        await component.send("run", do=lambda: raising(ValueError("no")), correlation_id="three")
    assert [line.split(" in 0")[0][:40] for line in kept] == [
        "INFO cid=one door: 'count' stayed in Ope"[:40],
        "INFO cid=two ◇ door: 'nothing' was refus"[:40],
        "INFO cid=three ✕ door: 'run' failed in O"[:40],
    ]


async def test_a_silent_logger_costs_no_text(lines):
    """The sentence is not made where nobody reads it."""
    logger, kept = lines
    logger.setLevel(logging.WARNING)
    await opened(logger=logger).send("count")
    assert kept == []


async def test_an_error_whose_text_can_not_be_read_does_not_hide_the_step(lines):
    """The caller gets the error itself."""

    class Unspeakable(Exception):
        def __str__(self):
            raise RuntimeError("worse")

    logger, kept = lines
    with pytest.raises(Unspeakable):
        await opened(logger=logger).send("run", do=lambda: raising(Unspeakable()))
    assert "text can't be read: RuntimeError" in kept[0]


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_step_is_one_printable_line_whatever_the_names_are(name, kind):
    """A name can't forge a second line, nor turn the rest around."""
    step = Step(name, kind, name, "1", None, None)
    for step.outcome in ("moved", "stayed", "refused", "failed", "cancelled", "queued"):
        assert repr(step).isprintable()


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("moved", "a: 'go' moved Open → End in 1.5 ms"),
        ("stayed", "a: 'go' stayed in Open in 1.5 ms"),
        ("refused", "◇ a: 'go' was refused in Open: because"),
        ("failed", "✕ a: 'go' failed in Open"),
        ("cancelled", "✕ a: 'go' was cancelled in Open"),
        ("queued", "a: 'go' is queued behind what a is handling"),
    ],
)
def test_the_repr_of_a_step_is_a_sentence(outcome, expected):
    """One for each outcome."""
    step = Step("a", "go", "Open", "1", None, None)
    step.outcome, step.to_state, step.reason, step.duration_us = outcome, "End", "because", 1500
    assert repr(step) == expected


@pytest.mark.parametrize(("us", "expected"), [(46, "46 µs"), (999, "999 µs"), (1000, "1.0 ms")])
def test_a_step_of_microseconds_did_not_take_no_time(us, expected):
    """Most handlers take less than a tenth of a millisecond."""
    step = Step("a", "go", "Open", "1", None, None)
    step.outcome, step.to_state, step.duration_us = "moved", "End", us
    assert repr(step) == f"a: 'go' moved Open → End in {expected}"


def test_the_sentence_names_the_error_and_the_tries():
    """The first line of the error's text."""
    step = Step("a", "go", "Open", "1", None, None)
    step.outcome, step.tries, step.error = "failed", 3, ValueError("first\nsecond")
    assert repr(step) == "✕ a: 'go' failed in Open after 3 tries by ValueError: first"
    step.error = ValueError()
    assert repr(step) == "✕ a: 'go' failed in Open after 3 tries by ValueError: without a text"
    step.outcome, step.to_state = "moved", "Failed"
    assert repr(step) == "a: 'go' moved Open → Failed by ValueError after 3 tries in 0 µs"
    step.outcome = "stayed"
    assert repr(step) == "a: 'go' stayed in Open by ValueError after 3 tries in 0 µs"


def test_a_step_without_a_type_has_a_sentence():
    """It was a message all the same."""
    step = Step("a", None, "Open", "1", None, None)
    step.outcome = "cancelled"
    assert repr(step) == "✕ a: a message was cancelled in Open"


def test_as_dict_has_every_attribute():
    """By name."""
    step = Step("a", "go", "Open", "1", "2", "3")
    assert step.as_dict() == {name: getattr(step, name) for name in Step.__slots__}


async def test_steps_and_turns_are_let_go():
    """A component keeps nothing of the messages it has handled."""

    def living():
        gc.collect()
        return {id(each) for each in gc.get_objects() if type(each) is Step}

    before = living()
    component = opened()
    for _ in range(3):
        await component.send("count")
    assert living() <= before
