"""The history explorer as one file, opened without a network and without a kernel."""

from __future__ import annotations

import pytest
import pytest_asyncio
from recorded_orders import RECORD

from flexiflow import FlexiFlowEngine, open_history, record

ROOT = ".ff-explorer"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def history(tmp_path_factory):
    """What two orders did."""
    names: dict = {}
    exec(RECORD, names)
    path = tmp_path_factory.mktemp("orders") / "state.db"
    await names["record_orders"](path)
    return open_history(path)


@pytest.fixture(scope="module")
def outcomes(history):
    """The outcome of each entry: the first is a snapshot, the others are steps."""
    return ["saved", *history.steps("order-2")["outcome"]]


@pytest_asyncio.fixture(loop_scope="session")
async def opened(history, tab, tmp_path):
    """The file of order-2, in a page."""
    await open_file(tab.page, history.explore("order-2"), tmp_path)
    return tab.page


async def open_file(page, view, folder):
    file = view.save_html(folder / "explorer.html")
    await page.goto(file.as_uri())
    await page.locator(f"{ROOT}[data-ff-ready], {ROOT}[data-ff-empty=true]").first.wait_for()


async def cursor(page) -> int:
    return int(await page.locator(ROOT).get_attribute("data-ff-cursor"))


async def press(page, *keys) -> int:
    """Press keys, the focus being on the whole, and say where the cursor is then."""
    await page.locator(ROOT).focus()
    for key in keys:
        await page.keyboard.press(key)
    return await cursor(page)


async def selected_step(page) -> str:
    return await page.locator(".ff-lists tr[aria-selected=true] td").first.inner_text()


async def test_arrows_home_and_end_move_through_all_entries(opened, outcomes):
    """One by one, and no farther than the ends."""
    last = len(outcomes) - 1
    assert await press(opened, "End") == last
    assert await press(opened, "ArrowRight") == last
    assert await press(opened, "Home") == 0
    assert await press(opened, "ArrowLeft") == 0
    assert [await press(opened, "ArrowRight") for _ in range(last)] == list(range(1, last + 1))


async def test_e_and_r_go_to_failures_and_refusals(opened, outcomes):
    """Upper case goes back; where there is none it is said, and the cursor stays."""
    failed, refused = outcomes.index("failed"), outcomes.index("refused")
    assert await press(opened, "Home", "e") == failed
    assert await press(opened, "e") == failed
    await opened.get_by_text("No later failure.").first.wait_for()
    assert await press(opened, "End", "E") == failed
    assert await press(opened, "Home", "r") == refused
    assert await press(opened, "End", "R") == max(
        at for at, outcome in enumerate(outcomes) if outcome == "refused"
    )


async def test_space_plays_and_pauses(opened, outcomes):
    """It stops by itself at the end."""
    await opened.get_by_label("Speed").select_option("20")
    await press(opened, "Home", "Space")
    await opened.locator(f'{ROOT}[data-ff-cursor="{len(outcomes) - 1}"]').wait_for()
    await opened.locator(f'{ROOT}[data-ff-playing="false"]').wait_for()
    await opened.get_by_label("Speed").select_option("0.5")
    await press(opened, "Home", "Space")
    assert await opened.locator(ROOT).get_attribute("data-ff-playing") == "true"
    await press(opened, "Space")
    assert await opened.locator(ROOT).get_attribute("data-ff-playing") == "false"


async def test_dragging_the_slider_moves_all_panes(opened, history):
    """Graph, step, list and counter say the same."""
    steps = history.steps("order-2")
    for at in (3, 1, 5):
        await opened.locator(".ff-slider").fill(str(at))
        step = steps.iloc[at - 1]
        current = await opened.locator(".ff-current").get_attribute("data-state")
        assert current == step["to_state"]
        assert f"#{step['id']} " in await opened.locator(".ff-steptitle").inner_text()
        assert await selected_step(opened) == str(step["id"])
        assert await opened.locator(".ff-count").inner_text() == f"{at + 1} / {len(steps) + 1}"


async def test_changes_lead_to_the_step_that_set_the_old_value(opened, history):
    """The margin's arrow is what `blame` says."""
    blamed = history.blame("order-2", "total")
    older, newer = blamed.iloc[-2], blamed.iloc[-1]
    row = list(history.steps("order-2")["id"]).index(newer["step_id"]) + 1
    await opened.locator(".ff-slider").fill(str(row))
    field = opened.locator(".ff-field", has_text="total")
    assert f"{newer['old']} → {newer['new']}" in await field.inner_text()
    await field.locator(".ff-blame").click()
    assert f"#{older['step_id']} " in await opened.locator(".ff-steptitle").inner_text()


async def test_all_fields_are_those_of_the_moment(opened, history):
    """As the snapshot has them."""
    await opened.get_by_role("tab", name="All", exact=True).click()
    await press(opened, "End")
    data = history.snapshots("order-2", explode=True).iloc[-1]
    shown = await opened.locator(".ff-detail:visible .ff-field").all_inner_texts()
    assert [each.split("\n")[:2] for each in shown] == [
        [name, str(data[f"metadata.{name}"])] for name in ("items", "total", "paid")
    ]


