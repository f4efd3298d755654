"""How objects are shown: for every kind of viewer, escaped, bounded, and never an error."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
import warnings

import pytest
from test_cards import Tags

from flexiflow.notebook.frame_table import cell_words
from flexiflow.notebook.html import LARGEST
from flexiflow.notebook.registration import SHOWN

BAD = "<script>alert(1)</script>\"'&\u202e\n\x1b[31m"


@pytest.fixture
def recorded(shop):
    """An order that was refused, moved and ended, with a log; one more that waits."""
    shop.run(
        "rec = record(engine, 'state.db', log='run.jsonl')\n"
        "other = engine.add('order-2', Draft, data={'items': 0})\n"
        "_ = await other.send('submit', total=1.0)\n"
        "_ = await order.send('submit', total=99.0)\n"
        "_ = await order.send('approve')\n"
        "rec.flush_now()\n"
        "from flexiflow import *\n"
        "history = open_history('state.db'); log = open_log('run.jsonl')"
    )
    yield shop
    shop.run("rec.close()")


@pytest.mark.parametrize("shown", SHOWN, ids=lambda each: each.owner)
def test_every_name_leads_to_something(shown):
    """A class or a function that was renamed is noticed."""
    module, _, name = shown.owner.partition(":")
    assert isinstance(getattr(importlib.import_module(f"flexiflow.{module}"), name), type)
    for path in filter(None, shown[1:]):
        module, _, name = path.partition(":")
        assert callable(getattr(importlib.import_module(f"flexiflow.notebook.{module}"), name))


CONFIG = "{'name': 'c', 'initial_state': 'InitialState', 'rules': []}"
QUESTIONS = {
    "engine": "order-2",
    "order": "Done",
    "order.state_machine": "Done",
    "order.why_not('x')": "refused",
    "await other.send('submit', total=1)": "has_items",
    "rec": "state.db",
    "history": "order-2",
    "log": "in trouble",
    "log.trace(log.traces().iloc[0]['correlation_id'])": "submit",
    "log.trace(log.traces().iloc[0]['correlation_id']).tree()": "submit",
    "log.trace(log.traces().iloc[0]['correlation_id']).story()": "submit",
    "history.snapshot(1)": "items",
    "history.story('order-1')": "approve",
    "history.when(None, 'items > 2')": "items &gt; 2",
    "history.diff('order-1', 'order-2')": "total",
    "history.verify()": "as it was written",
    "history.graph('order-1')": "approve",
    "history.graph('order-1').coverage()": "100 %",
    "history.graph('order-1').check(history, min_coverage=80)": "passes",
    f"explain({CONFIG})": "valid",
    "explain({'name': 'c', 'states': {'A': 'nowhere:B'}})": "nowhere",
    "history.why('order-2')": "order-2",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_answer_has_a_card(recorded, question):
    """Well-formed, of a bounded size, with what was asked in it."""
    bundle = recorded.bundle(question)
    page = Tags(bundle["text/html"])
    assert page.open == []
    assert QUESTIONS[question] in bundle["text/html"]
    assert len(bundle["text/html"]) <= LARGEST


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("order", "order-1 is in Done; it takes no message."),
        ("engine", "<FlexiFlowEngine with 2 components: Done 1, Draft 1>"),
        ("history.snapshot(1)", "<ComponentSnapshot of order-1 in Draft, 1 field>"),
        ("history.graph('order-1').coverage()", "2 of 2 transitions taken: 100 %"),
        (f"explain({CONFIG})", "<ConfigExplanation of c: valid>"),
    ],
)
def test_a_terminal_gets_a_line(recorded, question, expected):
    """Where nothing but text is shown."""
    assert expected == recorded.bundle(question)["text/plain"]


def test_a_bare_history_lists_the_stuck_first(notebook):
    """Each with the cell that says why."""
    from flexiflow.analysis.base import frames, shapes
    from flexiflow.notebook.recorded_cards import _stuck_table

    row = dict.fromkeys(shapes.STUCK)
    row |= {"component": "order-7", "state": "Paying", "verdict": "stuck", "dwell": 11_520_000_000}
    row |= {"siblings": 409, "p95": 1_800_000, "ratio": 6_400.0, "last_message": "pay"}
    row |= {"last_outcome": "failed"}
    text = Tags(_stuck_table(frames.frame(shapes.STUCK, [tuple(row.values())]), 1)).text
    for part in ("order-7", "Paying", "3 h 12 min", "6,400 × p95, 1.8 s", "pay failed"):
        assert part in text
    assert "history.why('order-7')" in text


def test_a_large_history_is_not_judged_in_passing(recorded, monkeypatch):
    """The card says how large it is, and has the cell that asks."""
    monkeypatch.setattr("flexiflow.notebook.recorded_cards.MOST_STEPS", 2)
    page = recorded.bundle("history")["text/html"]
    assert "3 steps in 1 file: too many to be judged in passing" in page
    assert "history.stuck()" in page


def test_a_large_log_is_not_read_in_passing(recorded, monkeypatch):
    """The card has its size and the cell that asks."""
    monkeypatch.setattr("flexiflow.notebook.recorded_cards.MOST_BYTES", 3)
    page = recorded.bundle("log")["text/html"]
    assert "in trouble" not in page
    assert "log.traces()" in page


def test_cards_tell_what_is_left_out(recorded):
    """A link to nothing that a pattern finds; beside what was read."""
    recorded.run(
        "import os\nos.symlink('gone', 'old.db')\nos.symlink('gone', 'old.jsonl')\n"
        "from flexiflow import open_history, open_log\n"
        "several, logs = open_history('*.db'), open_log('*.jsonl')"
    )
    assert "old.db is left out. It is a link to gone" in recorded.bundle("several")["text/html"]
    assert "old.jsonl is left out. It is a link to gone" in recorded.bundle("logs")["text/html"]


def test_a_history_that_is_gone_is_a_card_too(recorded):
    """It says so; the cell does not fail."""
    recorded.run("rec.close()\nimport os\nos.remove('state.db')")
    assert "not found" in recorded.bundle("history")["text/html"]


HOSTILE = f"""
bad = {BAD!r}
class Evil(State):
    @on(bad, to="Evil")
    async def evil(self, message, component): ...
