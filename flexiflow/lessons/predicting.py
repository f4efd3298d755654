"""Predict, then see: choose what happens next, and read the guards' verdicts."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from flexiflow.analysis.base.words import plural
from flexiflow.analysis.machine.machine_graph import MachineGraph, machine_graph
from flexiflow.arguments import require
from flexiflow.component import AsyncComponent
from flexiflow.errors import InvalidValue, StateError, bounded_repr, suggestion
from flexiflow.lessons.apart import LONGEST, TookTooLong, run_apart
from flexiflow.lessons.exercise import Exercise, quoted
from flexiflow.lessons.machine import Machine
from flexiflow.lessons.reply import Reply, as_html
from flexiflow.lessons.trying import Message, as_message, in_words, newly, sent, step_words
from flexiflow.state_machine import State
from flexiflow.states import is_state_class


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to predict.

    Attributes:
        asks: the question.
        choices: what may be answered.
        right: which of them is so.
        shows: what is shown once it is answered.
    """

    asks: str
    choices: tuple[str, ...]
    right: str
    shows: str


class Predict(Exercise):
    """Questions, one after the other; each shows what really happens once it is answered.

    Args:
        questions: in the order in which they are asked.
        **shared: as for `Exercise`.
    """

    kind: ClassVar[str] = "predict"
    how: ClassVar[str] = '`answer("…")` answers the next question; `reset()` begins anew.'

    def __init__(self, questions: Sequence[Question], **shared: Any) -> None:
        super().__init__(**shared)
        self.questions = tuple(questions)
        self.given: list[str] = []

    @property
    def question(self) -> Question | None:
        """The one that is to be answered next; None after the last."""
        return self.questions[len(self.given)] if self.is_open else None

    @property
    def is_open(self) -> bool:
        """Whether there is a question left."""
        return len(self.given) < len(self.questions)

    def step(self) -> Reply:
        """What comes next before a class: what really happens; after the last all of it."""
        question = self.question
        if question is None:
            return self.reveal()
        self.given.append(question.right)
        text = f"{question.asks}\nIt is {question.right}.\n\n{question.shows}".rstrip()
        return self._show(Reply("solution", text, ends=False))

    def reset(self) -> None:
        """Begin anew: no answers, no hints."""
        self.given = []
        super().reset()

    def _judge(self, answer: tuple[Any, ...]) -> Reply:
        replies = []
        for each in _flat(answer):
            replies.append(self._one(each))
            if replies[-1].verdict == "unclear":
                break
        if len(replies) == 1:
            return replies[0]
        text = "\n\n".join(map(repr, replies[:-1]))
        last = replies[-1]
        return Reply(last.verdict, f"{last.text}\n\nBefore that:\n\n{text}", last.ends)

    def _one(self, answer: Any) -> Reply:
        question = self.question
        if question is None:
            return Reply("unclear", "All is answered. `reset()` begins anew.")
        chosen = _name(answer)
        if chosen not in question.choices:
            near = suggestion(chosen, question.choices)
            text = f"{quoted(answer)} is none of {', '.join(question.choices)}."
            return Reply("unclear", f"{text} {near}" if near else text)
        self.given.append(chosen)
        return self._reply_to(question, chosen)

    def _reply_to(self, question: Question, chosen: str) -> Reply:
        text = f"{question.asks}\nYou said {chosen}"
        text += "." if chosen == question.right else f"; it is {question.right}."
        text += f"\n\n{question.shows}" if question.shows else ""
        if self.is_open:
            right = chosen == question.right
            text += f"\n\nNext: {self.questions[len(self.given)].asks}"
            return Reply("right" if right else "wrong", text, ends=False)
        hits = sum(
            given == each.right for given, each in zip(self.given, self.questions, strict=True)
        )
        total = len(self.questions)
        all_right = hits == total
        text += f"\n\n{hits} of {total}." + ("" if all_right else " `reset()` begins anew.")
        return Reply("right" if all_right else "wrong", text)

    def _solution(self) -> str:
        return "\n\n".join(
            f"{each.asks} {each.right}." + (f"\n\n{each.shows}" if each.shows else "")
            for each in self.questions
        )

    def __repr__(self) -> str:
        return f"{super().__repr__()}{self._asked()}"

    def _repr_html_(self) -> str:
        return super()._repr_html_() + as_html(self._asked())

    def _asked(self) -> str:
        question = self.question
        if question is None:
            return ""
        number = len(self.given) + 1
        choices = ", ".join(question.choices)
        return f"\n\n{number} of {len(self.questions)}. {question.asks} One of: {choices}"


