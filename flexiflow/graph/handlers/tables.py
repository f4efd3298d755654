"""Tables of the code that are looked up by the message type, taken apart."""

from __future__ import annotations

import ast
from types import FunctionType

from flexiflow.graph.handlers.about import type_kind
from flexiflow.graph.handlers.expressions import Scope, replaced
from flexiflow.graph.handlers.paths import Path
from flexiflow.graph.handlers.roles import SELF, Role, Value

LONGEST_TABLE = 50


def looked_up(node: ast.expr, path: Path, scope: Scope) -> list[tuple[ast.expr, Path]] | None:
    """The first look-up of the message type in a table, taken apart."""
    for part in ast.walk(node):
        default: ast.expr | None = None
        table: ast.expr | None
        match part:
            case ast.Subscript(value=table, slice=key):
                pass
            case ast.Call(func=ast.Attribute(value=table, attr="get"), args=[key, *rest]):
                default = rest[0] if rest else ast.Constant(None)
            case ast.Call(func=ast.Name(id="getattr"), args=[Role(role="self"), key, *rest]):
                default = rest[0] if rest else None
                table = None
            case _:
                continue
        if table is None:
            pairs = _methods(key, scope)
        else:
            pairs = table_of(table, scope) if type_kind(key, scope) else None
        if pairs is None:
            continue
        assert isinstance(part, ast.expr)
        found = []
        others: Path | None = path
        for text, value in pairs:
            mine = path.only([text])
            if mine is not None:
                found.append((replaced(node, part, value), mine))
        others = path.without([text for text, _ in pairs])
        if default is not None and others is not None:
            found.append((replaced(node, part, default), others))
        return found
    return None


def _methods(name: ast.expr, scope: Scope) -> list[tuple[str, ast.expr]] | None:
    """The methods that a name made of the message type can mean, such as ``f"on_{type}"``."""
    match name:
        case ast.JoinedStr(values=parts):
            parts = [e.value if isinstance(e, ast.FormattedValue) else e for e in parts]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = [left, right]
        case _:
            return None
    places = [at for at, part in enumerate(parts) if type_kind(part, scope) == "text"]
    texts = [scope.value_of(part) for part in parts]
    if len(places) != 1 or not all(
        isinstance(text, str) or at in places for at, text in enumerate(texts)
    ):
        return None
    before = "".join(texts[: places[0]])
    after = "".join(texts[places[0] + 1 :])
    found: dict[str, ast.expr] = {}
    for cls in scope.state_class.__mro__:
        for each, member in vars(cls).items():
            kind = each[len(before) : len(each) - len(after)]
            if isinstance(member, FunctionType) and kind and f"{before}{kind}{after}" == each:
                found.setdefault(kind, ast.Attribute(Role(SELF), each, ast.Load()))
    return list(found.items()) if before or after else None


def table_of(node: ast.expr, scope: Scope) -> list[tuple[str, ast.expr]] | None:
    """A dict of the code, or one that is found under a name, by message type."""
    if isinstance(node, ast.Dict):
        keys = [None if key is None else scope.strings_of(key, True) for key in node.keys]
        if len(keys) > LONGEST_TABLE or not all(key and len(key) == 1 for key in keys):
            return None
        return [(key[0], value) for key, value in zip(keys, node.values, strict=True) if key]
    table = scope.value_of(node)
    if type(table) is not dict or len(table) > LONGEST_TABLE:
        return None
    pairs: list[tuple[str, ast.expr]] = []
    for key, value in table.items():
        text = scope.strings_of(Value(key, "key"), True)
        if text is None or len(text) != 1:
            return None
        plain = isinstance(value, str | bool | int | float | None)
        name = getattr(value, "__name__", "value") if isinstance(value, type) else "value"
        pairs.append((text[0], ast.Constant(value) if plain else Value(value, name)))
    return pairs
