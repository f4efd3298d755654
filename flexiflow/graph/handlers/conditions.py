"""Single conditions: those on the type narrow a way, the others become its guards."""

from __future__ import annotations

import ast
import enum
from dataclasses import replace

from flexiflow.graph.handlers.about import is_about_message, type_kind
from flexiflow.graph.handlers.expressions import MISSING, Scope, label
from flexiflow.graph.handlers.paths import Condition, Path, Split
from flexiflow.graph.handlers.roles import Role, mentions


def compared(node: ast.Compare, path: Path, line: int, scope: Scope) -> Split:
    """The ways on which a comparison holds, and those on which it does not."""
    subject, operator, other = node.left, node.ops[0], node.comparators[0]
    single = isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot)
    if single and not type_kind(subject, scope) and type_kind(other, scope):
        subject, other = other, subject
    kind = type_kind(subject, scope)
    if kind is None and _asks_for_type(node):
        return ([path], []) if isinstance(operator, ast.In) else ([], [path])
    if kind is None:
        decided = _constant(node, scope)
        if decided is not None:
            return ([path], []) if decided else ([], [path])
        return opaque(node, path, line, about_type=mentions(node))
    turned = isinstance(operator, ast.NotEq | ast.NotIn | ast.IsNot)
    if single and scope.value_of(other) is None:
        texts: tuple[str, ...] | None = ()  # no message has None for a type
    elif single or isinstance(operator, ast.In | ast.NotIn):
        texts = scope.strings_of(other, kind == "enum")
        if single and texts is not None and not _is_one(other, kind, scope):
            texts = None
        if not single and isinstance(scope.value_of(other), str):
            texts = None  # a part of a string
    else:
        texts = None
    if texts is None:
        return opaque(node, path, line, about_type=True)
    yes = [each for each in [path.only(texts)] if each is not None]
    no = [each for each in [path.without(texts)] if each is not None]
    return (no, yes) if turned else (yes, no)


def opaque(node: ast.expr, path: Path, line: int, *, about_type: bool) -> Split:
    """Both ways of a condition that becomes a guard; one about the type could not be read."""
    if about_type and path.types is None:
        path = replace(path, fuzzy=line)
    condition = condition_of(node)
    # Only messages are sure to be the same when they are asked again.
    if is_about_message(node):
        if condition in path.guards:
            return [path], []
        if condition.negated in path.guards:
            return [], [path]
    return [path.guarded(condition)], [path.guarded(condition.negated)]


def condition_of(node: ast.expr, *, negated: bool = False) -> Condition:
    """An expression as a condition, or its opposite."""
    either = isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) is not negated
    return Condition(label(node, negated), label(node, not negated), either)


def _asks_for_type(node: ast.Compare) -> bool:
    """Whether it is ``"type" in message``, which always holds."""
    match node:
        case ast.Compare(
            left=ast.Constant(value="type"),
            ops=[ast.In() | ast.NotIn()],
            comparators=[Role(role="message")],
        ):
            return True
    return False


def _is_one(node: ast.expr, kind: str, scope: Scope) -> bool:
    value = scope.value_of(node)
    return isinstance(value, str) or (kind == "enum" and isinstance(value, enum.Enum))


def _constant(node: ast.Compare, scope: Scope) -> bool | None:
    """What a comparison of two constants says, such as ``handler is None``."""
    if not isinstance(node.ops[0], ast.Is | ast.IsNot | ast.Eq | ast.NotEq):
        return None
    positive = isinstance(node.ops[0], ast.Is | ast.Eq)
    other = node.comparators[0]
    values = [scope.value_of(each) for each in (node.left, other)]
    if values[1] is None and isinstance(node.left, Role):
        return not positive
    if any(value is MISSING for value in values):
        made = isinstance(node.left, ast.Call) and isinstance(scope.value_of(node.left.func), type)
        # A method of self, or an object that was just made, is not None.
        return not positive if values[1] is None and made else None
    plain = (str, int, bool, float, type(None))
    if all(isinstance(value, plain) for value in values):
        return bool((values[0] == values[1]) is positive)
    return not positive if values[1] is None or values[0] is None else None
