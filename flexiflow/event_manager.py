"""The event bus: publish and subscribe beside the machines."""

from __future__ import annotations

import asyncio
import logging
from bisect import insort
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Literal

from flexiflow.arguments import require
from flexiflow.correlation import Span, current_span, leave_span, new_correlation_id
from flexiflow.errors import InvalidType, InvalidValue, bounded, bounded_repr, on_one_line
from flexiflow.hooks import NO_HOOKS, Hooks, is_awaitable, observed_call, shown
from flexiflow.step import name_text

HANDLER_FAILED = "event.handler.failed"

Handler = Callable[[Any], Awaitable[Any] | Any]
Filter = Callable[[str, Any], bool]
Delivery = Literal["sequential", "concurrent"]
OnError = Literal["continue", "raise"]


@dataclass(frozen=True, slots=True)
class SubscriptionHandle:
    """What `subscribe` returns and `unsubscribe` takes.

    Attributes:
        event_name: what was subscribed to.
        subscription_id: which subscription it is.
    """

    event_name: str
    subscription_id: int


@dataclass(frozen=True, slots=True)
class _Subscription:
    id: int
    event_name: str
    component_name: str
    handler: Handler
    priority: int
    filter_fn: Filter | None

    @property
    def order(self) -> tuple[int, int]:
        return self.priority, self.id


