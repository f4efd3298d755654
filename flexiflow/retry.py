"""Trying again: a decorator for async functions that fail now and then."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from flexiflow.arguments import require
from flexiflow.correlation import current_span
from flexiflow.errors import InvalidValue
from flexiflow.hooks import NO_HOOKS, observed_call

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """When and how often to try again.

    Attributes:
        max_attempts: tries in all, the first one included.
        base_delay: seconds before the second try.
        max_delay: the longest delay, seconds.
        backoff: factor by which the delay grows from try to try.
        jitter: largest random addition to a delay, as a part of it: 0.1 adds up to 10 %.
        retry_on: exceptions that are tried again; all others are raised at once.
    """

    max_attempts: int = 3
    base_delay: float = 0.1
    max_delay: float = 2.0
    backoff: float = 2.0
    jitter: float = 0.0
    retry_on: tuple[type[Exception], ...] = (Exception,)

    def __post_init__(self) -> None:
        for name in ("max_attempts", "base_delay", "max_delay", "backoff", "jitter"):
            value, kinds = getattr(self, name), int if name == "max_attempts" else int | float
            fits = isinstance(value, kinds) and not isinstance(value, bool)
            require(fits, name, value, "a number", f"Leave {name} out for its default.")
        if self.max_attempts < 1:
            raise InvalidValue(
                f"max_attempts must be at least 1, not {self.max_attempts}.",
                why="The first call counts as an attempt.",
                fix="Pass max_attempts=1 to call once and never again.",
                context={"max_attempts": self.max_attempts},
            )

        given: object = self.retry_on
        classes = given if isinstance(given, tuple) else (given,)
        require(
            all(isinstance(each, type) and issubclass(each, BaseException) for each in classes),
            "retry_on",
            self.retry_on,
            "exception classes",
            "Pass retry_on=(ConnectionError, TimeoutError).",
        )

    def delay(self, attempt: int) -> float:
        """Seconds to wait after try number `attempt` (from 1) has failed."""
        try:
            delay = min(self.max_delay, self.base_delay * self.backoff ** (attempt - 1))
        except OverflowError:  # past about a thousand tries
            delay = self.max_delay
        return delay * (1 + random.uniform(0, self.jitter))


def retry_async(
    config: RetryConfig | None = None,
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Decorate an async function so that it is tried again.

    Inside a handler each try is a span of its own in the trace, and the step counts the tries.

    Args:
        config: `RetryConfig()` unless given.

    Raises:
        Exception: what the last try raised.
    """
    require(
        config is None or isinstance(config, RetryConfig),
        "config",
        config,
        "a RetryConfig",
        "Write @retry_async(RetryConfig(max_attempts=5)), or @retry_async().",
    )
    settings = RetryConfig() if config is None else config

    def decorate(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @functools.wraps(function)
        async def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            attempt = 1
            while True:
                try:
                    return await _one_try(function, args, kwargs, attempt, settings)
                except settings.retry_on:
                    if attempt >= settings.max_attempts:
                        raise
                await asyncio.sleep(settings.delay(attempt))
                attempt += 1

        return wrapper

    return decorate


async def _one_try(
    function: Callable[..., Awaitable[R]],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    attempt: int,
    settings: RetryConfig,
) -> R:
    outer = current_span.get()
    turn = None if outer is None else outer.turn
    if turn is not None and not turn.over:
        turn.step.tries = max(turn.step.tries, attempt)
    observer = (NO_HOOKS if turn is None else turn.component._hooks).observer
    if observer is None or outer is None or turn is None:
        return await function(*args, **kwargs)
    label = getattr(function, "__qualname__", repr(function)).rpartition("<locals>.")[2]
    result: R = await observed_call(
        observer,
        outer,
        turn.component.name,
        label,
        lambda: function(*args, **kwargs),
        data={"attempt": attempt, "max_attempts": settings.max_attempts},
    )
    return result
