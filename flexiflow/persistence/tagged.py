"""Strict JSON for any Python value: what JSON can't say is tagged, and comes back as it was.

A tag is an object with one key that begins with a single ``$``: ``{"$float": "nan"}``,
``{"$tuple": [1, 2]}``, ``{"$ref": "<sha256>"}``. User keys that begin with ``$`` get one more.
What can't come back is a named `Placeholder` that keeps its type and its repr; a field that was
kept out is `{"$redacted": "<its name>"}` and comes back as `Redacted`. Nothing is ever pickled or
evaluated.
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

from flexiflow.errors import PersistenceError, bounded, bounded_repr
from flexiflow.redaction import Redacted, Redaction

DEEPEST = 200
"""Levels of nesting that are kept; SQLite's own JSON functions stop at 1,000."""

MOST_VALUES = 1_000_000
"""Values in one document; lists that share their parts can unfold to far more than memory."""

_ATOMS = frozenset({str, int, bool, type(None)})
_KEYS = frozenset({str})
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


class _LeftOut(Exception):
    """A part of a value can't be stored, and the caller asked for all or nothing."""


def encode(value: Any, *, strict: bool = False, redaction: Redaction | None = None) -> bytes:
    """`value` as strict JSON in UTF-8; never an exception of the value's own code.

    Args:
        value: anything.
        strict: nesting deeper than 200 levels, more than 1,000,000 values, or a value that
            contains itself, is an error instead of a placeholder.
        redaction: which fields are kept out; their values are masked in texts beside them.

    Raises:
        PersistenceError: with `strict`, where the value is too deep, too large or contains itself.
    """
    try:
        if redaction is None and _plain(value, 0, MOST_VALUES) >= 0:
            return _encode_plain(value)
    except (ValueError, RuntimeError):
        pass  # a lone surrogate, a very long int, or a thread that still changes it: tagged below
    for deepest in (DEEPEST, DEEPEST // 8):  # the second where the stack has no room for the first
        try:
            found = _Tagger(strict, deepest, redaction).tag(value, 0)
            if redaction is not None and redaction.learnt():
                # A text may stand before the field whose value it holds.
                found = _Tagger(strict, deepest, redaction).tag(value, 0)
            return _encode_plain(found)
        except _LeftOut as exc:
            raise PersistenceError(
                "A value can't be saved: it is nested too deeply.",
                why=f"{exc}; a snapshot keeps {DEEPEST} levels and {MOST_VALUES:,} values.",
                fix="Flatten the component's data, or keep that part outside of it.",
                context={"type": _type_name(value)},  # its repr may be as large as the value
            ) from exc
        except RecursionError:
            continue
    return _encode_plain(_placeholder(_type_name(value), "left out: there was no stack for it"))


def _plain(value: Any, depth: int, left: int) -> int:
    """How many values are left once `value` is looked at; less than 0 where it is not plain.

    A plain value JSON can say as it is, with nothing to tag, to escape or to leave out.
    """
    kind = type(value)
    if kind is dict:
        if not _KEYS.issuperset(map(type, value)):
            return -1
        if "$" in "".join(value) and any(key[:1] == "$" for key in value):
            return -1
        contents = value.values()
    elif kind is list:
        contents = value
    else:
        plain = math.isfinite(value) if kind is float else kind in _ATOMS
        return left if plain else -1
    left -= len(value)
    if depth >= DEEPEST or left < 0:
        return -1
    if _ATOMS.issuperset(map(type, contents)):  # mostly: all of it is asked outside of Python
        return left
    for each in contents:
        if type(each) not in _ATOMS:
            left = _plain(each, depth + 1, left)
            if left < 0:
                return -1
    return left


class _Tagger:
    """Turns one value into what JSON can say. Three frames a level, so that 200 levels fit."""

    def __init__(self, strict: bool, deepest: int, redaction: Redaction | None) -> None:
        self._strict = strict
        self._redaction = redaction
        self._deepest = deepest
        self._left = MOST_VALUES
        self._path: set[int] = set()

    def tag(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            if self._redaction is not None:
                name = self._redaction.secret_name(value)
                if name is not None:
                    return {"$redacted": _valid(name)}
                value = self._redaction.mask_values(value)
            return value if _is_valid_text(value) else {"$text": _base64(_surrogate_bytes(value))}
        if kind is int:
            return value if value.bit_length() <= _LONGEST_INT else {"$int": hex(value)}
        if kind is bool or value is None:
            return value
        if kind is float:
            return value if math.isfinite(value) else {"$float": repr(value)}
        if kind is Redacted:
            return {"$redacted": _valid(value.name)}
        leaf = _LEAVES.get(kind)
        if leaf is not None:
            return leaf(value)
        if isinstance(value, _CONTAINERS):
            return self._contents(value, depth)
        return self._scalar(value)

    def _scalar(self, value: Any) -> Any:
        """A value without parts; a subclass of a JSON type (a StrEnum) keeps what it is worth."""
        worth = None
        for base, plain in _SCALARS:
            if isinstance(value, base):
                worth = self.tag(plain(value), 0)
        text = bounded_repr(value, 200)
        if self._redaction is not None:
            text = self._redaction.mask(text)
        return _placeholder(_type_name(value), text, worth)

    def _contents(self, value: Any, depth: int) -> Any:
        try:
            why = self._objection(value, depth)
            if why is None:
                self._path.add(id(value))
                try:
                    return self._tagged(value, depth)
                finally:
                    self._path.discard(id(value))
        except (_LeftOut, RecursionError):
            raise
        except Exception as exc:  # the value's own __iter__, items or __len__
            return _placeholder(_type_name(value), f"left out: it raised {type(exc).__name__}")
        if self._strict:
            raise _LeftOut(why)
        return _placeholder(_type_name(value), f"left out: {why}")

    def _objection(self, value: Any, depth: int) -> str | None:
        if depth >= self._deepest:
            return f"it is deeper than {self._deepest} levels"
        if id(value) in self._path:
            return "it contains itself"
        self._left -= 1 if isinstance(value, Placeholder) else len(value)
        return f"there are more than {MOST_VALUES:,} values" if self._left < 0 else None

    def _tagged(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if isinstance(value, Placeholder):
            return _placeholder(value.type, value.text, self.tag(value.value, depth + 1))
        # A subclass takes five levels of JSON for one of its own: counted twice.
        inner = depth + (1 if kind in _PLAIN_CONTAINERS else 2)
        if isinstance(value, Mapping):
            pairs = list(value.items())
            if self._redaction is not None:
                pairs = _without_hidden(pairs, self._redaction)
            if all(type(key) is str and _is_valid_text(key) for key, _ in pairs):
                tagged: Any = {}
                for key, each in pairs:
                    tagged[f"${key}" if key[:1] == "$" else key] = self.tag(each, inner)
            else:
                tagged = {"$dict": []}
                for key, each in pairs:
                    tagged["$dict"].append([self.tag(key, inner), self.tag(each, inner)])
        else:
            tagged = []
            for each in _ordered(value):
                tagged.append(self.tag(each, inner))
        if kind is dict or kind is list:
            return tagged
        if kind in _PLAIN_CONTAINERS:
            return {f"${kind.__name__}": tagged}
        return _placeholder(_type_name(value), f"{len(value)} items", tagged)


def _without_hidden(pairs: list[tuple[Any, Any]], redaction: Redaction) -> list[tuple[Any, Any]]:
    """The pairs with each hidden value replaced; all are remembered before any text is masked."""
    kept = []
    for key, each in pairs:
        if redaction.hides(key):
            if type(each) is not Redacted:
                redaction.remember(key, each)
            each = Redacted(key)
        kept.append((key, each))
    return kept


def decode(text: str | bytes, resolve: Callable[[str], Any] | None = None) -> Any:
    """The value that `encode` was given.

    Args:
        text: JSON; the NaN and Infinity that FlexiFlow 1.x wrote are read too.
        resolve: gives the value of a ``$ref`` by its hash; without it, or where it raises
            `KeyError`, a reference becomes a placeholder.

    Raises:
        ValueError: where the text is not JSON, or is nested too deeply to be read.
    """
    marked = b'"$' in text if isinstance(text, bytes) else '"$' in text
    return _loads(text, lambda found: _untag(found, resolve)) if marked else parse(text)


def parse(text: str | bytes) -> Any:
    """JSON as it stands, tags and all. Raises ValueError."""
    try:
        return _decode_plain(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _loads(text)  # knows the NaN and Infinity of 1.x, and says what is wrong


def _loads(text: str | bytes, object_hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    try:
        return json.loads(text, object_hook=object_hook)
    except RecursionError as exc:
        raise ValueError("it is nested too deeply") from exc


def _untag(found: dict[str, Any], resolve: Callable[[str], Any] | None) -> Any:
    """An object of the document, whose parts are untagged already."""
    if len(found) == 1:
        (key,) = found
        if key[:1] == "$" and key[:2] != "$$":
            return _from_tag(key, found[key], resolve)
    return {key[1:] if key[:2] == "$$" else key: each for key, each in found.items()}


def _from_tag(key: str, content: Any, resolve: Callable[[str], Any] | None) -> Any:
    try:
        return _resolved(content, resolve) if key == "$ref" else _PARSERS[key](content)
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as exc:
        # Written by a newer version, or damaged: shown as what it is, hiding nothing around it.
        return Placeholder(key, f"can't be read: {bounded_repr(exc, 200)}", content)


def _resolved(content: Any, resolve: Callable[[str], Any] | None) -> Any:
    if resolve is None or not isinstance(content, str):
        return Placeholder("$ref", f"part {bounded_repr(content, 80)} was not looked up")
    try:
        return resolve(content)
    except KeyError:
        return Placeholder("$ref", f"part {bounded(content, 80)} is missing")


def _placeholder(kind: str, text: str, value: Any = None) -> dict[str, Any]:
    body: dict[str, Any] = {"type": _valid(kind), "text": _valid(text)}
    if value is not None:
        body["value"] = value
    return {"$object": body}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a name is a string, not {bounded_repr(value, 80)}")
    return value


def _ordered(value: Any) -> Any:
    """Sets in an order that doesn't change from run to run, so that equal data encodes equally."""
    return sorted(value, key=bounded_repr) if isinstance(value, set | frozenset) else list(value)


def _is_valid_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _valid(text: str) -> str:
    return text if _is_valid_text(text) else ascii(text)


def _surrogate_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _type_name(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


def _has_fixed_zone(value: dt.datetime | dt.time) -> bool:
    """Whether ISO 8601 says its time zone in full; a named zone has rules that it can't say."""
    return value.tzinfo is None or isinstance(value.tzinfo, dt.timezone)


def _iso(tag: str) -> Callable[[Any], Any]:
    def tagged(value: dt.datetime | dt.time) -> dict[str, Any]:
        if _has_fixed_zone(value):
            return {tag: value.isoformat()}
        return _placeholder(_type_name(value), repr(value))

    return tagged


_LONGEST_INT = 4096
"""Bits of an int that is written in decimal; Python refuses to convert very long ones."""

_CONTAINERS = (Placeholder, Mapping, list, tuple, set, frozenset)
_PLAIN_CONTAINERS = frozenset({dict, list, tuple, set, frozenset})
# Called on the base, since a subclass may say anything of itself.
_SCALARS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
)
_LEAVES: dict[type, Callable[[Any], Any]] = {
    bytes: lambda value: {"$bytes": _base64(value)},
    Decimal: lambda value: {"$decimal": str(value)},
    uuid.UUID: lambda value: {"$uuid": str(value)},
    complex: lambda value: {"$complex": [repr(value.real), repr(value.imag)]},
    dt.datetime: _iso("$datetime"),
    dt.date: lambda value: {"$date": value.isoformat()},
    dt.time: _iso("$time"),
    dt.timedelta: lambda value: {"$timedelta": [value.days, value.seconds, value.microseconds]},
}
_PARSERS: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$int": lambda text: int(text, 16),
    "$text": lambda raw: base64.b64decode(raw, validate=True).decode("utf-8", "surrogatepass"),
    "$bytes": lambda raw: base64.b64decode(raw, validate=True),
    "$decimal": Decimal,
    "$uuid": uuid.UUID,
    "$complex": lambda parts: complex(float(parts[0]), float(parts[1])),
    "$datetime": dt.datetime.fromisoformat,
    "$date": dt.date.fromisoformat,
    "$time": dt.time.fromisoformat,
    "$timedelta": lambda parts: dt.timedelta(*parts),
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$dict": lambda pairs: dict(map(tuple, pairs)),
    "$redacted": lambda name: Redacted(_text(name)),
    "$object": lambda body: Placeholder(body["type"], body["text"], body.get("value")),
}
