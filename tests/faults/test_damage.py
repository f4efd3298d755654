"""Files that are damaged: cut, overwritten, or from a version to come."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from checking import check_error, check_history, lines_of
from service import MESSAGES, Broken, engine_of

from flexiflow.analysis.history import open_history
from flexiflow.analysis.log import open_log
from flexiflow.errors import FlexiFlowError, PersistenceError
from flexiflow.persistence.schema import VERSION
from flexiflow.persistence.sqlite_store import (
    list_snapshots,
    load_latest_snapshot,
    prune_snapshots,
)
from flexiflow.recording import record

DAMAGES = 40
SOAK_DAMAGES = 2000
PAGE = 4096
_INDEXES = "SELECT rootpage FROM sqlite_schema WHERE type = 'index' ORDER BY rootpage"


@cache
def healthy() -> tuple[bytes, bytes]:
    """A history with every kind of step in it, and its log."""

    async def work(engine, choose):
        for n in range(60):
            with contextlib.suppress(Broken):
                await engine.get(choose.choice("abc")).send(choose.choice(MESSAGES), n=n)

    with TemporaryDirectory() as folder:
        db, log = Path(folder, "state.db"), Path(folder, "run.jsonl")
        engine = engine_of(("a", "b", "c"))
        with record(engine, db, log=log):
            asyncio.run(work(engine, random.Random(1)))
        return db.read_bytes(), log.read_bytes()


def flipped(dice: random.Random, content: bytes) -> bytes:
    """Random bytes anywhere, the header's more often than by chance."""
    damaged = bytearray(content)
    for _ in range(dice.choice([1, 3, 30, 300])):
        place = dice.randrange(100 if dice.random() < 0.2 else len(damaged))
        damaged[place] = dice.randrange(256)
    return bytes(damaged)


def index_pages(content: bytes) -> list[int]:
    """The numbers of the pages that begin an index, from 1."""
    with closing(sqlite3.connect(":memory:")) as conn:
        # In memory there is no write-ahead log: bytes 18 and 19 say so.
        conn.deserialize(content[:18] + b"\1\1" + content[20:])
        return [page for (page,) in conn.execute(_INDEXES)]


def misordered(dice: random.Random, content: bytes) -> bytes:
    """Bytes in an index: its entries out of order or of other rows, which SQLite misses."""
    damaged = bytearray(content)
    page = dice.choice(index_pages(content))
    for _ in range(dice.choice([1, 2, 5])):
        damaged[page * PAGE - 1 - dice.randrange(PAGE)] = dice.randrange(256)
    return bytes(damaged)


def cut(dice: random.Random, content: bytes) -> bytes:
    return content[: dice.randrange(len(content))]


