"""One message at a time: turns, the order of arrival, cycles of waits, and cancellation."""

import asyncio
import contextlib
import gc
import threading
import weakref

import pytest

from flexiflow.component import AsyncComponent
from flexiflow.correlation import current_correlation_id, current_span
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import StateError
from flexiflow.mailbox import Mailbox, Turn
from flexiflow.state_machine import StateMachine
from flexiflow.states import State
from flexiflow.step import Step


class Running(State):
    """Runs the function that a message carries, so that a test says what a handler does."""

    @on("run")
    async def run(self, message, component):
        await message["do"](component)

    @on("note")
    def note(self, message, component):
        component.data.setdefault("notes", []).append(message["text"])

    @on("fail")
    def fail(self, message, component):
        raise ValueError(message.get("text", "no"))


def running(name):
    return AsyncComponent(name, state_machine=StateMachine(Running()))


@pytest.fixture
def a():
    return running("a")


@pytest.fixture
def b():
    return running("b")


@pytest.fixture
def c():
    return running("c")


def notes(component):
    return component.data.get("notes", [])


def hold(component, gate):
    """A task in which `component` handles a message until `gate` is set."""
    entered = asyncio.Event()

    async def wait(_):
        entered.set()
        await gate.wait()

    task = asyncio.create_task(component.send("run", do=wait))
    return task, entered


async def settled():
    """Let everything that can run now run."""
    for _ in range(20):
        await asyncio.sleep(0)


# -- one at a time, in order of arrival ---------------------------------------------------


async def test_a_second_message_waits_for_the_first(a):
    """Two handlers of one component never overlap."""
    gate = asyncio.Event()
    task, entered = hold(a, gate)
    await entered.wait()
    second = asyncio.create_task(a.send("note", text="second"))
    await settled()
    assert notes(a) == []
    assert a._mailbox.depth == 1
    gate.set()
    await asyncio.gather(task, second)
    assert notes(a) == ["second"]


async def test_messages_are_handled_in_the_order_of_their_arrival(a):
    """The queue is first in, first out, whoever the sender is."""
    gate = asyncio.Event()
    task, entered = hold(a, gate)
    await entered.wait()
    sends = [asyncio.create_task(a.send("note", text=n)) for n in range(50)]
    await settled()
    gate.set()
    await asyncio.gather(task, *sends)
    assert notes(a) == list(range(50))


async def test_a_newcomer_never_overtakes_one_that_was_handed_the_turn(a):
    """A turn that was handed over is taken, even before its task has run on."""
    gate = asyncio.Event()
    first, entered = hold(a, gate)
    await entered.wait()
    second = asyncio.create_task(a.send("note", text="second"))
    await settled()

    async def newcomer():
        await gate.wait()
        await first
        await a.send("note", text="third")

    third = asyncio.create_task(newcomer())
    await settled()
    gate.set()
    await asyncio.gather(second, third)
    assert notes(a) == ["second", "third"]


async def test_different_components_run_side_by_side(a, b):
    """A busy component does not hold up another one."""
    gate = asyncio.Event()
    task, entered = hold(a, gate)
    await entered.wait()
    await b.send("note", text="free")
    assert notes(b) == ["free"]
    gate.set()
    await task


async def test_a_hundred_concurrent_messages_are_each_handled_once(a):
    """Nothing is lost or doubled under load."""
    await asyncio.gather(*(a.send("note", text=n) for n in range(100)))
    assert sorted(notes(a)) == list(range(100))
    assert a._mailbox.turn is None
    assert a._mailbox.depth == 0


# -- sends to itself ----------------------------------------------------------------------


async def test_a_send_to_itself_is_queued_and_returns_at_once(a):
    """The step of a self-send says queued while the handler that sent it still runs."""
    seen = []

    async def do(component):
        step = await component.send("note", text="later")
        seen.append((step.outcome, list(notes(component)), step))

    await a.send("run", do=do)
    outcome, noted, step = seen[0]
    assert (outcome, noted) == ("queued", [])
    assert step.outcome == "stayed"  # filled in later
    assert notes(a) == ["later"]


async def test_a_queued_step_has_no_start_until_its_turn_comes(a):
    """`started_us` is when the turn came, not when the message was sent."""
    seen = []

    async def do(component):
        seen.append(await component.send("note", text="later"))
        seen.append(seen[0].started_us)

    outer = await a.send("run", do=do)
    assert seen[1] == 0
    assert seen[0].started_us >= outer.started_us + outer.duration_us - 1


