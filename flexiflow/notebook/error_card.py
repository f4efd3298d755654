"""A FlexiFlowError as a card: what, why, fix, context, its trace, and the frames of the user's own.

The card is followed by one short error line, since that is what test tools look for: a cell
that failed must not pass for one that did not. `sys.last_value` and its like are set, so that
``%debug`` and ``%flexiflow tb`` find the error.
"""

from __future__ import annotations

import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from linecache import getline
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from flexiflow.component import AsyncComponent
from flexiflow.errors import FlexiFlowError, bounded, bounded_repr, error_text, page_of
from flexiflow.hooks import shown
from flexiflow.notebook.html import (
    MONO,
    MUTED,
    SANS,
    card,
    code,
    colour,
    element,
    escape,
    fitting,
    folded,
    muted,
    preformatted,
)
from flexiflow.step import Step

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_MOST_FRAMES = 20
_MOST_VALUES = 20
_LONGEST_PART = 4_000
_LONGEST_LINE = 300
_BASE = FlexiFlowError.__name__

Mask = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class UserFrame:
    """One frame of a traceback that is the user's own.

    Attributes:
        place: where it is, as people know it: ``Cell In[3], line 2`` or ``shop.py, line 12``.
        function: the function, or an empty string at a cell's top level.
        line: the source line, or an empty string where it is not to be had.
    """

    place: str
    function: str
    line: str


class ErrorCards:
    """Shows errors of FlexiFlow as cards in one shell, until it is removed.

    Handlers that were there before go on with the exceptions that they were for.

    Args:
        shell: the shell.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._former = shell.custom_exceptions, shell.CustomTB
        exceptions = (*shell.custom_exceptions, FlexiFlowError)
        shell.set_custom_exc(exceptions, self._handle)  # type: ignore[no-untyped-call]
        self._own = shell.CustomTB

    def remove(self) -> None:
        """Put the former handler back, unless somebody has put another one there since."""
        if self._shell.CustomTB == self._own:
            self._shell.custom_exceptions, self._shell.CustomTB = self._former

    def _handle(
        self,
        shell: InteractiveShell,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
        tb_offset: int | None = None,
    ) -> Any:
        if not isinstance(error, FlexiFlowError):
            return self._former[1](kind, error, trace, tb_offset=tb_offset)
        _remember(shell, error, trace)
        mask = _mask_in(trace)
        line = _card_shown(shell, error, trace, mask) if shows_html(shell) else None
        text = mask(error_text(error))
        # A terminal has no cards: the four parts are the message.
        lines = [line] if line else [f"{kind.__name__}: {text}", "The traceback: %flexiflow tb"]
        shell._showtraceback(kind, Exception(text), lines)
        return lines


def _card_shown(
    shell: InteractiveShell, error: FlexiFlowError, trace: TracebackType | None, mask: Mask
) -> str | None:
    """Show the card, and return the line below it; None where there is none."""
    from IPython.display import display

    try:
        page = error_card(error, list(user_frames(trace, _cell_name(shell))), trace, mask)
        line = error_line(type(error), error, mask)
    except Exception as exc:  # an error of the user's own making; the card must not hide it
        warnings.warn(f"The card of this error failed: {bounded_repr(exc, 200)}", stacklevel=2)
        return None
    display({"text/html": page, "text/plain": mask(error_text(error))}, raw=True)  # type: ignore[no-untyped-call]
    return line


def error_card(
    error: FlexiFlowError,
    frames: list[UserFrame],
    trace: TracebackType | None = None,
    mask: Mask = str,
) -> str:
    """An error as a card.

    Args:
        error: the error.
        frames: the frames of the user's own, the outermost first.
        trace: the traceback, in which the step is looked for that it happened in.
        mask: takes out of a text what must not be shown.
    """
    items = error.context_items
    correlation_id = items.get("correlation_id") or correlation_id_in(trace)
    rows = [
        _row("What", escape(mask(str(error.what)), _LONGEST_PART)),
        _row("Why", escape(mask(str(error.why or "")), _LONGEST_PART)),
        _row("Fix", escape(mask(str(error.fix or "")), _LONGEST_PART)),
        _row("Context", _context(items, mask), MONO),
        _row("Trace", "" if correlation_id is None else escape(correlation_id, 140), MONO),
    ]
    title = element("strong", f"✕ {escape(type(error).__name__, 100)}", colour("failure"))
    body = element("div", "".join(rows), "margin-top:4px")
    body = fitting([body, _cause(error, mask), _frames(frames, mask), _more(error)])
    return card(title, body, "failure", f"Error: {mask(str(error.what))}")


def error_line(kind: type[BaseException], error: FlexiFlowError, mask: Mask = str) -> str:
    """The one line below the card."""
    what = " ".join(mask(str(error.what)).split())
    hint = "card above; full traceback: %flexiflow tb"
    return f"{kind.__name__}: {bounded(what, _LONGEST_LINE)}  ({hint})"


def user_frames(
    trace: TracebackType | None, cell_name: Callable[[str], str | None] = lambda _: None
) -> Iterator[UserFrame]:
    """The frames of a traceback that are neither FlexiFlow's, nor Python's, nor a package's.

    Args:
        trace: the traceback.
        cell_name: what people call a file that is a cell, or None for other files.
    """
    while trace is not None:
        frame, line = trace.tb_frame.f_code, trace.tb_lineno
        cell = cell_name(frame.co_filename)
        if cell is not None or _is_own(frame.co_filename):
            place = f"{cell or Path(frame.co_filename).name}, line {line}"
            function = "" if frame.co_name.startswith("<module") else frame.co_name
            yield UserFrame(place, function, getline(frame.co_filename, line).strip())
        trace = trace.tb_next


def correlation_id_in(trace: TracebackType | None) -> str | None:
    """The id of the innermost step that a traceback goes through, or None."""
    found = None
    while trace is not None:
        step = _step_of(trace.tb_frame)
        found = found if step is None else step.correlation_id
        trace = trace.tb_next
    return found


def shows_html(shell: InteractiveShell) -> bool:
    """Whether the shell's frontend shows more than text: a notebook's does, a terminal's not."""
    formatter = shell.display_formatter
    return formatter is not None and "text/html" in formatter.active_types


