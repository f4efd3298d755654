from __future__ import annotations

import asyncio
import sqlite3

import pytest

from flexiflow.errors import InvalidValue, PersistenceError, StateError
from flexiflow.lessons.demo import run_demo, run_demo_async
from flexiflow.lessons.demo.files import MARKER


async def test_the_same_seed_gives_the_same_outcomes(tmp_path):
    """Two runs of one seed, at the same time and in one process, end alike order by order."""
    first, second = await asyncio.gather(
        run_demo_async(tmp_path / "a", orders=60, seed=3),
        run_demo_async(tmp_path / "b", orders=60, seed=3),
    )
    assert first.outcomes == second.outcomes
    assert first.unfinished == ("order-1042",)


async def test_another_seed_gives_other_outcomes(tmp_path):
    """Two seeds do not end alike."""
    first, second = await asyncio.gather(
        run_demo_async(tmp_path / "a", orders=60, seed=1),
        run_demo_async(tmp_path / "b", orders=60, seed=2),
    )
    assert first.outcomes != second.outcomes
    assert first.unfinished == second.unfinished == ("order-1042",)


def test_a_second_run_replaces_the_first(tmp_path):
    """After a re-run the files hold one run, and the folder's other files are untouched."""
    run_demo(tmp_path, orders=60)
    (tmp_path / "notes.txt").write_text("mine")
    result = run_demo(tmp_path, orders=60)
    conn = sqlite3.connect(result.database)
    try:
        (runs,) = conn.execute("SELECT count(*) FROM flexiflow_runs").fetchone()
        (steps,) = conn.execute("SELECT count(*) FROM flexiflow_steps").fetchone()
    finally:
        conn.close()
    assert (runs, steps) == (1, result.messages)
    assert {path.name for path in tmp_path.iterdir()} == {
        "notes.txt",
        "state.db",
        "run.jsonl",
        MARKER,
    }
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_foreign_database_is_refused(tmp_path):
    """A state.db that the demo did not make stops it before anything is written."""
    (tmp_path / "state.db").write_bytes(b"precious")
    with pytest.raises(PersistenceError, match=r"would overwrite state\.db"):
        run_demo(tmp_path, orders=60)
    assert (tmp_path / "state.db").read_bytes() == b"precious"


async def test_the_plain_function_says_what_to_write_in_a_loop(tmp_path):
    """In a running loop run_demo names run_demo_async, and makes no files."""
    with pytest.raises(StateError, match="running event loop") as caught:
        run_demo(tmp_path, orders=60)
    assert "await run_demo_async" in (caught.value.fix or "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("orders", [0, 59, 5001, 60.0, True, "60", None])
def test_a_number_of_orders_out_of_range(tmp_path, orders):
    """Too few, too many, or no number of orders is an InvalidValue, and makes no files."""
    with pytest.raises(InvalidValue, match="orders"):
        run_demo(tmp_path, orders=orders)
    assert list(tmp_path.iterdir()) == []


def test_progress_reaches_the_total(tmp_path):
    """Progress is told once for each order, and the last call is the total."""
    calls: list[tuple[int, int]] = []
    run_demo(tmp_path, orders=60, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 60) for done in range(61)]


async def test_breaking_off_leaves_files_that_the_next_run_replaces(tmp_path):
    """A cancelled run closes its files; the next one does not take them for foreign."""

    def stop(done: int, total: int) -> None:
        if done == 5:
            task.cancel()

    task = asyncio.ensure_future(run_demo_async(tmp_path, orders=60, progress=stop))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (tmp_path / "state.db").exists()
    result = await run_demo_async(tmp_path, orders=60)
    assert result.unfinished == ("order-1042",)


def test_folder_of_the_result(tmp_path):
    """The result names the folder, absolutely."""
    result = run_demo(tmp_path / "demo", orders=60)
    assert result.folder == tmp_path / "demo"
    assert result.log == tmp_path / "demo" / "run.jsonl"
