"""Error cards and ``%flexiflow`` in a real IPython shell."""

from __future__ import annotations

import html
import sys

import pytest


def test_an_error_is_shown_as_a_card(shop):
    """What, why, fix, context and the name of the error, in one page."""
    shop.run('await engine.handle_message("order-2", "submit")', fails=True)
    (shown,) = shop.shown
    for part in ("ComponentNotFound", "Unknown component", "Known components", "Did you mean"):
        assert part in shown["text/html"]


def test_a_card_is_followed_by_one_short_error_line(shop, capsys):
    """A test tool, and a person who reads only text, sees that the cell failed."""
    shop.run('await engine.handle_message("order-2", "submit")', fails=True)
    expected = (
        "ComponentNotFound: Unknown component 'order-2'.  "
        "(card above; full traceback: %flexiflow tb)\n"
    )
    assert expected == capsys.readouterr().out


def test_python_remembers_the_error(shop):
    """%debug and %tb find it."""
    error = shop.run('await engine.handle_message("order-2", "submit")', fails=True).error_in_exec
    assert (type(error), error) == (sys.last_type, sys.last_value)


def test_a_card_has_the_frames_of_the_user_alone(shop):
    """Cells are named as people know them, and FlexiFlow's own frames are left out."""
    shop.run("def ask():\n    return engine.add('order-3', 'Nowhere')")
    shop.run("ask()", fails=True)
    page = shop.shown[0]["text/html"]
    assert "Cell In[" in page
    assert "line 2 in ask" in page
    assert "engine.py" not in page


def test_a_card_has_the_trace_of_the_step_that_failed(shop):
    """The correlation id leads to the log."""
    shop.run(
        "class Broken(State):\n"
        "    @on('go')\n"
        "    def go(self, message, component):\n"
        "        engine.add('x', 'Nowhere')\n"
        "broken = engine.add('broken', Broken)"
    )
    shop.run("await broken.send('go', correlation_id='trace-of-mine')", fails=True)
    assert "trace-of-mine" in shop.shown[0]["text/html"]


def test_an_error_of_another_kind_has_no_card(shop, capsys):
    """Everything else is shown as before."""
    shop.run("1 / 0", fails=True)
    assert shop.shown == []
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_the_traceback_is_one_magic_away(shop, capsys):
    """All of it, FlexiFlow's own frames too."""
    shop.run('await engine.handle_message("order-2", "submit")', fails=True)
    capsys.readouterr()
    shop.run("%flexiflow tb")
    assert "component_not_found" in capsys.readouterr().out


def test_the_former_handler_goes_on_and_comes_back(notebook):
    """Another extension's cards for its own exceptions are not lost."""
    seen = []
    notebook.run("%unload_ext flexiflow")
    notebook.shell.set_custom_exc((ValueError,), lambda *args, **named: seen.append(args[2]))
    before = notebook.shell.custom_exceptions, notebook.shell.CustomTB
    notebook.run("%load_ext flexiflow")
    notebook.run("raise ValueError('theirs')", fails=True)
    assert [str(each) for each in seen] == ["theirs"]
    notebook.run("%unload_ext flexiflow")
    assert before == (notebook.shell.custom_exceptions, notebook.shell.CustomTB)


def test_unloading_takes_the_magic_away(notebook, capsys):
    """The shell is as it was."""
    notebook.run("%unload_ext flexiflow")
    assert "flexiflow" not in notebook.shell.magics_manager.magics["line"]


@pytest.fixture
def recorded(shop):
    """The shop with one order recorded in memory."""
    shop.run("rec = record(engine)\nawait order.send('submit', total=99.0)")
    yield shop
    shop.run("rec.close()")


def test_why_is_answered_by_the_verdict(recorded):
    """The one recording of the notebook is asked."""
    recorded.run("%flexiflow why order-1")
    (shown,) = recorded.shown
    assert "order-1" in shown["text/plain"]
    assert "Submitted" in shown["text/html"]


def test_why_takes_a_database_as_the_command_line_does(recorded):
    """The same line works in a shell and in a cell."""
    recorded.run("from flexiflow import record\nrec.close()\nrec = record(engine, 'state.db')")
    recorded.run("await order.send('approve')\nrec.close()")
    recorded.run("%flexiflow why state.db order-1")
    assert "Done" in recorded.shown[0]["text/plain"]


