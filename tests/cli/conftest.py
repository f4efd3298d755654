"""Fixtures for the command line: real recordings, and commands run in this process."""

import asyncio
import io
import json
import os
import sqlite3
import sys
import sysconfig
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flexiflow.cli import cli
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.recording import record
from flexiflow.state_machine import State

HOUR_US = 3_600_000_000
HOSTILE = ("[bold]x[/bold]", "\x1b[31mred", "two\nlines", "\u202edlrow", "wide 漢字", "👩\u200d🔧")


class Draft(State):
    """Where an order begins."""

    @on("submit", to="Paying", guard=lambda message, order: order.data["items"] > 0)
    async def submit(self, message, order):
        """Leave."""


class Paying(State):
    """Where one gets stuck."""

    @on("paid", to="Paid")
    async def paid(self, message, order):
        """Leave."""

    @on("pay")
    async def pay(self, message, order):
        """Fail."""
        raise ValueError("the card was declined")


class Paid(State, final=True):
    """Where an order ends."""


class Packed(State):
    """Where the one parcel waits, with nothing to compare it with."""

    @on("ship", to="Paid", guard=lambda message, parcel: "address" in parcel.data)
    async def ship(self, message, parcel):
        """Leave, if it is known where to."""


@dataclass(frozen=True)
class Recorded:
    """The files of a recording, as words for a command line."""

    db: str
    log: str
    names: tuple[str, ...] = ()


async def _run_orders(engine: FlexiFlowEngine) -> None:
    for number in range(1, 8):
        await engine.add(f"order-{number}", Draft, data={"items": number}).send("submit")
        await engine.handle_message(f"order-{number}", "paid")
    await engine.add("parcel-1", Packed).send("ship")
    await engine.add("order-9", Draft, data={"items": 9}).send("submit")
    try:
        await engine.handle_message("order-9", "pay", content="card")
    except ValueError:
        return


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Seven orders that ended, order-9 that is stuck, and parcel-1 that was refused."""
    folder = tmp_path_factory.mktemp("recorded")
    db, log = folder / "state.db", folder / "run.jsonl"
    engine = FlexiFlowEngine()
    with record(engine, db, log=log):
        asyncio.run(_run_orders(engine))
    with closing(sqlite3.connect(db)) as conn, conn:
        # The order has been stuck for an hour, without anybody waiting for one.
        conn.execute(
            "UPDATE flexiflow_snapshots SET time_us = time_us - ? "
            "WHERE component_name = 'order-9' AND state = 'Paying'",
            (HOUR_US,),
        )
    return Recorded(str(db), str(log))


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A recording whose components, messages and errors have names that try something."""
    folder = tmp_path_factory.mktemp("hostile")
    db, log = folder / "state.db", folder / "run.jsonl"
    engine = FlexiFlowEngine()

    class Angry(State):
        async def handle_message(self, message, component):
            raise ValueError(f"{message['type']} in {component.name}")

    async def run() -> None:
        for name in HOSTILE:
            try:
                await engine.add(name, Angry, data={name: name}).send(name)
            except ValueError:
                continue

    with record(engine, db, log=log):
        asyncio.run(run())
    return Recorded(str(db), str(log), HOSTILE)


@pytest.fixture
def old_database(tmp_path: Path) -> str:
    """A database as 1.x wrote it: one table, and no steps."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute(
            "CREATE TABLE flexiflow_snapshots (id INTEGER PRIMARY KEY AUTOINCREMENT, "
            "component_name TEXT, snapshot_json TEXT, created_at TEXT)"
        )
        for minute, state in enumerate(("Draft", "Paying")):
            snapshot = {"name": "order-1", "current_state": state, "rules": [], "metadata": {}}
            conn.execute(
                "INSERT INTO flexiflow_snapshots (component_name, snapshot_json, created_at) "
                "VALUES ('order-1', ?, ?)",
                (json.dumps(snapshot), f"2025-01-01T10:0{minute}:00+00:00"),
            )
    return str(path)


@pytest.fixture
def empty_database(tmp_path: Path) -> str:
    """A history in which nothing happened."""
    path = tmp_path / "empty.db"
    record(FlexiFlowEngine(), path).close()
    return str(path)


@pytest.fixture
def run_cli() -> Callable[..., Result]:
    """Run a command in this process; its output goes to no terminal."""

    def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
        result = CliRunner().invoke(cli, arguments, env=env, prog_name="flexiflow")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Terminal]:
    """Make standard output a terminal of so many columns, and return it."""

    def make(columns: int) -> Terminal:
        stream = Terminal()
        for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "stdout", stream)
        return stream

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write a text file, and return its path."""

    def make(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return make


@pytest.fixture(scope="package", autouse=True)
def activated():
    """As in an activated environment: its programs are found by their names."""
    with pytest.MonkeyPatch.context() as patch:
        scripts = sysconfig.get_path("scripts")
        patch.setenv("PATH", os.pathsep.join([scripts, os.environ["PATH"]]))
        yield
