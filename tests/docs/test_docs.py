"""The docs say what the code does: their code runs, and their tables list what there is."""

from __future__ import annotations

import asyncio
import inspect
import re
from pathlib import Path

import click
import pytest

from flexiflow import AsyncComponent, FlexiFlowEngine, StateMachine, record
from flexiflow.analysis.base import shapes
from flexiflow.analysis.machine import machine_graph
from flexiflow.events import EVENTS
from flexiflow.lessons.hunting import ZOO
from flexiflow.lessons.report import STANDINGS
from flexiflow.notebook.widgets.modules import STATIC
from flexiflow.notebook.widgets.moment import STEP_ROWS
from flexiflow.tracing.records import LogRecord

DOCS = Path(__file__).parents[2] / "docs"
# The page that lists the columns of each frame.
HISTORY = (
    "snapshots steps components visits process_map taken variants followed moves stuck blame when "
    "diff story outliers findings bookmarks"
)
LOG = (
    "records traces spans critical_path gaps trace_story errors slowest lost_context "
    "trace_difference separation"
)
FRAMES = dict.fromkeys(HISTORY.split(), "history.md") | dict.fromkeys(LOG.split(), "tracing.md")

# The reference page that the library was promised to, line by line, its line breaks restored.
REFERENCE_LINES = """\
from flexiflow.extras import save_component, load_snapshot, restore_component
# Save current state
save_component(component, "state.json")
# Restore later
snapshot = load_snapshot("state.json")
restored = restore_component(snapshot, engine)
import sqlite3
from flexiflow.extras import save_snapshot_sqlite, load_latest_snapshot_sqlite
conn = sqlite3.connect("state.db")
save_snapshot_sqlite(conn, snapshot)
latest = load_latest_snapshot_sqlite(conn, "my_component")
from flexiflow.extras import prune_snapshots_sqlite
# Keep only the 50 most recent snapshots per component
prune_snapshots_sqlite(conn, "my_component", keep=50)
from flexiflow import FlexiFlowError, StateError
try:
    sm = StateMachine.from_name("BadState")
except StateError as e:
    print(e)  # includes What, Why, Fix, and Context
""".splitlines()


