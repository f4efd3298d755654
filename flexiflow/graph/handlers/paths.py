"""Ways through a handler: which messages take them, and under which conditions."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from flexiflow.errors import bounded

_LONGEST_GUARD = 120
_MOST_NAMED = 4

Jump = Literal["break", "continue"]


@dataclass(frozen=True, slots=True)
class Condition:
    """Something besides the type that a way asks for, as people read it.

    Attributes:
        text: the condition.
        opposite: the text of its opposite.
        either: whether it is several, one of which is enough.
    """

    text: str
    opposite: str
    either: bool = False

    @property
    def negated(self) -> Condition:
        """Its opposite."""
        return Condition(self.opposite, self.text)


@dataclass(frozen=True, slots=True)
class Path:
    """One way, as far as it has come.

    Attributes:
        types: the message types that take it; None for all but `excluded`.
        excluded: types that went another way.
        guards: conditions besides the type.
        fuzzy: the line of a condition on the type that could not be read, or None.
        error: the exception that was caught on it, or None.
        names: what the local names stand for.
        jump: set from a ``break`` or ``continue`` to the end of the loop's body.
    """

    types: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()
    guards: tuple[Condition, ...] = ()
    fuzzy: int | None = None
    error: str | None = None
    names: Mapping[str, ast.expr] = field(default_factory=dict)
    jump: Jump | None = None

    def bound(self, name: str, value: ast.expr) -> Path:
        """The way with a name that stands for something."""
        return replace(self, names={**self.names, name: value})

    def guarded(self, condition: Condition) -> Path:
        """The way with one more condition."""
        known = condition in self.guards
        return self if known else replace(self, guards=(*self.guards, condition))

    def only(self, types: Sequence[str]) -> Path | None:
        """The part of it that these types take, or None."""
        if self.types is None:
            left = tuple(dict.fromkeys(each for each in types if each not in self.excluded))
        else:
            left = tuple(each for each in self.types if each in types)
        return replace(self, types=left) if left else None

    def without(self, types: Sequence[str]) -> Path | None:
        """The part of it that all others take, or None."""
        if self.types is None:
            return replace(self, excluded=tuple(dict.fromkeys((*self.excluded, *types))))
        left = tuple(each for each in self.types if each not in types)
        return replace(self, types=left) if left else None

    @property
    def guard(self) -> str | None:
        """All conditions in one text."""
        texts = [_part(each, self.guards) for each in self.guards]
        if self.types is None and self.excluded:
            named = ", ".join(self.excluded[:_MOST_NAMED])
            more = ", …" if len(self.excluded) > _MOST_NAMED else ""
            texts.insert(0, f"not {named}{more}")
        return bounded(" and ".join(texts), _LONGEST_GUARD) if texts else None


Split = tuple[list[Path], list[Path]]
"""The ways on which a condition holds, and those on which it does not."""


def merged(paths: Sequence[Path]) -> list[Path]:
    """The ways with those joined that differ in nothing but their conditions.

    Joined ways ask for what one of them asks for. Whatever left before had its turn first, so
    that the order of what is found still tells what happens.
    """
    found: dict[object, list[Path]] = {}
    for path in paths:
        names = frozenset((name, id(value)) for name, value in path.names.items())
        key = (path.types, path.excluded, path.fuzzy, path.error, path.jump, names)
        together = found.setdefault(key, [])
        together.append(path)
        # Ways come in the order of the branches, so that both sides of one stand side by side.
        while len(together) > 1 and _are_opposite(*together[-2:]):
            last = together.pop()
            together[-1] = replace(last, guards=last.guards[:-1])
    return [_joined(each) for each in found.values()]


def _are_opposite(one: Path, other: Path) -> bool:
    """Whether two ways are all that there is once their last conditions are left out."""
    if not (one.guards and other.guards) or one.guards[:-1] != other.guards[:-1]:
        return False
    return one.guards[-1].text == other.guards[-1].opposite


def _joined(paths: Sequence[Path]) -> Path:
    """One way for several that differ in their conditions."""
    first = paths[0]
    if len(paths) == 1:
        return first
    count = 0
    while all(len(each.guards) > count for each in paths) and (
        len({each.guards[count] for each in paths}) == 1
    ):
        count += 1
    common = first.guards[:count]
    rests = [each.guards[count:] for each in paths]
    if not all(rests):
        return replace(first, guards=common)
    texts = dict.fromkeys(" and ".join(_part(c, rest) for c in rest) for rest in rests)
    text = bounded(" or ".join(texts), _LONGEST_GUARD)
    return replace(first, guards=common).guarded(Condition(text, f"not ({text})", len(texts) > 1))


def _part(condition: Condition, of: Sequence[Condition]) -> str:
    """A condition as a part of several."""
    return f"({condition.text})" if condition.either and len(of) > 1 else condition.text
