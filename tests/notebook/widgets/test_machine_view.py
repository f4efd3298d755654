"""The machine view without a browser."""

from __future__ import annotations

import asyncio

import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from watched_order import Draft, chain

from flexiflow import AsyncComponent, FlexiFlowEngine, State, StateMachine, on, record, watch
from flexiflow.errors import ComponentNotFound, InvalidType, InvalidValue, StateFileNotFound
from flexiflow.notebook.widgets.choosing import MOST_NAMES
from flexiflow.notebook.widgets.moment import MOST_OFFERS, STEP_ROWS


async def shown(view):
    """What the view shows, once it has caught up."""
    await asyncio.to_thread(lambda: None)
    view.refresh()
    return view.now


async def test_the_view_follows_a_component(order):
    """State, count and steps are those of the component."""
    view = watch(order)
    await order.send("submit")
    now = await shown(view)
    assert (now["state"], now["count"]) == ("Submitted", "1 step")
    assert now["steps"][0]["change"] == "Draft → Submitted"


async def test_a_component_without_an_engine_can_be_watched():
    """A view needs neither an engine nor a recording."""
    alone = AsyncComponent("alone", state_machine=StateMachine(Draft()))
    view = watch(alone)
    await alone.send("submit")
    assert (await shown(view))["steps"][0]["outcome"] == "refused"


async def test_ten_thousand_steps_are_few_updates_and_bounded_memory(order):
    """Updates are coalesced; what is kept of steps does not grow."""
    view = watch(order)
    before = len(view.comm.states())
    for _ in range(5_000):
        await order.send("submit")
        await order.send("revise")
    now = await shown(view)
    assert now["count"] == "10,000 steps"
    assert (len(view.rows()), len(now["steps"])) == (1_000, 20)
    assert len(view.comm.states()) - before < 200


async def test_offers_say_what_is_taken_now_and_why_not(order):
    """With the values that the guards read."""
    order.data["items"] = 0
    offers = {each["type"]: each for each in watch(order).now["offers"]}
    assert {name: each["answer"] for name, each in offers.items()} == {
        "submit": False,
        "pay": False,
        "revise": False,
    }
    assert "✗ has_items  (data.items=0)" in offers["submit"]["why"]
    assert "Draft does not take 'pay', only submit" in offers["pay"]["why"]


async def test_classic_states_offer_what_their_code_takes():
    """Nothing that their code does not name is offered."""

    class Waiting(State):
        async def handle_message(self, message, component):
            if message["type"] == "go":
                return True, Draft()
            return False, self

    waiting = FlexiFlowEngine().add("waiting", Waiting)
    offers = {each["type"]: each["answer"] for each in watch(waiting).now["offers"]}
    assert (offers["go"], offers["submit"]) == (True, False)


async def test_a_message_from_the_browser_is_sent(order, from_browser):
    """And its step is the answer."""
    view = watch(order)
    await from_browser(view, do="send", id=1, type="submit", fields={})
    (answer,) = view.comm.customs()
    assert (answer["answers"], answer["kind"], order.state) == (1, "moved", "Submitted")


async def test_a_refused_message_from_the_browser_is_explained(order, from_browser):
    """The tree of guards comes with the refusal."""
    order.data["items"] = 0
    view = watch(order)
    await from_browser(view, do="send", id=2, type="submit", fields={})
    (answer,) = view.comm.customs()
    assert answer["kind"] == "refused"
    assert "✗ has_items  (data.items=0)" in answer["text"]


async def test_an_error_of_a_handler_is_the_answer(order, from_browser):
    """It reaches the person who sent, and the view goes on."""
    await order.send("submit")
    view = watch(order)
    await from_browser(view, do="send", id=3, type="pay", fields={"card": "declined"})
    (answer,) = view.comm.customs()
    assert (answer["kind"], answer["text"]) == ("failed", "ValueError: card declined")
    assert view.now["failed"] == [1]


class Unreadable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class Failing(State):
    @on("fail")
    async def fail(self, message, order):
        raise Unreadable


async def test_an_error_without_a_text_is_an_answer_too(engine, from_browser):
    """Who sent is not left waiting."""
    view = watch(engine.add("failing", Failing))
    await from_browser(view, do="send", id=4, type="fail", fields={})
    (answer,) = view.comm.customs()
    assert answer["text"] == "Unreadable: its text can't be read: RuntimeError"