def predict(
    machine: AsyncComponent | type[State],
    messages: Sequence[Message],
    *,
    data: Mapping[str, Any] | None = None,
    title: str | None = None,
    present: bool = False,
) -> Predict:
    """An exercise made of your own machine: in which state is it after each message?

    A copy of the machine is sent the messages; your component stays as it is. What its handlers
    do elsewhere, to files or other components, they do.

    Args:
        machine: a component, or the class of the state to begin in.
        messages: types, or whole messages with ``type`` and fields.
        data: the machine's data; the component's own unless given.
        title: one line; the machine's name unless given.
        present: for a projector: large, and stepped through with one key.

    Raises:
        InvalidType: (a TypeError) where there is no machine or no list of messages.
        InvalidValue: (a ValueError) where there are no messages.
        StateError: where the machine can't be begun, or does not end within five seconds.
    """
    require(
        data is None or isinstance(data, Mapping),
        "data",
        data,
        "a dict",
        'Write predict(Draft, ["submit"], data={"items": 1}).',
    )
    start, name, begun_with = _start(machine, data)
    made = predicted(start, name, begun_with, _checked(messages), title=title or f"Predict {name}")
    made.present = present
    return made


def predicted(
    start: State | type[State],
    name: str,
    data: Mapping[str, Any],
    messages: Sequence[Message],
    *,
    title: str,
    shown: Machine | None = None,
    hints: Sequence[str] = (),
) -> Predict:
    """As `predict`, of a machine whose arguments are known to be right.

    Args:
        start: where it begins.
        name: what the component is called.
        data: its data.
        messages: what it gets.
        title: one line.
        shown: the machine, where its code is to be shown.
        hints: from a nudge to nearly all.
    """
    wanted = [as_message(each) for each in messages]
    try:
        questions, graph = run_apart(lambda: _asked_of(start, name, data, wanted))
    except TookTooLong as exc:
        raise _endless(name, wanted) from exc
    task = (
        f"`{name}` begins in {graph.model.current or graph.model.start} with "
        f"`data = {bounded_repr(dict(data), 200)}`, and gets {plural(len(wanted), 'message')}. "
        "In which state is it after each?"
    )
    if shown is not None:
        task += "\n\n" + shown.indented_code()
    return Predict(questions, title=title, task=task, hints=hints, picture=graph)


def _endless(name: str, messages: list[dict[str, Any]]) -> StateError:
    return StateError(
        f"{name} can't be predicted: it does not end.",
        why=f"Handling {plural(len(messages), 'message')} took longer than {LONGEST:.0f} seconds.",
        fix="Leave out the message whose handler waits or loops.",
        context={"machine": name, "messages": [in_words(each) for each in messages][:20]},
    )


async def _asked_of(
    start: State | type[State], name: str, data: Mapping[str, Any], messages: list[dict[str, Any]]
) -> tuple[list[Question], MachineGraph]:
    component = newly(start, name, data)
    graph = machine_graph(component)
    states = tuple(state.name for state in graph.model.states)
    questions = []
    for message in messages:
        before = component.state
        steps = await sent(component, message)
        after = component.state
        choices = states if after in states else (*states, after)
        asks = f"In {before} it gets `{in_words(message)}`. Where is it then?"
        questions.append(Question(asks, choices, after, step_words(steps)))
    return questions, graph


def _start(machine: Any, data: Mapping[str, Any] | None) -> tuple[Any, str, Mapping[str, Any]]:
    if isinstance(machine, AsyncComponent):
        state = copy.copy(machine.state_machine.current_state)
        return state, machine.name, machine.data if data is None else data
    require(
        is_state_class(machine),
        "machine",
        machine,
        "a component or the class of a state",
        'Write predict(order, ["submit", "pay"]) or predict(Draft, ["submit", "pay"]).',
    )
    return machine, machine.__name__.lower(), data or {}


def _checked(messages: Any) -> Sequence[Message]:
    require(
        isinstance(messages, Sequence)
        and not isinstance(messages, str)
        and all(isinstance(each, str) or _is_message(each) for each in messages),
        "messages",
        messages,
        "a list of messages",
        'Write ["submit", {"type": "pay", "amount": 3}].',
    )
    if not messages:
        raise InvalidValue(
            "There are no messages to predict.",
            why="The list is empty.",
            fix='Write predict(order, ["submit", "pay"]).',
            context={"messages": 0},
        )
    checked: Sequence[Message] = messages
    return checked


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("type"), str)


def _flat(answer: tuple[Any, ...]) -> list[Any]:
    if len(answer) == 1 and isinstance(answer[0], list | tuple):
        return list(answer[0]) or [""]
    return list(answer)


def _name(answer: Any) -> str:
    if is_state_class(answer):
        return answer.__name__
    return answer.strip() if isinstance(answer, str) else repr(answer)[:80]