async def test_the_outermost_send_returns_after_the_queued_messages(a):
    """Whoever sends from outside finds everything done that the message caused."""

    async def do(component):
        for n in range(5):
            await component.send("note", text=n)

    await a.send("run", do=do)
    assert notes(a) == [0, 1, 2, 3, 4]


async def test_a_queued_message_stands_behind_what_arrived_before(a):
    """A self-send does not overtake a message that is waiting already."""
    gate = asyncio.Event()

    async def do(component):
        await gate.wait()
        await component.send("note", text="own")

    outer = asyncio.create_task(a.send("run", do=do))
    await settled()
    earlier = asyncio.create_task(a.send("note", text="earlier"))
    await settled()
    gate.set()
    await asyncio.gather(outer, earlier)
    assert notes(a) == ["earlier", "own"]


async def test_queued_messages_may_queue_more(a):
    """The outermost send waits for the whole tree of what it caused."""

    async def deeper(level, component):
        component.data.setdefault("notes", []).append(level)
        if level < 30:
            await component.send("run", do=lambda each: deeper(level + 1, each))

    await a.send("run", do=lambda each: deeper(0, each))
    assert notes(a) == list(range(31))


async def test_a_component_may_send_to_itself_for_ever(a):
    """A message that was handled is let go, however long the chain gets that it began."""
    tasks, chains = [], []

    async def again(level, component):
        tasks.append(len(asyncio.all_tasks()))
        turn, length = current_span.get().turn, 0
        while turn is not None:
            turn, length = turn.sender, length + 1
        chains.append(length)
        if level < 200:
            await component.send("run", do=lambda each: again(level + 1, each))

    await a.send("run", do=lambda each: again(0, each))
    assert len(tasks) == 201
    assert max(tasks) < 10
    assert max(chains) < 10


async def test_a_queued_message_inherits_the_correlation_id(a):
    """What a message causes belongs to its trace."""
    ids = []

    async def inner(_):
        ids.append(current_correlation_id())

    async def do(component):
        await component.send("run", do=inner)

    step = await a.send("run", do=do)
    assert ids == [step.correlation_id]


# -- errors of queued messages ------------------------------------------------------------


async def test_the_outermost_call_raises_the_first_error_of_queued_messages(a):
    """The errors of queued messages are not lost; the first one queued is raised."""

    async def do(component):
        await component.send("note", text="fine")
        await component.send("fail", text="first")
        await component.send("fail", text="second")
        await component.send("note", text="after")

    with pytest.raises(ValueError, match="first"):
        await a.send("run", do=do)
    assert notes(a) == ["fine", "after"]  # an error stops nothing that is queued


async def test_an_error_that_is_false_is_an_error_too(a):
    """An exception may have a length of zero; it is raised all the same."""

    class Empty(Exception):
        def __len__(self):
            return 0

    async def inner(_):
        raise Empty("first")

    async def do(component):
        await component.send("run", do=inner)
        await component.send("fail", text="second")

    with pytest.raises(Empty):
        await a.send("run", do=do)


async def test_the_outermost_handlers_own_error_comes_first(a):
    """The queued messages are handled before it reaches the caller, and their errors give way."""

    async def do(component):
        await component.send("note", text="queued")
        await component.send("fail", text="queued")
        raise KeyError("own")

    with pytest.raises(KeyError, match="own"):
        await a.send("run", do=do)
    assert notes(a) == ["queued"]


async def test_an_inner_send_does_not_raise_for_what_it_queued(a, b):
    """The error of a queued message reaches the outermost caller, not the one who sent it."""
    reached = []

    async def in_b(_):
        step = await a.send("fail", text="from b")
        reached.append(step.outcome)

    async def in_a(_):
        await b.send("run", do=in_b)
        reached.append("a goes on")

    with pytest.raises(ValueError, match="from b"):
        await a.send("run", do=in_a)
    assert reached == ["queued", "a goes on"]


async def test_a_queued_message_that_is_cancelled_is_no_error_of_the_caller(a):
    """Nobody has cancelled the one who waits, so no cancellation is raised there."""
    steps = []

    async def inner(_):
        raise asyncio.CancelledError

    async def do(component):
        steps.append(await component.send("run", do=inner))

    await a.send("run", do=do)
    assert steps[0].outcome == "cancelled"