@pytest.fixture
def logged(shop):
    """The shop with a log of an order that was refused, and a trace called mine."""
    shop.run("rec = record(engine, log='run.jsonl')\nawait order.send('approve')")
    shop.run("await order.send('submit', total=99.0, correlation_id='mine-1')\nrec.close()")
    return shop


def test_traces_are_answered_as_on_the_command_line(logged):
    """All, only those in trouble, and one of them in sentences."""
    for options, lines in (("", 2), ("--errors", 1), ("--since 2100-01-01", 0)):
        logged.run(f"%flexiflow trace run.jsonl {options}")
        assert logged.shown[-1]["text/html"].count("order-1") == lines
    logged.run("%flexiflow trace run.jsonl mine-1 --story")
    assert "order-1 got `submit`" in logged.shown[-1]["text/plain"]


def test_a_cell_follows_no_log(logged):
    """It would never end."""
    logged.run("%flexiflow trace run.jsonl --follow", fails=True)
    assert "A cell can&#x27;t follow a log" in logged.shown[-1]["text/html"]


def test_why_alone_lists_what_is_stuck(recorded):
    """On a page by the history's card, in a terminal by its rows."""
    recorded.run("%flexiflow why")
    assert "<strong>History</strong>" in recorded.shown[0]["text/html"]
    formatter = recorded.shell.display_formatter
    formatter.active_types = ["text/plain"]
    recorded.run("%flexiflow why")
    formatter.active_types = formatter.format_types
    assert "verdict" in recorded.shown[0]["text/plain"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("graph order", "Submitted"),
        ("graph rec order-1", "Submitted"),
        ("graph engine order-1", "Submitted"),
        ("draw Draft", "Submitted"),
        ("history", "order-1"),
        ("history rec order-1 --limit 1", "submit"),
        ("history rec order-1 --snapshots", "Draft"),
        ("history engine order-1 --story", "submit"),
        ("history engine --when 'items > 2'", "items > 2"),
        ("history rec order-1 --blame total", "99.0"),
    ],
)
def test_a_variable_stands_for_a_file(recorded, line, expected):
    """A component, a recording, an engine that is recorded, a class of states."""
    recorded.run(f"%flexiflow {line}")
    assert expected in "".join(recorded.shown[0].values())


def test_other_commands_print_as_on_the_command_line(notebook, capsys):
    """Each of them is a magic as well."""
    notebook.run("%flexiflow errors StateError")
    assert "# StateError" in capsys.readouterr().out


@pytest.mark.parametrize("line", ["", "why --help"])
def test_help_is_printed(notebook, capsys, line):
    """Of the magic, and of each command."""
    notebook.run(f"%flexiflow {line}")
    assert "flexiflow why" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "what", "fix"),
    [
        ("why", "Missing argument", "%flexiflow why --help"),
        ("why 'x", "can't be read", "Close each quote"),
        ("graph", "Missing argument", "%flexiflow graph --help"),
        ("history rec --limt 3", "--limt", "%flexiflow history --help"),
        ("wy rec", "no command 'wy'", "Did you mean"),
        ("nonsense", "no command 'nonsense'", "%flexiflow alone"),
        ("tb", "no traceback", "after a cell that failed"),
    ],
)
def test_wrong_usage_is_an_error_card(notebook, line, what, fix):
    """As every error of FlexiFlow: what, and how to mend it."""
    notebook.run("import sys; sys.__dict__.pop('last_value', None)")
    notebook.run(f"%flexiflow {line}", fails=True)
    page = html.unescape(notebook.shown[-1]["text/html"])
    assert what in page
    assert fix in page


def test_a_slip_is_answered_with_what_can_be_typed(recorded):
    """As on the command line, whose options these are."""
    recorded.run("%flexiflow history --since banana", fails=True)
    assert "--since is not a time" in recorded.shown[0]["text/html"]


