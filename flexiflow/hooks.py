"""How the core tells an observer what happens, without knowing who observes.

An engine, its components and its bus share one `Hooks`; `record()` puts an `Observer` into it.
The core calls it synchronously. An observer must never raise into the machine, with one
exception: `commit` may return an awaitable that fails, which is how ``durability="always"``
refuses a step.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol

from flexiflow.correlation import Span, current_span, leave_span, new_span_id
from flexiflow.errors import on_one_line
from flexiflow.step import Step, name_text

if TYPE_CHECKING:
    from flexiflow.redaction import Redaction


class Observer(Protocol):
    """What a recorder implements; what it does not care for it may inherit."""

    def registered(self, component: Any) -> None:
        """A component was registered."""

    def received(self, step: Step, message: dict[str, Any]) -> None:
        """A message's turn has come."""

    def handler_started(self, span: Span, component: str, handler: str, data: Any = None) -> None:
        """A state's method, a bus subscriber or a try of a retried call begins."""
        return

    def handler_finished(
        self, span: Span, component: str, handler: str, duration_us: int, data: Any = None
    ) -> None:
        """It returned."""
        return

    def handler_failed(
        self,
        span: Span,
        component: str,
        handler: str,
        duration_us: int,
        error: BaseException,
        data: Any = None,
    ) -> None:
        """It raised."""

    def commit(
        self, step: Step, message: dict[str, Any], component: Any | None
    ) -> Awaitable[None] | None:
        """A step's outcome is known. An awaitable means: wait for it before the state changes.

        The component is None where the message never had its turn: it has changed nothing, and
        another message may have changed half of what it is about to.
        """

    def uncommitted(self, step: Step) -> None:
        """What `commit` returned has failed, and so the step has."""

    def settled(self, step: Step) -> None:
        """The new state is assigned."""
        return

    def own_event(self, name: str, component: str | None, fields: dict[str, Any]) -> bool:
        """The application tells of an event; whether it was noted."""


class Hooks:
    """The place where an observer is looked for; shared by an engine and what belongs to it.

    Attributes:
        observer: who is told of what happens, or None; `Together` where several are.
        redaction: what must not be shown of it, or None; outlives the recording it was given for.
    """

    __slots__ = ("observer", "redaction")

    def __init__(self, observer: Observer | None = None) -> None:
        self.observer = observer
        self.redaction: Redaction | None = None

    def __reduce__(self) -> str | tuple[Any, ...]:
        # A copy of a component, a bus or an engine, also one in another process, is observed by
        # nobody: a writer thread can't be copied, and two histories can't be one.
        return "NO_HOOKS" if self is NO_HOOKS else (_unobserved, (self.redaction,))

    @property
    def observers(self) -> tuple[Observer, ...]:
        """All who are told, in the order in which they joined."""
        return _each(self.observer)

    def join(self, observer: Observer) -> None:
        """Tell one more of what happens."""
        self._tell_only((*self.observers, observer))

    def leave(self, observer: Observer) -> None:
        """Tell one no longer; who is not told anyhow is no error."""
        self._tell_only(tuple(each for each in self.observers if each is not observer))

    def _tell_only(self, observers: tuple[Observer, ...]) -> None:
        # One alone is asked without a detour: each step does so several times.
        self.observer = Together(observers) if len(observers) > 1 else next(iter(observers), None)


class Together:
    """Several observers as one.

    Args:
        observers: those that are told, in this order.
    """

    def __init__(self, observers: tuple[Observer, ...]) -> None:
        self.observers = observers

    def registered(self, component: Any) -> None:
        """Tell each."""
        for each in self.observers:
            each.registered(component)

    def received(self, step: Step, message: dict[str, Any]) -> None:
        """Tell each."""
        for each in self.observers:
            each.received(step, message)

    def handler_started(self, span: Span, component: str, handler: str, data: Any = None) -> None:
        """Tell each."""
        for each in self.observers:
            each.handler_started(span, component, handler, data)

    def handler_finished(
        self, span: Span, component: str, handler: str, duration_us: int, data: Any = None
    ) -> None:
        """Tell each."""
        for each in self.observers:
            each.handler_finished(span, component, handler, duration_us, data)

    def handler_failed(
        self,
        span: Span,
        component: str,
        handler: str,
        duration_us: int,
        error: BaseException,
        data: Any = None,
    ) -> None:
        """Tell each."""
        for each in self.observers:
            each.handler_failed(span, component, handler, duration_us, error, data)

    def commit(
        self, step: Step, message: dict[str, Any], component: Any | None
    ) -> Awaitable[None] | None:
        """Tell each; who must be waited for is waited for."""
        told = (each.commit(step, message, component) for each in self.observers)
        waiting = [each for each in told if each is not None]
        return _all_of(waiting) if len(waiting) > 1 else next(iter(waiting), None)

    def uncommitted(self, step: Step) -> None:
        """Tell each."""
        for each in self.observers:
            each.uncommitted(step)

    def settled(self, step: Step) -> None:
        """Tell each."""
        for each in self.observers:
            each.settled(step)

    def own_event(self, name: str, component: str | None, fields: dict[str, Any]) -> bool:
        """Tell each; whether one noted it."""
        noted = [each.own_event(name, component, fields) for each in self.observers]
        return any(noted)