# -- cycles of waits ----------------------------------------------------------------------


async def test_a_cycle_of_two_is_queued(a, b):
    """a waits for b, and b's send back to a can't be waited for."""
    order = []

    async def in_b(_):
        step = await a.send("note", text="from b")
        order.append(step.outcome)

    async def in_a(_):
        await b.send("run", do=in_b)
        order.append(list(notes(a)))

    await a.send("run", do=in_a)
    assert order == ["queued", []]
    assert notes(a) == ["from b"]


async def test_a_cycle_of_three_is_queued(a, b, c):
    """The cycle may go through any number of components."""
    outcomes = []

    async def in_c(_):
        outcomes.append((await a.send("note", text="from c")).outcome)

    async def in_b(_):
        outcomes.append((await c.send("run", do=in_c)).outcome)

    await a.send("run", do=lambda _: b.send("run", do=in_b))
    assert outcomes == ["queued", "stayed"]
    assert notes(a) == ["from c"]


async def test_a_send_that_closes_no_cycle_is_waited_for(a, b, c):
    """Two components that wait for a third are no cycle."""
    outcomes = []

    async def to_c(component):
        outcomes.append((await c.send("note", text=component.name)).outcome)

    await asyncio.gather(a.send("run", do=to_c), b.send("run", do=to_c))
    assert outcomes == ["stayed", "stayed"]


async def test_cross_sends_of_two_roots_do_not_deadlock(a, b):
    """Two outside messages whose handlers send to each other's component both end."""
    both = asyncio.Barrier(2)
    outcomes = []

    def cross(other):
        async def do(component):
            await both.wait()
            step = await other.send("note", text=f"from {component.name}")
            outcomes.append(step.outcome)

        return do

    async with asyncio.timeout(5):
        await asyncio.gather(a.send("run", do=cross(b)), b.send("run", do=cross(a)))
    assert sorted(outcomes) == ["queued", "stayed"]
    assert notes(a) == ["from b"]
    assert notes(b) == ["from a"]


async def test_a_ring_of_five_roots_does_not_deadlock():
    """Only as many sends are queued as the ring needs to open."""
    ring = [running(str(n)) for n in range(5)]
    all_in = asyncio.Barrier(5)
    outcomes = []

    def passing(n):
        async def do(_):
            await all_in.wait()
            outcomes.append((await ring[(n + 1) % 5].send("note", text=n)).outcome)

        return do

    async with asyncio.timeout(5):
        await asyncio.gather(*(each.send("run", do=passing(n)) for n, each in enumerate(ring)))
    assert outcomes.count("queued") == 1
    assert [notes(each) for each in ring] == [[4], [0], [1], [2], [3]]


async def test_a_cycle_through_the_queue_of_another_component_is_found(a, b, c):
    """a waits in b's queue behind a turn that waits for c; c's send to a closes the cycle."""
    gate = asyncio.Event()
    outcomes = []

    async def in_c(_):
        await gate.wait()
        outcomes.append((await a.send("note", text="from c")).outcome)

    root = asyncio.create_task(b.send("run", do=lambda _: c.send("run", do=in_c)))
    await settled()
    other = asyncio.create_task(a.send("run", do=lambda _: b.send("note", text="from a")))
    await settled()
    gate.set()
    async with asyncio.timeout(5):
        await asyncio.gather(root, other)
    assert outcomes == ["queued"]
    assert notes(a) == ["from c"]


async def test_child_tasks_and_gather_belong_to_the_turn(a):
    """A self-send from a child task is queued like one from the handler itself."""
    outcomes = []

    async def do(component):
        steps = await asyncio.gather(*(component.send("note", text=n) for n in range(3)))
        outcomes.extend(step.outcome for step in steps)
        async with asyncio.TaskGroup() as group:
            child = group.create_task(component.send("note", text="child"))
        outcomes.append(child.result().outcome)

    async with asyncio.timeout(5):
        await a.send("run", do=do)
    assert outcomes == ["queued"] * 4
    assert notes(a) == [0, 1, 2, "child"]


async def test_two_sends_from_one_handler_at_once_are_both_waited_for(a, b):
    """Waiting twice for the same component is no cycle."""
    outcomes = []

    async def do(_):
        steps = await asyncio.gather(b.send("note", text=1), b.send("note", text=2))
        outcomes.extend(step.outcome for step in steps)

    await a.send("run", do=do)
    assert outcomes == ["stayed", "stayed"]
    assert notes(b) == [1, 2]