def overwritten(dice: random.Random, content: bytes) -> bytes:
    """A page of zeros, of noise, or of another place, as a broken disk leaves it."""
    place, other = (dice.randrange(len(content) // PAGE) * PAGE for _ in range(2))
    page = dice.choice([bytes(PAGE), dice.randbytes(PAGE), content[other : other + PAGE]])
    return content[:place] + page + content[place + PAGE :]


def ask_everything(db: Path) -> None:
    """Every question to a history, one after the other."""
    attempt(lambda: [attempt(question) for question in questions_to(db)])
    with closing(sqlite3.connect(db)) as conn:
        attempt(lambda: load_latest_snapshot(conn, "a"))
        attempt(lambda: list_snapshots(conn, "a"))
        attempt(lambda: prune_snapshots(conn, "a", keep=2))


def questions_to(db: Path) -> list[Callable[[], object]]:
    history = open_history(db, log=None)
    names = ("components", "steps", "snapshots", "visits", "stuck", "graph", "names")
    return [
        *(getattr(history, name) for name in names),
        *(lambda name=name: history.why(name) for name in "abc"),
        *(lambda name=name: history.story(name) for name in "abc"),
        *(lambda number=number: history.snapshot(number) for number in (1, 5, 20)),
    ]


def attempt(question: Callable[[], object]) -> None:
    """Whatever the file holds, there is an answer or an error of four parts."""
    try:
        question()
    except FlexiFlowError as exc:
        check_error(exc)


def go_on_recording(db: Path, log: Path) -> None:
    """The machine goes on, whatever becomes of its history."""
    engine = engine_of(("a",))

    async def work():
        for n in range(5):
            await engine.get("a").send("work", n=n)

    def recorded():
        with record(engine, db, log=log) as recording:
            asyncio.run(work())
            recording.flush_now()

    attempt(recorded)
    asyncio.run(work())
    assert engine.get("a").data["n"] == 4


@pytest.mark.parametrize("damage", [flipped, misordered, cut, overwritten])
def test_a_damaged_database_gives_answers_or_errors(dice, soak, db, log, damage):
    """No traceback of another kind from any question, and nothing stops the machine."""
    for _ in range((SOAK_DAMAGES if soak else DAMAGES) // 4):
        for file in db.parent.iterdir():
            file.unlink()
        db.write_bytes(damage(dice, healthy()[0]))
        ask_everything(db)
        go_on_recording(db, log)


def test_a_damaged_log_shows_what_can_be_read(dice, soak, log):
    """Broken lines are rows of their own, and every sound line is there."""
    for _ in range((SOAK_DAMAGES if soak else DAMAGES) // 4):
        log.write_bytes(dice.choice([flipped, cut])(dice, healthy()[1]))
        records, _ = lines_of(log)
        found = open_log(log).records()
        assert len(found) == sum(bool(line.strip()) for line in log.read_bytes().split(b"\n"))
        assert len(found) >= len(records)
        open_log(log).traces()
        open_log(log).search("work")


@pytest.mark.parametrize("rotate", [None, "1 MB"])
def test_a_log_cut_within_a_line_is_gone_on_with_on_a_line_of_its_own(dice, db, log, rotate):
    """The half line stays what it is, and costs no other."""
    content = healthy()[1]
    log.write_bytes(content[: content.rindex(b"{", 0, dice.randrange(2000, len(content))) + 5])
    before, _ = lines_of(log)
    engine = engine_of(("a",))
    with record(engine, db, log=log, rotate=rotate):
        asyncio.run(engine.get("a").send("work", n=1))
    records, broken = lines_of(log)
    assert broken == 1
    assert records[: len(before)] == before
    assert [line["event"] for line in records[len(before) :]].count("state.changed") == 1


@pytest.mark.parametrize("use", ["read", "record", "save"])
def test_a_database_from_a_newer_version_is_left_alone(db, use):
    """It is refused in every way of using it, and not one byte of it is changed."""
    db.write_bytes(healthy()[0])
    with closing(sqlite3.connect(db)) as conn:
        conn.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = db.read_bytes()
    ways = {
        "read": lambda: open_history(db).steps(),
        "record": lambda: record(engine_of(("a",)), db),
        "save": lambda: prune(db),
    }
    with pytest.raises(PersistenceError, match="newer than") as raised:
        ways[use]()
    check_error(raised.value)
    assert db.read_bytes() == before


def prune(db):
    with closing(sqlite3.connect(db)) as conn:
        prune_snapshots(conn, "a", keep=1)


def test_a_damaged_database_is_recorded_beside_a_new_one(db, log):
    """The next start works with another path, and the damaged file is still there to be saved."""
    db.write_bytes(cut(random.Random(1), healthy()[0]))
    before = db.read_bytes()
    with pytest.raises(PersistenceError):
        open_history(db).steps()
    fresh = db.with_name("fresh.db")
    engine = engine_of(("a",))
    with record(engine, fresh, log=log):
        asyncio.run(engine.get("a").send("work", n=1))
    check_history(fresh)
    assert db.read_bytes() == before
