"""The machine view in a real JupyterLab."""

from __future__ import annotations

import pytest
from jupyter_page import THEMES

from flexiflow import FlexiFlowEngine, watch

MACHINE = """
import asyncio
from flexiflow import FlexiFlowEngine, State, guard, on, watch
from ipywidgets import HBox, Label

@guard
def has_items(message, order):
    return order.data.get("items", 0) > 0

class Draft(State):
    @on("submit", to="Submitted", guard=has_items)
    async def submit(self, message, order):
        pass

class Submitted(State):
    @on("pay", to="Paid")
    async def pay(self, message, order):
        if message.get("card") == "declined":
            raise ValueError("card declined")
    @on("revise", to="Draft")
    async def revise(self, message, order):
        pass

class Paid(State, final=True):
    pass

engine = FlexiFlowEngine()
order = engine.add("order-1042", Draft, data={"items": 1})
"""
WATCH = "view = watch(order)\nview"
# What Python learns is shown by a stock widget.
ECHO = """
echo = Label("nothing")
view.observe(lambda change: setattr(echo, "value", repr(change["new"])), "selection")
echo
"""


def node(page, name):
    return page.locator(f'.ff-widget .ff-node[data-state="{name}"]')


def message(page, name):
    return page.locator(f'.ff-widget button[data-message="{name}"]')


async def test_the_view_appears_and_hides_its_static_picture(lab):
    """The picture is there for readers without a kernel, and only for them."""
    await lab.run("appears.ipynb", MACHINE, WATCH)
    await lab.state("Draft")
    assert await lab.page.locator("[data-flexiflow-picture]").count() == 1
    assert not await lab.page.locator("[data-flexiflow-picture]").is_visible()
    assert await lab.page.locator(".ff-widget svg .ff-node").count() == 3


async def test_clicks_on_a_state_and_on_a_transition_reach_python(lab):
    """The selection is a plain dict in Python."""
    await lab.run("clicks.ipynb", MACHINE, WATCH, ECHO)
    await node(lab.page, "Submitted").click()
    await lab.page.get_by_text("{'state': 'Submitted'}", exact=True).wait_for()
    await lab.page.locator('.ff-widget .ff-edge[data-message="pay"] .ff-label').click()
    await lab.page.get_by_text("'message': 'pay'").wait_for()


async def test_a_message_by_button_moves_the_highlight(lab):
    """Nothing is drawn anew: the same element gets the class."""
    await lab.run("button.ipynb", MACHINE, WATCH)
    await message(lab.page, "submit").click()
    await lab.state("Submitted")
    assert "ff-current" in await node(lab.page, "Submitted").get_attribute("class")
    assert "ff-current" not in await node(lab.page, "Draft").get_attribute("class")
    await lab.page.locator('.ff-answer[data-kind="moved"]').wait_for()


async def test_a_refused_message_explains_itself(lab):
    """A guard that says no is shown with the values that it read."""
    await lab.run("refused.ipynb", MACHINE, "order.data['items'] = 0", WATCH)
    submit = message(lab.page, "submit")
    assert await submit.get_attribute("aria-disabled") == "true"
    await submit.click(force=True)  # it may be pressed: that is how it explains itself
    assert "✗ has_items  (data.items=0)" in await lab.page.locator(".ff-answer").inner_text()


async def test_a_failed_message_shows_its_error(lab):
    """The error of a handler is the answer to the person who sent the message."""
    await lab.run("failed.ipynb", MACHINE, "await order.send('submit')", WATCH)
    await lab.page.get_by_label("Message", exact=True).fill("pay")
    await lab.page.get_by_label("Fields as JSON").fill('{"card": "declined"}')
    await lab.page.get_by_role("button", name="Send", exact=True).click()
    await lab.page.locator('.ff-answer[data-kind="failed"]').wait_for()
    assert await lab.page.locator(".ff-answer").inner_text() == "ValueError: card declined"
    assert "✕ failed" in await lab.page.locator(".ff-table tbody").inner_text()


