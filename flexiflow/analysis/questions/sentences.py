"""The sentences of a verdict. Each says only what the rows that it is given say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, words
from flexiflow.analysis.base.fields import field_name
from flexiflow.analysis.base.values import Change, shown
from flexiflow.analysis.questions.divergence import Parting, Taken
from flexiflow.analysis.questions.stuck import Siblings
from flexiflow.analysis.reading.visits import Visit
from flexiflow.persistence import tagged

if TYPE_CHECKING:
    import pandas as pd

TROUBLE = ("failed", "refused", "cancelled")
_WAYS_SHOWN = 2
_CHANGES_SHOWN = 4
_OWN = "\0"  # for the sender: the component itself; no component is called so


def headline(visit: Visit, siblings: Siblings, others: Sequence[Visit], kind: str) -> str:
    """Where a component is and for how long, beside the others.

    Args:
        visit: its last stay.
        siblings: the stays of others there, as numbers.
        others: those stays themselves.
        kind: of the verdict, or ``resting`` where the state is meant for waiting.
    """
    name, state = words.name(visit.component), words.name(visit.state)
    if kind == "finished":
        return f"{name}: finished in {state}."
    if visit.dwell_us is None:
        return f"{name}: in {state}; since when can't be read."
    if kind == "resting":
        return f"{name}: resting in {state} for {words.duration(visit.dwell_us)}."
    dwell = ("at least " if visit.cut else "") + words.duration(visit.dwell_us)
    compared = f"({_stays(others)}: p95 {words.duration(siblings.p95_us)})"
    if kind == "stuck":
        return f"{name}: stuck in {state} for {dwell} {compared}."
    if kind == "waiting":
        usual = visit.dwell_us <= (siblings.p95_us or 0)
        told = "no longer than usual" if usual else "longer than usual, but not stuck"
        return f"{name}: in {state} for {dwell}, {told} {compared}."
    if others:
        told = f"too few others have left it to compare {compared}"
    else:
        told = "no other of the same machine has left it, so there is nothing to compare with"
    return f"{name}: in {state} for {dwell}; {told}."


def last(rows: pd.DataFrame, files: Mapping[str, str]) -> str:
    """What the last step was; `files` as `words.of_files` has them."""
    return f"Last: {step_told(rows.iloc[-1], files)}."


def troubles(
    rows: pd.DataFrame, stay: pd.DataFrame, trouble: pd.DataFrame, files: Mapping[str, str]
) -> list[str]:
    """What went wrong in a stay besides the last step, and how often.

    Args:
        rows: the component's last steps.
        stay: the steps of its stay.
        trouble: those of them that were refused, failed or cancelled.
        files: as `words.of_files` has them.
    """
    told = []
    # The last steps were read before those of the stay, of which the first may be newer.
    if len(trouble) and (rows.empty or rows.iloc[-1]["outcome"] not in TROUBLE):
        told.append(f"Before: {step_told(trouble.iloc[-1], files)}.")
    if len(trouble) > 1:
        outcomes = Counter(trouble["outcome"].tolist())
        counts = [f"{words.count(outcomes[each])} {each}" for each in TROUBLE if outcomes[each]]
        told.append(f"In this stay {words.plural(len(stay), 'message')} came: {_and(counts)}.")
    return told


def ways_out(others: Iterable[Visit], stay: pd.DataFrame) -> list[str]:
    """By what the others left, and whether it came here too; nothing where no row says.

    Args:
        others: the stays of others that ended.
        stay: the steps of the component's own stay.
    """
    ended = list(others)
    ways: dict[str, list[Visit]] = {}
    for visit in ended:
        if visit.left_by is not None:
            ways.setdefault(visit.left_by, []).append(visit)
    ranked = sorted(ways.items(), key=lambda way: (-len(way[1]), str(way[0])))
    # One more than there is room for takes no more room than saying so.
    shown = dict(ranked[: _WAYS_SHOWN + (len(ranked) == _WAYS_SHOWN + 1)])
    if not shown:
        return []
    came = Counter(stay["message"].dropna().tolist())
    rest = len(ended) - sum(map(len, shown.values()))
    if len(shown) == 1 and not rest:
        ((message, visits),) = shown.items()
        return [f"The others left by {_way(message, visits)}; {_came(came[message])}."]
    once = len({visit.component for visit in ended}) == len(ended)
    of_them, did = ("Of the others", "left") if once else ("Of the others' stays", "ended")
    counts = [
        f"{words.count(len(visits))} {did} by {_way(message, visits)} ({_came(came[message])})"
        for message, visits in shown.items()
    ]
    counts += [f"{words.count(rest)} in other ways"] if rest else []
    return [f"{of_them} {_and(counts)}."]


def parted(
    found: Parting, changes: Sequence[Change], siblings: int, files: Mapping[str, str]
) -> str:
    """Where a component parted from its siblings, and what it changed there.

    Args:
        found: the step, and what the siblings did in its place.
        changes: what the step changed, in the data.
        siblings: how many there are in all.
        files: as `words.of_files` has them.
    """
    step, usual = found.step, found.usual
    what = "a message" if step.message is None else f"`{words.name(step.message)}`"
    sender = _sender(step.sender, "", "")
    ending = "" if step.outcome in ("moved", "stayed") else f", {words.name(step.outcome or '?')}"
    others = f"{words.count(found.took_it)} of {words.plural(found.came, 'other')}"
    instead = "a message" if usual.message is None else f"`{words.name(usual.message)}`"
    if usual.message == step.message and usual.outcome != step.outcome:
        instead += f" {words.name(usual.outcome or '?')}"
    elif usual.message == step.message:
        ending += f" ({_states(step)})"
        instead += f" ({_states(usual)})"
    told = [
        f"{words.name(field_name(each.path))} {shown(each.old, 40)} → {shown(each.new, 40)}"
        for each in changes[:_CHANGES_SHOWN]
    ]
    more = len(changes) - len(told)
    told += [words.plural(more, "more change")] if more else []
    changed = f"; it changed {_and(told)}" if told else ""
    sample = ""
    if found.compared < siblings:
        compared, total = words.count(found.compared), words.count(siblings)
        sample = f" ({compared} of {total} were compared)"
    return (
        f"It first parted from the others at step {words.count(step.step_id)}{files[step.source]}: "
        f"{what}{sender}{ending}, where {others} had {instead}{sample}{changed}."
    )


def _states(step: Taken) -> str:
    return f"{words.name(step.from_state or '?')} → {words.name(step.to_state or '?')}"


def silence(visit: Visit, rows: pd.DataFrame) -> list[str]:
    """That nothing came since a stay began, where messages were recorded and that is so."""
    if rows.empty or rows.iloc[-1]["source"] != visit.source:
        return []
    return ["No message has come since."] if rows.iloc[-1]["id"] <= visit.step_id else []


def entered(visit: Visit) -> list[str]:
    """When a stay began, and by what."""
    if visit.entered_us is None:
        return []
    moment = f"{words.clock(visit.entered_us)} UTC"
    if visit.cut:
        return [f"It was there before {moment}, where what is recorded of it begins."]
    by = ""
    if visit.entered_by is not None:
        sender = _sender(visit.entered_from, visit.component, "of its own")
        by = f" by `{words.name(visit.entered_by)}`{sender}"
    return [f"It came there at {moment}{by}."]


def _stays(others: Sequence[Visit]) -> str:
    """How many others there are, and how many stays where some came back."""
    components = len({visit.component for visit in others})
    named = words.plural(components, "other")
    return named if components == len(others) else f"{words.count(len(others))} stays of {named}"


def step_told(step: Any, files: Mapping[str, str]) -> str:
    """A step in one clause: `` `pay` failed after 3 tries, …, step 18,233, sent by itself``.

    Args:
        step: a row with the columns of `shapes.STEPS`.
        files: as `words.of_files` has them.
    """
    message, sender = frames.cell_text(step["message"]), frames.cell_text(step["sender"])
    what = "a message" if message is None else f"`{words.name(message)}`"
    by = _sender(sender, step["component"], "sent by itself")
    row = f"step {words.count(int(step['id']))}{files[step['source']]}"
    return f"{what} {_ending(step)}, {row}{by and ',' + by}"


def _ending(step: Any) -> str:
    tries = f" after {words.count(int(step['tries']))} tries" if step["tries"] > 1 else ""
    error, reason = _error(step["error_json"]), frames.cell_text(step["reason"])
    because = "" if reason is None else f": {words.sentence(reason, 200)}"
    before = words.name(frames.cell_text(step["from_state"]) or "?")
    after = words.name(frames.cell_text(step["to_state"]) or "?")
    match frames.cell_text(step["outcome"]):
        case "moved":
            return f"moved {before} → {after}{tries}" + (f" by {error}" if error else "")
        case "stayed":
            return f"stayed in {before}{tries}"
        case "refused":
            return f"was refused{because}"
        case "failed":
            return f"failed{tries}{because}" + (f", {error}" if error else "")
        case "cancelled":
            return f"was cancelled{tries}{because}"
        case outcome:
            return f"ended as {words.name(outcome or '?')}"


def _error(stored: Any) -> str | None:
    """A stored error in one clause: its class, what it says, and why."""
    if frames.cell_text(stored) is None:
        return None
    try:
        error = tagged.parse(stored)
        said = f": {words.sentence(error['message'], 200)}" if error.get("message") else ""
        why = f" ({words.sentence(error['why'], 300)})" if error.get("why") else ""
        return f"{words.name(error['type'])}{said}{why}"
    except (ValueError, TypeError, KeyError, AttributeError):
        return "an error that can't be read"


def _way(message: str, visits: Sequence[Visit]) -> str:
    """A message that ended stays, and who sent it where that was always the same."""
    senders = {_OWN if v.sender == v.component else v.sender for v in visits}
    sender = senders.pop() if len(senders) == 1 else None
    own = "of their own" if len(visits) > 1 else "of its own"
    return f"`{words.name(message)}`{_sender(sender, _OWN, own)}"


def _sender(sender: str | None, component: str, own: str) -> str:
    if sender is None:
        return ""
    return f" {own}" if sender == component else f" from {words.name(sender)}"


def _came(number: int) -> str:
    return f"here it came {words.times(number)}" if number else "none came here"


def _and(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
