"""Which of FlexiFlow's objects IPython shows how: registered by name, so that none is imported.

A function here gets the object and returns what is shown. What it raises becomes a warning, and
the object is shown by its text.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from flexiflow.errors import bounded, bounded_repr, class_and_text
from flexiflow.notebook.html import LARGEST

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class Shown(NamedTuple):
    """How one class is shown: names of functions in modules of this room.

    Attributes:
        owner: the class, as ``module:Class`` below ``flexiflow``.
        text: ``module:function``, makes one or two lines for a terminal.
        html: makes a page's part, or empty where the class does that itself.
        svg: makes a picture, or empty.
    """

    owner: str
    text: str
    html: str = ""
    svg: str = ""


SHOWN = (
    Shown("component:AsyncComponent", "texts:component", "live_cards:component", "live_cards:svg"),
    Shown("state_machine:StateMachine", "texts:plain", "live_cards:machine", "live_cards:svg"),
    Shown("engine:FlexiFlowEngine", "texts:engine", "live_cards:engine"),
    Shown("step:Step", "texts:plain", "live_cards:step"),
    Shown("answers:WhyNot", "texts:plain", "live_cards:why_not"),
    Shown("recording.running:Recording", "texts:plain", "recorded_cards:recording"),
    Shown("persistence.snapshot:ComponentSnapshot", "texts:snapshot", "recorded_cards:snapshot"),
    Shown("analysis.history:History", "texts:plain", "recorded_cards:history"),
    Shown("analysis.log:Log", "texts:plain", "recorded_cards:log"),
    Shown("analysis.traces.trace:Trace", "texts:plain", "recorded_cards:trace"),
    Shown("analysis.traces.span_tree:TraceTree", "texts:plain", "recorded_cards:trace_tree"),
    Shown("analysis.traces.trace_story:TraceStory", "texts:plain", "answer_cards:trace_story"),
    Shown("analysis.questions.story:Story", "texts:plain", "answer_cards:story"),
    Shown("analysis.questions.when:Intervals", "texts:plain", "answer_cards:intervals"),
    Shown("analysis.questions.difference:Difference", "texts:plain", "answer_cards:difference"),
    Shown("analysis.history.verifying:VerifyReport", "texts:plain", "answer_cards:verify_report"),
    Shown("analysis.machine.check_report:CheckReport", "texts:plain", "answer_cards:check_report"),
    Shown("graph.findings:Coverage", "texts:coverage", "answer_cards:coverage"),
    Shown("explanation:ConfigExplanation", "texts:explanation", "answer_cards:explanation"),
)


def register_here() -> None:
    """Register all in the running shell, if there is one. Called by ``import flexiflow``."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = None if get_ipython is None else get_ipython()
    if shell is not None:
        register(shell)


def register(shell: InteractiveShell) -> None:
    """Register all in a shell; once more does nothing."""
    if shell.display_formatter is None:
        return
    formatters = shell.display_formatter.formatters
    for each in SHOWN:
        module, _, name = each.owner.partition(":")
        owner = f"flexiflow.{module}", name
        formatters["text/plain"].for_type_by_name(*owner, _printer(each.text))
        for kind, maker in (("text/html", each.html), ("image/svg+xml", each.svg)):
            if maker:
                formatters[kind].for_type_by_name(*owner, _maker(maker))


def _maker(path: str) -> Callable[[Any], str | None]:
    def show(thing: Any) -> str | None:
        try:
            made = _function(path)(thing)
        except Exception as exc:
            _warn(thing, exc)
            return None
        return made if made is None or len(made) <= LARGEST else None

    return show


def _printer(path: str) -> Callable[[Any, Any, bool], None]:
    def show(thing: Any, printer: Any, cycle: bool) -> None:
        try:
            text = _function(path)(thing)
        except Exception as exc:
            _warn(thing, exc)
            text = bounded_repr(thing)
        printer.text(bounded(text, LARGEST))

    return show


def _function(path: str) -> Callable[[Any], Any]:
    module, _, name = path.partition(":")
    function: Callable[[Any], Any] = getattr(import_module(f"flexiflow.notebook.{module}"), name)
    return function


def _warn(thing: Any, exc: Exception) -> None:
    what = class_and_text(exc, 300)
    warnings.warn(
        f"A {type(thing).__name__} is shown by its text only, since its card failed. {what}",
        stacklevel=3,
    )
