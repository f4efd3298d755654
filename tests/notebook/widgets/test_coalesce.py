"""Many requests become one call, in the loop where the view lives."""

from __future__ import annotations

import asyncio
import threading

from flexiflow.notebook.widgets.coalesce import Coalesced


class Calls:
    """Counts calls, and says where the newest came from."""

    def __init__(self) -> None:
        self.count = 0
        self.thread = None
        self.happened = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self.thread = threading.current_thread()
        self.happened.set()


async def test_many_requests_are_one_call():
    """However many come before it."""
    calls = Calls()
    soon = Coalesced(calls, interval=0)
    for _ in range(1_000):
        soon.request()
    await calls.happened.wait()
    assert calls.count == 1


async def test_a_request_after_the_call_is_another_call():
    """Nothing that came later is lost."""
    calls = Calls()
    soon = Coalesced(calls, interval=0)
    soon.request()
    await calls.happened.wait()
    calls.happened.clear()
    soon.request()
    await calls.happened.wait()
    assert calls.count == 2


async def test_a_request_from_another_thread_is_answered_at_home():
    """A component may be driven by a loop in a thread of its own."""
    calls = Calls()
    soon = Coalesced(calls, interval=0)

    async def ask() -> None:
        soon.request()

    await asyncio.to_thread(asyncio.run, ask())
    await calls.happened.wait()
    assert calls.thread is threading.main_thread()


def test_without_any_loop_it_is_done_at_once():
    """As in a script that shows nothing live."""
    seen = []
    Coalesced(lambda: seen.append(1)).request()
    assert seen == [1]


def test_a_loop_that_ended_before_the_call_is_not_waited_for():
    """The next request has a loop of its own."""
    calls = Calls()
    soon = Coalesced(calls, interval=0.01)

    async def ask_and_leave() -> None:
        soon.request()

    async def ask_and_stay() -> None:
        soon.request()
        await calls.happened.wait()

    asyncio.run(ask_and_leave())
    asyncio.run(ask_and_stay())
    assert calls.count == 1
