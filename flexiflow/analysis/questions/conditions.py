"""Conditions on recorded fields: ``attempts > 2 and state == "Paying"``.

The text is read by Python's parser into a syntax tree, and what the tree says is put together from
the few pieces below. Nothing is ever compiled or evaluated by Python itself, no attribute of a
Python object is reached, and no piece can take long: texts are at most 1,000 characters, numbers
at most 4,096 bits.

A field that is not there is None, as null is. Comparing values that don't go together is false,
reckoning with them gives None; neither is an error.
"""

from __future__ import annotations

import ast
import datetime as dt
import operator
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flexiflow.analysis.base.fields import Document, parsed, path_of
from flexiflow.analysis.base.values import MISSING, Path, same, shown, value_at
from flexiflow.errors import InvalidValue

Value = Callable[[Document, Document | None], Any]
"""Gives a value from a component's document, and the one before it."""

_MOST_PIECES = 200
_LONGEST_INT = 4096  # bits
_NAMES = {"true": True, "false": False, "null": None, "none": None}
_CALLS = "changed(field), exists(field) and len(value)"

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was read.

    Attributes:
        text: as it was written.
        paths: the fields that it asks for, each once.
        value: what it comes to.
    """

    text: str
    paths: tuple[Path, ...]
    value: Value

    def holds(self, document: Document, before: Document | None) -> bool:
        """Whether it holds.

        Args:
            document: a component at one moment.
            before: the same component at the moment before; None at the first.
        """
        return bool(self.value(document, before))


def condition(text: str) -> Condition:
    """Read a condition.

    Args:
        text: fields, numbers, texts, ``true false null``, lists; ``== != < <= > >=``, ``in``,
            ``not in``, ``and or not``, ``+ - * / // %``; ``changed(field)``, ``exists(field)`` and
            ``len(value)``.

    Raises:
        InvalidValue: (a ValueError) where it can't be read, or asks for anything else.
    """
    tree = parsed(text, "condition")
    if sum(1 for _ in ast.walk(tree)) > _MOST_PIECES:
        raise InvalidValue(
            "The condition is too long.",
            why=f"It has more than {_MOST_PIECES} pieces.",
            fix="Ask in several questions, and join the frames.",
            context={"condition": text},
        )
    reader = _Reader(text)
    value = reader.value(tree)
    return Condition(text, tuple(dict.fromkeys(reader.paths)), value)


class _Reader:
    """Turns a syntax tree into functions; what it does not know it refuses."""

    def __init__(self, text: str) -> None:
        self.paths: list[Path] = []
        self._text = text

    def value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=str() | int() | float() | None as constant):
                return lambda now, before: constant
            case ast.Name(id=name) if name.lower() in _NAMES:
                named = _NAMES[name.lower()]
                return lambda now, before: named
            case ast.Name() | ast.Attribute() | ast.Subscript():
                path = self._path(node)
                return lambda now, before: _or_none(value_at(now, path))
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                values = [self.value(each) for each in elements]
                return lambda now, before: [each(now, before) for each in values]
            case ast.BoolOp(op=op, values=operands):
                parts = [self.value(each) for each in operands]
                every = all if isinstance(op, ast.And) else any
                return lambda now, before: every(part(now, before) for part in parts)
            case ast.UnaryOp(op=op, operand=operand):
                return self._unary(op, self.value(operand), node)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                a, b, reckon = self.value(left), self.value(right), _ARITHMETIC[type(op)]
                return lambda now, before: _reckoned(reckon, a(now, before), b(now, before))
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._comparison([left, *others], ops)
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]):
                return self._call(name, argument, node)
            case _:
                raise self._refusal(node)

    def _path(self, node: ast.expr) -> Path:
        path = path_of(node)
        if path is None:
            raise self._refusal(node)
        self.paths.append(path)
        return path

    def _unary(self, op: ast.unaryop, value: Value, node: ast.expr) -> Value:
        if isinstance(op, ast.Not):
            return lambda now, before: not value(now, before)
        if isinstance(op, ast.USub | ast.UAdd):
            reckon = operator.sub if isinstance(op, ast.USub) else operator.add
            return lambda now, before: _reckoned(reckon, 0, value(now, before))
        raise self._refusal(node)

    def _comparison(self, operands: list[ast.expr], ops: list[ast.cmpop]) -> Value:
        values = [self.value(each) for each in operands]
        tests = [_COMPARISONS[type(op)] for op in ops]

        def compared(now: Document, before: Document | None) -> bool:
            found = [value(now, before) for value in values]
            return all(test(a, b) for test, a, b in zip(tests, found, found[1:], strict=False))

        return compared

    def _call(self, name: str, argument: ast.expr, node: ast.expr) -> Value:
        if name == "len":
            value = self.value(argument)
            return lambda now, before: _length(value(now, before))
        if name not in ("changed", "exists"):
            raise self._refusal(node)
        path = self._path(argument)
        if name == "exists":
            return lambda now, before: value_at(now, path) is not MISSING
        return lambda now, before: (
            before is not None and not same(value_at(before, path), value_at(now, path))
        )

    def _refusal(self, node: ast.expr) -> InvalidValue:
        part = ast.get_source_segment(self._text.strip(), node) or self._text
        fix = f"Only {_CALLS} can be called." if isinstance(node, ast.Call) else None
        return InvalidValue(
            f"The condition can't ask for {shown(part)}.",
            why="It may have fields, constants, comparisons, and, or, not, in, + - * / // %, "
            f"{_CALLS}.",
            fix=fix or "Write e.g. \"attempts > 2 and state == 'Paying'\".",
            context={"condition": self._text},
        )


def _or_none(value: Any) -> Any:
    return None if value is MISSING else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _equal(a: Any, b: Any) -> bool:
    if _is_number(a) and _is_number(b):
        return _ordered(operator.eq, a, b)
    return same(a, b)


def _ordered(test: Callable[[Any, Any], bool], a: Any, b: Any) -> bool:
    """Compare two numbers, texts or times; false where they don't go together."""
    if (_is_number(a) and _is_number(b)) or (
        type(a) is type(b) and isinstance(a, str | dt.date | dt.time | dt.timedelta)
    ):
        try:
            return bool(test(a, b))
        except (ArithmeticError, TypeError, ValueError):
            pass  # a signalling NaN; a time with a zone and one without
    return False


