"""A lesson: the exercises of one notebook, for one student."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from flexiflow.errors import InvalidValue, bounded_repr, listed, suggestion
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.progress import FILE, ProgressFile, seed_of, student_name
from flexiflow.notebook.html import element, escape, table

if TYPE_CHECKING:
    from flexiflow.analysis.history import History

CHAPTERS = {
    "01": ("Your first machine", "first_machine"),
    "02": ("Messages, guards, refusals", "guards"),
    "03": ("The event bus", "bus"),
    "04": ("Save, restore, prune", "saving"),
    "05": ("Rewind", "rewind"),
    "06": ("Trace", "traces"),
    "07": ("Declared against observed", "overlay"),
    "08": ("Errors that teach", "errors"),
    "09": ("Embed it, and debug it from outside", "service"),
    "10": ("Your own analysis with pandas", "frames"),
}
"""The notebooks that have exercises: their titles, and the modules that make them."""

ON_RECORDED_DATA = frozenset({"05", "06", "07", "09", "10"})
"""Those whose exercises ask about a history."""


class Lesson:
    """The exercises of a notebook. ``lesson[1]`` is the first; a lesson can be iterated over.

    Args:
        name: as in the notebook's file name.
        title: what it is about.
        exercises: in order.
        progress: where their progress is noted.
        present: whether they are shown to a class; then nothing is noted.
    """

    def __init__(
        self,
        name: str,
        title: str,
        exercises: Sequence[Exercise],
        progress: ProgressFile,
        *,
        present: bool = False,
    ) -> None:
        self.name = name
        self.title = title
        self.progress = progress
        self._exercises = tuple(exercises)
        solved = progress.solved()
        for number, exercise in enumerate(exercises, start=1):
            exercise.join(f"{name}.{number}", None if present else progress)
            exercise.present = present
            exercise.solved = exercise.name in solved and not present

    def __getitem__(self, number: int) -> Exercise:
        if isinstance(number, int) and 1 <= number <= len(self._exercises):
            return self._exercises[number - 1]
        raise InvalidValue(
            f"Lesson {self.name} has no exercise {bounded_repr(number, 40)}.",
            why=f"Its exercises are numbered 1 to {len(self._exercises)}.",
            fix="Write lesson[1] for the first.",
            context={"lesson": self.name, "exercise": number},
        )

    def __iter__(self) -> Iterator[Exercise]:
        return iter(self._exercises)

    def __len__(self) -> int:
        return len(self._exercises)

    def __repr__(self) -> str:
        lines = [f"Lesson {self.name}, {self.title}: {self._count()}"]
        return "\n".join([*lines, *(f"  {each.heading}" for each in self)])

    def _repr_html_(self) -> str:
        rows = [("✓" if each.solved else "", each.name, each.title, each.kind) for each in self]
        caption = f"{self.title}: {self._count()}"
        note = f"Progress of {self.progress.student} is noted in {self.progress.path}."
        return table(("", "exercise", "", "kind"), rows, caption) + element("p", escape(note))

    def _count(self) -> str:
        return f"{sum(each.solved for each in self)} of {len(self)} solved"


def lesson(
    name: str,
    *,
    student: str | None = None,
    seed: int | None = None,
    progress: str | os.PathLike[str] = FILE,
    present: bool = False,
    history: History | None = None,
) -> Lesson:
    """The exercises of a notebook.

    Args:
        name: the number in the notebook's file name: ``"01"``.
        student: whose progress it is; the environment's ``FLEXIFLOW_STUDENT``, or who is logged
            in, unless given.
        seed: makes the numbers and names in the exercises; each student has another one.
        progress: the file in which progress is noted.
        present: for a projector: large, stepped through with one key, and nothing is noted.
        history: what the lessons about recorded data ask about; the others need none.

    Raises:
        InvalidValue: (a ValueError) for a lesson that there is not.
        InvalidType: (a TypeError) for an argument of a wrong type.
    """
    if not isinstance(name, str) or name not in CHAPTERS:
        raise _unknown(name)
    title, module = CHAPTERS[name]
    who = student_name(student)
    number = seed_of(seed, who)
    chapter = import_module(f"flexiflow.lessons.chapters.{module}")
    chance = random.Random(f"{name} {number}")
    exercises: list[Exercise] = (
        chapter.exercises(chance, history)
        if name in ON_RECORDED_DATA
        else chapter.exercises(chance)
    )
    file = ProgressFile(progress, who, number)
    return Lesson(name, title, exercises, file, present=present)


def _unknown(name: Any) -> InvalidValue:
    return InvalidValue(
        f"There is no lesson {bounded_repr(name, 40)}.",
        why=f"Lessons with exercises: {listed(list(CHAPTERS))}.",
        fix=suggestion(name, CHAPTERS) or 'Write lesson("01").',
        context={"lesson": name},
    )
