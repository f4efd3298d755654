"""Running code of which nobody knows what it does: beside the notebook, and for a bounded time."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

LONGEST = 5.0
"""Seconds that an answer may take."""

Result = TypeVar("Result")


class TookTooLong(Exception):
    """It did not end in time.

    Args:
        within: the seconds that it had.
    """

    def __init__(self, within: float) -> None:
        super().__init__(f"It did not end within {within:g} seconds.")


class _Stop(BaseException):
    """Raised in a thread that does not end by itself."""


class _Run(threading.Thread, Generic[Result]):
    def __init__(self, work: Callable[[], Coroutine[Any, Any, Result]], within: float) -> None:
        super().__init__(name="flexiflow-lesson", daemon=True)
        self.result: Result | None = None
        self.error: BaseException | None = None
        self._work, self._within = work, within

    def run(self) -> None:
        try:
            self.result = asyncio.run(self._bounded())
        except BaseException as exc:  # whatever it is, it belongs to who asked
            self.error = exc

    async def _bounded(self) -> Result:
        try:
            async with asyncio.timeout(self._within) as limit:
                return await self._work()
        except TimeoutError:
            if limit.expired():
                raise TookTooLong(self._within) from None
            raise


def run_apart(work: Callable[[], Coroutine[Any, Any, Result]], within: float = LONGEST) -> Result:
    """Run a coroutine in a thread with a loop and a context of its own, and wait for it.

    So it can be called in a cell, whose own loop runs already, and code that blocks or never
    ends is stopped.

    Args:
        work: makes the coroutine.
        within: seconds it may take.

    Raises:
        TookTooLong: where it did not end in time.
        BaseException: what the coroutine raised.
    """
    run = _Run(work, within)
    run.start()
    run.join(within + 0.5)
    if run.is_alive():  # it never comes back to its loop
        _stop(run)
        run.join(0.5)
        raise TookTooLong(within)
    if run.error is not None:
        raise run.error
    return run.result  # type: ignore[return-value]  # without an error there is one


def _stop(run: threading.Thread) -> None:
    if run.ident is not None:
        thread, error = ctypes.c_ulong(run.ident), ctypes.py_object(_Stop)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, error)
