"""What a lesson is given: the recorded history that its exercises are about."""

from __future__ import annotations

from typing import Any

from flexiflow.analysis.history import History
from flexiflow.arguments import require
from flexiflow.errors import InvalidValue


def demo_history(lesson: str, history: Any) -> History:
    """The history of the demo that a lesson asks about.

    Raises:
        InvalidType: (a TypeError) where none is given.
        InvalidValue: (a ValueError) where it is another one.
    """
    fix = (
        "Write: files = await demo_files(), "
        f'then lesson("{lesson}", history=open_history(files.database)).'
    )
    require(isinstance(history, History), "history", history, "the demo's opened history", fix)
    names = set(history.names())
    if not {"order-1042", "order-1212", "gateway", "stock-lamp"} <= names:
        raise InvalidValue(
            f"Lesson {lesson} asks about the demo's history, and this is another one, or a part.",
            why="It has no order-1042, order-1212, gateway or stock-lamp.",
            fix=fix,
            context={"components": len(names)},
        )
    opened: History = history
    return opened
