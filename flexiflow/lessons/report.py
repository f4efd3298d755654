"""How far students are: the progress files of a folder, students × exercises."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames
from flexiflow.arguments import checked_path
from flexiflow.errors import StateFileNotFound

if TYPE_CHECKING:
    import pandas as pd

STANDINGS: frames.Columns = {
    "student": frames.TEXT,
    "exercise": frames.TEXT,
    "solved": frames.FLAG,
    "tries": frames.COUNT,
    "hints": frames.COUNT,
    "revealed": frames.FLAG,
    "first": frames.TIME,
    "last": frames.TIME,
}
_PATTERN = "*flexiflow-progress*.jsonl"
_LONGEST_LINE = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a progress file."""

    time_us: int
    student: str
    exercise: str
    did: str
    right: bool | None


@dataclass(slots=True)
class Standing:
    """How far one student is with one exercise.

    Attributes:
        student, exercise: whose and which.
        solved: whether a right answer was given.
        tries: how many answers, up to the first right one.
        hints: how many hints were asked for before that.
        revealed: whether the solution was shown before that.
        first_us, last_us: the first and the last note, microseconds since 1970 UTC.
    """

    student: str
    exercise: str
    first_us: int
    last_us: int
    solved: bool = False
    tries: int = 0
    hints: int = 0
    revealed: bool = False

    def add(self, entry: Entry) -> None:
        """Take one more note, the notes being in order of time."""
        self.last_us = entry.time_us
        if self.solved:  # practice after that counts as none
            return
        if entry.did == "answered":
            self.tries += 1
            self.solved = entry.right is True
        elif entry.did == "hinted":
            self.hints += 1
        elif entry.did == "revealed":
            self.revealed = True

    @property
    def mark(self) -> str:
        """The standing in a few characters: ``✓``, ``✓ 3 tries, 1 hint``, ``✗ 2 tries``."""
        parts = [
            _counted(self.tries, "try", "tries") if self.tries > 1 or not self.solved else "",
            _counted(self.hints, "hint", "hints"),
            "shown" if self.revealed else "",
        ]
        words = ", ".join(part for part in parts if part)
        return f"{'✓' if self.solved else '✗'} {words}".strip()


@dataclass(slots=True)
class Progress:
    """What the progress files of a folder say.

    Attributes:
        standings: one for each student and exercise, sorted by both.
        files: the files that were read.
        notes: what could not be read, in words.
    """

    standings: list[Standing]
    files: list[Path]
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> pd.DataFrame:
        """A DataFrame with the columns of `STANDINGS`, a row for each student and exercise."""
        return frames.frame(STANDINGS, map(_row, self.standings))

    def table(self) -> pd.DataFrame:
        """A DataFrame of marks: a row a student, a column an exercise, empty where not begun."""
        import pandas as pd

        students = list(dict.fromkeys(each.student for each in self.standings))
        exercises = sorted({each.exercise for each in self.standings})
        made = pd.DataFrame("", index=pd.Index(students, name="student"), columns=exercises)
        for each in self.standings:
            made.loc[each.student, each.exercise] = each.mark
        return made


def report(folder: str | os.PathLike[str]) -> Progress:
    """How far the students are whose progress files are in a folder, or in folders below it.

    A file that was copied counts once. Broken lines are skipped, and counted in the notes.

    Args:
        folder: where they are; a single file is taken too.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where there is no progress file.
        InvalidValue: (a ValueError) where no folder can be called so.
    """
    where = Path(checked_path(folder, "folder"))
    files = [where] if where.is_file() else sorted(where.rglob(_PATTERN))
    if not files:
        raise StateFileNotFound(
            f"No progress files in {where}.",
            why=f"None is called {_PATTERN} there, nor in a folder below it."
            if where.is_dir()
            else "There is no such folder.",
            fix="Collect the students' flexiflow-progress.jsonl files in it, one folder a student.",
            context={"folder": str(where)},
        )
    notes: list[str] = []
    # Each once, in the order of its file: a clock may give two notes the same time.
    entries = dict.fromkeys(entry for file in files for entry in read_entries(file, notes))
    return Progress(standings(entries), files, notes)


def standings(entries: Iterable[Entry]) -> list[Standing]:
    """The standing of every student in every exercise that they have begun."""
    found: dict[tuple[str, str], Standing] = {}
    for entry in sorted(entries, key=lambda each: each.time_us):
        key = entry.student, entry.exercise
        if key not in found:
            found[key] = Standing(*key, entry.time_us, entry.time_us)
        found[key].add(entry)
    return [found[key] for key in sorted(found)]


def read_entries(file: Path, notes: list[str]) -> Iterator[Entry]:
    """The lines of a progress file; what can't be read is told in `notes`."""
    broken = 0
    try:
        with file.open("rb") as lines:
            while line := lines.readline(_LONGEST_LINE):
                entry = _entry(line)
                if entry is not None:
                    yield entry
                elif line.strip():
                    broken += 1
    except OSError as exc:
        notes.append(f"{file} can't be read: {exc.strerror or exc}.")
    if broken:
        notes.append(f"{file}: {_counted(broken, 'line is', 'lines are')} broken and left out.")


def _entry(line: bytes) -> Entry | None:
    try:
        facts = json.loads(line)
        time = datetime.fromisoformat(facts["ts"])
        entry = Entry(
            int(time.timestamp() * 1_000_000),
            facts["student"],
            facts["exercise"],
            facts["did"],
            facts.get("right"),
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    texts = (entry.student, entry.exercise, entry.did)
    return entry if all(isinstance(each, str) and each for each in texts) else None


def _row(each: Standing) -> tuple[Any, ...]:
    return (
        each.student,
        each.exercise,
        each.solved,
        each.tries,
        each.hints,
        each.revealed,
        each.first_us,
        each.last_us,
    )


def _counted(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}" if number else ""
