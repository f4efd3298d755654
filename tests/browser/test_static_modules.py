"""The shared modules, each on a page of its own."""

from __future__ import annotations

import json

import pytest

from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.render import to_svg

TABLE = """
import { RowTable } from "./table.js";
export default function show(place) {
  place.className = "ff-widget";
  const table = new RowTable({
    label: "Numbers", columns: ["number"],
    cells: (index) => [`row ${index}`],
    onSelect: (index) => { place.dataset.chosen = index; table.select(index); },
    onMove: (index) => { place.dataset.moved = index; },
  });
  place.append(table.element);
  table.show(1_000_000);
  window.table = table;
}
"""
HOSTILE = '<img src=x onerror=alert(1)>"\u202e'
GRAPH = Graph(
    "g",
    (StateNode("A"), StateNode("B"), StateNode(HOSTILE)),
    (
        Edge("A", "B", "go"),
        Edge("B", "A", "back", error="PaymentError"),
        Edge("B", HOSTILE, "end"),
        *(Edge("A", "A", f"stay{n}") for n in range(3)),
    ),
    start="A",
)


def pane(graph: Graph) -> str:
    """A module that shows a graph, and notes what is selected and visited."""
    return f"""
import {{ GraphPane }} from "./graph.js";
export default function show(place) {{
  place.className = "ff-widget";
  place.style.setProperty("--ff-height", "560px");
  const pane = new GraphPane({{
    label: "Machine",
    onSelect: (element) => {{ place.dataset.chosen = JSON.stringify(element); }},
    onVisit: (element) => {{ place.dataset.visited = JSON.stringify(element); }},
  }});
  place.append(pane.tools, pane.element);
  pane.show({json.dumps(to_svg(graph))}, "in words");
  window.pane = pane;
}}
"""


async def chosen(tab, name="chosen"):
    return json.loads(await tab.page.locator("main").get_attribute(f"data-{name}"))


async def test_a_million_rows_are_few_in_the_page(tab):
    """And the last one can be reached and chosen by keyboard."""
    await tab.show(TABLE)
    await tab.page.locator("tr[data-row='0']").focus()
    await tab.page.keyboard.press("End")
    await tab.page.keyboard.press("Enter")
    assert await chosen(tab) == 999_999
    assert await tab.page.locator("tbody tr").count() <= 500
    assert await tab.page.locator("tr[data-row='999999']").is_visible()


async def test_rows_are_walked_through_by_arrows_and_pages(tab):
    """The focus goes along, and so does what can be seen."""
    await tab.show(TABLE)
    await tab.page.locator("tr[data-row='0']").focus()
    for key in ("ArrowDown", "ArrowDown", "PageDown", "ArrowUp"):
        await tab.page.keyboard.press(key)
    moved = await chosen(tab, "moved")
    focused = await tab.page.evaluate("document.activeElement.dataset.row")
    assert (moved > 2, focused) == (True, str(moved))


async def test_a_table_that_grows_keeps_the_focus(tab):
    """A live table must not throw a reader out."""
    await tab.show(TABLE)
    await tab.page.locator("tr[data-row='3']").click()
    await tab.page.locator("tr[data-row='3']").focus()
    await tab.page.evaluate("window.table.show(1000001)")
    assert await tab.page.evaluate("document.activeElement.dataset.row") == "3"


async def test_every_state_and_transition_is_reached_by_arrows(tab):
    """Each state is followed by what leads away from it; rows of one line are apart."""
    await tab.show(pane(GRAPH))
    await tab.page.locator(".ff-node").first.focus()
    await tab.page.keyboard.press("Home")
    names = []
    for _ in range(9):
        names.append(
            await tab.page.evaluate(
                "(({ state, message }) => state ?? message)(document.activeElement.dataset)"
            )
        )
        await tab.page.keyboard.press("ArrowRight")
    expected = ["A", "go", "stay0", "stay1", "stay2", "B", "back", "end", HOSTILE]
    assert names == expected


async def test_only_one_element_is_in_the_order_of_tabs(tab):
    """A machine with a hundred states takes one stop, not a hundred."""
    await tab.show(pane(GRAPH))
    assert await tab.page.locator('svg [tabindex="0"]').count() == 1


