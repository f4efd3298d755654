"""Where errors end: every exception becomes a message in four parts and an exit code.

Exit codes: 0 fine, 1 an error, 2 wrong usage (click's own), 3 a bad answer, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import click

from flexiflow._version import __version__
from flexiflow.cli.text import visible, write_line
from flexiflow.cli.typed import as_typed
from flexiflow.errors import ErrorContext, FlexiFlowError, class_and_text, page_of

FINE, ERROR, BAD_ANSWER, INTERRUPTED = 0, 1, 3, 130

_DEBUG = "flexiflow.debug"


def answer(bad: bool) -> None:
    """End the command with the exit code that says whether its answer is a bad one."""
    if bad:
        raise click.exceptions.Exit(BAD_ANSWER)


class Command(click.Command):
    """A command that takes ``--debug`` as well, since that is where people type it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(debug_option())


class Group(click.Group):
    """A group of commands whose exceptions are reported here, and nowhere else."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(debug_option())

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they were added."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command inside the boundary."""
        with _reported(ctx):
            result = super().invoke(ctx)
            sys.stdout.flush()  # here a broken pipe can still be caught
            return result


def debug_option() -> click.Option:
    """The option ``--debug``."""
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=_note_debug,
        help="Show the traceback of an error.",
    )


def _note_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[_DEBUG] = True


@contextlib.contextmanager
def _reported(ctx: click.Context) -> Iterator[None]:
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except BrokenPipeError:
        _silence()
        raise click.exceptions.Exit(FINE) from None
    except KeyboardInterrupt:
        write_line("Interrupted.", to=sys.stderr)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except Exception as exc:
        error = as_typed(exc) if isinstance(exc, FlexiFlowError) else _unexpected(ctx, exc)
        _report(exc, error, with_traceback=bool(ctx.meta.get(_DEBUG)))
        raise click.exceptions.Exit(ERROR) from None


def _report(exc: Exception, error: FlexiFlowError, *, with_traceback: bool) -> None:
    if with_traceback:
        for line in "".join(traceback.format_exception(exc)).splitlines():
            write_line(visible(line), to=sys.stderr)
    for line in four_parts(error, coloured=_colours_wanted()):
        write_line(line, to=sys.stderr)


def four_parts(error: FlexiFlowError, *, coloured: bool = False) -> Iterator[str]:
    """An error as lines: what, why, fix, context; further lines of a part are indented."""
    yield from _part("Error:", error.what, {"fg": "red", "bold": True} if coloured else None)
    bold = {"bold": True} if coloured else None
    if error.why:
        yield from _part("Why:", error.why, bold)
    if error.fix:
        yield from _part("Fix:", error.fix, bold)
    if error.context_items:
        context = ErrorContext(error.context_items).format()
        yield from _part("Context:", f"\n{context}", bold)
    page = page_of(error)
    if page != FlexiFlowError.__name__:  # which says nothing about a cause
        yield from _part("More:", f"flexiflow errors {page}", bold)


def _part(label: str, text: str, style: dict[str, Any] | None) -> Iterator[str]:
    first, *others = text.split("\n")
    shown = click.style(label, **style) if style else label
    yield f"{shown} {visible(first)}".rstrip()
    # Indented, so that no text that an error quotes can pass for one of its parts.
    yield from (f"  {visible(line.strip())}" for line in others if line.strip())


def _colours_wanted() -> bool:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stderr.isatty() and not plain


def _unexpected(ctx: click.Context, exc: Exception) -> FlexiFlowError:
    command = ctx.invoked_subcommand or ""
    return FlexiFlowError(
        f"Something unexpected happened: {class_and_text(exc, 300)}",
        why="This is a fault in FlexiFlow, or in code that a config names.",
        fix=f"Run `flexiflow --debug {command} …` to see the traceback, and report it.",
        context={
            "command": command,
            "flexiflow": __version__,
            "python": platform.python_version(),
        },
    )


def _silence() -> None:
    """Send what is still buffered nowhere: Python would write it once more at exit, and fail."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