async def test_guards_and_errors_are_shown(opened):
    """With the values that were read."""
    await press(opened, "Home", "r")  # opens them
    assert (await opened.locator(".ff-guards").inner_text()).split() == [
        "✗", "has_items", "data.items", "=", "0",
    ]  # fmt: skip
    await press(opened, "e")
    await opened.get_by_role("tab", name="Error").click()
    assert "ValueError: card declined" in await opened.locator(".ff-detail:visible").inner_text()


async def test_trouble_opens_what_explains_it_and_the_next_step_what_was_open(opened):
    """A failure its error, a refusal its guards. What a person chose stands again after it."""
    tabs = opened.get_by_role("tablist", name="About the step")
    await tabs.get_by_role("tab", name="All").click()
    await press(opened, "Home", "r")
    shown = tabs.locator("[aria-selected=true]")
    assert await shown.inner_text() == "Guards ●"
    await press(opened, "ArrowRight")
    assert await shown.inner_text() == "All"
    await press(opened, "e")
    assert await shown.inner_text() == "Error ✕"
    await press(opened, "ArrowRight")
    assert await shown.inner_text() == "All"


@pytest.mark.parametrize("width", [520, 600, 760, 850, 1100])
@pytest.mark.parametrize("longer", [0, 30])
async def test_the_zoom_stands_beside_the_title(history, browser_tab, tmp_path, width, longer):
    """A long headline wraps, and not the buttons after it."""
    page = (await browser_tab()).page
    await page.set_viewport_size({"width": width, "height": 900})
    await open_file(page, history.explore("order-1"), tmp_path)
    await page.locator(".ff-headline").evaluate(f"each => each.append(' longer'.repeat({longer}))")
    title = await page.locator(".ff-title").bounding_box()
    zoom = await page.get_by_role("button", name="Zoom in").bounding_box()
    assert zoom["y"] < title["y"] + title["height"]


async def test_a_click_in_the_graph_filters_and_esc_takes_it_away(opened, history):
    """The cursor stays; lists and chip follow."""
    before = await press(opened, "End")
    await opened.locator('.ff-node[data-state="Paying"]').click()
    await opened.get_by_text("state=Paying").wait_for()
    steps = history.steps("order-2")
    paying = ((steps["from_state"] == "Paying") | (steps["to_state"] == "Paying")).sum()
    await opened.get_by_role("tab", name=f"Steps {paying}").wait_for()
    assert await cursor(opened) == before
    await press(opened, "Escape")
    await opened.get_by_role("tab", name=f"Steps {len(steps)}").wait_for()
    assert await opened.locator(".ff-chip").count() == 0


async def test_enter_on_a_state_goes_from_visit_to_visit(opened, outcomes):
    """The first Enter selects it."""
    await press(opened, "Home")
    await opened.locator('.ff-node[data-state="Paid"]').focus()
    visits = []
    for _ in range(3):
        await opened.keyboard.press("Enter")
        visits.append(await cursor(opened))
    assert visits[0] == 0
    assert 0 < visits[1] < visits[2]


async def test_a_log_line_and_a_snapshot_lead_to_their_step(opened):
    """And the graph follows."""
    await press(opened, "Home")
    await opened.get_by_role("tab", name="Log").click()
    await opened.locator(".ff-lists tr:visible", has_text="message.refused").first.click()
    assert "◇ refused" in await opened.locator(".ff-steptitle").inner_text()
    assert await opened.locator(".ff-current").get_attribute("data-state") == "Draft"
    await opened.get_by_role("tab", name="Snapshots").click()
    await opened.locator(".ff-lists:visible tr[data-row='0']:visible").click()
    assert await cursor(opened) == 0


async def test_the_story_moves_too(opened):
    """A sentence leads to its step."""
    await press(opened, "Home")
    await opened.get_by_role("tab", name="Story").click()
    await opened.locator(".ff-lists tr[data-row]:visible", has_text="card declined").first.click()
    assert "✕ failed" in await opened.locator(".ff-steptitle").inner_text()


async def test_why_unfolds_the_verdict(opened, history):
    """In its sentences."""
    headline = history.why("order-2").headline
    assert f"order-2: {await opened.locator('.ff-headline').inner_text()}" == headline
    await opened.get_by_role("button", name="Why").click()
    assert (await opened.locator(".ff-answer").inner_text()).splitlines() == list(
        history.why("order-2").sentences
    )


async def test_c_copies_the_correlation_id(opened, history):
    """Of the step at the cursor."""
    await press(opened, "End", "c")
    copied = await opened.locator(f"{ROOT}[data-ff-copied]").get_attribute("data-ff-copied")
    assert copied == history.steps("order-2")["correlation_id"].iloc[-1]


async def test_copied_code_shows_in_python_what_is_shown(opened, history):
    """It runs, and its last line gives the rows of the filter."""
    await opened.locator('.ff-node[data-state="Paying"]').click()
    await opened.get_by_role("button", name="Copy as code").click()
    code = await opened.locator(f"{ROOT}[data-ff-copied]").get_attribute("data-ff-copied")
    *lines, last = code.splitlines()
    names = {"history": history}
    exec("\n".join(lines), names)
    rows = eval(last, names)
    assert set(rows["from_state"]) | set(rows["to_state"]) == {"Draft", "Paying", "Paid"}
    assert names["explorer"].selection["state"] == "Paying"