evil = engine.add(bad, Evil, data={{bad: bad, "n": [bad] * 100_000}})
step = await evil.send(bad, text=bad)
"""


@pytest.mark.parametrize(
    "what", ["evil", "engine", "step", "evil.why_not(bad)", "evil.state_machine"]
)
def test_hostile_names_cannot_become_markup(shop, what):
    """Markup, quotes, control characters and bidi overrides are shown as what they are."""
    shop.run(HOSTILE)
    bundle = shop.bundle(what)
    page = Tags(bundle["text/html"])
    assert page.open == []
    assert "script" not in page.seen
    shown = bundle["text/html"] + bundle["text/plain"]
    assert [each for each in ("\u202e", "\x1b") if each in shown] == []


@pytest.mark.parametrize("what", ["big", "crowd", "wide"])
def test_huge_objects_are_bounded(shop, what):
    """A megabyte of data, ten thousand components, a hundred states: 60 kB at most."""
    shop.run(
        "big = engine.add('big', Draft, data={f'f{n}': 'x' * 10_000 for n in range(1_000)})\n"
        "crowd = FlexiFlowEngine()\n"
        "for n in range(10_000): _ = crowd.add(f'order-{n}', Draft)\n"
        "names = [f'S{n}' for n in range(100)]\n"
        "states = {name: type(name, (State,), {}) for name in names}\n"
        "for name, after in zip(names, names[1:]):\n"
        "    body = {'go': on('go', to=after)(lambda self, message, component: None)}\n"
        "    states[name] = type(name, (State,), {**body, '__module__': '__main__'})\n"
        "globals().update(states)\n"
        "wide = engine.add('wide', states['S0'])"
    )
    bundle = shop.bundle(what)
    assert max(map(len, bundle.values())) <= LARGEST


def test_a_repr_that_fails_warns_and_falls_back(shop):
    """The cell does not fail: the text stands in."""
    shop.run(
        "class Broken(dict):\n"
        "    def __len__(self): raise RuntimeError('broken')\n"
        "order.data = Broken(a=1)"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bundle = shop.bundle("order")
    assert "text/html" not in bundle
    assert bundle["text/plain"] == "order-1 is in Draft; it takes submit."
    assert "RuntimeError: broken" in str(caught[0].message)


def test_a_value_whose_repr_raises_is_said(shop):
    """It hides nothing around it."""
    shop.run(
        "class Bad:\n    def __repr__(self): raise RuntimeError('no')\norder.data['bad'] = Bad()"
    )
    page = shop.bundle("order")["text/html"]
    assert "whose repr raised RuntimeError" in page
    assert "items" in page


def test_fields_that_a_recording_keeps_out_are_not_shown(shop):
    """Neither by name nor in other values."""
    shop.run("rec = record(engine, redact=['card'])\nother = order")
    shop.run("order.data |= {'card': '4111-2222', 'note': 'card 4111-2222'}")
    shop.run("_ = await order.send('nothing')")
    page = shop.bundle("order")["text/html"]
    shop.run("rec.close()")
    assert "4111-2222" not in page


def test_outside_ipython_nothing_is_registered():
    """`import flexiflow` does not import IPython, nor the room that knows it."""
    code = """
    import sys, flexiflow
    print([name for name in ("IPython", "flexiflow.notebook.registration") if name in sys.modules])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_terminal_makes_no_page(shop):
    """Only what is shown is made."""
    formatter = shop.shell.display_formatter
    formatter.active_types = ["text/plain"]
    try:
        assert {"text/plain"} == set(shop.bundle("engine"))
    finally:
        formatter.active_types = formatter.format_types


def test_a_nameless_component_can_be_seen(shop):
    """In a table it is no missing one."""
    shop.run("engine.add('', Draft, data={'items': 0})")
    assert "<td" in (page := shop.bundle("engine")["text/html"])
    assert "&quot;&quot;</td>" in page
    assert (cell_words(""), cell_words(" "), cell_words(None)) == ('""', '" "', "")


def test_more_files_than_are_looked_at_are_told_as_such(recorded):
    """Neither steps nor kilobytes of twenty files pass for those of all."""
    recorded.run(
        "rec.flush_now()\nimport shutil\nfor n in range(20):\n"
        "    shutil.copy('run.jsonl', f'run-{n}.jsonl')\n"
        "    backup_history('state.db', f'state-{n}.db')\n"
        "many, logs = open_history('state*.db'), open_log('run*.jsonl')"
    )
    assert "steps in the first 20 of 21 files" in recorded.bundle("many")["text/html"]
    assert "kB in the first 20 of 21 files" in recorded.bundle("logs")["text/html"]


def test_states_that_are_not_named_are_counted():
    """Where nothing is stuck."""
    from flexiflow.analysis.base import frames, shapes
    from flexiflow.notebook.recorded_cards import _nothing_stuck

    row = {"snapshots": 1, "steps": 0}
    rows = [row | {"component": f"c{n}", "state": f"S{n}"} for n in range(10)]
    rows = [tuple((dict.fromkeys(shapes.COMPONENTS) | row).values()) for row in rows]
    told = " ".join(_nothing_stuck(frames.frame(shapes.COMPONENTS, rows)))
    assert "10 components: 1 S0," in told
    assert "1 S7 and 2 more states." in told
