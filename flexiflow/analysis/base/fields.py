"""Fields by name: what ``total``, ``items[0].price`` and ``state`` mean in a recorded component.

A component at one moment is a document with ``state``, ``rules`` and ``metadata``. These three
names are reserved; any other is a field of the metadata: ``total`` is ``metadata.total``.
"""

from __future__ import annotations

import ast
import keyword
import unicodedata
import warnings
from collections.abc import Iterable
from typing import Any

from flexiflow.analysis.base.values import Path, shown
from flexiflow.errors import InvalidValue, bounded, listed, suggestion

Document = dict[str, Any]
"""``{"state": …, "rules": […], "metadata": {…}}``"""

RESERVED = ("state", "rules", "metadata")
LONGEST = 1000
"""Characters of a field or a condition; what Python's parser reads in no time."""

_LONGEST_KEY = 200


def field_name(path: Path) -> str:
    """A path as people write it: ``items[0].price``; a key that is no name is quoted."""
    short = path[1:] if path[:1] == ("metadata",) and len(path) > 1 else path
    if short is not path and short[0] in RESERVED:
        short = path  # metadata.state is not the state
    text = ""
    for at, key in enumerate(short):
        if isinstance(key, str) and _is_name(key):
            text += f".{key}" if at else key
        else:
            # A key that is no name can't begin a path.
            text = text if at else "metadata"
            text += f"[{shown(key, _LONGEST_KEY)}]"
    return bounded(text, LONGEST)


def _is_name(key: str) -> bool:
    # Python reads a name in its normal form: the micro sign as the Greek letter.
    normal = key.isascii() or unicodedata.is_normalized("NFKC", key)
    return key.isidentifier() and normal and not keyword.iskeyword(key)


def field_path(text: Any) -> Path:
    """The path that somebody means by a field's name.

    Raises:
        InvalidValue: (a ValueError) where it can't be one.
    """
    node = parsed(text, "field")
    path = path_of(node)
    if path is None:
        raise InvalidValue(
            f"{shown(text)} is not a field.",
            why="A field is a name, with further names and indexes: total, a.b, items[0].price.",
            fix='Write e.g. "total"; conditions are for history.when().',
            context={"field": text},
        )
    return path


def path_of(node: ast.expr) -> Path | None:
    """The path that a piece of syntax spells, or None where it is something else."""
    keys: list[Any] = []
    while True:
        if isinstance(node, ast.Attribute):
            keys.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Subscript):
            key = _key(node.slice)
            if key is None:
                return None
            keys.append(key)
            node = node.value
        elif isinstance(node, ast.Name):
            root = (node.id,) if node.id in RESERVED else ("metadata", node.id)
            return (*root, *reversed(keys))
        else:
            return None


def parsed(text: Any, what: str) -> ast.expr:
    """A text as Python's parser sees it. Nothing is compiled, let alone run.

    Args:
        text: what somebody wrote.
        what: field or condition, for errors.

    Raises:
        InvalidValue: (a ValueError) where it can't be read.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        raise InvalidValue(
            f"{shown(text)} is not a {what}.",
            why=f"A {what} is text of at most {LONGEST:,} characters.",
            fix='Write e.g. "total".' if what == "field" else 'Write e.g. "attempts > 2".',
            context={what: text},
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on odd spellings, which are none of the caller's
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as exc:
        raise _unreadable(text, what, exc) from exc


def unknown_field(path: Path, known: Iterable[str]) -> InvalidValue:
    """A field that was never recorded."""
    names = sorted(known)
    text = field_name(path)
    return InvalidValue(
        f"Unknown field {text!r}.",
        why=f"No snapshot has it. Known fields: {listed(names)}.",
        fix=suggestion(text, [*names, *RESERVED]) or "history.blame(component) lists all fields.",
        context={"field": text, "fields": len(names)},
    )


def names_in(document: Document, most: int, deepest: int = 4) -> set[str]:
    """The names of the fields in a document, with those inside them, down to some depth."""
    names: set[str] = set()
    waiting: list[tuple[Path, Any]] = [(("metadata",), document["metadata"])]
    while waiting and len(names) < most:
        path, value = waiting.pop()
        if len(path) > 1:
            names.add(field_name(path))
        if len(path) <= deepest and isinstance(value, dict):
            waiting.extend(((*path, key), each) for key, each in value.items())
        elif len(path) <= deepest and isinstance(value, list):
            waiting.extend(((*path, at), each) for at, each in enumerate(value[:3]))
    return names


def _key(node: ast.expr) -> str | int | None:
    """A constant name or index; a negative index counts from the end."""
    negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    inner = node.operand if isinstance(node, ast.UnaryOp) and negative else node
    if not isinstance(inner, ast.Constant):
        return None
    value = inner.value
    if type(value) is int:
        return -value if negative else value
    return value if isinstance(value, str) and not negative else None


_MEANT = (("&&", "and"), ("||", "or"), ("<>", "!="), ("===", "=="))


def _unreadable(text: str, what: str, error: BaseException) -> InvalidValue:
    said = error.msg if isinstance(error, SyntaxError) else "it is nested too deeply"
    at = getattr(error, "offset", None)
    fix = next((f"Write {mean!r} for {wrote!r}." for wrote, mean in _MEANT if wrote in text), None)
    if fix is None and "=" in text and not any(op in text for op in ("==", "!=", "<=", ">=")):
        fix = "Write == to compare."
    if fix is None:
        fix = (
            'Write e.g. "total".'
            if what == "field"
            else "Write e.g. \"attempts > 2 and state == 'Paying'\"."
        )
    return InvalidValue(
        f"The {what} can't be read: {shown(text)}.",
        why=f"{bounded(str(said), 200)}{f', at character {at}' if at else ''}.",
        fix=fix,
        context={what: text},
    )
