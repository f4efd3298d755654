"""A small recorded run: one order that is paid, one that is refused, one whose payment fails."""

from __future__ import annotations

from contextlib import suppress

from flexiflow import FlexiFlowEngine, State, guard, on, open_history, open_log, record


@guard
def has_items(message, order):
    return order.data["items"] > 0


BANKS = {}


class Draft(State):
    @on("submit", to="Paying", guard=has_items)
    async def submit(self, message, order):
        order.data["total"] = 99
        if "amount" in message:
            await BANKS[order.name].send("charge", amount=message["amount"])


class Paying(State):
    @on("cancel", to="Draft")
    async def cancel(self, message, order):
        pass


class Open(State):
    @on("charge")
    async def charge(self, message, bank):
        if message["amount"] > 50:
            raise ValueError("card <b>declined</b>")


async def traced(folder):
    """Record it; returns the log, the history, and the id of the trace that fails."""
    engine = FlexiFlowEngine()
    BANKS["order-1"] = engine.add("bank", Open)
    order = engine.add("order-1", Draft, data={"items": 1})
    shy = engine.add("order-2", Draft, data={"items": 0})
    async with record(engine, folder / "state.db", log=folder / "run.jsonl"):
        await order.send("submit")
        await order.send("cancel")
        await shy.send("submit")
        with suppress(ValueError):
            await order.send("submit", amount=99, correlation_id="fails-1")
    log = open_log(folder / "run.jsonl")
    return log, open_history(folder / "state.db"), "fails-1"