class AsyncEventManager:
    """Delivers events to subscribers, by priority and then in the order of subscription.

    Args:
        logger: for subscribers that fail; optional.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self.logger = logger
        self._hooks: Hooks = NO_HOOKS
        self._subscriptions: dict[str, list[_Subscription]] = {}
        self._newest_id = 0

    def has_subscribers(self, event_name: str) -> bool:
        """Whether anybody listens to that event."""
        return event_name in self._subscriptions

    async def subscribe(
        self,
        event_name: str,
        component_name: str,
        handler: Handler,
        priority: int = 3,
        filter_fn: Filter | None = None,
    ) -> SubscriptionHandle:
        """Call ``handler(data)`` for every event of that name.

        Args:
            event_name: which event.
            component_name: on whose behalf; `unsubscribe_all` takes it.
            handler: async or plain, called with the event's data.
            priority: 1 (first) to 5 (last).
            filter_fn: ``(event_name, data) -> bool``; False leaves the event out.

        Raises:
            InvalidValue: (a ValueError) where the priority is not 1 to 5.
        """
        if isinstance(priority, bool) or not isinstance(priority, int) or not 1 <= priority <= 5:
            raise InvalidValue(
                f"priority must be an integer from 1 to 5, not {bounded_repr(priority, 40)}.",
                why="1 is delivered first and 5 last; there is nothing outside.",
                fix="Leave it out for 3, or pass 1 to 5.",
                context={"event_name": event_name, "priority": priority},
            )
        _check_name(event_name)
        if not callable(handler):
            raise InvalidType(
                f"The handler for {event_name!r} can't be called.",
                why=f"It is {bounded_repr(handler, 80)}.",
                fix="Pass a function that takes the event's data.",
                context={"event_name": event_name, "component_name": component_name},
            )
        self._newest_id += 1
        subscription = _Subscription(
            self._newest_id, event_name, component_name, handler, priority, filter_fn
        )
        insort(self._subscriptions.setdefault(event_name, []), subscription, key=lambda s: s.order)
        return SubscriptionHandle(event_name, subscription.id)

    def unsubscribe(self, handle: SubscriptionHandle) -> bool:
        """Take one subscription back; False where it was gone already."""
        return self._remove(lambda each: each.id == handle.subscription_id) > 0

    def unsubscribe_all(self, component_name: str) -> int:
        """Take back all of a component's subscriptions, and return how many there were."""
        return self._remove(lambda each: each.component_name == component_name)

    async def publish(
        self,
        event_name: str,
        data: Any = None,
        *,
        delivery: Delivery = "sequential",
        on_error: OnError = "continue",
    ) -> None:
        """Deliver an event, and return when every subscriber has.

        Args:
            event_name: which event.
            data: passed to the subscribers as it is.
            delivery: one after the other, or all at once.
            on_error: ``"continue"`` publishes ``event.handler.failed`` and goes on;
                ``"raise"`` raises the first error. Sequential delivery then stops there,
                concurrent delivery lets the others finish first.

        Raises:
            InvalidValue: (a ValueError) for an unknown `delivery` or `on_error`.
        """
        _check_name(event_name)
        _check_choice("delivery", delivery, ("sequential", "concurrent"))
        _check_choice("on_error", on_error, ("continue", "raise"))
        chosen = tuple(self._subscriptions.get(event_name, ()))  # they may change meanwhile
        token = None
        if chosen and current_span.get() is None:
            token = current_span.set(Span(new_correlation_id()))  # one id for all that it causes
        try:
            if delivery == "sequential":
                for subscription in chosen:
                    error = await self._deliver(subscription, event_name, data, on_error)
                    if error is not None and on_error == "raise":
                        raise error
            else:
                await self._deliver_together(chosen, event_name, data, on_error)
        finally:
            if token is not None:
                leave_span(token)

    async def _deliver_together(
        self, chosen: tuple[_Subscription, ...], event_name: str, data: Any, on_error: OnError
    ) -> None:
        calls = [self._deliver(each, event_name, data, on_error) for each in chosen]
        errors = [error for error in await asyncio.gather(*calls) if error is not None]
        if errors and on_error == "raise":
            raise errors[0]

    async def _deliver(
        self, subscription: _Subscription, event_name: str, data: Any, on_error: OnError
    ) -> Exception | None:
        try:
            if subscription.filter_fn is None or subscription.filter_fn(event_name, data):
                answer = self._call(subscription, data)
                if is_awaitable(answer):
                    await answer
        except Exception as exc:
            if on_error == "continue":
                await self._report(subscription, exc)
            return exc
        return None

    def _call(self, subscription: _Subscription, data: Any) -> Any:
        """Call a subscriber, as a span where somebody observes; its answer may be awaitable."""
        observer = self._hooks.observer
        if observer is None:
            return subscription.handler(data)
        return observed_call(
            observer,
            current_span.get() or Span(new_correlation_id()),
            subscription.component_name,
            f"on {subscription.event_name}",
            subscription.handler,
            data,
        )

    async def _report(self, subscription: _Subscription, exc: Exception) -> None:
        if self.logger is not None:
            who, what = _told(subscription.component_name), _told(subscription.event_name)
            why = shown(self._hooks, bounded_repr(exc, 200))
            # One text: loggers of other libraries put arguments in otherwise.
            self.logger.warning(f"{who}: handler of {what} failed: {why}")
        if subscription.event_name == HANDLER_FAILED:
            return  # a listener to failures that fails itself must not go round in circles
        await self.publish(
            HANDLER_FAILED,
            {
                "event_name": subscription.event_name,
                "component_name": subscription.component_name,
                "exception": bounded_repr(exc),
            },
        )

    def _remove(self, unwanted: Callable[[_Subscription], bool]) -> int:
        removed = 0
        for event_name, subscriptions in list(self._subscriptions.items()):
            kept = [each for each in subscriptions if not unwanted(each)]
            removed += len(subscriptions) - len(kept)
            if kept:
                self._subscriptions[event_name] = kept
            else:
                del self._subscriptions[event_name]
        return removed


def _told(name: object) -> str:
    return on_one_line(bounded(name_text(name), 80))


_OWN_PUBLISH = AsyncEventManager.publish  # as it is here: tests may replace it on the class


def is_heard(bus: Any, event_name: str) -> bool:
    """Whether to publish an event: where nobody listens there is nothing to do.

    A bus that publishes in a way of its own, as code written for 1.x may have, is always told.
    """
    if getattr(bus.publish, "__func__", None) is not _OWN_PUBLISH:
        return True
    heard: bool = bus.has_subscribers(event_name)
    return heard


def _check_name(event_name: object) -> None:
    if type(event_name) is str:
        return
    # Not only strings: code written for 1.x may name events by members of an Enum.
    require(
        isinstance(event_name, Hashable),
        "event_name",
        event_name,
        "a string",
        "Pass the event's name.",
    )


def _check_choice(argument: str, value: object, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise InvalidValue(
            f"{argument} must be one of {', '.join(choices)}, not {bounded_repr(value, 40)}.",
            why=f"publish() knows these ways of {argument} only.",
            fix=f"Pass {argument}={choices[0]!r}.",
            context={argument: value},
        )
