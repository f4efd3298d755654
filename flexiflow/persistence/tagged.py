"""Strict JSON for any Python value: what JSON can't say is tagged, and comes back as it was.

A tag is an object with one key that begins with a single ``$``: ``{"$float": "nan"}``,
``{"$tuple": [1, 2]}``, ``{"$ref": "<sha256>"}``. User keys that begin with ``$`` get one more.
What can't come back is a named `Placeholder` that keeps its type and its repr. Nothing is ever
pickled or evaluated.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from flexiflow.errors import PersistenceError, bounded_repr

DEEPEST = 200
"""Levels of nesting that are kept; SQLite's own JSON functions stop at 1,000."""

MOST_VALUES = 1_000_000
"""Values in one document; lists that share their parts can unfold to far more than memory."""

_encode_plain = msgspec.json.Encoder().encode
_decode_plain = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Stands for a value that could not be stored as it was.

    Attributes:
        type: the value's class, or what is wrong.
        text: its bounded repr, or an explanation.
        value: its JSON-able contents, where it is a subclass of a JSON type.
    """

    type: str
    text: str
    value: Any = None

    def __repr__(self) -> str:
        return f"<{self.type}: {self.text}>"


class _TooDeep(Exception):
    pass


def encode(value: Any, *, strict: bool = False) -> bytes:
    """`value` as strict JSON in UTF-8.

    Args:
        value: anything.
        strict: nesting deeper than 200 levels, or a value that contains itself, is an error
            instead of a placeholder.

    Raises:
        PersistenceError: with `strict`, where the value is too deep or contains itself.
    """
    if is_plain(value):
        try:
            return _encode_plain(value)
        except (UnicodeEncodeError, ValueError):
            pass  # a lone surrogate somewhere; it is tagged below
    tagger = _Tagger(strict)
    try:
        return _encode_plain(tagger.tag(value, 0))
    except _TooDeep as exc:
        raise PersistenceError(
            "A value can't be saved: it is nested too deeply.",
            why=f"{exc}; a snapshot keeps {DEEPEST} levels and {MOST_VALUES:,} values.",
            fix="Flatten the component's data, or keep that part outside of it.",
            context={"value": bounded_repr(value, 200)},
        ) from exc


def is_plain(value: Any, depth: int = 0) -> bool:
    """Whether JSON can say `value` as it is, with nothing to tag or to escape."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return True
    if kind is float:
        return math.isfinite(value)
    if depth >= DEEPEST:
        return False
    if kind is dict:
        for key, each in value.items():
            if type(key) is not str or key[:1] == "$" or not is_plain(each, depth + 1):
                return False
        return True
    if kind is list:
        for each in value:
            if not is_plain(each, depth + 1):
                return False
        return True
    return False


