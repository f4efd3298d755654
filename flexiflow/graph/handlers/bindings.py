"""What names stand for after an assignment, an import, or statements that were not followed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeGuard

from flexiflow.graph.handlers.expressions import MISSING, Scope, substituted
from flexiflow.graph.handlers.paths import Path
from flexiflow.graph.handlers.roles import Unknown, Value, mentions

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def assigned(targets: list[ast.expr], value: ast.expr, path: Path) -> Path:
    """The way after ``a = b = value``."""
    for target in targets:
        path = bound(target, value, path)
    return path


def bound(target: ast.expr, value: ast.expr, path: Path) -> Path:
    """The way after one target got its value."""
    match target:
        case ast.Name(id=name):
            return path.bound(name, value)
        case ast.Tuple(elts=names) | ast.List(elts=names):
            values: list[ast.expr] = [Unknown(ast.unparse(each)) for each in names]
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(names):
                values = value.elts
            for each, part in zip(names, values, strict=True):
                path = bound(each, part, path)
            return path
        case ast.Starred(value=inner):
            return bound(inner, Unknown(ast.unparse(inner)), path)
    return path


def imported(node: ast.Import | ast.ImportFrom, path: Path, scope: Scope) -> Path:
    """The way after an import."""
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        path = path.bound(name, _import(node, alias, name, scope))
    return path


def forgotten(path: Path, nodes: Iterable[ast.AST]) -> Path:
    """The way without what it knows of names that these statements may give a value."""
    names = dict(path.names)
    parts = [each for node in nodes for each in ast.walk(node)]
    stored = {each.id for each in parts if _is_stored(each)}
    stored |= {each.name for each in parts if isinstance(each, _SCOPES)}
    about_type = _about_type(parts, path) & stored
    for name in sorted(stored):
        names[name] = Unknown(name, about_type=name in about_type)
    return replace(path, names=names)


def _is_stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del)


def _about_type(parts: list[ast.AST], path: Path) -> set[str]:
    """Names whose values may tell the message's type, after statements that were not followed."""
    known = {name for name, value in path.names.items() if mentions(value)}
    values = [(_targets(each), value) for each in parts if (value := _given(each)) is not None]
    told = [(names, mentions(substituted(value, path.names)), value) for names, value in values]
    while True:
        found = {
            name
            for names, tells, value in told
            for name in names
            if tells or any(isinstance(e, ast.Name) and e.id in known for e in ast.walk(value))
        }
        if found <= known:
            return known
        known |= found


def _given(node: ast.AST) -> ast.expr | None:
    """The expression that a statement takes its names' values from."""
    match node:
        case ast.Assign(value=value) | ast.AugAssign(value=value) | ast.NamedExpr(value=value):
            return value
        case ast.AnnAssign(value=value):
            return value
        case ast.For(iter=value) | ast.AsyncFor(iter=value) | ast.withitem(context_expr=value):
            return value
    return None


def _targets(node: ast.AST) -> set[str]:
    if isinstance(node, ast.For | ast.AsyncFor):
        return {each.id for each in ast.walk(node.target) if _is_stored(each)}
    return {each.id for each in ast.walk(node) if _is_stored(each)}


def _import(
    node: ast.Import | ast.ImportFrom, alias: ast.alias, name: str, scope: Scope
) -> ast.expr:
    """What an import inside the function brings, if its module is there already."""
    if isinstance(node, ast.Import):
        module = sys.modules.get(alias.name if alias.asname else name)
        return Unknown(name) if module is None else Value(module, name)
    package = str(scope.function.__globals__.get("__package__") or "").split(".")
    base = package[: len(package) - node.level + 1] if node.level else []
    source = sys.modules.get(".".join([*base, *filter(None, [node.module])]))
    found = vars(source).get(alias.name, MISSING) if source is not None else MISSING
    return ast.Name(alias.name, ast.Load()) if found is MISSING else Value(found, name)