@pytest.mark.parametrize(
    "content", ["text", {"do": "send", "type": 3}, {"do": "send", "type": "a", "fields": []}, {}]
)
async def test_a_message_that_makes_no_sense_is_left_alone(order, content):
    """A page can send anything."""
    view = watch(order)
    view._handle_custom_msg(content, [])
    assert view.comm.customs() == []


async def test_a_selection_chooses_rows(order):
    """Steps of one transition, or of one state."""
    view = watch(order)
    await order.send("submit")
    await order.send("revise")
    await order.send("submit")
    view.selection = {"source": "Draft", "target": "Submitted"}
    assert list(view.rows()["id"]) == [1, 3]
    view.selection = {"step": 2}
    assert list(view.rows()["message"]) == ["revise"]


async def test_rows_have_their_columns_without_any_row(order):
    """Names and dtypes are fixed."""
    rows = watch(order).rows()
    assert {name: str(dtype) for name, dtype in rows.dtypes.items()} == dict(STEP_ROWS)


@pytest.mark.parametrize("chosen", [{"state": "Drafd"}, {"stat": "Draft"}, {"step": 99}])
async def test_a_selection_that_is_not_there_is_refused(order, chosen):
    """With the nearest name where there is one."""
    view = watch(order)
    with pytest.raises(InvalidValue):
        view.selection = chosen


async def test_a_closed_view_leaves_the_component_alone(order):
    """Nothing is noted for it any more."""
    view = watch(order)
    view.close()
    assert order._watchers == ()


async def test_a_transition_that_nobody_declared_is_drawn_once_it_was_seen():
    """Code that can't be read may lead anywhere."""

    class Odd(State):
        async def handle_message(self, message, component):
            return True, component.state_machine.registry.create(message["to"])

    odd = FlexiFlowEngine().add("odd", Odd)
    odd.state_machine.registry.register("Draft", Draft)
    view = watch(odd)
    assert 'data-state="Draft"' not in view.svg
    await odd.send("go", to="Draft")
    await shown(view)
    assert 'data-state="Draft"' in view.svg


async def test_what_goes_wrong_in_a_view_is_shown_in_it(order, monkeypatch):
    """It neither breaks the machine nor hides."""
    view = watch(order)
    monkeypatch.setattr(order, "accepts", lambda: 1 / 0)
    view.refresh()
    assert view.problem == "This view can't go on: ZeroDivisionError: division by zero"


async def test_an_engine_is_watched_one_component_at_a_time(engine):
    """`component` chooses; a new component of the same name takes the place."""
    engine.add("order-2", Draft)
    view = watch(engine)
    view.component = "order-2"
    assert (view.now["component"], view.names) == (
        "order-2",
        [["order-1042", "Draft"], ["order-2", "Draft"]],
    )
    await engine.add("order-2", Draft, data={"items": 1}).send("submit")
    assert (await shown(view))["state"] == "Submitted"


async def test_a_long_list_of_components_says_what_it_leaves_out(engine):
    """The one that is shown is in it."""
    for number in range(MOST_NAMES):
        engine.add(f"o{number}", Draft)
    last = engine.add("last", Draft)
    view = watch(engine, "last")
    assert view.names[-1] == ["last", last.state]
    assert (len(view.names), view.names_left_out) == (MOST_NAMES, 2)


async def test_many_messages_are_cut_and_counted(engine):
    """The box sends those that have no button."""
    messages = {f"m{n}": on(f"m{n}")(lambda self, message, c: None) for n in range(MOST_OFFERS)}
    wide = type("Wide", (State,), messages)
    view = watch(engine.add("wide", wide))
    assert (len(view.now["offers"]), view.now["more"]) == (MOST_OFFERS, "")
    wider = type("Wider", (wide,), {"x": on("x")(lambda self, message, c: None)})
    view = watch(engine.add("wider", wider))
    assert (len(view.now["offers"]), view.now["more"]) == (MOST_OFFERS, "1 more message type")