class _Tagger:
    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._path: set[int] = set()
        self._values = 0

    def tag(self, value: Any, depth: int) -> Any:
        kind = type(value)
        self._values += 1
        if kind is str:
            return value if _is_valid_text(value) else {"$text": _base64(_surrogate_bytes(value))}
        if kind in (int, bool, type(None)):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"$float": repr(value)}
        leaf = _LEAVES.get(kind)
        if leaf is not None:
            return leaf(value)
        if isinstance(value, Placeholder):
            return _placeholder(value.type, value.text, self._inner(value.value, depth))
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            return self._inner(value, depth)
        contents = self._base_value(value, depth)
        return _placeholder(_type_name(value), bounded_repr(value, 200), contents)

    def _base_value(self, value: Any, depth: int) -> Any:
        """What a subclass of a JSON scalar (a StrEnum, an IntEnum) is worth without its class."""
        for base in (str, int, float):
            if isinstance(value, base):
                return self.tag(base.__new__(base, value), depth)
        return None

    def _inner(self, value: Any, depth: int) -> Any:
        if not isinstance(value, Mapping | list | tuple | set | frozenset):
            return self.tag(value, depth)
        if depth >= DEEPEST:
            return self._too_deep(value, f"it is deeper than {DEEPEST} levels")
        if id(value) in self._path:
            return self._too_deep(value, "it contains itself")
        if self._values > MOST_VALUES:
            return self._too_deep(value, f"it has more than {MOST_VALUES:,} values")
        self._path.add(id(value))
        try:
            return self._container(value, depth + 1)
        finally:
            self._path.discard(id(value))

    def _container(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if isinstance(value, Mapping):
            tagged = self._mapping(value, depth)
            return tagged if kind is dict else self._subclass(value, tagged)
        items = [self.tag(each, depth) for each in _ordered(value)]
        if kind is list:
            return items
        if kind in (tuple, set, frozenset):
            return {f"${kind.__name__}": items}
        return self._subclass(value, items)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        if all(type(key) is str and _is_valid_text(key) for key in value):
            return {
                f"${key}" if key[:1] == "$" else key: self.tag(each, depth)
                for key, each in value.items()
            }
        pairs = [[self.tag(k, depth), self.tag(v, depth)] for k, v in value.items()]
        return {"$dict": pairs}

    def _subclass(self, value: Any, contents: Any) -> Any:
        return _placeholder(_type_name(value), f"{len(value)} items", contents)

    def _too_deep(self, value: Any, why: str) -> Any:
        if self._strict:
            raise _TooDeep(why)
        return _placeholder(_type_name(value), f"left out: {why}")


def decode(text: str | bytes, resolve: Callable[[str], Any] | None = None) -> Any:
    """The value that `encode` was given.

    Args:
        text: JSON; the NaN and Infinity that FlexiFlow 1.x wrote are read too.
        resolve: gives the value of a ``$ref`` by its hash; without it, or where it raises
            `KeyError`, a reference becomes a placeholder.

    Raises:
        ValueError: where the text is not JSON, or is nested too deeply to be read.
    """
    value = parse(text)
    marked = b'"$' in text if isinstance(text, bytes) else '"$' in text
    try:
        return _untag(value, resolve) if marked else value
    except RecursionError as exc:
        raise ValueError("it is nested too deeply") from exc


def parse(text: str | bytes) -> Any:
    """JSON as it stands, tags and all. Raises ValueError."""
    try:
        return _decode_plain(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return json.loads(text)  # knows the NaN and Infinity of 1.x, and says what is wrong
        except RecursionError as exc:
            raise ValueError("it is nested too deeply") from exc


def _untag(value: Any, resolve: Callable[[str], Any] | None) -> Any:
    if isinstance(value, list):
        return [_untag(each, resolve) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key,) = value
        if key[:1] == "$" and key[:2] != "$$":
            return _from_tag(key, value[key], resolve)
    return {
        key[1:] if key[:2] == "$$" else key: _untag(each, resolve) for key, each in value.items()
    }


def _from_tag(key: str, content: Any, resolve: Callable[[str], Any] | None) -> Any:
    try:
        if key == "$ref":
            return _resolved(content, resolve)
        if key == "$object":
            return Placeholder(
                content["type"], content["text"], _untag(content.get("value"), resolve)
            )
        if key in _CONTAINERS:
            return _CONTAINERS[key]([_untag(each, resolve) for each in content])
        return _PARSERS[key](content)
    except (ValueError, TypeError, KeyError, ArithmeticError, AttributeError) as exc:
        # Written by a newer version, or damaged: shown as what it is, hiding nothing around it.
        return Placeholder(key, f"can't be read: {exc!r}", content)


def _resolved(content: str, resolve: Callable[[str], Any] | None) -> Any:
    if resolve is None:
        return Placeholder("$ref", f"part {content} was not looked up")
    try:
        return resolve(content)
    except KeyError:
        return Placeholder("$ref", f"part {content} is missing")


def _placeholder(kind: str, text: str, value: Any = None) -> dict[str, Any]:
    body: dict[str, Any] = {"type": kind, "text": text if _is_valid_text(text) else ascii(text)}
    if value is not None:
        body["value"] = value
    return {"$object": body}


def _ordered(value: Any) -> Any:
    """Sets in an order that doesn't change from run to run, so that equal data encodes equally."""
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else value


def _is_valid_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _surrogate_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _type_name(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


_LEAVES: dict[type, Callable[[Any], Any]] = {
    bytes: lambda value: {"$bytes": _base64(value)},
    Decimal: lambda value: {"$decimal": str(value)},
    uuid.UUID: lambda value: {"$uuid": str(value)},
    complex: lambda value: {"$complex": [repr(value.real), repr(value.imag)]},
    dt.datetime: lambda value: {"$datetime": value.isoformat()}
    if value.tzinfo is None or isinstance(value.tzinfo, dt.timezone)
    else _placeholder("datetime.datetime", value.isoformat()),
    dt.date: lambda value: {"$date": value.isoformat()},
    dt.time: lambda value: {"$time": value.isoformat()},
    dt.timedelta: lambda value: {"$timedelta": [value.days, value.seconds, value.microseconds]},
}
_CONTAINERS: dict[str, Callable[[list[Any]], Any]] = {
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$dict": lambda pairs: dict(map(tuple, pairs)),
}
_PARSERS: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$text": lambda raw: base64.b64decode(raw, validate=True).decode("utf-8", "surrogatepass"),
    "$bytes": lambda raw: base64.b64decode(raw, validate=True),
    "$decimal": Decimal,
    "$uuid": uuid.UUID,
    "$complex": lambda parts: complex(float(parts[0]), float(parts[1])),
    "$datetime": dt.datetime.fromisoformat,
    "$date": dt.date.fromisoformat,
    "$time": dt.time.fromisoformat,
    "$timedelta": lambda parts: dt.timedelta(*parts),
}
