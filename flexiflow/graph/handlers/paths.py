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
class Path:
    """One way, as far as it has come.

    Attributes:
        types: the message types that take it; None for all but `excluded`.
        excluded: types that went another way.
        guards: conditions besides the type, as people read them.
        fuzzy: the line of a condition on the type that could not be read, or None.
        error: the exception that was caught on it, or None.
        names: what the local names stand for.
        jump: set from a ``break`` or ``continue`` to the end of the loop's body.
    """

    types: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    fuzzy: int | None = None
    error: str | None = None
    names: Mapping[str, ast.expr] = field(default_factory=dict)
    jump: Jump | None = None

    def bound(self, name: str, value: ast.expr) -> Path:
        """The way with a name that stands for something."""
        return replace(self, names={**self.names, name: value})

    def guarded(self, text: str) -> Path:
        """The way with one more condition."""
        return self if text in self.guards else replace(self, guards=(*self.guards, text))

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
        texts = list(self.guards)
        if self.types is None and self.excluded:
            named = ", ".join(self.excluded[:_MOST_NAMED])
            more = ", …" if len(self.excluded) > _MOST_NAMED else ""
            texts.insert(0, f"not {named}{more}")
        return bounded(" and ".join(texts), _LONGEST_GUARD) if texts else None


Split = tuple[list[Path], list[Path]]
"""The ways on which a condition holds, and those on which it does not."""


def merged(paths: Sequence[Path]) -> list[Path]:
    """The ways with those joined that differ in nothing but their conditions.

    Joined ways keep the conditions that they begin with in common. Whatever left before had its
    turn first, so that the order of what is found still tells what happens.
    """
    found: dict[object, Path] = {}
    for path in paths:
        names = frozenset((name, id(value)) for name, value in path.names.items())
        key = (path.types, path.excluded, path.fuzzy, path.error, path.jump, names)
        other = found.get(key)
        found[key] = path if other is None else replace(path, guards=_common(other, path))
    return list(found.values())


def _common(first: Path, second: Path) -> tuple[str, ...]:
    count = 0
    for one, other in zip(first.guards, second.guards, strict=False):
        if one != other:
            break
        count += 1
    return first.guards[:count]
