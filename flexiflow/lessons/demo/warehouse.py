"""The warehouse: a dispatcher in the classic style, and two pickers.

::

    dispatcher   Ready ◀──assign, done──▶ AllBusy        Ready ──close──▶ OffDuty
    picker       Idle ──pick──▶ Walking ──walk──▶ Idle   Idle ──close──▶ GoneHome

The dispatcher's states decide in ``handle_message`` where to go, as states did before `on`; their
one declared transition stands beside it. What they decide can't be read off the declared graph,
but the history shows it.
"""

from __future__ import annotations

from typing import Any

from flexiflow.component import AsyncComponent
from flexiflow.correlation import current_correlation_id
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.lessons.demo import faults
from flexiflow.lessons.demo.shop import Message, component, pause, tell
from flexiflow.lessons.demo.stock import take_lines
from flexiflow.state_machine import State

PICKERS = ("picker-1", "picker-2")


class Ready(State):
    """At least one picker is free."""

    @on("close", to="OffDuty")
    def close(self, message: Message, dispatcher: AsyncComponent) -> None:
        """The day is over."""

    async def handle_message(
        self, message: Message, dispatcher: AsyncComponent
    ) -> tuple[bool, State]:
        """Give work to a free picker; note a picker who has become free."""
        free: list[str] = dispatcher.data["free"]
        match message["type"]:
            case "assign":
                await _send_picker(free.pop(0), _work(message))
                return True, self if free else AllBusy()
            case "done":
                free.append(message["picker"])
                return True, self
        return False, self


class AllBusy(State):
    """Work has to wait."""

    async def handle_message(
        self, message: Message, dispatcher: AsyncComponent
    ) -> tuple[bool, State]:
        """Queue work; give the first of it to a picker who has become free."""
        waiting: list[dict[str, Any]] = dispatcher.data["waiting"]
        match message["type"]:
            case "assign":
                waiting.append(_work(message))
                return True, self
            case "done" if waiting:
                await _send_picker(message["picker"], waiting.pop(0))
                return True, self
            case "done":
                dispatcher.data["free"].append(message["picker"])
                return True, Ready()
        return False, self


class OffDuty(State, final=True):
    """Closed for the day."""


class Idle(State):
    """Waits for work."""

    @on("pick", to="Walking")
    async def pick(self, message: Message, picker: AsyncComponent) -> None:
        """Take the list; the walk is a message of its own, so that the dispatcher need not wait."""
        picker.data["order"] = message["order"]
        await picker.send("walk", order=message["order"], lines=message["lines"])

    @on("close", to="GoneHome")
    def close(self, message: Message, picker: AsyncComponent) -> None:
        """The day is over."""


class Walking(State):
    """Between the shelves."""

    @on("walk", to="Idle")
    async def walk(self, message: Message, picker: AsyncComponent) -> None:
        """Collect an order's goods, and tell the order and the dispatcher."""
        await pause(8, 20)
        await take_lines(message["order"], message["lines"])
        if not faults.loses_picked(message["order"]):
            await tell(message["order"], "picked", picker=picker.name)
        picker.data["order"] = None
        picker.data["picked"] += 1
        await tell("dispatcher", "done", picker=picker.name)


class GoneHome(State, final=True):
    """Closed for the day."""


def open_warehouse(engine: FlexiFlowEngine) -> None:
    """Add the dispatcher and the pickers."""
    engine.add("dispatcher", Ready, data={"free": list(PICKERS), "waiting": []})
    for name in PICKERS:
        engine.add(name, Idle, data={"order": None, "picked": 0})


def is_at_work_on(order: str) -> bool:
    """Whether the order waits for a picker, or has one."""
    waiting = component("dispatcher").data["waiting"]
    return any(work["order"] == order for work in waiting) or any(
        component(picker).data["order"] == order for picker in PICKERS
    )


def _work(message: Message) -> dict[str, Any]:
    return {
        "order": message["order"],
        "lines": message["lines"],
        "correlation_id": current_correlation_id(),
    }


async def _send_picker(picker: str, work: dict[str, Any]) -> None:
    # By name: work that has waited is handed out in the trace of another order.
    await tell(picker, "pick", **work)
