"""Reading a YAML file that may be hostile: plain values only, and bounded before it is built.

A few lines of YAML can stand for billions of values, by aliases of lists of aliases. So the
document's nodes, which aliases share, are counted with repetition before anything is built.
"""

from __future__ import annotations

import os
from os import PathLike
from typing import Any

import yaml

from flexiflow.errors import (
    ConfigError,
    ConfigFileNotFound,
    InvalidType,
    bounded,
    bounded_repr,
)
from flexiflow.file_kind import near, refuse_recorded

LARGEST_FILE = 5_000_000  # bytes
MOST_VALUES = 100_000  # PyYAML takes seconds for as many
DEEPEST = 100  # levels of nesting
LONGEST_NUMBER = 1_000  # characters; a number in base 60 (1:59:59) takes time by their square

_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def read_yaml(path: str | PathLike[str]) -> Any:
    """The value in a YAML file; None where the file is empty.

    Raises:
        ConfigFileNotFound: (a FileNotFoundError) where there is no such file.
        ConfigError: where it can't be read, is no YAML, or stands for too much.
        InvalidType: (a TypeError) where `path` is not a path.
    """
    where = _checked_path(path)
    text = _read(where)
    try:
        return _value_of(text)
    except _TooLarge as exc:
        raise ConfigError(
            f"Config file {bounded_repr(where, 200)} stands for too many values.",
            why=f"{exc} In a config that is a mistake or an attack.",
            fix="Keep data out of it, and drop aliases (*name) of things that hold aliases.",
            context={"path": where, "limit": MOST_VALUES},
        ) from exc
    except Exception as exc:  # PyYAML lets a KeyError for `!!bool x` through, and others
        raise ConfigError(
            f"Invalid YAML in {bounded_repr(where, 200)}.",
            why=f"The text can't be read: {bounded(_said(exc, where), 300)}.",
            fix="Correct it at the line named above; quote texts that hold ': ' or start with @.",
            context={"path": where, "error": type(exc).__name__},
        ) from exc


def _said(exc: Exception, where: str) -> str:
    """What the parser says, on one line; it does not know the file that the bytes are from."""
    said = str(exc).replace('"<byte string>"', bounded_repr(os.path.basename(where), 80))
    return " ".join(said.split())


class _TooLarge(Exception):
    """A document that holds, or whose aliases stand for, too much."""


class _BoundedLoader(yaml.SafeLoader):
    """Stops at once where there are too many values, or too many levels of them."""

    _values = 0
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._values += 1
        if self._values > MOST_VALUES:
            raise _TooLarge(f"It is more than {MOST_VALUES:,} values.")
        if self._depth >= DEEPEST:
            raise yaml.YAMLError(f"it is nested more than {DEEPEST} levels deep")
        self._depth += 1
        try:
            node: yaml.Node | None = super().compose_node(parent, index)
            if node is not None and node.tag in _NUMBERS and len(node.value) > LONGEST_NUMBER:
                raise yaml.YAMLError(f"a number in it has {len(node.value):,} characters")
            return node
        finally:
            self._depth -= 1


def _value_of(text: bytes) -> Any:
    loader = _BoundedLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        # Without an alias a document is no larger than its file.
        if b"*" in text and _size(root, {}) > MOST_VALUES:
            why = f"With its aliases it is more than {MOST_VALUES:,} values."
            raise _TooLarge(why)
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _checked_path(path: object) -> str:
    try:
        return os.fsdecode(path)  # type: ignore[arg-type]
    except TypeError as exc:
        raise InvalidType(
            f"A config's path can't be {bounded_repr(path, 80)}.",
            why=f"It is of type {type(path).__name__}.",
            fix="Pass a string or a pathlib.Path.",
            context={"path": path},
        ) from exc


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST_FILE + 1)
    except FileNotFoundError as exc:
        raise ConfigFileNotFound(
            f"Config file not found: {bounded_repr(path, 200)}.",
            why="There is no file at that path.",
            fix=near(path)
            or "Correct the path; it is looked up from the folder in which Python was started.",
            context={"path": path},
        ) from exc
    except (OSError, ValueError) as exc:  # ValueError: a null character in the path
        raise ConfigError(
            f"Config file {bounded_repr(path, 200)} can't be read.",
            why=f"The system says: {bounded(str(exc), 300)}.",
            fix="Check that it is a file and that you may read it.",
            context={"path": path, "error": type(exc).__name__},
        ) from exc
    refuse_recorded(path, text)
    if len(text) > LARGEST_FILE:
        raise ConfigError(
            f"Config file {bounded_repr(path, 200)} is too large.",
            why=f"It holds more than {LARGEST_FILE:,} bytes.",
            fix="Keep data out of the config, or check that this is the right file.",
            context={"path": path, "limit": LARGEST_FILE},
        )
    return text


def _size(node: yaml.Node, sizes: dict[int, int | None]) -> int:
    """How many values a node stands for; a shared node counts each time but is walked once."""
    known = sizes.get(id(node), 0)
    if known is None:
        raise _TooLarge("An alias in it stands for something that holds that alias.")
    if known == 0:
        sizes[id(node)] = None
        known = 1 + sum(_size(child, sizes) for child in _children(node))
        sizes[id(node)] = known
    return known


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []
