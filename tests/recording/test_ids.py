"""Two hundred messages at once: none shares its correlation id with another, and none loses it."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from on_disk import ask, lines_of

from flexiflow.correlation import current_correlation_id
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.recording import record
from flexiflow.state_machine import State

MESSAGES = 200
DESKS = 20

PER_MESSAGE = {
    "message.received": 3,
    "handler.started": 3,
    "handler.finished": 3,
    "state.changed": 1,
    "snapshot.saved": 1,
}
"""What one message leaves in the log: its own step, and one in each of two others."""


class Desk(State):
    """Passes each message on from a task, a gather and a thread, and notes the id it saw there."""

    @on("work", to="Desk2")
    async def work(self, message, desk):
        await work(message, desk)


class Desk2(State):
    @on("work", to="Desk")
    async def work(self, message, desk):
        await work(message, desk)


class Book(State):
    @on("note")
    async def note(self, message, book):
        await asyncio.sleep(0)
        book.seen.append((message["n"], current_correlation_id()))


async def work(message, desk):
    n = message["n"]
    desk.data["last"] = n
    seen = [current_correlation_id()]

    async def in_a_task():
        await asyncio.sleep(0)
        seen.append(current_correlation_id())
        await desk.books[0].send("note", n=n)

    async def in_a_gather():
        await asyncio.sleep(0)
        seen.append(current_correlation_id())

    def in_a_thread():
        seen.append(current_correlation_id())

    await asyncio.create_task(in_a_task())
    await asyncio.gather(in_a_gather(), in_a_gather(), desk.books[1].send("note", n=n))
    await asyncio.to_thread(in_a_thread)
    desk.seen.append((n, tuple(seen)))


@pytest.fixture(params=["grouped", "always"])
async def worked(request, tmp_path):
    """Everything that was seen, by n; the log's lines and the history's steps."""
    log, db = tmp_path / "run.jsonl", tmp_path / "state.db"
    engine = FlexiFlowEngine()
    books = [engine.add(f"book {n}", Book) for n in range(2)]
    desks = [engine.add(f"desk {n}", Desk) for n in range(DESKS)]
    for component in (*books, *desks):
        component.seen, component.books = [], books

    async def send(n):
        # Every other message brings its id; the ids contain each other.
        given = {"correlation_id": f"order-{n}"} if n % 2 else {}
        return n, await desks[n % DESKS].send("work", n=n, **given)

    async with record(engine, db, log=log, durability=request.param):
        steps = dict(await asyncio.gather(*(send(n) for n in range(MESSAGES))))
    assert current_correlation_id() is None
    lines = lines_of(log)
    query = """SELECT json_extract(message_json, '$.n'), correlation_id, component_name, span_id,
        parent_id, id FROM flexiflow_steps"""
    rows = ask(db, query)
    ids = {n: step.correlation_id for n, step in steps.items()}
    return ids, [*books, *desks], lines, rows


async def test_no_id_is_shared_or_lost(worked):
    """Each message has its own id, and the same one in its handler, tasks, gather and thread."""
    ids, components, *_ = worked
    assert len(set(ids.values())) == MESSAGES
    assert all(ids[n] == f"order-{n}" for n in range(1, MESSAGES, 2))
    books, desks = components[:2], components[2:]
    seen = dict(each for desk in desks for each in desk.seen)
    assert seen == {n: (ids[n],) * 5 for n in range(MESSAGES)}
    for book in books:
        assert sorted(book.seen) == sorted(ids.items())


async def test_every_line_has_the_id_of_its_message(worked):
    """The log has the same lines for each id, and a line that shows n has the id of n."""
    ids, _, lines, _ = worked
    traced = [line for line in lines if "correlation_id" in line]
    counted = Counter((line["correlation_id"], line["event"]) for line in traced)
    assert counted == {
        (each, event): count for each in ids.values() for event, count in PER_MESSAGE.items()
    }
    received = [line for line in traced if line["event"] == "message.received"]
    assert {(line["data"]["n"], line["correlation_id"]) for line in received} == set(ids.items())


async def test_every_row_has_the_id_of_its_message(worked):
    """Three steps for each n, all with its id; the two inner ones name the outer as parent."""
    ids, _, _, rows = worked
    assert Counter((n, found) for n, found, *_ in rows) == dict.fromkeys(ids.items(), 3)
    outer = {n: span for n, _, name, span, _, _ in rows if name.startswith("desk")}
    inner = [(n, parent) for n, _, name, _, parent, _ in rows if name.startswith("book")]
    assert sorted(inner) == sorted([*outer.items(), *outer.items()])


async def test_no_span_or_row_is_there_twice(worked):
    """Every step's span and id is its own, and each handler's span is inside its step's."""
    _, _, lines, rows = worked
    spans = [row[3] for row in rows]
    handlers = [line["span_id"] for line in lines if line["event"] == "handler.started"]
    assert len({*spans, *handlers}) == len(spans) + len(handlers) == 6 * MESSAGES
    assert sorted(row[5] for row in rows) == list(range(1, 3 * MESSAGES + 1))
    parents = {
        line["span_id"]: line["parent_id"] for line in lines if line["event"] == "handler.started"
    }
    assert sorted(parents.values()) == sorted(spans)
