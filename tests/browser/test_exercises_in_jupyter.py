"""Exercises in a real JupyterLab."""

from __future__ import annotations

import pytest
from jupyter_page import THEMES

LESSON = """
from flexiflow.lessons import lesson, predict
from flexiflow.lessons.machines.first_machine import gate
exercises = lesson("01", student="ana", seed=1)
"""
SHOW = "exercises[1]"
PRESENT = 'predict(gate.start, ["push", "coin"], present=True)'


def widget(page, **facts):
    selector = "".join(f'[data-ff-{name}="{value}"]' for name, value in facts.items())
    return page.locator(f".ff-widget{selector}")


async def test_a_prediction_by_button(lab):
    """The reply comes, and the next question; the static form is hidden."""
    await lab.run("predict.ipynb", LESSON, SHOW)
    await widget(lab.page, question=1).wait_for()
    assert not await lab.page.locator("[data-flexiflow-picture]").is_visible()
    await (
        lab.page.get_by_role("button", name="Locked", exact=True)
        .and_(lab.page.locator("button[data-choice]"))
        .click()
    )
    await widget(lab.page, question=2, reply="right").wait_for()
    assert "was refused" in await lab.page.locator(".ff-reply").inner_text()


async def test_an_answer_in_a_cell_shows_in_the_view(lab):
    """Both are the same exercise."""
    await lab.run("cell.ipynb", LESSON, SHOW)
    await widget(lab.page, question=1).wait_for()
    await lab.execute("exercises[1].answer('Open')")
    await widget(lab.page, question=2, reply="wrong").wait_for()


async def test_before_a_class_one_key_goes_on(lab):
    """In 18 px; a digit answers."""
    await lab.run("present.ipynb", LESSON, PRESENT)
    view = widget(lab.page, question=1)
    await view.click(position={"x": 5, "y": 5})
    await lab.page.keyboard.press("ArrowRight")
    await widget(lab.page, question=2, reply="solution").wait_for()
    await lab.page.keyboard.press("2")
    await widget(lab.page, question="none").wait_for()
    size = await lab.page.locator(".ff-asks").first.evaluate("e => getComputedStyle(e).fontSize")
    assert size == "18px"


async def test_before_a_class_what_is_said_is_in_sight(lab):
    """It stands below code and picture, and nobody wants to scroll."""
    await lab.run("sight.ipynb", LESSON, PRESENT)
    await widget(lab.page, question=1).click(position={"x": 5, "y": 5})
    await lab.page.keyboard.press("ArrowRight")
    await widget(lab.page, question=2, reply="solution").wait_for()
    box = await lab.page.locator(".ff-reply").bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= lab.page.viewport_size["height"]


_STANDS = """(beside) => {
  const [code, asks] = [".ff-code", ".ff-asks"].map((each) =>
    document.querySelector(each).getBoundingClientRect());
  return asks.width > 0 && (asks.x > code.right) === beside && asks.y > code.y;
}"""


async def test_the_question_stands_beside_its_code(lab):
    """Where there is room; else below it."""
    before = lab.page.viewport_size
    await lab.run("beside.ipynb", LESSON, SHOW)
    await widget(lab.page, question=1).wait_for()
    for width, is_beside in ((1000, False), (1800, True)):
        await lab.page.set_viewport_size(before | {"width": width})
        # JupyterLab lays its panels out again a while after the window has its size.
        await lab.page.wait_for_function(_STANDS, arg=is_beside)
    await lab.page.set_viewport_size(before)


@pytest.mark.parametrize("theme", THEMES)
async def test_it_is_accessible(lab, theme):
    """Nothing serious, in light and dark, with a reply that has code."""
    await lab.theme(theme)
    await lab.run("axe.ipynb", LESSON, "exercises[1].answer('Open')\nexercises[1]")
    await widget(lab.page, reply="wrong").wait_for()
    assert await lab.violations() == []
