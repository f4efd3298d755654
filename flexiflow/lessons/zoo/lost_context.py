"""A lost context: work that is handed over a queue forgets which message it belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from flexiflow.analysis.history import History
from flexiflow.correlation import current_correlation_id
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.hooks import watch_steps
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.finding import FindTheStep
from flexiflow.lessons.fixing import FixTheMachine
from flexiflow.lessons.machine import Machine
from flexiflow.lessons.trying import newly
from flexiflow.state_machine import State
from flexiflow.step import Step

STORY = """The path breaks off. A customer's message is followed by its correlation id: the desk has
it, and then nothing, although the parcel was packed. The desk hands parcels over a queue; whoever
packs takes them from there."""


@Machine
def broken():
    class Desk(State):
        @on("submit")
        async def submit(self, message, desk):
            await desk.jobs.put({"parcel": message["parcel"]})

    return (Desk,)


@Machine
def mended():
    class Desk(State):
        @on("submit")
        async def submit(self, message, desk):
            job = {"parcel": message["parcel"], "correlation_id": current_correlation_id()}
            await desk.jobs.put(job)

    return (Desk,)


@Machine
def parcel():
    class Ordered(State):
        @on("pack", to="Packed")
        def pack(self, message, parcel):
            pass

    class Packed(State, final=True):
        pass

    return Ordered, Packed


async def scenario(engine: FlexiFlowEngine, chance: Random) -> None:
    """Some parcels: the urgent ones are packed at the desk, one goes over the queue."""
    desk: Any = engine.add("desk", broken.start)
    desk.jobs = asyncio.Queue()
    packer = asyncio.create_task(_pack(desk, engine.handle_message))
    number = chance.randrange(2, 5)
    for each in range(1, 6):
        engine.add(f"parcel-{each}", parcel.start)
        if each == number:
            await desk.send("submit", parcel=f"parcel-{each}")
        else:
            await engine.handle_message(f"parcel-{each}", "pack")
    await desk.jobs.put(None)
    await packer


def exercises(chance: Random, history: History) -> list[Exercise]:
    """Find the step that has lost its trace, then mend the machine."""
    asked = history.steps("desk").iloc[0]
    name = asked["message_json"].partition("parcel-")[2][:1]
    step = history.steps(f"parcel-{name}").iloc[0]
    find = FindTheStep(
        int(step["id"]),
        lambda said: (
            "Which parcel did the desk's message name? Look at `message_json` in "
            '`lost_context.history.steps("desk")`.'
        ),
        title="Where does the path go on?",
        task="The desk got one `submit`. Which step should be in its trace, and has another "
        "correlation id?",
        hints=(
            'The desk\'s step, with its message: `lost_context.history.steps("desk").T`.',
            "Compare `id`, `component` and `correlation_id` in `lost_context.history.steps()`.",
            "The parcel that the desk was asked for has a `pack` with an id of its own.",
        ),
        solution="It came over the queue: the task that takes from there was begun before the "
        "message, and has a context of its own.",
    )
    return [find, _fix()]


def _fix() -> FixTheMachine:
    return FixTheMachine(
        broken,
        mended,
        _trial,
        title="Hand the id over, too",
        task="Whoever packs sends `pack` to `job['parcel']` with all the other fields of the job. "
        "Mend the machine: the parcel's step has the correlation id of the desk's. "
        "The queue is `desk.jobs`.",
        hints=(
            "Tasks, threads and nested messages inherit the id. A queue carries what you put in.",
            "`current_correlation_id()` of `flexiflow.correlation` is the id of what runs now.",
            'Put it into the job: `{"parcel": …, "correlation_id": current_correlation_id()}`.',
        ),
        solution="The job carries the id, and `correlation_id` in a message is taken for its own.",
    )


async def _trial(start: type[State]) -> str | None:
    steps: list[Step] = []
    desk: Any = newly(start, "desk", {})
    asked = newly(parcel.start, "parcel-1", {})
    for each in (desk, asked):
        watch_steps(each, steps.append)

    async def deliver(name: str, message: str, **fields: Any) -> None:
        await asked.send(message, **fields)

    desk.jobs = asyncio.Queue()
    packer = asyncio.create_task(_pack(desk, deliver))
    await desk.send("submit", parcel="parcel-1")
    await desk.jobs.put(None)
    await packer
    if len(steps) != 2:
        return (
            f"The parcel should get one `pack`; there were {len(steps) - 1} steps after the desk's."
        )
    submitted, packed = steps
    if submitted.correlation_id == packed.correlation_id:
        return None
    return (
        f"The desk's step has the id {submitted.correlation_id[:8]}…, "
        f"and the parcel's {packed.correlation_id[:8]}…; they should be the same."
    )


async def _pack(desk: Any, deliver: Callable[..., Any]) -> None:
    """Whoever packs: takes jobs from the queue until there is a None."""
    while (job := await desk.jobs.get()) is not None:
        fields = {key: value for key, value in job.items() if key != "parcel"}
        await deliver(job["parcel"], "pack", **fields)
