"""Saying how far a long read is: to a function, or by a bar where somebody looks at one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flexiflow.arguments import require

if TYPE_CHECKING:
    from rich.console import Console

Told = Callable[[int, int], object]
"""Called with how many rows are read, and how many there are."""


def check_progress(progress: Any) -> None:
    """Refuse what can't be told of progress.

    Raises:
        InvalidType: (a TypeError) where it is no function, truth value or None.
    """
    fits = progress is None or isinstance(progress, bool) or callable(progress)
    fix = "Pass progress=True for a bar, or a function (done, total)."
    require(fits, "progress", progress, "True, False or a function", fix)


@contextmanager
def reporting(progress: bool | Told | None, total: int) -> Iterator[Told]:
    """What is to be told of the progress.

    Args:
        progress: a function for it; True for a bar of rich, which shows itself in terminals and
            in notebooks; False or None for nothing.
        total: how many rows there are.
    """
    if callable(progress):
        yield progress
    elif progress:
        with _bar(total) as told:
            yield told
    else:
        yield _nothing


@contextmanager
def _bar(total: int) -> Iterator[Told]:
    from rich.progress import Progress

    console = _console(stderr=True)
    seen = console.is_terminal or console.is_jupyter
    with Progress(console=console, transient=True, disable=not seen) as bar:
        task = bar.add_task("Reading", total=total)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _console(**options: Any) -> Console:
    from rich.console import Console

    return Console(**options)


def _nothing(done: int, total: int) -> None:
    """Nobody wants to know."""