async def test_fields_that_are_no_json_are_not_sent(lab):
    """What is wrong is said beside the box."""
    await lab.run("json.ipynb", MACHINE, WATCH)
    await lab.page.get_by_label("Message", exact=True).fill("submit")
    await lab.page.get_by_label("Fields as JSON").fill("{total: 1}")
    await lab.page.get_by_role("button", name="Send", exact=True).click()
    assert "The fields are no JSON" in await lab.page.locator(".ff-answer").inner_text()
    assert await lab.page.locator(".ff-widget").get_attribute("data-ff-count") == "0 steps"


async def test_a_running_component_is_followed(lab):
    """A task in the background moves the view; 2,000 steps arrive as one number."""
    task = """
async def work():
    for _ in range(1000):
        await order.send("submit"); await order.send("revise")
        await asyncio.sleep(0)
task = asyncio.create_task(work())
"""
    await lab.run("live.ipynb", MACHINE, WATCH, task)
    await lab.page.locator('.ff-widget[data-ff-count="2,000 steps"]').wait_for()
    assert await lab.page.locator(".ff-table tbody tr[data-row]").count() == 20


async def test_two_views_on_a_page_do_not_disturb_each_other(lab):
    """Each has its own highlight and its own selection, also inside a user's HBox."""
    other = "other = engine.add('order-2', Draft, data={'items': 1})"
    await lab.run("two.ipynb", MACHINE, other, "HBox([watch(order), watch(other)])")
    await lab.state("Draft", 1)
    await message(lab.page, "submit").nth(1).click()
    await lab.state("Submitted", 1)
    await lab.state("Draft", 0)
    await node(lab.page, "Paid").nth(0).click()
    assert await lab.page.locator(".ff-selected").count() == 1


async def test_restart_and_reload_leave_the_picture(lab):
    """Without a kernel the static picture is what a reader sees."""
    await lab.run("restart.ipynb", MACHINE, WATCH)
    await lab.state("Draft")
    await lab.reopen_without_widgets("restart.ipynb")
    await lab.page.locator("[data-flexiflow-picture] img").wait_for()
    assert await lab.page.locator(".ff-widget").count() == 0


async def test_everything_is_done_by_keyboard(lab):
    """Walk to a state, select it, leave it, and send a message, with keys alone."""
    await lab.run("keys.ipynb", MACHINE, WATCH, ECHO)
    await lab.state("Draft")
    await node(lab.page, "Draft").focus()
    await lab.page.keyboard.press("ArrowRight")
    await lab.page.keyboard.press("Enter")
    await lab.page.get_by_text("'message': 'submit'").wait_for()
    await lab.page.keyboard.press("Escape")
    await lab.page.get_by_text("{}", exact=True).wait_for()
    await message(lab.page, "submit").focus()
    await lab.page.keyboard.press("Enter")
    await lab.state("Submitted")


@pytest.mark.parametrize("theme", THEMES)
async def test_axe_finds_nothing_serious(lab, theme):
    """Names, roles and contrasts, in light and in dark."""
    await lab.run("axe.ipynb", MACHINE, "await order.send('submit')", WATCH)
    await lab.theme(theme)
    await message(lab.page, "revise").click()
    await lab.state("Draft")
    assert await lab.violations() == []


async def test_the_theme_is_followed_live(lab):
    """Colours change with the page, without a new picture."""
    await lab.run("theme.ipynb", MACHINE, WATCH)
    colours = []
    for theme in THEMES:
        await lab.theme(theme)
        colours.append(
            await lab.page.locator(".ff-widget").evaluate(
                "each => getComputedStyle(each).backgroundColor"
            )
        )
    await lab.theme(THEMES[0])
    assert colours[0] != colours[1]


async def test_the_offline_file_shows_the_machine_and_asks_for_nothing(tab, tmp_path):
    """The page's own policy allows no request; what needs Python is absent."""
    order = FlexiFlowEngine().add("</script><b>order", "InitialState")
    file = watch(order).save_html(tmp_path / "order.html")
    await tab.page.goto(file.as_uri())
    await tab.page.locator('.ff-widget[data-ff-state="InitialState"]').wait_for()
    assert await tab.page.locator(".ff-title").inner_text() == "</script><b>order"
    await tab.page.locator('.ff-node[data-state="ErrorHandling"]').click()
    assert await tab.page.locator(".ff-chip").text_content() == "state = ErrorHandling×"
    assert await tab.page.get_by_role("button", name="Send").count() == 0
    assert await tab.violations("body") == []


