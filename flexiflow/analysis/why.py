"""What happened to a component, in words: the verdict, and the rows behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from flexiflow.analysis import words
from flexiflow.analysis.frames import microseconds, microseconds_of
from flexiflow.analysis.late import card_html
from flexiflow.analysis.rows import Filter, steps_frame
from flexiflow.analysis.stuck import Siblings, siblings_of, waiting
from flexiflow.analysis.visits import visits_frame
from flexiflow.errors import bounded
from flexiflow.persistence import tagged

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History

Kind = Literal["finished", "stuck", "waiting", "unknown"]

FACTOR = 3.0
MIN_DEPARTURES = 5
ROWS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer in words, and where it comes from.

    Attributes:
        component: whom it is about.
        kind: finished, stuck, waiting (longer stays are usual), or unknown (too few siblings).
        state: where the component is.
        headline: the first sentence.
        sentences: the others, in order.
        rows: the component's last steps, the newest last; the columns of `frames.STEPS`.
        next_cell: code that shows more.
    """

    component: str
    kind: Kind
    state: str
    headline: str
    sentences: tuple[str, ...]
    rows: pd.DataFrame = field(repr=False)
    next_cell: str = ""

    @property
    def text(self) -> str:
        """The whole answer as one paragraph."""
        return " ".join((self.headline, *self.sentences))

    @property
    def card(self) -> str:
        """The answer as HTML."""
        return card_html(self)

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.card


def verdict_on(history: History, component: str) -> Verdict:
    """The verdict on one component; see `History.why`."""
    visits = visits_frame(history.sources)
    own = visits[visits["component"] == component]
    rows = steps_frame(history.sources, Filter(component=component, limit=ROWS_SHOWN))
    if own.empty:
        return _without_snapshots(component, rows)
    visit = next(own.tail(1).itertuples())
    siblings = siblings_of(visits, visit)
    still = waiting(own, history.sources)
    kind = _kind(visit, siblings, finished=still.empty or still.index[-1] != own.index[-1])
    sentences = [*_last_steps(rows, kind), *_others(history, visit, siblings, kind)]
    return Verdict(
        component,
        kind,
        str(visit.state),
        _headline(component, visit, siblings, kind),
        tuple(sentences),
        rows,
        f"history.steps({component!r}).tail({ROWS_SHOWN})",
    )


def _kind(visit: Any, siblings: Siblings, *, finished: bool) -> Kind:
    if finished:
        return "finished"
    if siblings.departures < MIN_DEPARTURES or siblings.p95_us is None:
        return "unknown"
    dwell = microseconds_of(visit.dwell) or 0
    return "stuck" if dwell > FACTOR * siblings.p95_us else "waiting"


def _headline(component: str, visit: Any, siblings: Siblings, kind: Kind) -> str:
    dwell = words.duration(microseconds_of(visit.dwell))
    others = (
        f"({words.count(siblings.departures)} others: p95 {words.duration(siblings.p95_us)})"
        if siblings.departures
        else "(no others have left that state)"
    )
    match kind:
        case "finished":
            return f"{component}: finished in {visit.state}."
        case "stuck":
            return f"{component}: stuck in {visit.state} for {dwell} {others}."
        case "waiting":
            return f"{component}: in {visit.state} for {dwell}, which is usual {others}."
        case _:
            return f"{component}: in {visit.state} for {dwell}; too few to compare {others}."


def _last_steps(rows: pd.DataFrame, kind: Kind) -> list[str]:
    if rows.empty:
        return ["No steps are recorded, only snapshots."]
    last = rows.iloc[-1]
    sentences = [f"Last: {_step_words(last)}, step {words.count(int(last['id']))}."]
    if kind != "finished" and last["outcome"] not in ("failed", "refused"):
        trouble = rows[rows["outcome"].isin(["failed", "refused", "cancelled"])]
        if len(trouble):
            before = trouble.iloc[-1]
            sentences.append(f"Before: {_step_words(before)}, step {words.count(int(before['id']))}.")
    return sentences


def _step_words(step: Any) -> str:
    what = f"`{step['message']}`" if isinstance(step["message"], str) else "a message"
    tries = f" after {step['tries']} tries" if step["tries"] > 1 else ""
    match step["outcome"]:
        case "moved":
            return f"{what} moved {step['from_state']} → {step['to_state']}{tries}"
        case "stayed":
            return f"{what} stayed in {step['from_state']}{tries}"
        case "refused":
            return f"{what} was refused: {bounded(str(step['reason']), 200)}"
        case "failed":
            return f"{what} failed{tries}, {_error_words(step['error_json'])}"
        case outcome:
            return f"{what} was {outcome}"


def _error_words(text: Any) -> str:
    """The stored error in one clause: its class, what it says, and why."""
    try:
        error = tagged.parse(text)
        said = bounded(error["message"].rstrip("."), 200)
        why = f" ({bounded(error['why'].rstrip('.'), 300)})" if error.get("why") else ""
        return f"{error['type']}: {said}{why}"
    except (ValueError, TypeError, KeyError, AttributeError):
        return "with an error that can't be read"


def _others(history: History, visit: Any, siblings: Siblings, kind: Kind) -> list[str]:
    if kind not in ("stuck", "waiting"):
        return []
    ways = [(message, sender) for message, sender, _ in siblings.left_by[:2] if message is not None]
    if not ways:
        return []
    named = " or ".join(f"`{m}`" + (f" from {s}" if s else "") for m, s in ways)
    came = _came_here(history, visit, {message for message, _ in ways})
    here = f"; here it came {came} times" if came else "; none came here"
    return [f"The others left by {named}{here}."]


def _came_here(history: History, visit: Any, messages: set[str]) -> int:
    """How many of those messages the component got during its stay."""
    since = Filter(component=visit.component, since_us=microseconds(visit.entered))
    steps = steps_frame(history.sources, since)
    return int((steps["message"].isin(messages) & (steps["from_state"] == visit.state)).sum())


def _without_snapshots(component: str, rows: pd.DataFrame) -> Verdict:
    state = str(rows.iloc[-1]["to_state"]) if len(rows) else "an unknown state"
    headline = f"{component}: last seen in {state}; its snapshots are gone or can't be read."
    return Verdict(component, "unknown", state, headline, tuple(_last_steps(rows, "unknown")), rows)
