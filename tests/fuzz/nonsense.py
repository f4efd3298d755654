"""Values that are never right, and whether a function refuses each of them in four parts."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from flexiflow.errors import FlexiFlowError


class Unspeakable:
    """An object that can't be shown."""

    def __repr__(self):
        raise RuntimeError("no repr")

    __str__ = __repr__


NONSENSE = [
    *(5, -1, 2**70, 1.5, float("nan"), None, True, b"x\xff", object(), Unspeakable(), int, len),
    *("", "a\0b", "\ud800", "<b>'\"\x1b[31m\u202e\n", "'; DROP TABLE flexiflow_steps; --"),
    *("x" * 100_000, [], [5], ["a", None], (), {}, {5: 5}, {"a": []}, set()),
]


def finished(answer: Any) -> None:
    async def wait() -> None:
        await answer

    if inspect.isawaitable(answer):
        asyncio.run(wait())


def not_refused(function: Callable[[Any], Any]) -> list[tuple[str, str]]:
    """What came out besides an answer and a short error in four parts, with the value's type."""
    wrong = []
    for value in NONSENSE:
        try:
            finished(function(value))
        except FlexiFlowError as exc:
            if not (exc.why and exc.fix and exc.context_items and len(str(exc)) < 5_000):
                wrong.append((type(value).__name__, str(exc)[:200]))
        except Exception as exc:
            wrong.append((type(value).__name__, repr(exc)[:200]))
    return wrong