async def test_a_second_enter_visits(tab):
    """The first one selects."""
    await tab.show(pane(GRAPH))
    await tab.page.locator(".ff-node").first.focus()
    await tab.page.keyboard.press("Enter")
    await tab.page.keyboard.press("Enter")
    assert (await chosen(tab), await chosen(tab, "visited")) == ({"state": "A"}, {"state": "A"})


async def test_one_transition_of_several_on_a_line_is_selected_alone(tab):
    """Each has its row."""
    await tab.show(pane(GRAPH))
    await tab.page.locator('.ff-row[data-message="stay1"] .ff-label').click()
    assert (await chosen(tab))["message"] == "stay1"
    assert await tab.page.locator(".ff-selected").count() == 1


async def test_marks_are_classes_and_move_nothing(tab):
    """Only classes differ before and after."""
    await tab.show(pane(GRAPH))
    places = "[...document.querySelectorAll('svg *')].map((e) => JSON.stringify(e.getBBox?.()))"
    before = await tab.page.evaluate(places)
    await tab.page.evaluate(
        "window.pane.mark({ current: 'B', visited: ['A'], taken: [0], trail: [0], failed: [1] })"
    )
    edges = tab.page.locator(".ff-edge:not(:has(.ff-row))")
    classes = await edges.evaluate_all("all => all.map((each) => each.getAttribute('class'))")
    assert await tab.page.evaluate(places) == before
    assert [each.split()[1:] for each in classes] == [
        ["ff-taken", "ff-trail", "ff-newest"],
        ["ff-failure", "ff-failed"],
        [],
    ]


async def test_the_wheel_zooms_with_control_only(tab):
    """Without it the page scrolls as ever."""
    await tab.show(pane(GRAPH))
    box = await tab.page.locator(".ff-canvas").bounding_box()
    await tab.page.mouse.move(box["x"] + 60, box["y"] + 60)
    view = "document.querySelector('svg').getAttribute('viewBox')"
    fitted = await tab.page.evaluate(view)
    await tab.page.mouse.wheel(0, -100)
    plain = await tab.page.evaluate(view)
    await tab.page.keyboard.down("Control")
    await tab.page.mouse.wheel(0, -100)
    await tab.page.keyboard.up("Control")
    await tab.page.wait_for_function(f"{view} !== '{fitted}'")
    await tab.page.get_by_role("button", name="Fit").click()
    assert (plain, await tab.page.evaluate(view)) == (fitted, fitted)


async def test_a_drag_moves_the_picture_and_selects_nothing(tab):
    """Also where it begins on a state."""
    await tab.show(pane(GRAPH))
    before = await tab.page.evaluate("({ ...window.pane.view })")
    await tab.page.locator(".ff-node").first.hover()
    await tab.page.mouse.down()
    await tab.page.mouse.move(400, 300, steps=4)
    await tab.page.mouse.up()
    after = await tab.page.evaluate("({ ...window.pane.view })")
    assert await tab.page.locator("main").get_attribute("data-chosen") is None
    assert (before["width"], before["x"] != after["x"]) == (after["width"], True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_in_the_pane(browser_tab, scheme):
    """In either scheme, with hostile names."""
    tab = await browser_tab(color_scheme=scheme)
    await tab.show(pane(GRAPH))
    assert await tab.violations("main") == []


async def test_a_text_that_is_no_svg_leaves_the_words(tab):
    """A picture that can't be drawn is not a blank pane."""
    await tab.show(pane(GRAPH))
    await tab.page.evaluate("window.pane.show('', 'only words')")
    assert await tab.page.locator(".ff-canvas").inner_text() == "only words"


async def test_another_picture_of_the_same_size_leaves_zoom_and_focus(tab):
    """A live picture must not jump under somebody's hand."""
    await tab.show(pane(GRAPH))
    await tab.page.locator(".ff-node").first.focus()
    await tab.page.keyboard.press("End")
    await tab.page.keyboard.press("+")
    view = "document.querySelector('svg').getAttribute('viewBox')"
    before = await tab.page.evaluate(view)
    await tab.page.evaluate(f"window.pane.show({json.dumps(to_svg(GRAPH))}, 'words')")
    assert await tab.page.evaluate("document.activeElement.dataset.state") == HOSTILE
    assert (
        await tab.page.evaluate("document.querySelector('svg').getAttribute('viewBox')") == before
    )
