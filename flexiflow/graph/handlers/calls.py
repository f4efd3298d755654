"""Which function a handler calls, and what its arguments are."""

from __future__ import annotations

import ast
from types import FunctionType

from flexiflow.graph.handlers.expressions import MISSING, Scope
from flexiflow.graph.handlers.roles import SELF, Role, Unknown
from flexiflow.graph.handlers.source import FunctionNode


def function_of(node: ast.Call, scope: Scope) -> tuple[FunctionType | None, list[ast.expr]]:
    """The function that is called, and all its arguments."""
    arguments = list(node.args)
    match node.func:
        case ast.Attribute(value=Role(role="self") as own, attr=name):
            found = scope.value_of(ast.Attribute(own, name, ast.Load()))
        case ast.Call(func=ast.Name(id="getattr"), args=[Role(role="self") as own,
                      ast.Constant(value=str(name)), *_]):  # fmt: skip
            found = scope.value_of(ast.Attribute(own, name, ast.Load()))
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name):
            own = Role(SELF)
            found = _inherited(name, scope)
        case func:
            found = scope.value_of(func)
            plain = found.__func__ if isinstance(found, staticmethod) else found
            return (plain if isinstance(plain, FunctionType) else None), arguments
    if isinstance(found, staticmethod):
        inner = found.__func__
        return (inner if isinstance(inner, FunctionType) else None), arguments
    return (found if isinstance(found, FunctionType) else None), [own, *arguments]


def in_places(
    function: FunctionType, arguments: list[ast.expr], named: dict[str, ast.expr]
) -> list[ast.expr]:
    """All arguments by their places, as far as they follow each other."""
    places = function.__code__.co_varnames[len(arguments) : function.__code__.co_argcount]
    for place in places:
        if place not in named:
            break
        arguments = [*arguments, named[place]]
    return arguments


def parameters(
    function: FunctionType, node: FunctionNode, arguments: list[ast.expr]
) -> dict[str, ast.expr] | None:
    """What the local names of a function stand for when it begins, or None."""
    places = [*node.args.posonlyargs, *node.args.args]
    if len(arguments) > len(places):
        return None
    # Also those that get their value later: before that, a global of the same name is not meant.
    local = (*function.__code__.co_varnames, *function.__code__.co_cellvars)
    names: dict[str, ast.expr] = {name: Unknown(name) for name in local}
    return names | {place.arg: value for place, value in zip(places, arguments, strict=False)}


def is_own(function: FunctionType, scope: Scope) -> bool:
    """Whether a function belongs to the code of the state, and not to a library."""
    packages = {each.__module__.partition(".")[0] for each in (scope.function, scope.state_class)}
    return function.__module__.partition(".")[0] in packages


def _inherited(name: str, scope: Scope) -> object:
    """What ``super()`` finds in the class after the one that this function is written in."""
    after = False
    for cls in scope.state_class.__mro__:
        if after and name in vars(cls):
            return vars(cls)[name]
        after = after or any(each is scope.function for each in vars(cls).values())
    return MISSING
