"""Divergence: the first step at which one component's way parts from another's, or from most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flexiflow.analysis.base.frames import text_of
from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.tables import has_steps, step_columns
from flexiflow.persistence.schema import STEPS, cursor

RARE = 0.2
"""A way that fewer of those who came the same way so far go on is a divergence."""

MOST_COMPARED = 200
"""Siblings that are looked at; evenly chosen where there are more."""

_MOST_STEPS = 20_000  # read in all, so that a verdict on a component comes at once
_LONGEST_WAY = 1000
_WANTED = ("id", "message_type", "sender", "from_state", "to_state", "outcome")


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that a component took.

    Attributes:
        step_id, source: its row, and the file.
        message, sender, from_state, to_state, outcome: as in `shapes.STEPS`.
    """

    step_id: int
    source: str
    message: str | None
    sender: str | None
    from_state: str | None
    to_state: str | None
    outcome: str | None

    @property
    def kind(self) -> tuple[str | None, ...]:
        """What makes two steps the same in two ways: message, states and outcome."""
        return self.message, self.from_state, self.to_state, self.outcome


@dataclass(frozen=True, slots=True)
class Parting:
    """Where a component parted from its siblings.

    Attributes:
        step: the step that few of them took.
        alike: how many steps before it are alike.
        came: how many siblings had come the same way, and went on.
        usual: the step that most of those took.
        took_it: how many took that one.
        compared: how many siblings were compared in all.
    """

    step: Taken
    alike: int
    came: int
    usual: Taken
    took_it: int
    compared: int


def way_of(sources: Sequence[Source], component: str, limit: int | None = None) -> list[Taken]:
    """The steps of one component in the order of the history, the first `limit` of them."""
    taken: list[Taken] = []
    for source in sources:
        with source.connect() as conn:
            if not has_steps(conn):
                continue
            columns = step_columns(conn)
            query = f"""SELECT {", ".join(columns[name] for name in _WANTED)} FROM {STEPS} s
                WHERE s.component_name = ? ORDER BY s.rowid LIMIT ?"""
            left = -1 if limit is None else limit - len(taken)
            for step_id, *texts in cursor(conn).execute(query, (component, left)):
                taken.append(Taken(step_id, source.name, *map(text_of, texts)))
    return taken


def first_divergence(one: Sequence[Taken], other: Sequence[Taken]) -> int | None:
    """The index of the first step in which two ways differ; None where they are the same."""
    for at, (a, b) in enumerate(zip(one, other, strict=False)):
        if a.kind != b.kind:
            return at
    return None if len(one) == len(other) else min(len(one), len(other))


def parting(
    sources: Sequence[Source], component: str, siblings: Iterable[str], fewest: int
) -> Parting | None:
    """The first step of a component that few of its siblings took who had come the same way.

    Args:
        sources: the files.
        component: the component.
        siblings: the names of those to compare it with.
        fewest: how many must have come the same way, for "few" to mean anything.
    """
    names = _spread(sorted(set(siblings)))
    if len(names) < fewest:
        return None
    way = way_of(sources, component, min(_MOST_STEPS // len(names), _LONGEST_WAY))
    # One step more than its own, so that those who went on can be told from those who ended.
    ways = [way_of(sources, name, len(way) + 1) for name in names]
    for at, step in enumerate(way):
        went_on = [each for each in ways if len(each) > at]
        if len(went_on) < fewest:
            return None
        ways = [each for each in went_on if each[at].kind == step.kind]
        if len(ways) < RARE * len(went_on):
            kinds = Counter(each[at].kind for each in went_on)
            kind, number = kinds.most_common(1)[0]
            usual = next(each[at] for each in went_on if each[at].kind == kind)
            return Parting(step, at, len(went_on), usual, number, len(names))
    return None


def _spread(names: list[str]) -> list[str]:
    """At most `MOST_COMPARED` of the names, evenly chosen."""
    if len(names) <= MOST_COMPARED:
        return names
    return [names[at * len(names) // MOST_COMPARED] for at in range(MOST_COMPARED)]