async def test_a_thread_that_sends_back_belongs_to_the_turn(a):
    """A send from `to_thread` by way of the loop is queued, so that the thread may wait for it."""
    loop = asyncio.get_running_loop()
    outcomes = []

    def in_thread():
        step = asyncio.run_coroutine_threadsafe(a.send("note", text="thread"), loop).result(5)
        outcomes.append((step.outcome, current_correlation_id()))

    step = await a.send("run", do=lambda _: asyncio.to_thread(in_thread))
    assert outcomes == [("queued", step.correlation_id)]
    assert notes(a) == ["thread"]


async def test_a_bus_subscriber_that_sends_back_is_queued():
    """A subscriber to state.changed runs within the turn; its send to the component is queued."""
    engine = FlexiFlowEngine()
    outcomes = []

    class Moved(State):
        @on("note")
        def note(self, message, component):
            component.data["noted"] = message["text"]

    class Going(State):
        @on("go", to=Moved)
        def go(self, message, component): ...

    door = engine.add("door", Going)

    async def back(event):
        outcomes.append((await door.send("note", text="back")).outcome)

    await engine.event_bus.subscribe("state.changed", "listener", back)
    async with asyncio.timeout(5):
        await door.send("go")
    assert outcomes == ["queued"]
    assert door.data == {"noted": "back"}


async def test_a_subscriber_to_message_received_that_sends_back_is_queued():
    """The event is published within the turn too."""
    engine = FlexiFlowEngine()
    door = engine.add("door", Running)
    outcomes = []

    async def back(event):
        if event["message"]["type"] == "note" and not outcomes:
            outcomes.append((await door.send("note", text="back")).outcome)

    await engine.event_bus.subscribe("component.message.received", "listener", back)
    async with asyncio.timeout(5):
        await door.send("note", text="first")
    assert outcomes == ["queued"]
    assert notes(door) == ["first", "back"]


# -- what outlives its handler ------------------------------------------------------------


async def test_a_task_that_outlives_its_handler_is_an_ordinary_sender(a):
    """After the turn its sends wait like anybody's."""
    gate = asyncio.Event()
    left = []

    async def later(component):
        await gate.wait()
        left.append((await component.send("note", text="late")).outcome)

    async def do(component):
        left.append(asyncio.create_task(later(component)))

    await a.send("run", do=do)
    task = left.pop()
    gate.set()
    await task
    assert left == ["stayed"]
    assert notes(a) == ["late"]


async def test_a_task_that_outlives_its_handler_waits_in_the_queue_of_its_own_component(a):
    """Its send is queued for nobody: it closes no cycle any more."""
    go, gate = asyncio.Event(), asyncio.Event()
    left = []

    async def later(component):
        await go.wait()
        left.append((await component.send("note", text="late")).outcome)

    async def do(component):
        left.append(asyncio.create_task(later(component)))

    await a.send("run", do=do)
    task = left.pop()
    holder, entered = hold(a, gate)
    await entered.wait()
    go.set()
    await settled()
    assert left == []  # it waits
    gate.set()
    await asyncio.gather(holder, task)
    assert left == ["stayed"]


async def test_the_outermost_send_does_not_wait_for_a_task_that_outlives_it(a):
    """Only queued messages are waited for, not every task that a handler leaves behind."""
    never = asyncio.Event()
    tasks = []

    async def do(_):
        tasks.append(asyncio.create_task(never.wait()))

    async with asyncio.timeout(5):
        await a.send("run", do=do)
    assert not tasks[0].done()
    tasks[0].cancel()


async def test_a_queued_message_of_a_send_that_outlived_its_root_raises_there(a, b):
    """Once the outermost send has returned, the next one below it is the outermost."""
    gate, entered = asyncio.Event(), asyncio.Event()
    tasks = []

    async def in_b(_):
        entered.set()
        await gate.wait()
        await b.send("fail", text="left over")

    async def in_a(_):
        tasks.append(asyncio.create_task(b.send("run", do=in_b)))
        await entered.wait()

    await a.send("run", do=in_a)  # returns; the task's send to b is still under way
    gate.set()
    with pytest.raises(ValueError, match="left over"):
        await tasks[0]


# -- cancellation -------------------------------------------------------------------------


