"""Records and reads as an ordinary user, for whom modes count: the superuser ignores them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from service import engine_of, parts_of, say

from flexiflow.analysis.history import open_history
from flexiflow.analysis.log import open_log
from flexiflow.errors import FlexiFlowError
from flexiflow.persistence.json_store import save_component
from flexiflow.recording import record

NOBODY = 65534


def become_ordinary() -> None:
    """Give up the superuser's rights, where this process has them."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


async def record_there(folder: Path) -> None:
    """One step on the record; it must work in memory whether or not it can be recorded."""
    engine = engine_of(("a",))
    async with record(engine, folder / "state.db", log=folder / "run.jsonl"):
        await engine.get("a").send("work", n=99)


async def read_history(folder: Path) -> None:
    open_history(folder / "state.db").steps()


async def read_log(folder: Path) -> None:
    open_log(folder / "run.jsonl").records()


async def save_json(folder: Path) -> None:
    save_component(engine_of(("a",)).get("a"), folder / "a.json")


ATTEMPTS: tuple[Callable[[Path], Awaitable[None]], ...] = (
    record_there,
    read_history,
    read_log,
    save_json,
)


async def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as rehearsal:
        for attempt in ATTEMPTS:  # an ordinary user may not be able to import what this needs
            await attempt(Path(rehearsal))
    become_ordinary()
    for attempt in ATTEMPTS:
        try:
            await attempt(folder)
            say(what=attempt.__name__, error=None)
        except FlexiFlowError as exc:
            say(what=attempt.__name__, error=parts_of(exc))


if __name__ == "__main__":
    asyncio.run(main(Path(json.loads(sys.argv[1])["folder"])))
