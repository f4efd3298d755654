"""What an expression says about the message: its type, or only its fields."""

from __future__ import annotations

import ast
import enum

from flexiflow.graph.handlers.expressions import Scope
from flexiflow.graph.handlers.roles import MESSAGE, Role


def type_kind(node: ast.expr, scope: Scope) -> str | None:
    """Whether an expression is the message's type, as a string or as a member of an enum."""
    match node:
        case ast.Subscript(value=Role(role="message"), slice=ast.Constant(value="type")):
            return "text"
        case ast.Call(
            func=ast.Attribute(value=Role(role="message"), attr="get" | "pop"),
            args=[ast.Constant(value="type"), *_],
        ):
            return "text"
        case ast.Call(func=ast.Name(id="str"), args=[inner]):
            return type_kind(inner, scope)
        case ast.BoolOp(op=ast.Or(), values=[inner, ast.Constant()]):
            return type_kind(inner, scope)
        case ast.Call(func=func, args=[inner], keywords=[]) if type_kind(inner, scope):
            return "enum" if isinstance(scope.value_of(func), enum.EnumMeta) else None
    return None


def is_about_message(node: ast.AST) -> bool:
    """Whether it reads the message, and nothing that may change meanwhile."""
    parts = [each for each in ast.walk(node) if isinstance(each, Role)]
    return bool(parts) and all(each.role == MESSAGE for each in parts)
