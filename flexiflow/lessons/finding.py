"""Find it: a step, a name or a number that a history or a log holds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from flexiflow.errors import suggestion
from flexiflow.lessons.exercise import Exercise, quoted
from flexiflow.lessons.reply import Reply
from flexiflow.step import Step

Nudge = Callable[[Any], str | None]
"""What to say about a wrong answer; None where there is nothing to say."""


class Find(Exercise):
    """Something is to be found. A subclass says what an answer may look like.

    Args:
        right: the answer.
        nudge: what to say about a wrong answer.
        **shared: as for `Exercise`.
    """

    wants: ClassVar[str]

    def __init__(self, right: Any, nudge: Nudge | None = None, **shared: Any) -> None:
        super().__init__(**shared)
        self.right = right
        self._nudge = nudge

    def _judge(self, answer: tuple[Any, ...]) -> Reply:
        value = self._read(answer[0])
        if value is None:
            return Reply("unclear", f"{quoted(answer[0])} is not {self.wants}. {self.how}")
        if self._is_right(value):
            return Reply("right", self.solution)
        said = self._nudge(value) if self._nudge is not None else None
        return Reply("wrong", said or f"{self._about_wrong(value)} `hint()` says where to look.")

    def _read(self, answer: Any) -> Any:
        """The answer in its plain form; None where it is none."""
        raise NotImplementedError

    def _is_right(self, value: Any) -> bool:
        return bool(value == self.right)

    def _about_wrong(self, value: Any) -> str:
        return f"It is not {self._written(value)}."

    def _written(self, value: Any) -> str:
        return quoted(value)

    def _solution(self) -> str:
        return f"It is {self._written(self.right)}. {self.solution}".rstrip()


class FindTheStep(Find):
    """A step of a history is to be found: its id, its row, or the `Step`.

    Args:
        right: the id.
        **shared: as for `Find`.
    """

    kind: ClassVar[str] = "find the step"
    how: ClassVar[str] = "Answer with its id, or its row of `history.steps()`."
    wants: ClassVar[str] = "a step's id"

    def _read(self, answer: Any) -> int | None:
        if isinstance(answer, Step):
            return answer.id
        if hasattr(answer, "iloc"):
            answer = _only_row(answer)
        if isinstance(answer, str):
            digits = re.fullmatch(r"#?(?:step )?([\d,]{1,20})", answer.strip())
            return int(digits[1].replace(",", "") or 0) if digits else None
        if isinstance(answer, bool) or not hasattr(answer, "__index__"):
            return None
        return int(answer)


class FindTheName(Find):
    """A name is to be found: a component, a state, a message or a field.

    Args:
        right: the name.
        known: names that are none of them right, and may be meant.
        **shared: as for `Find`.
    """

    kind: ClassVar[str] = "find it"
    how: ClassVar[str] = 'Answer with its name, as in `answer("order-1")`.'
    wants: ClassVar[str] = "a name"

    def __init__(self, right: str, known: tuple[str, ...] = (), **shared: Any) -> None:
        super().__init__(right, **shared)
        self.known = known

    def _read(self, answer: Any) -> str | None:
        name = answer.__name__ if isinstance(answer, type) else answer
        return name.strip() if isinstance(name, str) and name.strip() else None

    def _judge(self, answer: tuple[Any, ...]) -> Reply:
        name = self._read(answer[0])
        if name is not None and self.known and name not in (*self.known, self.right):
            near = suggestion(name, (*self.known, self.right)) or self.how
            return Reply("unclear", f"There is no {quoted(name)} here. {near}")
        return super()._judge(answer)


class FindTheNumber(Find):
    """A number is to be found; durations count as seconds.

    Args:
        right: the number.
        within: how far off an answer may be, as a part of it.
        **shared: as for `Find`.
    """

    kind: ClassVar[str] = "find it"
    how: ClassVar[str] = "Answer with the number, or with the value that pandas gives."
    wants: ClassVar[str] = "a number"

    def __init__(self, right: float, within: float = 0.0, **shared: Any) -> None:
        super().__init__(right, **shared)
        self.within = within

    def _read(self, answer: Any) -> float | None:
        if isinstance(answer, timedelta):
            return answer.total_seconds()
        if isinstance(answer, bool | str | bytes | Mapping):
            return None
        try:
            number = float(answer)
        except (TypeError, ValueError, OverflowError):
            return None
        return number if math.isfinite(number) else None

    def _is_right(self, value: float) -> bool:
        return math.isclose(value, self.right, rel_tol=self.within, abs_tol=1e-9)

    def _about_wrong(self, value: float) -> str:
        return f"{self._written(value)} is too {'low' if value < self.right else 'high'}."

    def _written(self, value: float) -> str:
        whole = abs(value) >= 1000 or value == round(value)
        return f"{value:.0f}" if whole else f"{value:.4g}"


def _only_row(frame: Any) -> Any:
    """The id in a row, or in a frame of one row; None in anything else."""
    if getattr(frame, "ndim", 1) == 2:
        if len(frame) != 1:
            return None
        frame = frame.iloc[0]
    try:
        return frame["id"] if "id" in frame.index else None
    except Exception:  # something else that is called iloc
        return None
