"""Running the demo: open the shop, record it, let the customers in, close it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from flexiflow.component import AsyncComponent
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import InvalidValue, StateError, bounded_repr
from flexiflow.lessons.demo.files import (
    DATABASE,
    LOG,
    finished_folder,
    mark_finished,
    nearest_folder,
    prepare_folder,
)
from flexiflow.lessons.demo.plans import plans
from flexiflow.lessons.demo.service import close_for_the_day, open_for_business, serve
from flexiflow.recording import record

FEWEST_ORDERS = 60
MOST_ORDERS = 5000

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What a run of the demo left behind.

    Attributes:
        database, log: the recorded files.
        messages: how many messages were handled; each is a step in the database.
        seconds: how long it took.
        kinds: how many components of each kind there were: order, invoice, picker and so on.
        outcomes: the last state of every order, by the order's name.
        unfinished: orders that did not end, by name.
    """

    database: Path
    log: Path
    messages: int
    seconds: float
    kinds: Mapping[str, int] = field(repr=False)
    outcomes: Mapping[str, str] = field(repr=False)
    unfinished: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self.database.parent


@dataclass(frozen=True, slots=True)
class DemoFiles:
    """Where a run of the demo left its files.

    Attributes:
        database, log: the recorded files.
    """

    database: Path
    log: Path


def run_demo(
    folder: str | os.PathLike[str],
    *,
    orders: int = 320,
    seed: int = 7,
    progress: Progress | None = None,
) -> DemoResult:
    """Run the demo service once, and record it to ``state.db`` and ``run.jsonl`` in a folder.

    Files of an earlier run of the demo are replaced; nothing else in the folder is touched.

    Args:
        folder: where to; made if it is not there.
        orders: how many orders, 60 to 5,000. With 320 it takes about 8 seconds. The planted faults
            sit at fixed orders, the last at order-1212.
        seed: the same seed gives the same outcome of every order.
        progress: called as ``progress(done, total)`` at the start and after each order.

    Raises:
        StateError: inside a running event loop; `run_demo_async` is for there.
        PersistenceError: where the folder holds files of these names that no demo made.
        InvalidValue: (a ValueError) for a number of orders that is out of range.
    """
    if _loop_is_running():
        raise StateError(
            "run_demo() can't be called inside a running event loop.",
            why="It starts a loop of its own, and a notebook or an async function has one already.",
            fix="Write: await run_demo_async(folder).",
            context={"folder": str(folder)},
        )
    return asyncio.run(run_demo_async(folder, orders=orders, seed=seed, progress=progress))


async def run_demo_async(
    folder: str | os.PathLike[str],
    *,
    orders: int = 320,
    seed: int = 7,
    progress: Progress | None = None,
) -> DemoResult:
    """As `run_demo`, for code that runs in an event loop, such as a notebook's cells."""
    _check_number(orders)
    where = await asyncio.to_thread(prepare_folder, folder, orders, seed)
    began = time.perf_counter()
    engine = FlexiFlowEngine()
    async with record(engine, where / DATABASE, log=where / LOG):
        await open_for_business(engine, seed)
        placed = await serve(plans(orders, seed), progress)
        await close_for_the_day()
    await asyncio.to_thread(mark_finished, where)
    return DemoResult(
        where / DATABASE,
        where / LOG,
        await asyncio.to_thread(_count_steps, where / DATABASE),
        time.perf_counter() - began,
        _kinds(engine),
        {name: order.state for name, order in placed.items()},
        tuple(name for name, order in placed.items() if not _has_ended(order)),
    )


async def demo_files(folder: str | os.PathLike[str] | None = None) -> DemoFiles:
    """The files of the demo in a folder; it runs first, for some seconds, if it has not yet.

    Args:
        folder: where they are, or are to be. Unless given, the ``demo-data`` in this folder or in
            the nearest one above it that holds them; in this one where none does.

    Raises:
        PersistenceError: as `run_demo`.
    """
    wanted = await asyncio.to_thread(nearest_folder) if folder is None else folder
    where = await asyncio.to_thread(finished_folder, wanted)
    if where is None:
        result = await run_demo_async(wanted)
        return DemoFiles(result.database, result.log)
    return DemoFiles(where / DATABASE, where / LOG)


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _check_number(orders: int) -> None:
    if isinstance(orders, bool) or not isinstance(orders, int):
        fits = False
    else:
        fits = FEWEST_ORDERS <= orders <= MOST_ORDERS
    if not fits:
        raise InvalidValue(
            f"The demo can't run {bounded_repr(orders, 40)} orders.",
            why=f"It needs at least {FEWEST_ORDERS}, so that there is something to compare with, "
            f"and takes at most {MOST_ORDERS}.",
            fix="Leave orders out for 320.",
            context={"orders": orders},
        )


def _has_ended(component: AsyncComponent) -> bool:
    return type(component.state_machine.current_state).final


def _kinds(engine: FlexiFlowEngine) -> dict[str, int]:
    """Components by kind; one whose name ends in a number or a product belongs to a kind."""
    several = ("order", "invoice", "shipment", "picker", "stock")
    heads = ((name, name.partition("-")[0]) for name in engine.components)
    return dict(Counter(head if head in several else name for name, head in heads))


def _count_steps(database: Path) -> int:
    with closing(sqlite3.connect(database)) as conn:
        (count,) = conn.execute("SELECT count(*) FROM flexiflow_steps").fetchone()
    return int(count)
