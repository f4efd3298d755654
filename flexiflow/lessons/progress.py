"""Progress: a line of JSON for each answer, hint and solution, in a file beside the notebooks.

Lines are only ever added, so that two notebooks may write at once, and a broken line costs
nothing but itself.
"""

from __future__ import annotations

import getpass
import json
import os
import warnings
import zlib
from datetime import UTC, datetime
from pathlib import Path

from flexiflow.arguments import checked_path, require
from flexiflow.errors import InvalidValue
from flexiflow.lessons.report import read_entries, standings

FILE = "flexiflow-progress.jsonl"
STUDENT = "FLEXIFLOW_STUDENT"
_LONGEST_NAME = 80


class ProgressFile:
    """Where a student's progress is noted.

    Args:
        path: the file; made at the first note.
        student: whose it is.
        seed: what the student's variants of the exercises are made of.
    """

    def __init__(self, path: str | os.PathLike[str], student: str, seed: int) -> None:
        self.path = Path(checked_path(path, "progress"))
        self.student = student
        self.seed = seed
        self._failed = False

    def note(self, exercise: str, did: str, right: bool | None = None) -> None:
        """Add a line. Where that can't be done a warning says so, once, and the lesson goes on."""
        facts = {
            "ts": datetime.now(UTC).isoformat(timespec="microseconds"),
            "student": self.student,
            "seed": self.seed,
            "exercise": exercise,
            "did": did,
        }
        if right is not None:
            facts["right"] = right
        line = json.dumps(facts) + "\n"
        try:
            # One write of one line: another notebook's lines stand before or after it.
            with self.path.open("ab", buffering=0) as file:
                file.write(line.encode("ascii"))
        except OSError as exc:
            self._complain(exc)

    def solved(self) -> set[str]:
        """The names of the exercises that this student has solved."""
        if not self.path.exists():
            return set()
        theirs = (each for each in read_entries(self.path, []) if each.student == self.student)
        return {each.exercise for each in standings(theirs) if each.solved}

    def _complain(self, exc: OSError) -> None:
        if not self._failed:
            self._failed = True
            text = f"Progress can't be noted in {self.path}: {exc.strerror or exc}."
            warnings.warn(f"{text} The exercises work all the same.", stacklevel=5)


def student_name(given: str | None) -> str:
    """The student: as given, as the environment says, or whoever is logged in.

    Raises:
        InvalidType: (a TypeError) for something that is no text.
        InvalidValue: (a ValueError) for a name that is empty, too long, or can't be printed.
    """
    require(
        given is None or isinstance(given, str), "student", given, "a name", 'Write student="ana".'
    )
    name = (given if given is not None else os.environ.get(STUDENT) or _login()).strip()
    if not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
        raise InvalidValue(
            f"{ascii(name)[:100]} is no student's name.",
            why=f"A name has 1 to {_LONGEST_NAME} characters, and all can be printed.",
            fix='Write student="ana".',
            context={"student": name[:100]},
        )
    return name


def seed_of(given: int | None, student: str) -> int:
    """The seed: as given, else one that belongs to the student's name.

    Raises:
        InvalidType: (a TypeError) for something that is no whole number.
    """
    require(
        given is None or (isinstance(given, int) and not isinstance(given, bool)),
        "seed",
        given,
        "a whole number",
        "Leave it out: each student has another one.",
    )
    return zlib.crc32(student.encode()) % 10_000 if given is None else given


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # nobody is logged in: a container
        return "student"
