"""Hunts: a broken machine of the zoo, what it has left behind, and exercises that lead to it."""

from __future__ import annotations

import os
import random
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from flexiflow.analysis.history import History, open_history
from flexiflow.analysis.log import Log
from flexiflow.arguments import checked_path
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import InvalidValue, bounded_repr, listed, suggestion
from flexiflow.lessons.apart import run_apart
from flexiflow.lessons.classroom import Lesson
from flexiflow.lessons.demo.files import (
    DATABASE,
    LOG,
    finished_folder,
    mark_finished,
    prepare_folder,
)
from flexiflow.lessons.machine import Machine
from flexiflow.lessons.progress import FILE, ProgressFile, seed_of, student_name
from flexiflow.lessons.reply import as_html
from flexiflow.notebook.html import MONO, element, escape
from flexiflow.recording import record

ZOO = {
    "race": "A race",
    "lost-context": "A lost context",
    "dead-end": "A dead end",
    "shadowed-guard": "A shadowed guard",
    "swallowed-exception": "A swallowed exception",
    "wrong-order": "A wrong order",
    "stuck-waiting": "Stuck waiting",
    "old-snapshot": "A snapshot from an older machine",
}
"""The hunts, and their titles."""

FOLDER = "zoo-data"
_LONGEST = 20.0  # seconds that recording one may take


class Hunt(Lesson):
    """A broken machine and what it has left behind. Made by `hunt`.

    Attributes:
        story: what its people say of it.
        history: what was recorded, to be asked.
        machine: the broken machine.
    """

    def __init__(self, story: str, machine: Machine, history: History, *given: Any, **more: Any):
        super().__init__(*given, **more)
        self.story = story.replace("\n", " ")
        self.machine = machine
        self.history = history

    @property
    def log(self) -> Log | None:
        """The trace log of the same recording."""
        return self.history.log

    @property
    def code(self) -> str:
        """The broken machine, as Python."""
        return self.machine.code

    def __repr__(self) -> str:
        return f"{self.story}\n\n{super().__repr__()}\n\n{self.code}"

    def _repr_html_(self) -> str:
        code = element("pre", escape(self.code, 20_000), f"font:12.5px/1.5 {MONO}", tabindex="0")
        summary = element("summary", "The machine", "cursor:pointer")
        machine = element("details", summary + code)
        return as_html(self.story) + machine + super()._repr_html_()


def hunt(
    name: str,
    *,
    student: str | None = None,
    seed: int | None = None,
    progress: str | os.PathLike[str] = FILE,
    present: bool = False,
    folder: str | os.PathLike[str] = FOLDER,
) -> Hunt:
    """A machine of the zoo that does not do what it should, and a recording to hunt in.

    It is run and recorded into a folder of its own, once for each seed; ``hunt.history`` and
    ``hunt.log`` are what was recorded, and the command line takes the same files.

    Args:
        name: which one; `ZOO` has them all.
        student, seed, progress, present: as for `lesson`.
        folder: where the recordings go.

    Raises:
        InvalidValue: (a ValueError) for one that there is not.
        PersistenceError: where the folder can't be written, or holds other files of these names.
    """
    if not isinstance(name, str) or name not in ZOO:
        raise _unknown(name)
    who = student_name(student)
    number = seed_of(seed, who)
    animal = import_module(f"flexiflow.lessons.zoo.{name.replace('-', '_')}")
    where = Path(checked_path(folder, "folder")) / f"{name}-{number}"
    history = _recorded(animal, where, number)
    exercises = animal.exercises(random.Random(f"{name} {number}"), history)
    file = ProgressFile(progress, who, number)
    return Hunt(
        animal.STORY, animal.broken, history, name, ZOO[name], exercises, file, present=present
    )


def _recorded(animal: ModuleType, where: Path, seed: int) -> History:
    """The history of the animal's scenario; it is run first where it has not been."""
    if finished_folder(where) is None:
        folder = prepare_folder(where, 0, seed)
        run_apart(lambda: _run(animal, folder, seed), _LONGEST)
        mark_finished(folder)
    return open_history(where / DATABASE)


async def _run(animal: ModuleType, folder: Path, seed: int) -> None:
    engine = FlexiFlowEngine()
    async with record(engine, folder / DATABASE, log=folder / LOG):
        await animal.scenario(engine, random.Random(f"{animal.__name__} {seed}"))


def _unknown(name: Any) -> InvalidValue:
    return InvalidValue(
        f"There is no {bounded_repr(name, 40)} in the zoo.",
        why=f"Its machines are {listed(list(ZOO))}.",
        fix=suggestion(name, ZOO) or 'Write hunt("race").',
        context={"name": name},
    )
