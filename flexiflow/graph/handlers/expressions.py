"""Expressions of a handler, with its local names replaced by what they stand for."""

from __future__ import annotations

import ast
import copy
import dis
import enum
import inspect
import sys
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any, TypeGuard

from flexiflow.errors import bounded
from flexiflow.graph.handlers.roles import LEAVES, MESSAGE, Role, Unknown, Value, mentions
from flexiflow.graph.labels import visible

MISSING: Any = object()
_LONGEST_LABEL = 60
# Of one expression: names that stand for each other can double it again and again.
_MOST_NODES = 200
_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}

Names = Mapping[str, ast.expr]


def substituted(node: ast.expr, names: Names) -> ast.expr:
    """A copy of `node` in which local names are replaced; `Unknown` where it grows too large."""
    result: ast.expr = _Substitution(names).visit(node)
    if sum(1 for _ in ast.walk(result)) > _MOST_NODES:
        return _unread(node, result)
    return result


def replaced(node: ast.expr, old: ast.expr, new: ast.expr) -> ast.expr:
    """A copy of `node` with the part `old` replaced by `new`."""
    result: ast.expr = _Replacement(old, new).visit(node)
    return result


class _Copying(ast.NodeTransformer):
    """Changes a copy: a transformer alone changes the lists of its nodes in place."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, LEAVES):
            return node
        own = copy.copy(node)
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                setattr(own, name, list(value))
        return super().generic_visit(own)


class _Substitution(_Copying):
    def __init__(self, names: Names) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.names.get(node.id, node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return _unread(node, self._around(node), "lambda")

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        return self.visit(node.value)  # type: ignore[no-any-return]

    def _comprehension(self, node: ast.expr) -> ast.AST:
        # Its own names hide those of the function; only its text is of use.
        return _unread(node, self._around(node))

    def _around(self, node: ast.expr) -> ast.AST:
        """What a scope of its own takes from the function around it."""
        own = {each.id for each in ast.walk(node) if _is_stored(each)}
        own |= {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
        left = {name: value for name, value in self.names.items() if name not in own}
        return _Substitution(left).generic_visit(node)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension


def _unread(node: ast.expr, meaning: ast.AST, text: str | None = None) -> Unknown:
    """What stands for an expression that is not taken apart."""
    shown = bounded(ast.unparse(node), _LONGEST_LABEL) if text is None else text
    return Unknown(shown, about_type=mentions(meaning))


def _is_stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


class _Replacement(_Copying):
    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self.old = old
        self.new = new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else super().visit(node)


class Scope:
    """Where a function's global names are looked up; nothing is run for it.

    Args:
        function: whose names they are.
        state_class: what ``self`` is.
    """

    def __init__(self, function: FunctionType, state_class: type) -> None:
        self.function = function
        self.state_class = state_class

    def value_of(self, node: ast.expr) -> Any:
        """The object that an expression names, or `MISSING`."""
        match node:
            case ast.Constant(value=value) | Value(value=value):
                return value
            case ast.Name(id=name):
                return self._named(name)
            case ast.Attribute(value=Role(role="self"), attr="__class__"):
                return self.state_class
            case ast.Attribute(value=Role(role="self"), attr=name):
                if _is_assigned(self.state_class, name):
                    return MISSING
                return _static(self.state_class, name)
            case ast.Attribute(value=owner, attr=name):
                return _member(self.value_of(owner), name)
            case ast.Call(func=ast.Name(id="type"), args=[Role(role="self")]):
                return self.state_class
            case ast.JoinedStr(values=parts):
                return self._text_of(parts)
            case ast.FormattedValue(value=inner, conversion=-1, format_spec=None):
                return self._text_of([inner])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._text_of([left, right])
        return MISSING

    def _text_of(self, parts: list[ast.expr]) -> Any:
        """Strings one after the other; `MISSING` unless all of them are known, and plain."""
        values = [self.value_of(each) for each in parts]
        return "".join(values) if all(type(each) is str for each in values) else MISSING

    def closed(self, node: ast.expr) -> ast.expr:
        """A copy whose global names are replaced, so that it means the same elsewhere."""
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        found = {name: self._global(name) for name in names}
        values = {n: Value(value, n) for n, value in found.items() if value is not MISSING}
        return substituted(node, values) if values else node

    def _named(self, name: str) -> Any:
        found = self._global(name)
        return vars(sys.modules["builtins"]).get(name, MISSING) if found is MISSING else found

    def _global(self, name: str) -> Any:
        code = self.function.__code__
        for free, cell in zip(code.co_freevars, self.function.__closure__ or (), strict=False):
            if free == name:
                try:
                    return cell.cell_contents
                except ValueError:
                    return MISSING
        return self.function.__globals__.get(name, MISSING)

    def strings_of(self, node: ast.expr, by_value: bool = False) -> tuple[str, ...] | None:
        """The strings of a constant or a collection of constants, or None.

        Args:
            node: an expression.
            by_value: whether the members of a plain enum count as their values.
        """
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            parts = [self.strings_of(each, by_value) for each in node.elts]
            if any(part is None for part in parts):
                return None
            return tuple(text for part in parts if part is not None for text in part)
        if isinstance(node, ast.Dict):
            keys = [key for key in node.keys if key is not None]
            return (
                self.strings_of(ast.Tuple(keys), by_value) if len(keys) == len(node.keys) else None
            )
        value = self.value_of(node)
        if type(value) in (tuple, list, set, frozenset, dict):
            texts = [_string(each, by_value) for each in value]
            if any(text is None for text in texts):
                return None
            ordered = sorted if isinstance(value, set | frozenset) else list
            return tuple(ordered([text for text in texts if text is not None]))
        text = _string(value, by_value)
        return None if text is None else (text,)


def _string(value: Any, by_value: bool) -> str | None:
    if isinstance(value, str):
        return str.__str__(value.value if isinstance(value, enum.Enum) else value)
    if by_value and isinstance(value, enum.Enum) and isinstance(value.value, str):
        return value.value
    return None


def _member(owner: Any, name: str) -> Any:
    if isinstance(owner, ModuleType):
        return vars(owner).get(name, MISSING)
    if isinstance(owner, enum.EnumMeta):
        return owner.__members__.get(name, MISSING)
    if isinstance(owner, enum.Enum) and name == "value":
        return owner.value
    return _static(owner, name) if isinstance(owner, type) else MISSING


def _static(owner: type, name: str) -> Any:
    return inspect.getattr_static(owner, name, MISSING)


def _is_assigned(cls: type, name: str) -> bool:
    """Whether a method of the class gives its instances an attribute of that name."""
    for base in cls.__mro__:
        for member in vars(base).values():
            if isinstance(member, FunctionType) and name in member.__code__.co_names:
                for step in dis.get_instructions(member):
                    if step.opname == "STORE_ATTR" and step.argval == name:
                        return True
    return False


def label(node: ast.expr, negated: bool = False) -> str:
    """A condition as people read it: ``content == 'confirmed'``, ``data.total > 5``."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return label(node.operand, not negated)
    if negated and isinstance(node, ast.Compare) and len(node.ops) == 1:
        opposite = _OPPOSITES.get(type(node.ops[0]))
        if opposite is not None:
            return label(ast.Compare(node.left, [opposite()], node.comparators))
    written: ast.expr = _Wording().visit(node)
    text = ast.unparse(ast.fix_missing_locations(ast.Expression(written)))
    if negated:
        simple = isinstance(written, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
        text = f"not {text}" if simple else f"not ({text})"
    return visible(text, _LONGEST_LABEL)


class _Wording(_Copying):
    """Fields of the message and of the data as plain names."""

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, Role):
            return ast.Name(node.role)
        if isinstance(node, Value | Unknown):
            return ast.Name(node.text)
        field = _field(node)
        return ast.Name(field) if field is not None else super().visit(node)

    def visit_Await(self, node: ast.Await) -> Any:
        return self.visit(node.value)


def _field(node: ast.AST) -> str | None:
    """``content`` of ``message["content"]``, ``data.total`` of ``component.data.get("total")``."""
    match node:
        case ast.Subscript(value=owner, slice=ast.Constant(value=str(key))):
            pass
        case ast.Call(
            func=ast.Attribute(value=owner, attr="get"),
            args=[ast.Constant(value=str(key)), *_],
        ):
            pass
        case _:
            return None
    if not key.isidentifier():
        return None
    if isinstance(owner, Role) and owner.role == MESSAGE:
        return key
    match owner:
        case ast.Attribute(value=Role(role="component"), attr="data"):
            return f"data.{key}"
    return None