async def _all_of(waiting: list[Awaitable[None]]) -> None:
    """Wait until all are done, also where one fails; then raise the first error."""
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    for error in errors:
        if error is not None:
            raise error


def _each(observer: Observer | None) -> tuple[Observer, ...]:
    if isinstance(observer, Together):
        return observer.observers
    return () if observer is None else (observer,)


def newcomers(now: Observer, before: Observer | None) -> list[Observer]:
    """Who is told now and was not told before."""
    return [each for each in _each(now) if each not in _each(before)]


def _unobserved(redaction: Redaction | None) -> Hooks:
    hooks = Hooks()
    hooks.redaction = redaction
    return hooks


NO_HOOKS = Hooks()
"""For components without an engine. Nobody ever puts an observer here."""


def shown(hooks: Hooks, text: str) -> str:
    """`text` without the values of fields that are to be kept out."""
    return text if hooks.redaction is None else hooks.redaction.mask(text)


def is_awaitable(answer: Any) -> bool:
    """`inspect.isawaitable`, quick for what handlers mostly return: a coroutine, or nothing."""
    if answer is None:
        return False
    return type(answer) is CoroutineType or inspect.isawaitable(answer)


async def observed_call(
    observer: Observer,
    outer: Span,
    component: str,
    handler: str,
    call: Callable[..., Any],
    *args: Any,
    data: dict[str, Any] | None = None,
) -> Any:
    """Run `call` (sync or async) as a span inside `outer`, and tell the observer about it.

    Args:
        observer: who is told.
        outer: the span that encloses the call.
        component: on whose behalf.
        handler: what people see.
        call: what is run; an awaitable that it returns is awaited.
        *args: what it takes.
        data: further facts for the trace.
    """
    component = name_text(component)
    span = Span(outer.correlation_id, new_span_id(), outer.span_id, outer.turn, component)
    token = current_span.set(span)
    observer.handler_started(span, component, handler, data)
    began = time.perf_counter_ns()
    try:
        result = call(*args)
        if is_awaitable(result):
            result = await result
    except GeneratorExit:
        raise
    except BaseException as exc:
        took = (time.perf_counter_ns() - began) // 1000
        observer.handler_failed(span, component, handler, took, exc, data)
        raise
    finally:
        leave_span(token)
    took = (time.perf_counter_ns() - began) // 1000
    observer.handler_finished(span, component, handler, took, data)
    return result


async def shielded(
    pending: Awaitable[None],
) -> tuple[BaseException | None, asyncio.CancelledError | None]:
    """Wait for `pending` whatever happens; its error, and a cancellation that arrived meanwhile."""
    future = asyncio.ensure_future(pending)
    cancelled = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as exc:
            cancelled = exc
    return future.exception(), cancelled


engine_listeners: list[Callable[[Any], None]] = []
"""Called as ``listener(engine)`` for each engine that is made."""


SnapshotListener = Callable[[str, dict[str, Any]], None]

snapshot_listeners: list[SnapshotListener] = []
"""Called as ``listener(component_name, facts)`` after each explicit save of a snapshot."""


def snapshot_saved(component_name: str, **facts: Any) -> None:
    """Tell whoever records that a snapshot was saved by hand."""
    for listener in tuple(snapshot_listeners):
        listener(component_name, facts)


StepWatcher = Callable[[Step], None]


def watch_steps(component: Any, watcher: StepWatcher) -> Callable[[], None]:
    """Have `watcher` called after each step of a component, recorded or not.

    Returns:
        a function that ends it.
    """
    component._watchers = (*component._watchers, watcher)

    def end() -> None:
        component._watchers = tuple(each for each in component._watchers if each is not watcher)

    return end


def tell(watchers: tuple[StepWatcher, ...], step: Step) -> None:
    """Tell each watcher of a step. What one raises is logged: watching never breaks the machine."""
    for watcher in watchers:
        try:
            watcher(step)
        except Exception:
            logging.getLogger("flexiflow").exception(
                "A watcher of %s failed", on_one_line(step.component)
            )
