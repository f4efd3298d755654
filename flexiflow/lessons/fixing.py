"""Fix the machine: it is tried out, and the first thing that it does wrong is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

from flexiflow.analysis.machine.machine_graph import machine_graph
from flexiflow.lessons.apart import LONGEST, run_apart
from flexiflow.lessons.exercise import Exercise, quoted
from flexiflow.lessons.machine import Machine
from flexiflow.lessons.reply import Reply
from flexiflow.lessons.trying import Course, first_deviation
from flexiflow.state_machine import State
from flexiflow.states import is_state_class

Trial = Callable[[type[State]], Awaitable[str | None]]
"""Tries a machine out, and says what is wrong with it; None where nothing is."""


class FixTheMachine(Exercise):
    """A machine that does not do what it should; the answer is the class of its first state.

    Args:
        broken: the machine as the learner gets it; None where it is to be written from nothing.
        mended: a solution.
        trial: what is tried, or the courses that the machine should take.
        within: seconds that it may take.
        **shared: as for `Exercise`.
    """

    kind: ClassVar[str] = "fix the machine"
    how: ClassVar[str] = "Answer with the class of the first state, as in `answer(Draft)`."

    def __init__(
        self,
        broken: Machine | None,
        mended: Machine,
        trial: Trial | Sequence[Course],
        within: float = LONGEST,
        **shared: Any,
    ) -> None:
        if broken is not None:
            shared.setdefault("picture", machine_graph(broken.start))
        super().__init__(**shared)
        self.broken, self.mended = broken, mended
        self._within = within
        self._trial = trial if callable(trial) else _follows(trial)

    @property
    def code(self) -> str:
        """The machine as it is given, as Python; empty where there is none."""
        return "" if self.broken is None else self.broken.code

    def _judge(self, answer: tuple[Any, ...]) -> Reply:
        start = type(answer[0]) if isinstance(answer[0], State) else answer[0]
        if not is_state_class(start):
            return Reply("unclear", f"{quoted(answer[0])} is not a State class. {self.how}")
        wrong = run_apart(lambda: _awaited(self._trial, start), self._within)
        return Reply("right") if wrong is None else Reply("wrong", wrong)

    def _solution(self) -> str:
        code = self.mended.indented_code()
        return f"{self.solution}\n\n{code}" if self.solution else code


class WriteTheMachine(FixTheMachine):
    """A machine that is to be written from nothing."""

    kind: ClassVar[str] = "write the machine"


async def _awaited(trial: Trial, start: type[State]) -> str | None:
    return await trial(start)


def _follows(courses: Sequence[Course]) -> Trial:
    return lambda start: first_deviation(start, courses)
