"""Doing something soon, and once for many requests: a view must not flood the browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Coalesced:
    """Calls `action` within `interval` seconds of a request, however many requests there are.

    It is called in the event loop in which this object was made, also where a request comes from
    another thread; without such a loop, in the loop of the request.

    Args:
        action: takes nothing.
        interval: seconds.
    """

    def __init__(self, action: Callable[[], None], interval: float = 0.1) -> None:
        self._action = action
        self._interval = interval
        self._home = _running_loop()
        self._due: asyncio.AbstractEventLoop | None = None

    def request(self) -> None:
        """Have it done soon."""
        if self._due is not None and not self._due.is_closed():
            return
        here = _running_loop()
        home = here if self._home is None or self._home.is_closed() else self._home
        if home is None:
            self._action()
            return
        self._due = home
        if home is here:
            home.call_later(self._interval, self._run)
        else:
            home.call_soon_threadsafe(home.call_later, self._interval, self._run)

    def _run(self) -> None:
        self._due = None
        self._action()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
