"""Fixtures for the core: modules on disk, and a default registry that is left as it was found."""

import importlib
import itertools
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flexiflow.states import DEFAULT_REGISTRY

_numbers = itertools.count()


@pytest.fixture
def make_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Write a module that can be imported during the test, and return its name.

    A name with dots makes packages of the folders above it.
    """
    monkeypatch.syspath_prepend(str(tmp_path))
    roots: list[str] = []

    def make(source: str, name: str | None = None) -> str:
        name = name or f"made_for_a_test_{next(_numbers)}"
        *packages, last = name.split(".")
        folder = tmp_path
        for package in packages:
            folder = folder / package
            folder.mkdir(exist_ok=True)
            (folder / "__init__.py").touch()
        (folder / f"{last}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        importlib.invalidate_caches()
        roots.append(name.split(".")[0])
        return name

    yield make
    for name in list(sys.modules):
        if name.split(".")[0] in roots:
            del sys.modules[name]


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[[str], Path]:
    """Write text to a configuration file, and return its path."""

    def write(text: str) -> Path:
        path = tmp_path / "component.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


@pytest.fixture
def clean_registry() -> Iterator[None]:
    """Take back what a test registers by default."""
    before = {name: DEFAULT_REGISTRY.find(name) for name in DEFAULT_REGISTRY.names()}
    yield
    for name in DEFAULT_REGISTRY.names():
        if before.get(name) is not DEFAULT_REGISTRY.find(name):
            DEFAULT_REGISTRY.unregister(name)
    for name, cls in before.items():
        assert cls is not None
        if name not in DEFAULT_REGISTRY:
            DEFAULT_REGISTRY.register(name, cls)
