"""What all exercises share: answering, hints in steps, the solution, beginning anew, progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from flexiflow.errors import FlexiFlowError, bounded, bounded_repr, error_text
from flexiflow.lessons.apart import TookTooLong
from flexiflow.lessons.reply import Reply, as_html
from flexiflow.notebook.html import MUTED, card, element, escape

if TYPE_CHECKING:
    from flexiflow.analysis.machine.machine_graph import MachineGraph
    from flexiflow.lessons.view import ExerciseView


class Notes(Protocol):
    """Where progress is noted."""

    def note(self, exercise: str, did: str, right: bool | None = None) -> None:
        """Note what happened to an exercise."""


class Exercise:
    """An exercise that marks itself.

    A notebook shows it with buttons; `answer`, `hint`, `reveal` and `reset` work without one.
    Whatever is given to `answer` gets a `Reply`, never a traceback.

    Args:
        title: one line.
        task: what is to be done; text as in `Reply`.
        hints: from a nudge to nearly all.
        solution: what `reveal` shows.
        picture: the machine that it is about.
    """

    kind: ClassVar[str]
    """What people read: predict, fix the machine, find the step, write the guard."""

    how: ClassVar[str]
    """How to answer it in a cell; text as in `Reply`."""

    def __init__(
        self,
        title: str,
        task: str,
        *,
        hints: Sequence[str] = (),
        solution: str = "",
        picture: MachineGraph | None = None,
    ) -> None:
        self.name = ""
        self.title = title
        self.task = task
        self.hints = tuple(hints)
        self.solution = solution
        self.picture = picture
        self.present = False
        self.solved = False
        self.reply: Reply | None = None
        self._next_hint = 0
        self._notes: Notes | None = None
        self._watchers: list[Callable[[], None]] = []
        self._view: Any = None

    def answer(self, *answer: Any) -> Reply:
        """Say whether an answer is right, and if not, what to look at.

        Args:
            *answer: depends on the kind of exercise; anything gets a reply.
        """
        reply = self._replied(answer)
        if reply.ends and reply.verdict != "unclear":
            self.solved = self.solved or reply.right
            self._note("answered", reply.right)
        return self._show(reply)

    def hint(self) -> Reply:
        """The next hint; after the last one, what else there is."""
        if not self.hints_left:
            nothing = "There are no more hints" if self.hints else "This one has no hints"
            return self._show(Reply("hint", f"{nothing}; `reveal()` shows the solution."))
        self._next_hint += 1
        self._note("hinted")
        more = f"\n\n{self.hints_left} more." if self.hints_left else ""
        return self._show(Reply("hint", self.hints[self._next_hint - 1] + more))

    def reveal(self) -> Reply:
        """The solution."""
        self._note("revealed")
        return self._show(Reply("solution", self._solution()))

    def step(self) -> Reply:
        """What comes next before a class: the next hint, and after the last the solution."""
        return self.hint() if self.hints_left else self.reveal()

    @property
    def hints_left(self) -> int:
        """How many hints there are still."""
        return len(self.hints) - self._next_hint

    def reset(self) -> None:
        """Begin anew: no answers, no hints. What was noted as progress stays."""
        self.solved = False
        self.reply = None
        self._next_hint = 0
        self._note("reset")
        self._changed()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Have `watcher` called after each change."""
        self._watchers.append(watcher)

    def join(self, name: str, notes: Notes | None) -> None:
        """Become the exercise `name` of a lesson, whose progress is noted in `notes`."""
        self.name = name
        self._notes = notes

    # -- what a kind of exercise says ------------------------------------------------------

    def _judge(self, answer: tuple[Any, ...]) -> Reply:
        """The reply to an answer. What it raises is told as what the answer's code raised."""
        raise NotImplementedError

    def _solution(self) -> str:
        return self.solution

    # --------------------------------------------------------------------------------------

    def _replied(self, answer: tuple[Any, ...]) -> Reply:
        if not answer:
            return Reply("unclear", f"There is no answer. {self.how}")
        try:
            return self._judge(answer)
        except TookTooLong as exc:
            return Reply("wrong", f"{exc} Does it wait for something, or loop?")
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # an answer's own SystemExit must not end the notebook
            return Reply("wrong", f"It raised {error_words(exc)}")

    def _show(self, reply: Reply) -> Reply:
        self.reply = reply
        self._changed()
        return reply

    def _changed(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()

    def _note(self, did: str, right: bool | None = None) -> None:
        if self._notes is not None:
            self._notes.note(self.name, did, right)

    @property
    def heading(self) -> str:
        """Its name, title and kind on one line."""
        name = f"{self.name} " if self.name else ""
        return f"{'✓ ' if self.solved else ''}{name}{self.title} ({self.kind})"

    def __repr__(self) -> str:
        return f"{self.heading}\n{self.task}\n{self.how}"

    def view(self) -> ExerciseView:
        """The exercise with buttons, a Jupyter widget; the same one each time."""
        if self._view is None:
            self._view = import_module("flexiflow.lessons.view").ExerciseView(self)
        view: ExerciseView = self._view
        return view

    def _ipython_display_(self) -> None:
        self.view()._ipython_display_()

    def _repr_html_(self) -> str:
        title = element("strong", escape(self.heading))
        how = element("div", as_html(self.how), f"color:{MUTED}")
        accent = "success" if self.solved else "accent"
        return card(title, as_html(self.task) + how, accent, self.heading)


def error_words(exc: BaseException) -> str:
    """An error on a line or two, for a reply."""
    if isinstance(exc, FlexiFlowError):
        parts = [f"{type(exc).__name__}: {exc.what}", exc.why or "", exc.fix or ""]
        return " ".join(part for part in parts if part)
    text = bounded(error_text(exc), 300)
    return f"{type(exc).__name__}: {text}" if text else f"{type(exc).__name__}."


def quoted(value: Any) -> str:
    """A value as it is quoted in a reply: its repr on one line, bounded."""
    return bounded_repr(value, 120).replace("\n", " ").replace("`", "'")
