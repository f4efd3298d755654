"""Guards: questions about a message and a component that decide a transition, and their answers.

A guard is a synchronous ``(message, component) -> bool``. `guard` makes one composable by
``&``, ``|`` and ``~``. Asking one gives a `GuardCheck`, the tree of verdicts with the values that
were read, which is what `why_not`, the history and the notebook show.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flexiflow.errors import InvalidType, bounded_repr

MOST_VALUES = 20

GuardFunction = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True, slots=True)
class GuardCheck:
    """What a guard answered.

    Attributes:
        name: the guard's name; ``and``, ``or``, ``not`` for composed ones.
        passed: its verdict, or None where it was not asked because another decided.
        values: the fields it read, as ``message.total`` or ``data.items``; at most 20.
        children: the parts of a composed guard.
    """

    name: str
    passed: bool | None
    values: Mapping[str, Any]
    children: tuple[GuardCheck, ...] = ()

    def all_values(self) -> dict[str, Any]:
        """The values read anywhere in this tree."""
        values = dict(self.values)
        for child in self.children:
            values.update(child.all_values())
        return values

    def lines(self, indent: str = "") -> Iterator[str]:
        """The tree as text, a line a guard."""
        mark = {True: "✓", False: "✗", None: "·"}[self.passed]
        read = ", ".join(f"{key}={bounded_repr(value, 80)}" for key, value in self.values.items())
        yield f"{indent}{mark} {self.name}" + (f"  ({read})" if read else "")
        for child in self.children:
            yield from child.lines(indent + "  ")

    def __str__(self) -> str:
        return "\n".join(self.lines())


class Guard:
    """A named question that can be combined: ``paid & ~cancelled``.

    Args:
        function: a synchronous ``(message, component) -> bool``.
        name: what people see; the function's name unless given.
    """

    def __init__(self, function: GuardFunction, name: str | None = None) -> None:
        if not callable(function) or inspect.iscoroutinefunction(function):
            raise InvalidType(
                f"Guard {bounded_repr(function, 80)} is not a synchronous function.",
                why="A guard answers at once: it is called as guard(message, component).",
                fix="Use a plain function; look things up in a handler and keep them in data.",
                context={"guard": function},
            )
        self.function = function
        self.name = name or str(getattr(function, "__name__", type(function).__name__))

    def __call__(self, message: dict[str, Any], component: Any) -> bool:
        """The verdict alone."""
        return bool(self.function(message, component))

    def check(self, message: dict[str, Any], component: Any) -> GuardCheck:
        """Ask the guard and note what it read."""
        reads: dict[str, Any] = {}
        answer = self.function(
            _TrackedDict(message, "message.", reads),
            _TrackedComponent(component, reads),
        )
        if inspect.isawaitable(answer):
            if inspect.iscoroutine(answer):
                answer.close()
            raise InvalidType(
                f"Guard {self.name!r} answered with an awaitable.",
                why="A guard is synchronous: an awaitable is always true.",
                fix="Make the guard a plain function that returns a bool.",
                context={"guard": self.name},
            )
        return GuardCheck(self.name, bool(answer), reads)

    def __and__(self, other: GuardFunction) -> Guard:
        return _All(self, as_guard(other))

    def __rand__(self, other: GuardFunction) -> Guard:
        return _All(as_guard(other), self)

    def __or__(self, other: GuardFunction) -> Guard:
        return _Any(self, as_guard(other))

    def __ror__(self, other: GuardFunction) -> Guard:
        return _Any(as_guard(other), self)

    def __invert__(self) -> Guard:
        return _Not(self)

    def __repr__(self) -> str:
        return f"<guard {self.name}>"


def guard(function: GuardFunction) -> Guard:
    """Make a guard function composable; usable as a decorator."""
    return as_guard(function)


def as_guard(function: GuardFunction) -> Guard:
    """`function` itself where it is a `Guard`, else one made of it."""
    return function if isinstance(function, Guard) else Guard(function)


class _Composed(Guard):
    """A guard made of guards; the second part is asked only if the first did not decide."""

    word: str
    decisive: bool  # the first part's verdict that makes asking the second one needless

    def __init__(self, left: Guard, right: Guard) -> None:
        self.left, self.right = left, right
        self.name = f"{self._part(left)} {self.word} {self._part(right)}"

    def _part(self, inner: Guard) -> str:
        mixed = isinstance(inner, _Composed) and inner.word != self.word
        return f"({inner.name})" if mixed else inner.name

    def __call__(self, message: dict[str, Any], component: Any) -> bool:
        first = self.left(message, component)
        return first if first is self.decisive else self.right(message, component)

    def check(self, message: dict[str, Any], component: Any) -> GuardCheck:
        first = self.left.check(message, component)
        if first.passed is self.decisive:
            second = GuardCheck(self.right.name, None, {})
            return GuardCheck(self.word, self.decisive, {}, (first, second))
        second = self.right.check(message, component)
        return GuardCheck(self.word, second.passed, {}, (first, second))


class _All(_Composed):
    word, decisive = "and", False


class _Any(_Composed):
    word, decisive = "or", True


class _Not(Guard):
    def __init__(self, inner: Guard) -> None:
        self.inner = inner
        self.name = f"not ({inner.name})" if isinstance(inner, _Composed) else f"not {inner.name}"

    def __call__(self, message: dict[str, Any], component: Any) -> bool:
        return not self.inner(message, component)

    def check(self, message: dict[str, Any], component: Any) -> GuardCheck:
        inner = self.inner.check(message, component)
        return GuardCheck("not", not inner.passed, {}, (inner,))


def _note(reads: dict[str, Any], key: str, value: Any) -> None:
    if key not in reads and len(reads) < MOST_VALUES:
        reads[key] = value


class _TrackedDict(dict[str, Any]):
    """A shallow copy that notes which keys are read; a guard that writes changes only the copy."""

    def __init__(self, source: Mapping[str, Any], prefix: str, reads: dict[str, Any]) -> None:
        super().__init__(source)
        self._source, self._prefix, self._reads = source, prefix, reads

    def __missing__(self, key: str) -> Any:
        return self._source[key]  # a defaultdict's default holds in a guard too

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        _note(self._reads, f"{self._prefix}{key}", value)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        value = super().get(key, default)
        _note(self._reads, f"{self._prefix}{key}", value)
        return value

    def __contains__(self, key: object) -> bool:
        found = super().__contains__(key)
        _note(self._reads, f"{self._prefix}{key}", super().get(key) if found else None)  # type: ignore[call-overload]
        return found


class _TrackedComponent:
    """Stands in for a component while a guard looks at it; reads go through and are noted."""

    __slots__ = ("_component", "_reads")

    def __init__(self, component: Any, reads: dict[str, Any]) -> None:
        object.__setattr__(self, "_component", component)
        object.__setattr__(self, "_reads", reads)

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # isinstance(component, MyComponent) must hold in a guard
        return type(self._component)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._component, name)
        if name == "data" and isinstance(value, dict):
            return _TrackedDict(value, "data.", self._reads)
        if not callable(value) and name not in ("logger", "event_bus"):
            _note(self._reads, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._component, name, value)
