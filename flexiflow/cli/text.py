"""Text on its way out: names made harmless, and characters that the stream can't encode.

A name comes from a file that somebody else wrote. It must neither move the cursor, nor forge a
line, nor turn the text around it.
"""

from __future__ import annotations

import codecs
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import unicodedata
from typing import TextIO

from flexiflow.errors import bounded

ENCODING_ERRORS = "flexiflow-plain"
"""The name of the codec error handler that `adapt` gives to the standard streams."""

# One character each, so that columns stay where they are.
_PLAIN = {
    "✕": "x",
    "◇": "o",
    "✓": "+",
    "●": "*",
    "■": "#",
    "·": "-",
    "→": ">",
    "▶": ">",
    "–": "-",
    "—": "-",
    "…": "~",
    "µ": "u",
}


def visible(text: object, longest: int | None = None) -> str:
    """`text` on one line, with everything that can't be seen spelt out as Python would.

    Args:
        text: anything; its ``str``.
        longest: cut it to that many characters, and say how many are left out.
    """
    whole = str(text)
    if longest is not None:
        whole = bounded(whole, longest)
    if whole.isprintable():
        return whole
    return "".join(each if _harmless(each) else _escaped(each) for each in whole)


def width(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(each) for each in text)


def command_line(*words: object) -> str:
    """Words as one line to be typed into a shell, quoted where they must be.

    The first is a program of this environment. Where the shell would not find it, or would find
    another one (the environment is not activated), it is written with its path.
    """
    parts = [_program(str(words[0])), *(str(word) for word in words[1:])]
    line = subprocess.list2cmdline(parts) if os.name == "nt" else shlex.join(parts)
    return visible(line)


def _program(name: str) -> str:
    here = shutil.which(name, path=sysconfig.get_path("scripts"))
    found = shutil.which(name)
    if here is None or (found is not None and os.path.samefile(found, here)):
        return name
    beside = os.path.relpath(here) if os.path.splitdrive(here)[0] == "" else here
    return here if beside.startswith(os.pardir) else beside


def as_argument(word: str) -> tuple[str, ...]:
    """A word for a command line; one that begins with a dash is no option."""
    return ("--", word) if word.startswith("-") else (word,)


def adapt(*streams: TextIO) -> None:
    """Have the streams write a plain stand-in for each character that they can't encode."""
    codecs.register_error(ENCODING_ERRORS, _stand_in)
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=ENCODING_ERRORS)


def write_line(line: str = "", *, to: TextIO | None = None) -> None:
    """Write one line to standard output, or to another stream."""
    # Not click.echo: it writes UTF-8 to a stream that asks for ASCII.
    stream = sys.stdout if to is None else to
    stream.write(f"{line}\n")


def _harmless(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Mn":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each) or _escaped(each) for each in characters), error.end
