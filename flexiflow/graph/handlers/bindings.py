"""What names stand for after an assignment, an import, or statements that were not followed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from dataclasses import replace

from flexiflow.graph.handlers.about import type_kind
from flexiflow.graph.handlers.expressions import MISSING, Scope, Unknown, Value, substituted
from flexiflow.graph.handlers.paths import Path

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def assigned(targets: list[ast.expr], value: ast.expr, path: Path, scope: Scope) -> Path:
    """The way after ``a = b = value``."""
    for target in targets:
        path = bound(target, value, path, scope)
    return path


def bound(target: ast.expr, value: ast.expr, path: Path, scope: Scope) -> Path:
    """The way after one target got its value."""
    match target:
        case ast.Name(id=name):
            return path.bound(name, value)
        case ast.Tuple(elts=names) | ast.List(elts=names):
            values: list[ast.expr] = [Unknown(ast.unparse(each)) for each in names]
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(names):
                values = value.elts
            for each, part in zip(names, values, strict=True):
                path = bound(each, part, path, scope)
            return path
        case ast.Starred(value=inner):
            return bound(inner, Unknown(ast.unparse(inner)), path, scope)
    if type_kind(substituted(target, path.names), scope):
        return replace(path, types=None, excluded=(), fuzzy=target.lineno)
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
    for node in nodes:
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store | ast.Del):
                names[each.id] = Unknown(each.id)
            elif isinstance(each, _SCOPES):
                names[each.name] = Unknown(each.name)
    return replace(path, names=names)


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