async def test_a_cancelled_wait_gives_its_place_up(a):
    """The next in the queue gets the turn; the cancelled one is never handled."""
    gate = asyncio.Event()
    task, entered = hold(a, gate)
    await entered.wait()
    doomed = asyncio.create_task(a.send("note", text="doomed"))
    kept = asyncio.create_task(a.send("note", text="kept"))
    await settled()
    doomed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doomed
    assert a._mailbox.depth == 1
    gate.set()
    await asyncio.gather(task, kept)
    assert notes(a) == ["kept"]


async def test_a_wait_that_is_cancelled_as_it_is_handed_the_turn_hands_it_on(a):
    """Both may happen in one pass of the loop; the turn must not be lost."""
    gate = asyncio.Event()

    async def hold_then_cancel():
        await a.send("run", do=lambda _: gate.wait())
        doomed.cancel()  # its place is resolved already, its task has not run yet

    task = asyncio.create_task(hold_then_cancel())
    await settled()
    doomed = asyncio.create_task(a.send("note", text="doomed"))
    kept = asyncio.create_task(a.send("note", text="kept"))
    await settled()
    gate.set()
    async with asyncio.timeout(5):
        await asyncio.gather(task, kept)
    assert doomed.cancelled()
    assert notes(a) == ["kept"]


async def test_a_cancellation_in_a_handler_reaches_the_caller_and_frees_the_component(a):
    """The state stays, the step says cancelled, and the next message is handled."""
    gate = asyncio.Event()
    task, entered = hold(a, gate)
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert a.state == "Running"
    await a.send("note", text="next")
    assert notes(a) == ["next"]


async def test_a_timeout_around_a_send_works(a):
    """`asyncio.timeout` cancels the handler and raises TimeoutError, as it does anywhere."""
    never = asyncio.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await a.send("run", do=lambda _: never.wait())
    await a.send("note", text="next")
    assert notes(a) == ["next"]


async def test_a_timeout_while_waiting_for_a_turn_works(a):
    """A send that waits in the queue can be given up."""
    gate = asyncio.Event()
    task, entered = hold(a, gate)
    await entered.wait()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await a.send("note", text="given up")
    gate.set()
    await task
    assert notes(a) == []


async def test_a_timeout_inside_a_handler_is_the_handlers_own(a):
    """A handler may give up what it waits for and go on."""
    never = asyncio.Event()

    async def do(component):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await never.wait()
        component.data["notes"] = ["went on"]

    step = await a.send("run", do=do)
    assert step.outcome == "stayed"
    assert notes(a) == ["went on"]


async def test_queued_messages_are_handled_although_the_outermost_send_was_cancelled(a):
    """They were accepted: that their sender no longer waits does not take them back."""
    handled = asyncio.Event()
    waited_for = []

    async def inner(_):
        gate = asyncio.get_running_loop().create_future()
        waited_for.append(weakref.ref(gate))  # nobody but the task refers to it
        await gate
        handled.set()

    async def do(component):
        await component.send("run", do=inner)

    task = asyncio.create_task(a.send("run", do=do))
    await settled()  # the outer handler is done; its send waits for the queued message
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    del task
    await settled()
    gc.collect()
    waited_for[0]().set_result(None)
    async with asyncio.timeout(5):
        await handled.wait()


async def test_the_error_of_a_queued_message_that_nobody_waits_for_is_reported(a):
    """asyncio's own report of a lost exception names it."""
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, facts: reported.append(facts))
    gate = asyncio.Event()

    async def inner(_):
        await gate.wait()
        raise ValueError("lost?")

    async def do(component):
        await component.send("run", do=inner)

    task = asyncio.create_task(a.send("run", do=do))
    await settled()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    await settled()
    del task
    gc.collect()
    assert [str(facts["exception"]) for facts in reported] == ["lost?"]


@pytest.mark.parametrize("first", ["turn", "task"])
async def test_a_queued_task_that_is_cancelled_before_it_begins_gives_its_place_up(a, first):
    """Somebody may cancel all tasks; the component must not wait for one that will never run.

    Whether the present turn ends before that task does, or after it.
    """

    async def do(component):
        await component.send("note", text="never")
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            if "_run" in repr(task.get_coro()):
                task.cancel()
        if first == "task":
            await settled()

    async with asyncio.timeout(5):
        await asyncio.create_task(a.send("run", do=do))
        await a.send("note", text="next")
    assert notes(a) == ["next"]


