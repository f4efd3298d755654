"""Disks that are full, files and folders that may not be written, databases that others hold."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from checking import ask, check_history, check_log, kept_numbers, lines_of
from children import running
from full_disk import SIZE, STEPS
from service import engine_of

from flexiflow.recording import record

MOUNTING = ("unshare", "--mount")


def way_to_fill():
    """A small disk of its own where the tests may mount one, else a limit on the files' size."""
    trial = [*MOUNTING, "mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", "/tmp"]
    if shutil.which("unshare") and subprocess.run(trial, capture_output=True).returncode == 0:
        return "small disk", MOUNTING
    return "file limit", ()


def phase_of(said, phase):
    return [each for each in said if each.get("phase") == phase and "n" in each]


@pytest.fixture(params=["small disk", "file limit"])
def filled(request):
    """Runs the service over a disk that is full for a while; gives what it said."""

    def run(folder, durability):
        way, prefix = way_to_fill() if request.param == "small disk" else ("file limit", ())
        with running(
            program="full_disk.py", prefix=prefix, folder=folder, durability=durability, way=way
        ) as child:
            return child.finish()

    return run


def test_always_refuses_steps_on_a_full_disk_and_goes_on_with_room(filled, tmp_path, db, log):
    """No step counts that is not on disk; each says why; afterwards nothing is missing."""
    said = filled(tmp_path, "always")
    full = phase_of(said, "full")
    assert [each["moved"] for each in full] == [False] * STEPS
    assert {part for each in full for part in each["error"] if not each["error"][part]} == set()
    assert all("path" in each["error"]["context"] for each in full)
    assert [each["moved"] for each in phase_of(said, "after")] == [True] * STEPS
    assert kept_numbers(db)["a"] == [*range(STEPS), *range(200, 200 + STEPS)]
    assert ask(db, "SELECT kind FROM flexiflow_markers") == []
    check_history(db)
    check_log(log, db, torn=1)


def test_grouped_goes_on_over_a_full_disk_and_tells_what_is_missing(filled, tmp_path, db, log):
    """The machine moves on; flush() says what was lost; a row and a line say so for ever."""
    said = filled(tmp_path, "grouped")
    assert [each["moved"] for each in phase_of(said, "full")] == [True] * STEPS
    (flush,) = [each["flush"] for each in said if "flush" in each]
    assert {part for part in flush if not flush[part]} == set()
    kept = kept_numbers(db)["a"]
    assert kept == sorted({*range(STEPS), *range(200, 200 + STEPS)} | set(kept))
    missing = STEPS * 3 - len(kept)
    assert ask(db, "SELECT kind, rows FROM flexiflow_markers") == [("gap", 2 * missing)]
    check_history(db)
    check_log(log, db, torn=1)
    gaps = [line for line in lines_of(log)[0] if line["event"] == "recording.gap"]
    assert [gap["data"]["rows"] for gap in gaps] == [2 * missing]


# -- modes ---------------------------------------------------------------------------------


@pytest.fixture
def elsewhere():
    """A folder that an ordinary user can reach, with a history and a log in it."""
    folder = Path(tempfile.mkdtemp())
    engine = engine_of(("a",))

    async def work():
        async with record(engine, folder / "state.db", log=folder / "run.jsonl"):
            await engine.get("a").send("work", n=1)

    asyncio.run(work())
    for path in (folder / "state.db", folder / "run.jsonl"):
        path.chmod(0o666)
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("place", "mode", "refused"),
    [
        ("state.db", 0o444, {"record_there"}),
        ("state.db", 0o000, {"record_there", "read_history"}),
        ("run.jsonl", 0o444, {"record_there"}),
        ("run.jsonl", 0o000, {"record_there", "read_log"}),
        (".", 0o555, {"record_there", "save_json"}),
        (".", 0o000, {"record_there", "read_history", "read_log", "save_json"}),
    ],
)
def test_what_may_not_be_written_is_said_and_left_as_it_was(elsewhere, place, mode, refused):
    """Each attempt that the mode forbids ends in an error of four parts; the others work."""
    before = (elsewhere / "run.jsonl").read_bytes()
    (elsewhere / place).chmod(mode)
    with running(program="ordinary_user.py", folder=elsewhere) as child:
        errors = {each["what"]: each["error"] for each in child.finish()}
    elsewhere.chmod(0o777)
    assert {what for what, error in errors.items() if error is not None} == refused
    assert [what for what in refused if not all(errors[what].values())] == []
    (elsewhere / "run.jsonl").chmod(0o666)
    assert (elsewhere / "run.jsonl").read_bytes() == before
    assert kept_numbers(elsewhere / "state.db") == {"a": [1]}
