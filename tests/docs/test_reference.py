"""The reference has an entry for every name that a user can come by."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

import flexiflow
from flexiflow import errors, extras, lessons
from flexiflow.notebook.widgets.engine import EngineView
from flexiflow.notebook.widgets.explorer import HistoryExplorer
from flexiflow.notebook.widgets.trace_explorer import TraceExplorer

pytestmark = pytest.mark.xdist_group("browser")  # the process that has built the site

IMPORTED = {
    name: getattr(module, name)
    for module in (flexiflow, extras, lessons)
    for name in module.__all__
    if name not in {"__version__", "DEFAULT_REGISTRY"}  # values, which autodoc shows as their class
}
# By functions that say Any or name the base, as they load or choose them late.
GIVEN = [EngineView, HistoryExplorer, TraceExplorer]


def reachable() -> set[type]:
    """The classes that can be imported, and those of what their methods and fields give."""
    found: set[type] = set()
    waiting = [*IMPORTED.values(), *GIVEN]
    while waiting:
        each = waiting.pop()
        if inspect.isclass(each):
            if each in found or each.__name__.startswith("_"):
                continue
            found.add(each)
            waiting += [named for owner, text in _given_by(each) for named in _named(text, owner)]
        elif inspect.isfunction(each):
            waiting += _named(each.__annotations__.get("return", ""), each)
    return {each for each in found if each.__module__.startswith("flexiflow.")}


def members(each: type) -> set[str]:
    """The public methods, properties and fields, inherited ones of ours too."""
    names = {name for kind in ours(each) for name in [*vars(kind), *_annotations(kind)]}
    return {name for name in names if not name.startswith("_")}


def ours(each: type) -> list[type]:
    return [kind for kind in each.__mro__ if kind.__module__.startswith("flexiflow.")]


def _annotations(each: type) -> dict[str, str]:
    return vars(each).get("__annotations__", {})


def _given_by(each: type) -> Iterator[tuple[Any, str]]:
    for kind in each.__mro__:
        for name, text in _annotations(kind).items():
            if not name.startswith("_"):
                yield kind, text
        for name, member in vars(kind).items():
            function = _function(member)
            if function is not None and not name.startswith("_"):
                yield function, function.__annotations__.get("return", "")


def _function(member: Any) -> Any:
    for name in ("fget", "func", "__func__"):
        member = getattr(member, name, member)
    return member if inspect.isfunction(member) else None


def _named(text: Any, owner: Any) -> list[Any]:
    """The classes of ours that an annotation names, as its module understands the names."""
    if not owner.__module__.startswith("flexiflow"):
        return []
    module = sys.modules[owner.__module__]
    found = [_meaning(word, module) for word in re.findall(r"\w+", str(text))]
    return [each for each in found if inspect.isclass(each)]


def _meaning(word: str, module: ModuleType) -> Any:
    if hasattr(module, word):
        return getattr(module, word)
    home = _imports(module).get(word)
    return getattr(import_module(home), word) if home else None


@cache
def _imports(module: ModuleType) -> dict[str, str]:
    """The module of each name that is imported from ours, also for the type checker only."""
    return {
        alias.name: node.module
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("flexiflow")
        for alias in node.names
    }


@pytest.fixture(scope="module")
def entries(site) -> dict[str, set[str]]:
    """The entries of the reference: each name, with the names below it."""
    text = "".join(page.read_text(encoding="utf-8") for page in (site / "reference").glob("*.html"))
    names = re.findall(r'<dt[^>]* id="flexiflow\.([\w.]+)"', text)
    found: dict[str, set[str]] = {}
    for name in names:
        above, _, last = name.rpartition(".")
        found.setdefault(last, set())
        found.setdefault(above.rpartition(".")[2], set()).add(last)
    return found


def test_classes_are_found_through_what_gives_them():
    """So that the tests below look at more than what can be imported."""
    names = {each.__name__ for each in reachable()}
    assert {"ProcessMap", "WhyNot", "Reply", "VerifyReport", "ErrorRecord"} <= names
    assert errors.StateError in reachable()


def test_every_public_name_is_in_the_reference(entries):
    """What can be imported, and every class that comes of it."""
    names = {*IMPORTED, *(each.__name__ for each in reachable())}
    assert sorted(names - set(entries)) == []


def test_every_member_is_in_the_reference(entries):
    """With an entry of its own, or in the docstring of its class or of one that this is made of."""
    missing = {
        f"{each.__name__}.{name}"
        for each in reachable()
        for name in members(each).difference(*(entries.get(of.__name__, ()) for of in ours(each)))
        if not any(re.search(rf"\b{name}\b", of.__doc__ or "") for of in ours(each))
    }
    assert sorted(missing) == []
