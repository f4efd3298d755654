"""The cells that record what the explorer's browser tests look at."""

RECORD = """
from flexiflow import FlexiFlowEngine, State, guard, on, open_history, record

@guard
def has_items(message, order):
    return order.data.get("items", 0) > 0

class Draft(State):
    @on("add", to="Draft")
    async def add(self, message, order):
        order.data["items"] = order.data.get("items", 0) + message.get("n", 1)
    @on("submit", to="Paying", guard=has_items)
    async def submit(self, message, order):
        order.data["total"] = 9.5 * order.data["items"]

class Paying(State):
    @on("pay", to="Paid")
    async def pay(self, message, order):
        if message.get("card") == "declined":
            raise ValueError("card declined")
        order.data["paid"] = order.data["total"]

class Paid(State):
    @on("revise", to="Draft")
    async def revise(self, message, order):
        order.data["items"] = 0

async def work(order):
    await order.send("submit")
    for round in range(3):
        await order.send("add", n=round + 1)
        await order.send("submit")
        if round == 1:
            try:
                await order.send("pay", card="declined")
            except ValueError:
                pass
        await order.send("pay")
        await order.send("revise")

async def record_orders(path):
    engine = FlexiFlowEngine()
    orders = [engine.add(name, Draft, data={"items": 0}) for name in ("order-1", "order-2")]
    async with record(engine, path, log=str(path) + ".jsonl"):
        for order in orders:
            await work(order)
"""
