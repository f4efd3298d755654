"""Lessons: exercises that mark themselves, and the demo service.

::

    lesson      the exercises of a notebook: ``lesson("01")[1]``
    predict     an exercise made of your own machine
    hunt        a broken machine of the zoo, recorded, and exercises that lead to its fault

    exercise    what all share; reply: what a learner is told
    predicting  fixing  finding  guarding     the kinds of exercises
    machine     the states of a machine and their code
    trying      sending messages to a machine and noting what it does; apart: for a bounded time
    chapters/   the exercises of the notebooks; machines/  the machines that they show
    zoo/        the broken machines, one a module; hunting records them
    progress    the file in which a student's progress is noted
    notebooks   the notebooks themselves, and copying them
    demo/       a shop that is recorded
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flexiflow.lessons.classroom import lesson
    from flexiflow.lessons.hunting import hunt
    from flexiflow.lessons.predicting import predict

__all__ = ["hunt", "lesson", "predict"]

# Looked up when they are asked for: the demo, which stands in this package too, needs none of it.
_LAZY = {
    "hunt": "flexiflow.lessons.hunting",
    "lesson": "flexiflow.lessons.classroom",
    "predict": "flexiflow.lessons.predicting",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_LAZY[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