def _contains(container: Any, element: Any) -> bool:
    if isinstance(container, str):
        return isinstance(element, str) and element in container
    if isinstance(container, list | tuple | set | frozenset | dict):
        return any(_equal(each, element) for each in container)
    return False


def _reckoned(reckon: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    if not (_is_number(a) and _is_number(b)) or _is_long(a) or _is_long(b):
        return None
    try:
        return reckon(a, b)
    except (ArithmeticError, TypeError, ValueError):
        return None


def _is_long(number: Any) -> bool:
    return isinstance(number, int) and number.bit_length() > _LONGEST_INT


def _length(value: Any) -> int | None:
    sized = isinstance(value, str | list | tuple | dict | set | frozenset)
    return len(value) if sized else None


_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: _equal,
    ast.NotEq: lambda a, b: not _equal(a, b),
    ast.Is: _equal,
    ast.IsNot: lambda a, b: not _equal(a, b),
    ast.Lt: lambda a, b: _ordered(operator.lt, a, b),
    ast.LtE: lambda a, b: _ordered(operator.le, a, b),
    ast.Gt: lambda a, b: _ordered(operator.gt, a, b),
    ast.GtE: lambda a, b: _ordered(operator.ge, a, b),
    ast.In: lambda a, b: _contains(b, a),
    ast.NotIn: lambda a, b: not _contains(b, a),
}
