"""Joining the ES modules of ``notebook/static`` to the one text that a widget sends.

A widget's script reaches the browser as a single text, where a relative import has nothing to
lead to. So each module becomes a function that is called once, in the order in which they need
each other, and its exports are handed on; what a module does not export stays its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from flexiflow.errors import FlexiFlowError
from flexiflow.graph.theme import variables

STATIC = Path(__file__).parents[1] / "static"

_IMPORT = re.compile(r'^import \{([\w\s,]+)\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_NAMED = re.compile(r"^export ((?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


@lru_cache
def script(entry: str) -> str:
    """The module `entry` of ``notebook/static`` with all that it imports, as one ES module."""
    return joined(entry, {path.name: path.read_text("utf-8") for path in STATIC.glob("*.js")})


@lru_cache
def style() -> str:
    """The style sheet of all widgets, with the colours that follow the page's theme."""
    return variables(".ff-widget") + "\n" + (STATIC / "widget.css").read_text("utf-8")


def joined(entry: str, sources: Mapping[str, str]) -> str:
    """One ES module with the default export of `entry`.

    Args:
        entry: the name of the module to begin with.
        sources: the modules by name. They may say ``import { a, b } from "./x.js";``, and
            ``export`` before a function, class, const or default; nothing else.

    Raises:
        FlexiFlowError: for an import of a module that is not there, a circle of imports, and
            any other form of import or export.
    """
    order: list[str] = []
    _visit(entry, sources, (), order)
    parts = [_as_function(name, sources[name]) for name in order]
    return "\n".join([*parts, f"export default {_handle(entry)}.$default;\n"])


def _visit(name: str, sources: Mapping[str, str], above: tuple[str, ...], order: list[str]) -> None:
    if name in order:
        return
    path = " → ".join((*above, name))
    if name in above:
        raise _unjoinable(path, "The modules import each other in a circle.")
    if name not in sources:
        raise _unjoinable(path, f"There is no module {name}.")
    for _, needed in _IMPORT.findall(sources[name]):
        _visit(needed, sources, (*above, name), order)
    order.append(name)


def _as_function(name: str, source: str) -> str:
    exported = [found for _, found in _NAMED.findall(source)]
    body = _IMPORT.sub(lambda found: f"const {{{found[1]}}} = {_handle(found[2])};\n", source)
    body = _NAMED.sub(r"\1", body)
    body, defaults = _DEFAULT.subn("const $default = ", body)
    other = _OTHER.search(body)
    if other is not None:
        raise _unjoinable(name, f"This form can't be joined: {other[0]}")
    given = ", ".join(exported + ["$default"] * bool(defaults))
    return f"const {_handle(name)} = (() => {{\n{body}\nreturn {{ {given} }};\n}})();"


def _handle(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))


def _unjoinable(module: str, why: str) -> FlexiFlowError:
    return FlexiFlowError(
        f"The script of {module} can't be put together.",
        why=why,
        fix='Write import { name } from "./module.js"; or export before a declaration.',
        context={"module": module},
    )
