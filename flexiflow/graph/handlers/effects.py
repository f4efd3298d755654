"""What a statement does to the message's type or to the machine behind the handler's back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from flexiflow.graph.handlers.about import type_kind
from flexiflow.graph.handlers.calls import function_of, is_own
from flexiflow.graph.handlers.expressions import Scope, substituted
from flexiflow.graph.handlers.paths import Path
from flexiflow.graph.handlers.roles import MESSAGE, Role, is_role
from flexiflow.graph.handlers.source import function_node

Effect = Literal["changes the message's type", "sets the current state itself"]
TYPE: Effect = "changes the message's type"
STATE: Effect = "sets the current state itself"


def effects(node: ast.Expr | ast.Delete, path: Path, scope: Scope) -> set[Effect]:
    """Whether it may change the message's ``type``, or sets the current state itself.

    Functions of the user's own are looked into, without following them.
    """
    if isinstance(node, ast.Delete):
        deleted = [substituted(each, path.names) for each in node.targets]
        return {TYPE} if any(type_kind(each, scope) for each in deleted) else set()
    return {
        effect
        for each in ast.walk(substituted(node.value, path.names))
        if isinstance(each, ast.Call)
        for effect in _of_call(each, scope)
    }


def of_target(target: ast.expr, path: Path, scope: Scope) -> Iterator[Effect]:
    """The same of what an assignment gives a value."""
    for each in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
        meant = substituted(each, path.names)
        if type_kind(meant, scope):
            yield TYPE
        match meant:
            case ast.Attribute(
                value=ast.Attribute(value=Role(role="component"), attr="state_machine"),
                attr="current_state",
            ):
                yield STATE


def _of_call(node: ast.Call, scope: Scope) -> Iterator[Effect]:
    match node:
        case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant("current_state"), _]):
            yield STATE
        case ast.Call(func=ast.Attribute(value=Role(role="message"), attr="clear" | "popitem")):
            yield TYPE
        case ast.Call(func=ast.Attribute(value=Role(role="message"), attr="update")):
            if node.args or any(each.arg in (None, "type") for each in node.keywords):
                yield TYPE
        case _:
            yield from _of_function(node, scope)


def _of_function(node: ast.Call, scope: Scope) -> Iterator[Effect]:
    function, arguments = function_of(node, scope)
    if function is None or not is_own(function, scope):
        return
    tree = function_node(function)
    if isinstance(tree, str):
        return
    gets_message = any(is_role(each, MESSAGE) for each in arguments)
    for each in ast.walk(tree):
        match each:
            case ast.Attribute(attr="current_state", ctx=ast.Store()):
                yield STATE
            case ast.Subscript(slice=ast.Constant("type"), ctx=ast.Store() | ast.Del()) if (
                gets_message
            ):
                yield TYPE
