"""What the docs name is there, and what there is they name: keys, magics, extras, tables, calls."""

from __future__ import annotations

import inspect
import os
import re
import sqlite3
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click
import nbformat
import pytest

from flexiflow import FlexiFlowEngine, record
from flexiflow.analysis.history import History
from flexiflow.analysis.log import Log
from flexiflow.analysis.machine.machine_graph import MachineGraph
from flexiflow.analysis.traces.trace import Trace
from flexiflow.cli import cli
from flexiflow.component import AsyncComponent
from flexiflow.events import EVENTS
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.hunting import Hunt
from flexiflow.lessons.reply import Reply
from flexiflow.magics.line import ANSWERED, OWN
from flexiflow.notebook.widgets.engine import EngineView
from flexiflow.notebook.widgets.explorer import HistoryExplorer
from flexiflow.notebook.widgets.modules import STATIC
from flexiflow.notebook.widgets.trace_explorer import TraceExplorer
from flexiflow.recording import Recording
from flexiflow.step import Step
from flexiflow.tracing.following import Follower
from flexiflow.tracing.others import ALIASES

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "docs" / "errors").glob("*.md"),
    *(ROOT / f"{name}.md" for name in ("README", "SECURITY", "CONTRIBUTING")),
]

# What the docs and the notebooks call things; a word may be given to one kind of thing only.
CALLED = {
    "history": History,
    "log": Log,
    "trace": Trace,
    "graph": MachineGraph,
    "engine": FlexiFlowEngine,
    "order": AsyncComponent,
    "component": AsyncComponent,
    "rec": Recording,
    "explorer": HistoryExplorer,
    "traces": TraceExplorer,
    "view": EngineView,
    "step": Step,
    "reply": Reply,
    "follower": Follower,
    "exercises[1]": Exercise,
    "found": Hunt,
    "found[1]": Exercise,
}

FILES = {"md", "js", "yaml", "svg", "db", "json", "jsonl", "html"}  # no attributes, but endings

SECTIONS = {
    ("notebook", "Keys"): ["graph.js", "table.js", "controls.js", "watch.js"],
    ("notebook", "A history, rewound"): ["explorer_keys.js", "explorer_asking.js"],
    ("notebook", "Traces"): ["trace.js", "waterfall.js"],
    ("lessons", "A class"): ["exercise.js"],
}
WRITTEN = {
    "ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓", "Escape": "Esc",
    "PageUp": "Page Up", "PageDown": "Page Down", " ": "Space",
}  # fmt: skip


