"""Leaves of a handler's expressions: its own arguments, objects that were found, and unknowns."""

from __future__ import annotations

import ast
from typing import Any

MESSAGE, COMPONENT, SELF = "message", "component", "self"


class Role(ast.expr):
    """The handler's own ``self``, ``message`` or ``component``, whatever it calls them."""

    _fields = ()

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role


class Value(ast.expr):
    """An object that was found under a name."""

    _fields = ()

    def __init__(self, value: Any, text: str) -> None:
        super().__init__()
        self.value = value
        self.text = text


class Unknown(ast.expr):
    """What can't be told.

    Args:
        text: how the code names it.
        about_type: whether the message's type may have a part in it.
    """

    _fields = ()

    def __init__(self, text: str, *, about_type: bool = False) -> None:
        super().__init__()
        self.text = text
        self.about_type = about_type


LEAVES = (Role, Value, Unknown)


def is_role(node: ast.AST, role: str) -> bool:
    """Whether an expression is the handler's own argument of that role."""
    return isinstance(node, Role) and node.role == role


def mentions(node: ast.AST) -> bool:
    """Whether the type, or the whole message, has a part in an expression."""
    match node:
        case ast.Subscript(value=Role(role="message"), slice=ast.Constant(value=key)):
            return key == "type"
        case ast.Call(
            func=ast.Attribute(value=Role(role="message"), attr="get" | "pop"),
            args=[ast.Constant(value=key), *rest],
        ):
            return key == "type" or any(map(mentions, rest))
        case ast.Compare(left=ast.Constant(), ops=[ast.In() | ast.NotIn()],
                         comparators=[Role(role="message")]):  # fmt: skip
            return False
    if is_role(node, MESSAGE) or (isinstance(node, Unknown) and node.about_type):
        return True
    return any(map(mentions, ast.iter_child_nodes(node)))