def _step_of(frame: FrameType) -> Step | None:
    step = frame.f_locals.get("step") if _is_of_component(frame) else None
    return step if isinstance(step, Step) else None


def _mask_in(trace: TracebackType | None) -> Mask:
    """What keeps the hidden fields of a recording out of texts, if its component was at work."""
    mask: Mask = str
    while trace is not None:
        component = (
            trace.tb_frame.f_locals.get("self") if _is_of_component(trace.tb_frame) else None
        )
        if isinstance(component, AsyncComponent):
            mask = partial(shown, component._hooks)
        trace = trace.tb_next
    return mask


def _is_of_component(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__") == AsyncComponent.__module__


def _remember(shell: InteractiveShell, error: FlexiFlowError, trace: TracebackType | None) -> None:
    """What Python keeps of the last error, for ``%debug``, ``%tb`` and ``%flexiflow tb``."""
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
    sys.last_exc = error  # type: ignore[attr-defined]  # from Python 3.12 on
    shell.InteractiveTB.tb = trace  # %debug looks here first


def _cell_name(shell: InteractiveShell) -> Callable[[str], str | None]:
    def name(path: str) -> str | None:
        named = shell.compile.format_code_name(path)
        return None if named is None else " ".join(named)

    return name


def _is_own(path: str) -> bool:
    if path.startswith("<") or not path.endswith(".py"):
        return False
    return not any(Path(path).is_relative_to(folder) for folder in _foreign_folders())


def _foreign_folders() -> Iterator[Path]:
    yield Path(__file__).parents[1]
    yield from (Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))


def _row(label: str, content: str, font: str = SANS) -> str:
    if not content:
        return ""
    left = element("div", label, f"flex:0 0 68px;font-weight:600;color:{MUTED}")
    style = f"font-family:{font};min-width:0;overflow-wrap:anywhere;white-space:pre-wrap"
    return element("div", left + element("div", content, style), "display:flex;margin:2px 0")


def _context(items: dict[str, Any], mask: Mask) -> str:
    lines = [
        escape(mask(f"{bounded(str(key), 80)}={bounded_repr(value)}"))
        for key, value in islice(items.items(), _MOST_VALUES)
    ]
    more = len(items) - len(lines)
    return "\n".join(lines + ([f"(+{more} more)"] if more > 0 else []))


def _cause(error: BaseException, mask: Mask) -> str:
    cause = error.__cause__
    if cause is None:
        return ""
    told = mask(f"{type(cause).__name__}: {error_text(cause)}")
    return _row("Cause", escape(told, _LONGEST_PART))


def _more(error: FlexiFlowError) -> str:
    page = page_of(error)
    about = f"{code(f'%flexiflow errors {page}')} says more of it, " if page != _BASE else ""
    return muted(f"{about}{code('%flexiflow tb')} shows the traceback.")


def _frames(frames: list[UserFrame], mask: Mask) -> str:
    if not frames:
        return ""
    shown = frames[-_MOST_FRAMES:]
    left_out = len(frames) - len(shown)
    lines = [f"… {left_out} frames further out"] if left_out else []
    for frame in shown:
        function = f" in {frame.function}" if frame.function else ""
        lines.append(bounded(f"{frame.place}{function}", _LONGEST_LINE))
        lines += [f"    {bounded(frame.line, _LONGEST_LINE)}"] if frame.line else []
    return folded("Your own frames", preformatted(mask("\n".join(lines))))