def section(page: str, heading: str) -> str:
    """A page's text from a heading to the next one."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    return re.split(rf"^#+ {re.escape(heading)}$", text, flags=re.MULTILINE)[1].split("\n## ")[0]


OTHERS_NAMED = {place for places in ALIASES.values() for place in places}
EVENTS_NAMED = {
    *EVENTS,
    *re.findall(r"^\| `([\w.]+)` \|", section("engine", "Events"), re.MULTILINE),
}


@cache
def written() -> list[tuple[str, str]]:
    """All code that is shown to readers, with where: blocks, and what is between backticks."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        found += [(page.name, code) for code in [*blocks, *re.findall(r"`([^`\n]+)`", rest)]]
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in nbformat.read(notebook, as_version=4).cells:
            code = (
                [cell.source]
                if cell.cell_type == "code"
                else re.findall("`([^`\n]+)`", cell.source)
            )
            found += [(notebook.name, each) for each in code]
    return found


def matches(pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
    for page, code in written():
        for match in re.finditer(pattern, code, re.MULTILINE):
            yield page, match


# -- keys ---------------------------------------------------------------------------------------


def keys_of(module: str) -> set[str]:
    """The keys that a module listens to, as the docs write them."""
    text = (STATIC / module).read_text(encoding="utf-8")
    found = {
        *re.findall(r'event\.key === "(.+?)"', text),
        *re.findall(r'keys: \["(.+?)"\]', text),
    }
    for tables in re.findall(r"const (?:steps|zooms|moves) = \{ (.*?) \};", text):
        found |= {name.strip('"') for name in re.findall(r'("."|\w+): ', tables)}
    for lists in re.findall(r"const FORWARD = \[(.*?)\]", text):
        found |= set(re.findall(r'"(.+?)"', lists))
    if "Number(event.key)" in text:
        found |= set("19")
    return {WRITTEN.get(key, key) for key in found}


@pytest.mark.parametrize(("page", "heading"), SECTIONS)
def test_every_key_is_documented(page, heading):
    """The tables name the keys that the modules listen to, and no others."""
    table = re.findall(r"^\| Key\b.*\n\|[-|]*\n((?:\|.*\n)+)", section(page, heading), re.MULTILINE)
    cells = [row.split(" | ")[0] for row in "".join(table).splitlines()]
    named = {key for cell in cells for key in re.findall(r"`(.+?)`", cell)} - {"ctrl", "⌘"}
    listened = set().union(*(keys_of(module) for module in SECTIONS[page, heading]))
    assert named == listened


def test_the_keys_of_every_module_are_looked_at():
    """A module that listens to keys is one of those above."""
    listening = {path.name for path in STATIC.glob("*.js") if "keydown" in path.read_text("utf-8")}
    known = {module for modules in SECTIONS.values() for module in modules}
    assert listening - known == {"keys.js"}  # which is told by others what to listen to


# -- magics, commands, extras -------------------------------------------------------------------


def test_every_magic_is_documented():
    """The table has a row for each question that a notebook answers in its own way."""
    rows = re.findall(r"^\| `%flexiflow (\w+)", section("notebook", "Magics and error cards"), re.M)
    assert sorted(rows) == sorted([*ANSWERED, *OWN])


def test_every_magic_that_is_named_exists():
    """Also in the notebooks; other commands can be typed too."""
    known = {*ANSWERED, *OWN, *cli.commands}
    unknown = [(page, m[1]) for page, m in matches(r"(?<!%)%flexiflow (\w+)") if m[1] not in known]
    assert unknown == []


def test_every_command_that_is_named_exists():
    """With the options that stand behind it."""
    line = r"(?:^|[$`] )flexiflow ([a-z_]+)((?: (?!flexiflow ).*\\\n)*.*)$"
    found = list(matches(line))
    unknown = [(page, m[1]) for page, m in found if m[1] not in {*cli.commands, "import"}]
    assert unknown == []
    strange = [
        (page, m[1], option)
        for page, m in found
        if m[1] in cli.commands
        for option in re.findall(r"(?<=\s)--[\w-]+", m[2].split("#")[0])
        if option not in options_of(cli.commands[m[1]])
    ]
    assert strange == []
    assert len(found) > 30


def options_of(command: click.Command) -> set[str]:
    own = {option for each in command.params for option in each.opts}
    return own | {"--help", "--json", "--debug"}


def test_every_extra_is_documented():
    """With what it is for, in the README; errors and docs name no other one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = set(project["optional-dependencies"])
    assert set(re.findall(r"pip install '\.\[(\w+)\]'", (ROOT / "README.md").read_text())) == extras
    texts = [code for _, code in written()]
    texts += [path.read_text("utf-8") for path in (ROOT / "flexiflow").rglob("*.py")]
    assert {name for text in texts for name in re.findall(r"flexiflow\[(\w+)\]", text)} == extras


def test_every_environment_variable_is_documented():
    """And those that the docs name are read."""
    code = "".join(path.read_text("utf-8") for path in (ROOT / "flexiflow").rglob("*.py"))
    docs = "".join(page.read_text("utf-8") for page in PAGES)
    variable = r"\bFLEXIFLOW_[A-Z]+\b"
    assert set(re.findall(variable, code)) == set(re.findall(variable, docs))


def test_every_target_of_make_that_is_named_exists():
    """In `make` lines of the docs."""
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert {m[1] for _, m in matches(r"^(?:\$ )?make (\w+)")} - targets == set()


# -- tables, names, calls -----------------------------------------------------------------------


def test_every_table_and_column_of_a_file_is_documented(tmp_path):
    """In order; the view is said to have the columns of its table and one more."""
    record(FlexiFlowEngine(), tmp_path / "state.db").close()
    conn = sqlite3.connect(tmp_path / "state.db")
    query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name LIKE 'flexi%'"
    there = {
        name: [row[1] for row in conn.execute(f"PRAGMA table_info({name})")]
        for (name,) in conn.execute(query)
    }
    conn.close()
    items = re.findall(r"^- (.*(?:\n  .*)*)", section("history", "What is in the file"), re.M)
    named = [re.findall(r"`(\w+)`", item) for item in items]
    documented = {name: columns for name, *columns in named}
    table, *more = documented["flexiflow_snapshots_full"]
    documented["flexiflow_snapshots_full"] = [*documented[table], *more]
    assert documented == there


def test_every_dotted_name_exists():
    """A module, or something in one."""
    names = {
        m[0] for _, m in matches(r"(?<![\w./\[-])flexiflow(?:\.[A-Za-z_]\w*)+(?![\w/.]*\.json)")
    }
    names -= {"flexiflow.correlation_id"}  # which is an attribute in OTLP
    assert sorted(name for name in names if not _exists(name)) == []
    assert len(names) > 5


def test_everything_that_is_imported_exists():
    """In lines that import it, in docs and notebooks."""
    line = r"^\s*from (flexiflow[\w.]*) import (?:\(([^)]*)\)|(.*))$"
    names = {
        f"{m[1]}.{name.split(' as ')[0].strip()}"
        for _, m in matches(line)
        for name in re.sub("#.*", "", m[2] or m[3]).split(",")
        if name.strip()
    }
    assert sorted(name for name in names if not _exists(name)) == []
    assert len(names) > 30


def _exists(name: str) -> bool:
    """A module, or an attribute of one."""
    if find_spec(name.split(".")[0]) is None:
        return False
    home, _, last = name.rpartition(".")
    try:
        import_module(name)
    except ModuleNotFoundError:
        return bool(home) and _exists(home) and hasattr(import_module(home), last)
    return True


@pytest.mark.parametrize("word", CALLED)
def test_what_is_asked_of_a_thing_exists(word):
    """Each `history.question(` is a question that a History answers, and so on."""
    asked = {
        (m[1], page)
        for page, m in matches(rf"(?<![\w./\"'-]){re.escape(word)}\.([a-z][\w.]*)")
        if m[0] not in EVENTS_NAMED | OTHERS_NAMED and m[1] not in FILES
    }
    there = attributes(CALLED[word])
    assert {(name, page) for name, page in asked if name.split(".")[0] not in there} == set()


def attributes(kind: type) -> set[str]:
    """What a class and those that it is made of have, and what they set in their methods."""
    ours = [each for each in kind.__mro__ if each.__module__.startswith("flexiflow")]
    source = "".join(inspect.getsource(each) for each in ours)
    return {*dir(kind), *re.findall(r"^ +(?:self\.)?(\w+)(?:: .*| = .*)$", source, re.MULTILINE)}


def test_every_file_that_is_named_exists():
    """Paths of the project in code marks, such as `tests/browser/`."""
    paths = {
        m[0]
        for _, m in matches(r"(?<![\w./])(?:flexiflow|docs|tests|notebooks|benchmarks)/[\w./-]*")
    }
    assert sorted(path for path in paths if not os.path.exists(ROOT / path)) == []


def test_every_name_of_others_that_is_understood_is_documented():
    """In the order in which they are looked for."""
    page = (ROOT / "docs" / "tracing.md").read_text(encoding="utf-8")
    table = page.split("<!-- aliases: ")[1].split("\n\n")[1]
    rows = [line.strip("|").split("|") for line in table.splitlines()[2:]]
    told = {name.strip(" `"): tuple(re.findall("`([^`]+)`", places)) for name, places in rows}
    assert told == ALIASES
