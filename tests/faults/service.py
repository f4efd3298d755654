"""A small service that is recorded in a process of its own, and that tells of every step.

Run as ``python service.py '{"db": …}'``; see `Options`. It writes one JSON object a line to its
standard output, each with one ``write()``, so that what it said is known whenever it is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
from dataclasses import dataclass
from typing import Any

from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import FlexiFlowError
from flexiflow.recording import Recording, record
from flexiflow.state_machine import State

MESSAGES = ("work", "work", "work", "refuse", "break", "grow", "pass_on")


@dataclass(frozen=True, slots=True)
class Options:
    """What the service does.

    Attributes:
        db, log: where it records; no log where None.
        names: its components; each has a sender of its own.
        durability: as `record` takes it.
        first, count: the numbers that the messages carry; a count of None goes on for ever.
        seed: of the choice of messages.
        flush_every: how many steps come between two flushes; 0 never flushes.
    """

    db: str
    log: str | None = None
    names: tuple[str, ...] = ("a", "b", "c")
    durability: str = "always"
    first: int = 0
    count: int | None = None
    seed: int = 0
    flush_every: int = 0


class Broken(Exception):
    """What a handler raises."""


class Odd(State):
    """Every message but a refused one leaves its number in the data."""

    @on("work", to="Even")
    async def work(self, message: dict[str, Any], worker: Any) -> None:
        worker.data["n"] = message["n"]

    @on("refuse", guard=lambda message, worker: False)
    async def refuse(self, message: dict[str, Any], worker: Any) -> None:
        raise AssertionError("never called")

    @on("break")
    async def break_(self, message: dict[str, Any], worker: Any) -> None:
        worker.data["n"] = message["n"]
        raise Broken(f"number {message['n']}")

    @on("grow")
    async def grow(self, message: dict[str, Any], worker: Any) -> None:
        worker.data["n"] = message["n"]
        worker.data["large"] = f"{message['n']} " * 1500

    @on("pass_on", to="Even")
    async def pass_on(self, message: dict[str, Any], worker: Any) -> None:
        worker.data["n"] = message["n"]
        await worker.engine.get("sink").send("take", n=message["n"], by=worker.name)


class Even(Odd):
    """The same, the other way round, and in the style of 1.x."""

    async def handle_message(
        self, message: dict[str, Any], component: Any
    ) -> tuple[bool, State | None]:
        if message["type"] != "work":
            return await super().handle_message(message, component)
        component.data["n"] = message["n"]
        return True, Odd()


class Sink(State):
    """Takes what the others pass on."""

    @on("take")
    def take(self, message: dict[str, Any], sink: Any) -> None:
        sink.data[message["by"]] = message["n"]


def say(**facts: Any) -> None:
    """Tell the test something, at once."""
    os.write(1, json.dumps(facts).encode() + b"\n")


def engine_of(names: tuple[str, ...]) -> FlexiFlowEngine:
    """An engine with the service's components."""
    engine = FlexiFlowEngine()
    engine.add("sink", Sink)
    for name in names:
        engine.add(name, Odd).engine = engine
    return engine


async def keep_sending(
    engine: FlexiFlowEngine, recording: Recording, name: str, o: Options
) -> None:
    """Send one component its messages, and tell what came of each."""
    choose = random.Random(f"{o.seed} {name} {o.first}")
    n = o.first
    while o.count is None or n < o.first + o.count:
        kind, error = choose.choice(MESSAGES), None
        try:
            await engine.get(name).send(kind, n=n)
        except Broken:
            pass
        except FlexiFlowError as exc:
            error = parts_of(exc)
        say(name=name, n=n, type=kind, error=error)
        n += 1
        if o.flush_every and n % o.flush_every == 0:
            await recording.flush()
            say(name=name, flushed=n - 1)
        await asyncio.sleep(0)


def parts_of(error: FlexiFlowError) -> dict[str, Any]:
    """The four parts of an error."""
    context = {key: str(value) for key, value in error.context_items.items()}
    return {"what": error.what, "why": error.why, "fix": error.fix, "context": context}


async def serve(options: Options) -> None:
    """Record the service, and send until told to end."""
    engine = engine_of(options.names)
    say(at="start")
    recording = record(engine, options.db, log=options.log, durability=options.durability)
    say(at="recording")
    senders = (keep_sending(engine, recording, name, options) for name in options.names)
    await asyncio.gather(*senders)
    with contextlib.closing(recording):
        pass
    say(at="end")


if __name__ == "__main__":
    asyncio.run(serve(Options(**json.loads(sys.argv[1]))))
