"""Keeping named fields out of what is written and shown: `record(…, redact=…)` and live views.

A field is hidden by its name, at any depth, and its value is remembered, so that it can be masked
where it turns up in free text: in what an error says, in why a message was refused, and in texts
among the data. This module knows names and texts; `flexiflow.persistence.tagged` walks values.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate
from typing import Any

from flexiflow.errors import InvalidType, InvalidValue, bounded_repr

MASK = "<redacted>"
"""What stands in a text in place of a hidden value."""

MOST_REMEMBERED = 10_000
"""Values that are looked for in texts; the oldest are forgotten first."""

SHORTEST_ANYWHERE = 4
"""Characters from which on a value is masked wherever it stands; a shorter one as a word."""

_LONGEST_REMEMBERED = 2_000  # no text that is written is longer
_MOST_LEAVES = 1_000
_DEEPEST = 50
_MOST_NAMES_KNOWN = 10_000
_WORTHLESS = frozenset({"", "None", "True", "False"})
_CUT = re.compile(r"… \(\+(?:\d+ characters|more)\)")
_WORD = re.compile(r"\w+")
_ASSIGNMENT = re.compile(
    r"""(?P<name>[A-Za-z_][\w.-]*)(?P<between>['"]?\s*(?:[=!]?=|:)\s*)
    (?P<value>'(?:[^'\\]|\\.)*(?:'|$) | "(?:[^"\\]|\\.)*(?:"|$) | [^\s'",;)}\]]+)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Redacted:
    """Stands for a field whose value was kept out.

    Attributes:
        name: the field's name.
    """

    name: str

    def __repr__(self) -> str:
        return f"<redacted: {self.name}>"


class Redaction:
    """Which fields are hidden, and which values they had.

    Args:
        names: field names, without regard to case; ``*``, ``?`` and ``[…]`` as in file names, and
            compiled patterns, which must match a whole name. One name may be given as it is.

    Attributes:
        asked: what was asked for, as people wrote it.
        names: the same as texts; two redactions with the same names do the same.

    Raises:
        InvalidType: (a TypeError) where a name is neither a string nor a compiled pattern.
        InvalidValue: (a ValueError) where a name is empty.
    """

    def __init__(self, names: str | Iterable[str | re.Pattern[str]]) -> None:
        given = [names] if isinstance(names, str | re.Pattern) else _listed(names)
        self._patterns = [_pattern(name) for name in given]
        self.asked = [each if isinstance(each, str) else each.pattern for each in given]
        self.names = tuple(sorted(f"{each.pattern}/{each.flags}" for each in self._patterns))
        self._known: dict[str, bool] = {}
        self._secrets: dict[str, str] = {}
        self._by_start: dict[str, list[str]] = {}
        self._learnt = False
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return Redaction, (self._patterns,)  # what it has learnt stays where it was learnt

    def hides(self, name: object) -> bool:
        """Whether a field of that name is kept out; of ``data.card``, the last part counts too."""
        if not isinstance(name, str):
            return False
        known = self._known.get(name)
        if known is None:
            spellings = {name, name.rpartition(".")[2]}
            spellings |= {each.replace("-", "_") for each in spellings}
            known = any(each.fullmatch(one) for each in self._patterns for one in spellings)
            if len(self._known) >= _MOST_NAMES_KNOWN:  # keys may be ids, of which there is no end
                self._known.clear()
            self._known[name] = known
        return known

    def remember(self, name: str, value: Any) -> None:
        """Note the value of a hidden field, so that it is masked in texts."""
        with self._lock:
            for text in _texts_of(value):
                self._remember_text(name, text)

    def learnt(self) -> bool:
        """Whether a value was noted that was not known when this was last asked."""
        learnt, self._learnt = self._learnt, False
        return learnt

    def secret_name(self, text: str) -> str | None:
        """The field whose value `text` is; None where it is none that is masked anywhere."""
        return self._secrets.get(text) if len(text) >= SHORTEST_ANYWHERE else None

    def mask(self, text: str) -> str:
        """`text` with the values of hidden fields masked, in ``name=value`` and by themselves."""
        masked = self.mask_values(self._mask_assignments(text))
        return _WORD.sub(self._masked_word, masked) if self._secrets else masked

    def mask_values(self, text: str) -> str:
        """`text` with the remembered values of at least four characters masked."""
        found = [] if not self._by_start else list(self._found(text))
        at, kept = 0, []
        for start, end in found:
            kept += [text[at:start], MASK]
            at = end
        return "".join([*kept, text[at:]])

    def command(self, arguments: Iterable[str]) -> str:
        """A command line with the values of hidden options masked."""
        shown, hidden = [], False
        for each in arguments:
            shown.append(MASK if hidden and not each.startswith("-") else each)
            hidden = each.startswith("-") and "=" not in each and self.hides(each.lstrip("-"))
        return self.mask(" ".join(shown))

    def _remember_text(self, name: str, text: str) -> None:
        text = text[:_LONGEST_REMEMBERED]
        if text in _WORTHLESS:
            return
        known = self._secrets.pop(text, None)  # put back as the newest
        self._secrets[text] = name
        self._learnt = self._learnt or known is None
        if known is None and len(text) >= SHORTEST_ANYWHERE:
            self._by_start.setdefault(text[:SHORTEST_ANYWHERE], []).append(text)
        if len(self._secrets) > MOST_REMEMBERED:
            self._forget(next(iter(self._secrets)))

    def _forget(self, text: str) -> None:
        del self._secrets[text]
        start = text[:SHORTEST_ANYWHERE]
        kept = [each for each in self._by_start.get(start, ()) if each != text]
        if kept:
            self._by_start[start] = kept
        else:
            self._by_start.pop(start, None)

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        """Where remembered values stand, also where only their beginning was left of them."""
        cuts = [match.start() for match in _CUT.finditer(text)]
        at, last = 0, len(text) - SHORTEST_ANYWHERE
        while at <= last:
            candidates = self._by_start.get(text[at : at + SHORTEST_ANYWHERE])
            end = at if candidates is None else max(_end(text, at, s, cuts) for s in candidates)
            if end > at:
                yield at, end
            at = max(end, at + 1)

    def _mask_assignments(self, text: str) -> str:
        at, kept = 0, []
        match = _ASSIGNMENT.search(text)
        while match is not None:
            # The value of another field is looked at by itself: `no: card=1` assigns to card too.
            hidden, end = self.hides(match["name"]), match.start("value")
            kept += [text[at:end], MASK] if hidden else [text[at:end]]
            at = match.end() if hidden else end
            match = _ASSIGNMENT.search(text, at)
        return "".join([*kept, text[at:]])

    def _masked_word(self, match: re.Match[str]) -> str:
        word = match[0]
        return MASK if len(word) < SHORTEST_ANYWHERE and word in self._secrets else word


def redacted_fields(value: Any, path: str = "") -> Iterator[str]:
    """The paths of the fields of `value` that were kept out, as ``card.number``, ``items[2]``."""
    if isinstance(value, Redacted):
        yield path or value.name
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from redacted_fields(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from redacted_fields(each, f"{path}[{index}]")


def _end(text: str, at: int, secret: str, cuts: list[int]) -> int:
    """The end of `secret` at a place of a text; the place itself where it does not stand there."""
    if text.startswith(secret, at):
        # What was too long to be remembered wholly is masked to the end.
        return len(text) if len(secret) == _LONGEST_REMEMBERED else at + len(secret)
    for cut in cuts:
        if at < cut < at + len(secret) and secret.startswith(text[at:cut]):
            return cut
    return at


def _listed(names: object) -> list[Any]:
    if isinstance(names, Iterable) and not isinstance(names, bytes | Mapping):
        return list(names)
    raise InvalidType(
        f"redact must be names of fields, not {bounded_repr(names, 80)}.",
        why="Fields are kept out by their names.",
        fix='Write redact=["password", "card*"].',
        context={"redact": names},
    )


def _pattern(name: object) -> re.Pattern[str]:
    if isinstance(name, re.Pattern) and isinstance(name.pattern, str):
        return name
    if not isinstance(name, str):
        raise InvalidType(
            f"A field to keep out can't be named {bounded_repr(name, 80)}.",
            why="A name is a string, which may hold * and ?, or a compiled pattern of one.",
            fix='Write redact=["password", "card*"].',
            context={"name": name},
        )
    if not name.strip():
        raise InvalidValue(
            "A field to keep out has an empty name.",
            why="Nothing would be kept out by it.",
            fix='Write redact=["password", "card*"], or leave redact= out.',
            context={"name": name},
        )
    return re.compile(translate(name.strip()), re.IGNORECASE)


def _texts_of(value: Any) -> set[str]:
    """Every text as which a value, or a part of it, may turn up."""
    found: set[str] = set()
    waiting = [(value, 0)]
    while waiting and len(found) < _MOST_LEAVES:
        part, depth = waiting.pop()
        try:
            if isinstance(part, Mapping):
                parts = list(part.values())
            elif isinstance(part, list | tuple | set | frozenset):
                parts = list(part)
            else:
                found |= _spellings(part)
                continue
        except Exception:  # noqa: S112 - its own code fails; what can't be read can't turn up
            continue
        if depth < _DEEPEST:
            waiting.extend((each, depth + 1) for each in parts[:_MOST_LEAVES])
    return found


def _spellings(value: Any) -> set[str]:
    """A value without parts as ``str``, and as its repr shows it."""
    if value is None or isinstance(value, bool):
        return set()
    if isinstance(value, str):
        plain = str.__str__(value)[:_LONGEST_REMEMBERED]
        return {plain, repr(plain)[1:-1], ascii(plain)[1:-1]}
    if isinstance(value, bytes):
        return {repr(value[:_LONGEST_REMEMBERED])[2:-1]}
    return {str(value), bounded_repr(value)}
