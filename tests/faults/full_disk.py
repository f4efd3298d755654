"""The service on a disk that is full for a while; run as ``python full_disk.py '{"way": …}'``."""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from service import engine_of, parts_of, say

from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import FlexiFlowError
from flexiflow.recording import record

STEPS = 10
SIZE = 1_000_000


@dataclass(frozen=True, slots=True)
class Options:
    """What is tried.

    Attributes:
        folder: where the files are in the end.
        durability: as `record` takes it.
        way: ``"small disk"`` mounts one of `SIZE` bytes, in a mount namespace of this process;
            ``"file limit"`` keeps files from growing.
        which: whose growth a file limit stops: all files, or (``"log"``) the log's.
    """

    folder: str
    durability: str
    way: str


def small_disk(folder: Path) -> tuple[Path, Callable[[], None], Callable[[], None]]:
    """A folder on a disk of its own, and what fills the disk and empties it again."""
    disk = folder / "disk"
    disk.mkdir()
    size = f"size={SIZE}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", str(disk)], check=True)
    ballast = disk / "ballast"

    def fill() -> None:
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 512):
                    pass
            except OSError:
                pass

    return disk, fill, ballast.unlink


def file_limit(folder: Path) -> tuple[Path, Callable[[], None], Callable[[], None]]:
    """A folder, and what forbids this process to let files grow, and allows it again."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def forbid() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))

    def allow() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    return folder, forbid, allow


async def send_some(engine: FlexiFlowEngine, phase: str, first: int) -> None:
    """Send a few messages, and tell what came of each and what it left in memory."""
    for n in range(first, first + STEPS):
        worker, error = engine.get("a"), None
        before = worker.state
        try:
            await worker.send("work", n=n)
        except FlexiFlowError as exc:
            error = parts_of(exc)
        moved = worker.state != before
        say(phase=phase, name="a", n=n, error=error, moved=moved)


async def main(options: Options) -> None:
    folder = Path(options.folder)
    place, fill, make_room = {"small disk": small_disk, "file limit": file_limit}[options.way](
        folder
    )
    engine = engine_of(("a",))
    recording = record(
        engine, place / "state.db", log=place / "run.jsonl", durability=options.durability
    )
    await send_some(engine, "before", 0)
    await recording.flush()
    fill()
    await send_some(engine, "full", 100)
    try:
        await recording.flush()
        say(phase="full", flush=None)
    except FlexiFlowError as exc:
        say(phase="full", flush=parts_of(exc))
    make_room()
    await send_some(engine, "after", 200)
    await recording.flush()
    recording.close()
    if place != folder:
        for file in place.iterdir():
            shutil.copy(file, folder)


if __name__ == "__main__":
    asyncio.run(main(Options(**json.loads(sys.argv[1]))))
