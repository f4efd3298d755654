"""``%%flexiflow``: one cell's steps, shown below it."""

from __future__ import annotations

import base64
import re

import pytest

from flexiflow.hooks import engine_listeners
from flexiflow.magics.cell import transformed

SEND = "%%flexiflow\nawait order.send('submit', total=99.0)"


def page_of(notebook) -> str:
    """The card below the last cell."""
    return notebook.shown[-1]["text/html"]


def test_a_cell_shows_its_steps(shop):
    """On a small graph, with what changed."""
    shop.run(SEND)
    page = page_of(shop)
    for part in ("1 step", "data:image/svg+xml", "Draft → Submitted", "nothing → 99.0"):
        assert part in page


def test_what_led_nowhere_is_on_the_graph(shop):
    """With how often, and not as if nobody had tried."""
    shop.run("""%%flexiflow
class Locked(State):
    @on("open", to=Submitted, guard=lambda message, door: False)
    async def open(self, message, door): ...
    @on("kick")
    async def kick(self, message, door):
        raise RuntimeError("it holds")
door = engine.add("door", Locked)
await door.send("open")
try:
    await door.send("kick")
except RuntimeError: pass
""")
    (picture,) = re.findall('data:image/svg\\+xml;base64,([^"]+)', page_of(shop))
    texts = re.sub("<[^>]*>", "", base64.b64decode(picture).decode())
    assert ("◇1" in texts, "kick ✕1" in texts) == (True, True)


def test_the_last_value_is_shown_as_ever(shop):
    """The cell itself is unchanged."""
    assert shop.run(SEND).result.outcome == "moved"


def test_the_text_says_it_in_a_line(shop):
    """For terminals."""
    shop.run(SEND)
    assert shop.shown[-1]["text/plain"].startswith("1 step (1 moved) in ")


def test_a_failing_cell_shows_its_steps_and_fails(shop):
    """Up to the error, and the error is the cell's."""
    shop.run(SEND + "\n1 / 0", fails=True)
    assert "1 step" in page_of(shop)


def test_an_engine_that_the_cell_makes_is_followed(shop):
    """The first cell of a notebook can be one."""
    shop.run(
        "%%flexiflow\nother = FlexiFlowEngine()\nnew = other.add('new', Submitted)\n"
        "await new.send('approve')"
    )
    assert "1 step (1 moved)" in page_of(shop)


def test_a_named_engine_is_followed_alone(shop):
    """Others may be busy."""
    shop.run("other = FlexiFlowEngine()\nnew = other.add('new', Submitted)")
    shop.run("%%flexiflow engine\nawait new.send('approve')")
    assert "0 steps" in page_of(shop)


def test_a_name_that_is_no_engine_is_an_error(shop):
    """With the nearest, and nothing in the cell is run."""
    shop.run("%%flexiflow engin\nran = True", fails=True)
    assert "Did you mean &#x27;engine&#x27;?" in page_of(shop)
    assert "ran" not in shop.shell.user_ns


def test_a_recording_goes_on_beside_it(shop):
    """It has the step too, once."""
    shop.run("rec = record(engine)")
    shop.run(SEND)
    assert "1 step" in page_of(shop)
    assert list(shop.run("rec.history.steps()").result["outcome"]) == ["moved"]
    shop.run("rec.close()")


def test_a_recording_may_begin_and_end_in_the_cell(shop):
    """Neither keeps the other from seeing all."""
    shop.run(
        "%%flexiflow\nwith record(engine) as rec:\n    await order.send('submit', total=1)\n"
        "await order.send('approve')"
    )
    assert "2 steps" in page_of(shop)
    assert list(shop.run("rec.history.steps()").result["message"]) == ["submit"]


def test_fields_that_a_recording_keeps_out_are_not_shown(shop):
    """In no part of the card."""
    shop.run(
        "%%flexiflow\nrec = record(engine, redact=['total'])\n"
        "await order.send('submit', total='very-secret')\nrec.close()"
    )
    assert "very-secret" not in page_of(shop)


def test_an_event_of_the_application_is_in_the_log(shop):
    """With what it says, though nothing is recorded."""
    shop.run(
        "from flexiflow import log_event\n"
        "class Quoting(State):\n"
        "    @on('quote')\n"
        "    def quote(self, message, component):\n"
        "        log_event('payment.quoted', amount=12)\n"
        "quoting = engine.add('quoting', Quoting)"
    )
    shop.run("%%flexiflow\nawait quoting.send('quote')")
    assert "payment.quoted" in page_of(shop)
    assert "amount" in page_of(shop)


def test_many_steps_are_counted_and_the_last_are_shown(shop):
    """What is kept does not grow, and what is left out is said."""
    shop.run("%%flexiflow\nfor n in range(300):\n    await order.send('nothing')")
    page = page_of(shop)
    assert "300 steps (◇ 300 refused)" in page
    assert "The last 20 of 300 steps" in page
    assert len(page) < 60_000


def test_hostile_names_stay_names(shop):
    """Markup in a component, a message or a value is shown as what it is."""
    bad = "<script>alert(1)</script>"
    shop.run(f"bad = {bad!r}\nevil = engine.add(bad, Draft, data={{'items': 1}})")
    shop.run("%%flexiflow\nawait evil.send('submit', total=bad)\nawait evil.send(bad)")
    assert "<script" not in page_of(shop)
    assert "&lt;script&gt;" in page_of(shop)


def test_a_cell_that_does_nothing_says_so(shop):
    """Rather than showing nothing."""
    shop.run("%%flexiflow\n1 + 1")
    assert "No component had a message" in page_of(shop)


def test_a_cell_can_be_run_again(shop):
    """Each time it shows its own steps alone."""
    shop.run("%%flexiflow\nawait order.send('nothing')")
    shop.run("%%flexiflow\nawait order.send('nothing')")
    assert "1 step " in page_of(shop)


def test_nothing_is_followed_after_the_cell(shop):
    """Neither the engines that are there nor those that come."""
    shop.run(SEND)
    assert (shop.shell.user_ns["engine"]._hooks.observer, engine_listeners) == (None, [])


def test_the_next_cell_shows_nothing(shop):
    """One cell means one."""
    shop.run(SEND)
    shop.run("_ = await order.send('approve')")
    assert shop.shown == []


def test_unloading_takes_the_transformer_away(notebook):
    """The shell is as it was."""
    notebook.run("%unload_ext flexiflow")
    assert transformed not in notebook.shell.input_transformers_cleanup


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%%flexiflow\nx", "get_ipython().run_line_magic('flexiflow', 'cell')\nx"),
        ("%%flexiflow a\nx", "get_ipython().run_line_magic('flexiflow', 'cell a')\nx"),
        ("%%flexiflow?\n", "%%flexiflow?\n"),
        ("%%flexiflows\nx", "%%flexiflows\nx"),
        ("x = '''\n%%flexiflow\n'''", "x = '''\n%%flexiflow\n'''"),
        ("", ""),
    ],
)
def test_only_the_first_line_is_replaced(cell, expected):
    """Line numbers stay, and so does everything that is not the magic."""
    assert expected == "".join(transformed(cell.splitlines(keepends=True)))
