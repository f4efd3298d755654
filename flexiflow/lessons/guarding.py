"""Write the guard: it is asked about many cases, and the first wrong answer is shown."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from flexiflow.component import AsyncComponent
from flexiflow.errors import bounded_repr
from flexiflow.guards import as_guard
from flexiflow.lessons.apart import run_apart
from flexiflow.lessons.exercise import Exercise, error_words, quoted
from flexiflow.lessons.reply import Reply


@dataclass(frozen=True, slots=True)
class Case:
    """One question to a guard, and the right answer.

    Attributes:
        answer: what it should say.
        message: the message; of a bus filter, the event's data.
        data: the component's data.
    """

    answer: bool
    message: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


class WriteTheGuard(Exercise):
    """A guard is to be written; the answer is the function.

    Args:
        cases: what it is asked.
        **shared: as for `Exercise`.
    """

    kind: ClassVar[str] = "write the guard"
    how: ClassVar[str] = "Answer with the function, as in `answer(my_guard)`."
    takes: ClassVar[str] = "(message, component)"

    def __init__(self, cases: Sequence[Case], **shared: Any) -> None:
        super().__init__(**shared)
        self.cases = tuple(cases)

    def _judge(self, answer: tuple[Any, ...]) -> Reply:
        function = answer[0]
        if not callable(function) or isinstance(function, type):
            text = f"{quoted(function)} is not a function {self.takes}. {self.how}"
            return Reply("unclear", text)
        if inspect.iscoroutinefunction(function):
            return Reply("wrong", "It is called and not awaited: write `def`, not `async def`.")
        return run_apart(lambda: self._asked(function))

    async def _asked(self, function: Any) -> Reply:
        for number, case in enumerate(self.cases):
            wrong = self._wrong(function, case)
            if wrong is not None:
                return Reply(
                    "wrong",
                    f"{number} of {len(self.cases)} cases are right before this one: "
                    f"{self._words(case)}.\n\n{wrong}",
                )
        return Reply("right", f"All {len(self.cases)} cases.")

    def _wrong(self, function: Any, case: Case) -> str | None:
        given = copy.deepcopy(dict(case.message)), copy.deepcopy(dict(case.data))
        try:
            said, read = self._ask(function, *given)
        except Exception as exc:
            return f"It raised {error_words(exc)}"
        if given != (dict(case.message), dict(case.data)):
            return "It changed what it was asked about; a guard only looks."
        if said is case.answer:
            return None
        yes, no = ("yes", "no") if said else ("no", "yes")
        return f"It should say {no}, and says {yes}.\n\n{read}".rstrip()

    def _ask(
        self, function: Any, message: dict[str, Any], data: dict[str, Any]
    ) -> tuple[bool, str]:
        """What it answers, and what it read, as an indented block."""
        check = as_guard(function).check(message, AsyncComponent("order", data=data))
        return bool(check.passed), "\n".join(check.lines("    "))

    def _words(self, case: Case) -> str:
        message, data = dict(case.message), dict(case.data)
        return f"message `{bounded_repr(message, 200)}`, data `{bounded_repr(data, 200)}`"


class WriteTheFilter(WriteTheGuard):
    """A filter of the event bus is to be written: ``(event_name, data) -> bool``."""

    kind: ClassVar[str] = "write the filter"
    takes: ClassVar[str] = "(event_name, data)"
    event: ClassVar[str] = "state.changed"

    def _ask(
        self, function: Any, message: dict[str, Any], data: dict[str, Any]
    ) -> tuple[bool, str]:
        return bool(function(self.event, message)), ""

    def _words(self, case: Case) -> str:
        return f"`{self.event}` with `{bounded_repr(dict(case.message), 200)}`"