# -- loops --------------------------------------------------------------------------------


def test_a_component_can_be_used_in_one_loop_after_another(a):
    """Nothing of a loop that ended as it should stays behind."""
    for n in range(3):
        asyncio.run(a.send("note", text=n))
    assert notes(a) == [0, 1, 2]


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_component_survives_a_loop_that_was_closed_early(a):
    """A turn and a queue left in a closed loop are forgotten in the next one."""
    kept = []

    async def begin():
        gate = asyncio.Event()
        task, entered = hold(a, gate)
        await entered.wait()
        waiting = asyncio.create_task(a.send("note", text="lost"))
        await settled()
        kept.extend([gate, task, waiting])  # somebody still refers to them

    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()
    asyncio.run(a.send("note", text="in the next loop"))
    assert notes(a) == ["in the next loop"]
    assert a._mailbox.depth == 0
    for task in kept[1:]:
        task._log_destroy_pending = False


def test_a_turn_of_a_closed_loop_that_ends_late_does_not_end_anybody_elses(a):
    """Closing the old coroutine must not hand over the turn that the new loop has begun."""
    old = []

    async def begin():
        gate = asyncio.Event()
        task, entered = hold(a, gate)
        await entered.wait()
        task._log_destroy_pending = False
        old.append(task.get_coro())

    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()

    async def now():
        gate = asyncio.Event()
        task, entered = hold(a, gate)
        await entered.wait()
        present = a._mailbox.turn
        old.pop().close()
        assert a._mailbox.turn is present
        gate.set()
        await task

    asyncio.run(now())
    assert a._mailbox.turn is None


def test_a_turn_of_a_closed_loop_hands_over_to_nobody(a):
    """The queue of a closed loop is passed over: those who waited there can't be woken."""
    old = []

    async def begin():
        task, entered = hold(a, asyncio.Event())
        await entered.wait()
        waiting = asyncio.create_task(a.send("note", text="lost"))
        await settled()
        for each in (task, waiting):
            each._log_destroy_pending = False
        old.extend([task, waiting])

    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()
    old[0].get_coro().close()
    assert a._mailbox.turn is None
    assert a._mailbox.depth == 0
    asyncio.run(a.send("note", text="in the next loop"))
    assert notes(a) == ["in the next loop"]


def test_a_component_that_is_busy_in_another_open_loop_says_so(a):
    """Waiting there would never end: it is an error with the way out."""
    busy, done = threading.Event(), threading.Event()

    async def elsewhere():
        async def wait(_):
            busy.set()
            await asyncio.to_thread(done.wait)

        await a.send("run", do=wait)

    thread = threading.Thread(target=lambda: asyncio.run(elsewhere()))
    thread.start()
    busy.wait()
    try:
        with pytest.raises(StateError, match="another event loop") as caught:
            asyncio.run(a.send("note", text="no"))
    finally:
        done.set()
        thread.join()
    assert "run_coroutine_threadsafe" in caught.value.fix


# -- the classes themselves ---------------------------------------------------------------


def turn_of(component, sender=None):
    return Turn(component, Step(component.name, "x", "Running", "1", "2", None), sender)


def test_the_outermost_turn_is_the_first_that_has_not_returned(a, b, c):
    """A chain of sends is followed up to the last one that somebody still waits for."""
    first = turn_of(a)
    second = turn_of(b, first)
    third = turn_of(c, second)
    assert third.outermost is first
    first.returned = True
    assert third.outermost is second
    second.returned = True
    assert third.outermost is third


async def test_would_wait_for_sees_through_any_number_of_waits(a, b, c):
    """The search follows every wait of every turn once."""
    turns = [turn_of(each) for each in (a, b, c)]
    for each, turn in zip((a, b, c), turns, strict=True):
        assert each._mailbox.take(turn) is None
    turns[0].waits = [b._mailbox, b._mailbox]
    turns[1].waits = [c._mailbox]
    assert a._mailbox.would_wait_for(turns[2])
    assert not c._mailbox.would_wait_for(turns[0])
    turns[2].waits = [b._mailbox]  # a cycle among others ends the search too
    assert not c._mailbox.would_wait_for(turns[0])


async def test_a_mailbox_without_waiters_has_no_depth():
    """Depth counts those that wait, not the one whose turn it is."""
    mailbox = Mailbox()
    mailbox.take(turn_of(running("x")))
    assert mailbox.depth == 0