async def test_a_database_of_another_process_is_followed(lab):
    """What is committed there moves the view here; its messages explain why they can't be sent."""
    recorded = """
from flexiflow import record
recording = record(engine, "followed.db")
await order.send("submit")
await recording.flush()
watch("followed.db", "order-1042")
"""
    await lab.run("file.ipynb", MACHINE, recorded)
    await lab.state("Submitted")
    await lab.execute('await order.send("pay")\nawait recording.flush()')
    await lab.state("Paid")
    assert await lab.page.get_by_role("button", name="Send").count() == 0


async def test_an_engine_shows_the_component_that_is_chosen(lab):
    """By a list that a screen reader knows."""
    await lab.run("engine.ipynb", MACHINE, "engine.add('order-2', Paid)\nwatch(engine)")
    await lab.page.get_by_label("Component", exact=True).select_option("order-2")
    await lab.state("Paid")


async def test_interact_shows_a_view_each_time(lab):
    """A user's own controls and a view go together."""
    cell = """
from ipywidgets import interact
engine.add("order-2", Paid)
@interact(name=["order-1042", "order-2"])
def show(name):
    return watch(engine, name)
"""
    await lab.run("interact.ipynb", MACHINE, cell)
    await lab.state("Draft")
    await lab.page.get_by_label("name", exact=True).select_option("order-2")
    await lab.state("Paid")


async def test_an_untrusted_notebook_shows_the_picture(lab):
    """JupyterLab strips scripts and inline SVG from it; an image it shows."""
    order = FlexiFlowEngine().add("order-1042", "InitialState")
    lab.write("untrusted.ipynb", "watch(order)", outputs=[watch(order)._static_bundle()])
    await lab.open_notebook("untrusted.ipynb")
    image = lab.page.get_by_alt_text("Machine of order-1042")
    await image.wait_for()
    assert await image.evaluate("each => each.complete && each.naturalWidth > 100")


async def test_a_press_survives_an_update(lab):
    """The button that was pressed is the one that is released, whatever came in between."""
    await lab.run("press.ipynb", MACHINE, WATCH)
    await message(lab.page, "submit").hover()
    await lab.page.mouse.down()
    await lab.execute("order.data['items'] = 2; view.refresh()")
    await lab.page.locator('.ff-widget button[title*="data.items=2"]').wait_for()
    await lab.page.mouse.up()
    await lab.state("Submitted")


async def test_newer_steps_wait_while_somebody_points_at_a_row(lab):
    """A row must not move away under the pointer."""
    await lab.run("hover.ipynb", MACHINE, WATCH, "await order.send('submit')")
    await lab.page.locator(".ff-table tr[data-row='0']").hover()
    await lab.execute("await order.send('revise')")
    await lab.page.get_by_text("Newer steps wait until you leave the list.").wait_for()
    assert await lab.page.locator(".ff-table tr[data-row]").count() == 1
    await lab.page.locator(".ff-title").hover()
    await lab.page.locator(".ff-table tr[data-row='1']").wait_for()


async def test_a_busy_kernel_is_said_to_be_waited_for(lab):
    """Soon, and the answer comes when it can."""
    await lab.run("busy.ipynb", MACHINE, WATCH)
    await lab.state("Draft")
    await lab.start_executing("import time; time.sleep(1.5)")
    await message(lab.page, "submit").click()
    await lab.page.locator('.ff-answer[data-kind="waiting"]').wait_for()
    await lab.page.locator('.ff-answer[data-kind="moved"]').wait_for()


async def test_names_with_markup_are_text(lab):
    """Of states, messages and components, in a page with scripts."""
    hostile = """
from flexiflow import AsyncComponent, StateMachine
bad = '<img src=x onerror="document.title=1">'
class Odd(State):
    @on(bad, to="Draft")
    async def odd(self, message, order):
        pass
watch(engine.add(bad, Odd))
"""
    await lab.run("hostile.ipynb", MACHINE, hostile)
    await lab.state("Odd")
    assert await lab.page.locator(".ff-widget img").count() == 0
    assert (await lab.page.locator(".ff-title").inner_text()).startswith("<img src=x")