def test_several_recordings_must_be_named(recorded):
    """The error lists them."""
    recorded.run("other = FlexiFlowEngine()\nrec2 = record(other)")
    recorded.run("%flexiflow why order-1", fails=True)
    page = recorded.shown[0]["text/html"]
    recorded.run("rec2.close()")
    assert "several recordings" in page
    assert "rec2" in page


def test_an_unknown_component_is_an_error_card(recorded):
    """It names the nearest, and the cell fails."""
    recorded.run("%flexiflow why order-11", fails=True)
    assert "Did you mean" in recorded.shown[0]["text/html"]


def test_a_component_is_shown_with_its_picture(shop):
    """Where it is, what it takes, its machine and its data."""
    bundle = shop.bundle("order")
    assert bundle["text/plain"] == "order-1 is in Draft; it takes submit."
    assert "data:image/svg+xml;base64," in bundle["text/html"]
    assert bundle["image/svg+xml"].startswith("<svg")


def test_an_engine_is_shown_at_a_glance(shop):
    """Each component with its state."""
    bundle = shop.bundle("engine")
    assert bundle["text/plain"] == "<FlexiFlowEngine with 1 component: Draft 1>"
    assert "order-1" in bundle["text/html"]


def test_a_refused_step_says_why(shop):
    """The guard and the values that it read."""
    bundle = shop.bundle("order.data['items'] = 0\nawait order.send('submit', total=1)")
    assert "refused" in bundle["text/html"]
    assert "has_items" in bundle["text/html"]


@pytest.mark.parametrize(
    "error",
    [
        "FlexiFlowError('<script>x</script>', why='\\x1b[31m', fix='<b>', context={'<i>': '<u>'})",
        "FlexiFlowError(12, why=3, fix=4, context={5: Bad()})",
        "Unreadable('what')",
        "FlexiFlowError('x' * 1_000_000, context={n: 'y' * 10_000 for n in range(1_000)})",
    ],
)
def test_hostile_errors_are_cards_too(shop, error):
    """Nothing becomes markup, nothing is unbounded, and what can't be read hides nothing."""
    shop.run(
        "from flexiflow import FlexiFlowError\n"
        "class Bad:\n    def __repr__(self): raise RuntimeError('no')\n"
        "class Unreadable(FlexiFlowError):\n    def __str__(self): raise RuntimeError('no')\n"
    )
    shop.run(f"raise {error}", fails=True)
    page = shop.shown[0]["text/html"]
    assert [each for each in ("<script", "<i>", "<u>", "\x1b") if each in page] == []
    assert len(page) < 60_000


def test_the_card_of_an_error_that_is_none_falls_back(shop, capsys):
    """Its text is shown, and the next error has a card again."""
    shop.run("from flexiflow import FlexiFlowError\nerror = FlexiFlowError('odd', context=5)")
    with pytest.warns(UserWarning, match="The card of this error failed"):
        shop.run("raise error", fails=True)
    assert shop.shown == []
    assert "FlexiFlowError" in capsys.readouterr().out
    shop.run("engine.add('x', 'Nowhere')", fails=True)
    assert len(shop.shown) == 1


def test_fields_that_a_recording_keeps_out_are_not_in_a_card(shop, capsys):
    """Nor in the line below it: both stay in the notebook's file."""
    shop.run(
        "from flexiflow import FlexiFlowError\n"
        "class Charging(State):\n"
        "    @on('charge')\n"
        "    def charge(self, message, component):\n"
        "        raise FlexiFlowError('no: 4111-2222', context={'card': message['card']})\n"
        "charging = engine.add('charging', Charging)\n"
        "rec = record(engine, redact=['card'])"
    )
    shop.run("await charging.send('charge', card='4111-2222')", fails=True)
    assert "4111-2222" not in str(shop.shown) + capsys.readouterr().out
    shop.run("rec.close()")


def test_a_terminal_gets_the_four_parts_and_no_card(shop, capsys):
    """And where the traceback is."""
    formatter = shop.shell.display_formatter
    formatter.active_types = ["text/plain"]
    shop.run("engine.add('x', 'Nowhere')", fails=True)
    formatter.active_types = formatter.format_types
    text = capsys.readouterr().out
    assert shop.shown == []
    assert [each for each in ("Why:", "Fix:", "%flexiflow tb") if each not in text] == []