def code_blocks(page: str) -> list[str]:
    """The Python blocks of a page, from top to bottom."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def table_under(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without the head."""
    text = (DOCS / page).read_text(encoding="utf-8")
    section = re.split(rf"^#+ {re.escape(heading)}$", text, flags=re.MULTILINE)[1]
    rows = re.search(r"^\|.*?(?=\n\n)", section, re.DOTALL | re.MULTILINE)
    assert rows is not None
    lines = rows.group().splitlines()[2:]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """An empty folder to run code in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_code_of_the_persistence_page_runs(workplace, capsys):
    """Every line runs as it stands, given a component, an engine and StateMachine."""
    engine = FlexiFlowEngine()
    component = engine.register(AsyncComponent("my_component", data={"total": 99.0}))
    names = {"component": component, "engine": engine, "StateMachine": StateMachine}
    for block in code_blocks("persistence.md"):
        exec(compile(block, "persistence.md", "exec"), names)
    names["conn"].close()
    assert names["restored"].data == {"total": 99.0}
    assert names["latest"] == names["snapshot"]
    printed = capsys.readouterr().out
    assert [part for part in ("Why: ", "Fix: ", "Context:") if part not in printed] == []
    assert printed.startswith("Unknown state 'BadState'.")


def test_the_persistence_page_has_every_promised_line():
    """The lines that 1.x users know from their reference page are all still there."""
    lines = "\n".join(code_blocks("persistence.md")).splitlines()
    assert [line for line in REFERENCE_LINES if line not in lines] == []


def test_the_code_of_the_engine_page_runs(workplace, capsys):
    """The order of the engine page is refused, submitted, and fails to pay."""
    names: dict[str, object] = {}
    for block in code_blocks("engine.md"):
        exec(compile(block, "engine.md", "exec"), names)
    asyncio.run(names["main"]())
    printed = capsys.readouterr().out
    assert "✗ has_items  (data.items=0)" in printed
    assert "'submit' moved Draft → Submitted" in printed
    assert "'pay' moved Submitted → Failed by PaymentError" in printed


def test_the_code_of_the_history_page_runs(workplace, capsys):
    """Recording and opening work as written."""
    names: dict[str, object] = {}
    recording, opening, sampling = code_blocks("history.md")
    exec(compile(recording, "history.md", "exec"), names)
    asyncio.run(names["main"]())
    exec(compile(opening, "history.md", "exec"), names)
    exec(compile(sampling, "history.md", "exec"), names)
    assert len(names["history"].steps()) == 0
    assert names["shown"].left_out == 0


def test_the_code_of_the_tracing_page_runs(workplace):
    """An id that was set by hand is the trace that the log is asked for."""
    names: dict[str, object] = {}
    setting, asking, *others, quoting = code_blocks("tracing.md")

    async def work():
        engine = FlexiFlowEngine()
        component = engine.register(AsyncComponent("c"))
        async with record(engine, log="run.jsonl"):
            exec(compile(setting, "tracing.md", "exec"), names)
            await component.send("start")
            exec(compile(quoting, "tracing.md", "exec"), names)
            assert await names["quote"]({"amount": 12}, component) is None

    asyncio.run(work())
    exec(compile(asking, "tracing.md", "exec"), names)
    assert names["trace"].correlation_id == "import-2026-11"
    assert "InitialState → AwaitingConfirmation" in str(names["trace"].tree())
    for block in others:
        exec(compile(block, "tracing.md", "exec"), names)


@pytest.mark.parametrize("name", FRAMES)
def test_every_column_is_documented(name):
    """The page lists the columns of each frame in order, with their dtypes."""
    documented = {row[0]: row[1] for row in table_under(FRAMES[name], name)}
    assert list(documented.items()) == list(getattr(shapes, name.upper()).items())


def test_every_frame_is_looked_at():
    """Those above are all that there are."""
    there = {
        name.lower()
        for name, each in vars(shapes).items()
        if isinstance(each, dict) and name.isupper()
    }
    assert set(FRAMES) == there


@pytest.mark.parametrize("name", ["states", "transitions", "Findings"])
def test_every_column_of_a_graph_is_documented(name):
    """The page lists the columns of each frame in order, with their dtypes."""
    documented = {row[0]: row[1] for row in table_under("graphs.md", name)}
    assert list(documented.items()) == list(getattr(machine_graph, name.upper()).items())


def test_the_code_of_the_notebook_page_runs(workplace):
    """A view is watched, asked for its rows, and saved."""
    names: dict[str, object] = {}
    for block in code_blocks("notebook.md"):
        exec(compile(block, "notebook.md", "exec"), names)
    assert (workplace / "order-1042.html").stat().st_size > 10_000
    assert names["view"].selection == {"state": "Draft"}


def test_the_columns_of_a_view_are_documented():
    """The page lists what rows() gives, in order, with the dtypes."""
    page = (DOCS / "notebook.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| ", page, re.MULTILINE)
    assert rows == list(STEP_ROWS.items())


def test_the_static_modules_are_documented():
    """The page for those who write widgets names each shared module."""
    page = (DOCS / "notebook.md").read_text(encoding="utf-8")
    entries = {"watch.js", "exercise.js", "explorer.js", "trace.js"}
    shared = {path.name for path in STATIC.iterdir()} - entries
    assert set(re.findall(r"^\| `([\w.]+\.(?:js|css))` \|", page, re.MULTILINE)) == shared


def test_the_code_of_the_lessons_page_runs(workplace):
    """An exercise is answered, hinted at, revealed and begun anew."""
    names: dict[str, object] = {}
    for block in code_blocks("lessons.md"):
        exec(compile(block, "lessons.md", "exec"), names)
    assert (workplace / "flexiflow-progress.jsonl").exists()


def test_the_columns_of_the_standings_are_documented():
    """In order, with their dtypes."""
    documented = {row[0]: row[1] for row in table_under("lessons.md", "standings")}
    assert list(documented.items()) == list(STANDINGS.items())


def test_every_machine_of_the_zoo_is_documented():
    """The page lists them, and no others."""
    assert [row[0] for row in table_under("lessons.md", "The zoo")] == list(ZOO)


def test_every_notebook_is_documented():
    """The page lists them, and no others."""
    notebooks = [path.stem for path in sorted((DOCS.parent / "notebooks").glob("*.ipynb"))]
    assert [row[0] for row in table_under("lessons.md", "Lessons")] == notebooks


def test_every_event_is_documented():
    """The page lists the events of the trace log, and no others."""
    assert [row[0] for row in table_under("tracing.md", "Events")] == list(EVENTS)


def test_every_log_field_is_documented():
    """The page lists the fields of a log line in the order in which they are written."""
    documented = [row[0] for row in table_under("tracing.md", "Fields")]
    assert documented == list(LogRecord.__struct_fields__)


def test_the_arguments_of_record_are_documented():
    """The page shows the signature of record() as it is."""
    signature = inspect.signature(record)
    written = re.search(r"`record\((.*?)\)`", (DOCS / "history.md").read_text(encoding="utf-8"))
    assert written is not None
    arguments = [part.split("=")[0].strip() for part in written[1].split(",")]
    assert [name for name in arguments if name != "*"] == list(signature.parameters)


def test_every_link_between_pages_leads_somewhere():
    """A relative link names a file that exists."""
    pages = [*DOCS.rglob("*.md"), *(DOCS.parent / p for p in ("README.md", "SECURITY.md"))]
    broken = [
        (page.name, target)
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_command_and_option_is_documented():
    """The page lists the commands and what each takes, and nothing else."""
    from flexiflow.cli import cli as group

    page = {
        row[0]: row[1] for row in table_under("command-line.md", "Looking at what was recorded")
    }
    documented = {name: sorted(re.findall(r"[\w-]+", text)) for name, text in page.items()}
    common = {"--json", "--debug", "--help"}
    taken = {
        name: sorted(
            option
            for parameter in command.params
            for option in (
                parameter.opts
                if isinstance(parameter, click.Option)
                else [(parameter.metavar or parameter.name).upper().strip("[]")]
            )
            if option not in common and not re.fullmatch("-[a-z]", option)
        )
        for name, command in group.commands.items()
    }
    assert documented == taken


def test_the_code_of_the_readme_runs(workplace, capsys):
    """A stranger who types the README's code sees what the README says."""
    text = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = {"__name__": "readme"}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    promised = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert promised is not None
    took = r"\d+ µs|\d+\.\d ms"
    assert re.sub(took, "…", printed) == re.sub(took, "…", promised[1])
    assert "Draft → Submitted" in str(names["trace"].tree())
