"""Several observers of one engine."""

from __future__ import annotations

import asyncio

import pytest

from flexiflow import FlexiFlowEngine, State, on
from flexiflow.errors import PersistenceError
from flexiflow.hooks import Hooks, engine_listeners


class Noting:
    """Notes what it is told, by name."""

    def __init__(self, waits=None, notes=True):
        self.told = []
        self._waits, self._notes = waits, notes

    def __getattr__(self, name):
        def tell(*args, **kwargs):
            self.told.append(name)
            return {"commit": self._waits, "own_event": self._notes}.get(name)

        return tell


class Door(State):
    @on("open", to="Door")
    async def open(self, message, door):
        await door.data.get("wait", asyncio.sleep)(0)


def test_each_is_told_the_same():
    """A step, its handler, and its end."""
    engine, one, other = FlexiFlowEngine(), Noting(), Noting()
    engine._hooks.join(one)
    engine._hooks.join(other)
    asyncio.run(engine.add("door", Door).send("open"))
    assert one.told == other.told
    assert {"registered", "received", "handler_started", "handler_finished", "commit"} < set(
        one.told
    )


def test_who_leaves_is_told_no_more():
    """The other goes on, alone and without a detour."""
    hooks, one, other = Hooks(), Noting(), Noting()
    hooks.join(one)
    hooks.join(other)
    hooks.leave(one)
    assert hooks.observer is other
    hooks.leave(other)
    assert hooks.observer is None


def test_a_commit_waits_for_each_that_must_be_waited_for():
    """All of them, in their order."""
    waited = []

    async def wait(name):
        await asyncio.sleep(0)
        waited.append(name)

    async def run():
        hooks = Hooks()
        for name in ("one", "other"):
            hooks.join(Noting(wait(name)))
        await hooks.observer.commit(None, {}, None)

    asyncio.run(run())
    assert waited == ["one", "other"]


def test_one_that_fails_is_told_once_the_others_are_done():
    """The machine goes on only when every history knows of the step."""
    waited = []

    async def fail():
        raise PersistenceError("full")

    async def wait():
        await asyncio.sleep(0)
        waited.append("other")

    async def run():
        hooks = Hooks()
        hooks.join(Noting(fail()))
        hooks.join(Noting(wait()))
        with pytest.raises(PersistenceError, match="full"):
            await hooks.observer.commit(None, {}, None)

    asyncio.run(run())
    assert waited == ["other"]


@pytest.mark.parametrize(("one", "other"), [(True, False), (False, True), (False, False)])
def test_an_event_is_noted_where_one_notes_it(one, other):
    """And both are told of it."""
    hooks = Hooks()
    observers = [Noting(notes=one), Noting(notes=other)]
    for each in observers:
        hooks.join(each)
    assert hooks.observer.own_event("x", None, {}) == (one or other)
    assert [each.told for each in observers] == [["own_event"], ["own_event"]]


def test_who_joins_amid_a_step_gets_the_whole_of_it():
    """And who was there already is not told twice."""
    engine, one, late = FlexiFlowEngine(), Noting(), Noting()
    engine._hooks.join(one)

    async def join(_):
        engine._hooks.join(late)

    asyncio.run(engine.add("door", Door, data={"wait": join}).send("open"))
    assert one.told.count("received") == 1
    assert late.told == ["received", "commit", "settled"]


def test_each_new_engine_is_told_of():
    """To whoever listens."""
    made = []
    engine_listeners.append(made.append)
    try:
        engine = FlexiFlowEngine()
    finally:
        engine_listeners.remove(made.append)
    assert made == [engine]