async def test_a_file_of_another_process_is_followed(engine, order, tmp_path):
    """What is committed there shows here, and nothing is written."""
    recording = record(engine, tmp_path / "state.db")
    await order.send("submit")
    await recording.flush()
    view = watch(tmp_path / "state.db", "order-1042")
    assert (view.now["state"], view.now["count"], view.can_send) == ("Submitted", "1 step", False)
    paid = asyncio.Event()
    view.observe(lambda change: change.new["state"] == "Paid" and paid.set(), "now")
    await order.send("pay")
    await recording.flush()
    await paid.wait()
    assert view.now["count"] == "2 steps"
    view.close()
    recording.close()


async def test_a_view_of_a_file_sends_nothing(engine, order, tmp_path, from_browser):
    """And says where the component lives."""
    with record(engine, tmp_path / "state.db"):
        await order.send("submit")
    view = watch(tmp_path / "state.db")
    for task in view._tasks:
        task.cancel()
    view._tasks.clear()
    await from_browser(view, do="send", id=1, type="pay", fields={})
    (answer,) = view.comm.customs()
    assert answer["text"].startswith("'pay' can't be sent: this view follows a file.")
    view.close()


@pytest.mark.parametrize(
    ("what", "name", "error"),
    [
        (3, None, InvalidType),
        (FlexiFlowEngine(), None, InvalidValue),
        ("gone.db", "a", StateFileNotFound),
        (FlexiFlowEngine(components={"a": AsyncComponent("a")}), "b", ComponentNotFound),
        (AsyncComponent("a"), "b", InvalidValue),
    ],
)
def test_what_cannot_be_watched_is_an_error(what, name, error):
    """One that says what can be."""
    with pytest.raises(error):
        watch(what, name)


async def test_the_static_picture_shows_where_the_machine_is(order):
    """As an image, which also untrusted notebooks show, with its text."""
    html = watch(order).static_html()
    assert "<strong>order-1042</strong> is in Draft" in html
    assert '<img alt="Machine of order-1042; described below" src="data:image/svg+xml' in html


async def test_hostile_names_are_text(order):
    """In the static picture as in the data of the offline file."""
    order.name = "<script>alert(1)</script>"
    assert "<script>" not in watch(order).static_html()


async def test_a_large_machine_is_drawn_anew_when_it_leaves_what_is_drawn():
    """More than 60 states are cut to what is around the current one."""
    large = FlexiFlowEngine().add("large", chain(200))
    view = watch(large)
    before = view.svg
    for _ in range(100):
        await large.send("go")
    assert 'data-state="S100"' not in before
    await shown(view)
    assert 'data-state="S100"' in view.svg
    assert "of 200 states" in view.svg


async def test_a_step_within_what_is_drawn_sends_no_picture(order):
    """A highlight is a few hundred bytes."""
    view = watch(order)
    already = len(view.comm.states())
    await order.send("submit")
    view.refresh()
    assert {name for state in view.comm.states()[already:] for name in state} == {"now"}


async def test_nbconvert_without_a_network_shows_the_picture(order):
    """The default page asks others for its scripts; the picture is in it as data."""
    notebook = new_notebook(cells=[new_code_cell("watch(order)")])
    bundle, _ = watch(order)._repr_mimebundle_()
    static = watch(order)._static_bundle()
    notebook.cells[0].outputs = [
        new_output("display_data", data=static),
        new_output("display_data", data=bundle),
    ]
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert 'alt="Machine of order-1042; described below" src="data:image/svg+xml;base64,' in page


async def test_hidden_values_stay_out_of_everything_that_is_sent(engine, order, from_browser):
    """Errors too: a view may be on a shared screen, and its file in a bug report."""
    await order.send("submit")
    with record(engine, redact=["card"]):
        view = watch(order)
        fields = {"card": "4111111111111111", "quote": True}
        await from_browser(view, do="send", id=1, type="pay", fields=fields)
    assert view.comm.customs()[0]["text"] == "ValueError: no such card: <redacted>"
    assert "4111111111111111" not in str(view.comm.sent)


async def test_hidden_values_stay_out_of_what_went_wrong(engine, order, monkeypatch):
    """The error of a view may quote them."""
    monkeypatch.setattr(order, "accepts", lambda: int("card=4111111111111111"))
    with record(engine, redact=["card"]):
        view = watch(order)
    assert "card=<redacted>" in view.problem
