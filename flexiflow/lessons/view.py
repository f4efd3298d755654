"""An exercise with buttons: the face that notebooks show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import traitlets

from flexiflow.analysis.base import frames
from flexiflow.errors import FlexiFlowError
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.predicting import Predict
from flexiflow.lessons.reply import Reply, blocks, is_code
from flexiflow.notebook.widgets import modules
from flexiflow.notebook.widgets.base import Widget

if TYPE_CHECKING:
    import pandas as pd

ANSWERS: frames.Columns = {
    "question": frames.TEXT,
    "given": frames.TEXT,
    "right": frames.TEXT,
}


class ExerciseView(Widget):
    """An exercise with buttons. It follows what is done to the exercise in cells, too.

    Args:
        exercise: which one.
        **traits: ``height`` in pixels, and what every Jupyter widget has.
    """

    _esm = modules.script("exercise.js")

    heading = traitlets.Unicode(help="name and title").tag(sync=True)
    kind = traitlets.Unicode(help="the kind of exercise").tag(sync=True)
    how = traitlets.Unicode(help="how it is answered in a cell").tag(sync=True)
    task: traitlets.List[dict[str, Any]] = traitlets.List(help="what is to be done").tag(sync=True)
    svg = traitlets.Unicode(help="the machine").tag(sync=True)
    words = traitlets.Unicode(help="the machine in words").tag(sync=True)
    question = traitlets.Dict(help="what is asked now; empty where nothing is").tag(sync=True)
    reply = traitlets.Dict(help="what was said last; empty where nothing was").tag(sync=True)
    hints_left = traitlets.Int(0, help="how many are still to come").tag(sync=True)
    solved = traitlets.Bool(False, help="whether it was answered right").tag(sync=True)
    present = traitlets.Bool(False, help="for a projector").tag(sync=True)

    def __init__(self, exercise: Exercise, **traits: Any) -> None:
        self._exercise = exercise
        super().__init__(**traits)
        self.kind, self.how, self.present = exercise.kind, exercise.how, exercise.present
        self.task = _written(exercise.task)
        self._draw()
        self._refresh()
        exercise.watch(self._refresh)
        self.on_msg(self._received)

    def rows(self) -> pd.DataFrame:
        """What was answered so far: a row a question of a prediction, none of other exercises.

        Returns:
            a DataFrame with the columns of `ANSWERS`.
        """
        asked = self._exercise
        if not isinstance(asked, Predict):
            return frames.frame(ANSWERS, ())
        pairs = zip(asked.questions, asked.given, strict=False)
        return frames.frame(ANSWERS, ((each.asks, given, each.right) for each, given in pairs))

    def static_html(self) -> str:
        """The task, and what was said last."""
        said = self._exercise.reply
        picture = self._exercise.picture
        shown = "" if picture is None else picture._repr_mimebundle_().get("text/html", "")
        return self._exercise._repr_html_() + shown + ("" if said is None else said._repr_html_())

    def static_text(self) -> str:
        """The same in words."""
        said = self._exercise.reply
        return repr(self._exercise) + ("" if said is None else f"\n\n{said!r}")

    def _draw(self) -> None:
        picture = self._exercise.picture
        if picture is None:
            return
        self.words = picture.to_text()
        try:
            self.svg = picture.to_svg()
        except FlexiFlowError:  # nothing here can draw: the task says all that is needed
            self.svg = ""

    def _refresh(self) -> None:
        exercise = self._exercise
        with self.hold_sync():
            self.heading = f"{exercise.name} {exercise.title}".strip()
            self.solved = exercise.solved
            self.hints_left = exercise.hints_left
            self.question = _asked(exercise)
            self.reply = _said(exercise.reply)

    def _received(self, _: Any, content: Any, __: Any) -> None:
        asked = content if isinstance(content, dict) else {}
        exercise = self._exercise
        match asked.get("do"):
            case "answer":
                exercise.answer(asked.get("value"))
            case "hint":
                exercise.hint()
            case "reveal":
                exercise.reveal()
            case "reset":
                exercise.reset()
            case "step":
                exercise.step()


def _asked(exercise: Exercise) -> dict[str, Any]:
    open_one = exercise.question if isinstance(exercise, Predict) else None
    if not isinstance(exercise, Predict) or open_one is None:
        return {}
    return {
        "number": len(exercise.given) + 1,
        "total": len(exercise.questions),
        "asks": open_one.asks,
        "choices": list(open_one.choices),
    }


def _said(reply: Reply | None) -> dict[str, Any]:
    if reply is None:
        return {}
    return {"verdict": reply.verdict, "title": reply.title, "blocks": _written(reply.text)}


def _written(text: str) -> list[dict[str, Any]]:
    """A text's paragraphs and blocks of code."""
    return [
        {"code": True, "text": "\n".join(line[4:] for line in block.splitlines())}
        if is_code(block)
        else {"code": False, "text": block}
        for block in blocks(text)
    ]