@pytest_asyncio.fixture(loop_scope="session")
async def of_two_files(tab, tmp_path):
    """order-2 in two files that have the same ids, opened at the end; and the history."""
    names: dict = {}
    exec(RECORD, names)
    for name in ("a.db", "b.db"):
        await names["record_orders"](tmp_path / name)
    history = open_history([tmp_path / "a.db", tmp_path / "b.db"])
    await open_file(tab.page, history.explore("order-2"), tmp_path)
    return tab.page, history


async def test_code_of_several_files_names_the_file(of_two_files):
    """An id alone would be a row of each."""
    page, history = of_two_files
    await press(page, "End")
    await page.get_by_role("button", name="Copy as code").click()
    code = await page.locator(f"{ROOT}[data-ff-copied]").get_attribute("data-ff-copied")
    _, _, rows, snapshot, _, last = code.splitlines()
    names = {"history": history}
    exec(code, names)
    newest = history.steps("order-2").iloc[-1]
    assert eval(rows, names).to_dict("records") == [newest.to_dict()]
    snapshots = open_history(history.sources[1].path).snapshots("order-2", explode=True)
    assert eval(snapshot, names).metadata["items"] == snapshots["metadata.items"].iloc[-1]
    assert newest["id"] in eval(last, names)["id"].to_list()


async def test_sentences_of_several_files_lead_to_their_own(of_two_files):
    """And one on what no step did to the moment of which it tells."""
    page, history = of_two_files
    saved = list(history.steps("order-2")["source"]).count(history.sources[0].name) + 1
    await page.locator(".ff-slider").fill(str(saved + 4))
    await page.get_by_role("tab", name="Story").click()
    sentences = page.locator(".ff-lists tr[data-row]:visible")
    await sentences.filter(has_text="outside of any step").click()
    assert await cursor(page) == saved
    await page.locator(".ff-slider").fill(str(saved + 10))  # only rows near it are in the page
    await sentences.filter(has_text="card declined").last.click()
    assert history.sources[1].name in await page.locator(".ff-facts").first.inner_text()
    assert "✕ failed" in await page.locator(".ff-steptitle").inner_text()


async def test_what_needs_python_is_absent_and_the_keys_are_listed(opened):
    """Nothing dead is left in the file."""
    assert await opened.locator(".ff-search, select[aria-label=Component]").count() == 0
    assert await opened.get_by_role("button", name="Bookmark", exact=True).count() == 0
    await press(opened, "?")
    names = await opened.locator(".ff-keys kbd").all_inner_texts()
    assert names == [
        "←", "→", "Home", "End", "Space", "e", "E", "r", "R", "n", "N", "c", "Esc", "?",
    ]  # fmt: skip


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 600)])
async def test_axe_finds_nothing_serious(history, browser_tab, tmp_path, scheme, width):
    """In both themes; a narrow page has one column, and nothing sticks out."""
    tab = await browser_tab(color_scheme=scheme)
    await tab.page.set_viewport_size({"width": width, "height": 900})
    await open_file(tab.page, history.explore("order-2"), tmp_path)
    assert await tab.violations("body") == []
    assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [await tab.page.locator(each).bounding_box() for each in (".ff-canvas", ".ff-details")]
    assert (boxes[0]["y"] + 50 < boxes[1]["y"]) == (width < 720)


async def test_a_history_without_anything_says_what_to_do(tab, tmp_path):
    """With the line of code that records."""
    record(FlexiFlowEngine(), tmp_path / "empty.db").close()
    await open_file(tab.page, open_history(tmp_path / "empty.db").explore(), tmp_path)
    assert "record(engine" in await tab.page.locator(".ff-code").inner_text()


async def test_one_snapshot_alone_is_shown(tab, tmp_path):
    """A slider with one place."""
    engine = FlexiFlowEngine()
    engine.add("alone", "InitialState")
    record(engine, tmp_path / "one.db").close()
    await open_file(tab.page, open_history(tmp_path / "one.db").explore(), tmp_path)
    assert await tab.page.locator(".ff-count").inner_text() == "1 / 1"
    assert await tab.page.locator(".ff-slider").is_disabled()


async def test_names_and_values_with_markup_are_text(tab, tmp_path):
    """In titles, fields, lists and the page's own title."""
    bad = '<img src=x onerror="document.title=1"></script>'
    engine = FlexiFlowEngine()
    engine.add(bad, "InitialState", data={bad: bad})
    record(engine, tmp_path / "bad.db").close()
    await open_file(tab.page, open_history(tmp_path / "bad.db").explore(), tmp_path)
    await tab.page.get_by_role("tab", name="All", exact=True).click()
    assert bad in await tab.page.locator(".ff-field:visible").first.inner_text()
    assert await tab.page.locator("img").count() == 0
    assert await tab.page.title() != "1"
