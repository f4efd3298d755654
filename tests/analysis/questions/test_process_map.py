"""The process map: equal to a slow reference, and true about what was declared."""

import itertools
import xml.etree.ElementTree as ET
from collections import defaultdict

import pytest
from histories import (
    NOON,
    RANDOM_STEPS,
    SECOND,
    Written,
    body_1x,
    random_history,
    written_by_1x,
)
from hypothesis import given, settings

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.history import open_history
from flexiflow.analysis.questions.process_map import map_of
from flexiflow.errors import ComponentNotFound, InvalidValue
from flexiflow.extras import prune_snapshots_sqlite

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def shop() -> Written:
    """A machine of four states: one way is never taken, and one is taken that nobody declared."""
    written = Written()
    edges = (("A", "go", "B"), ("A", "jump", "B"), ("B", "end", "C"), ("B", "wait", "B"))
    written.machine("m", ("A", "B", "C", "D"), ("C",), edges=(*edges, ("C", "more", "D")))
    for number in range(20):
        name = f"order-{number:02}"
        written.snapshot(name, "A", NOON)
        written.step(name, "go", "A", "B", NOON + number * SECOND)
    written.step("order-00", "sneak", "B", "D", NOON + 60 * SECOND)
    return written


def stays_by_way(history) -> dict[tuple[str, str], list[tuple]]:
    """The stays that ended, the slow way."""
    found = defaultdict(list)
    visits = history.visits().itertuples()
    for stay, following in itertools.pairwise(visits):
        if stay.component == following.component:
            dwell = frames.microseconds_of(stay.dwell)
            row = (stay.component, frames.microseconds(stay.entered), dwell)
            found[stay.state, following.state].append(row)
    return dict(found)


def nearest(values, percent):
    """The smallest value that at least `percent` % of them do not exceed."""
    return min(
        v for v in values if 100 * sum(each <= v for each in values) >= percent * len(values)
    )


@settings(max_examples=60)
@given(RANDOM_STEPS)
def test_ways_equal_a_reference(steps):
    """Counts, shares and nearest ranks of every way, and the rows behind it."""
    history = random_history(steps).history
    expected = stays_by_way(history)
    found = history.process_map()
    assert dict(found.frame.dtypes.astype(str)) == dict(shapes.PROCESS_MAP)
    assert {(row.from_state, row.to_state) for row in found.frame.itertuples()} == expected.keys()
    for row in found.frame.itertuples():
        stays = expected[row.from_state, row.to_state]
        dwells = [dwell for _, _, dwell in stays]
        left = sum(len(each) for (before, _), each in expected.items() if before == row.from_state)
        assert (row.count, row.share) == (len(stays), len(stays) / left)
        shown = [frames.microseconds_of(each) for each in (row.p50, row.p95, row.longest)]
        assert shown == [nearest(dwells, 50), nearest(dwells, 95), max(dwells)]
        rows = found.rows((row.from_state, row.to_state))
        assert dict(rows.dtypes.astype(str)) == dict(shapes.TAKEN)
        assert [
            (each.component, frames.microseconds(each.entered), frames.microseconds_of(each.dwell))
            for each in rows.itertuples()
        ] == stays


@settings(max_examples=30)
@given(RANDOM_STEPS.filter(lambda steps: any(step[0] == "x" for step in steps)))
def test_the_ways_of_one_component(steps):
    """Only its own stays count."""
    history = random_history(steps).history
    rows = history.process_map("x").frame.itertuples()
    mine = {way: [s for s in stays if s[0] == "x"] for way, stays in stays_by_way(history).items()}
    expected = {way: len(stays) for way, stays in mine.items() if stays}
    assert {(row.from_state, row.to_state): row.count for row in rows} == expected


@pytest.mark.parametrize("number", [0, 1, 3])
def test_columns_and_dtypes(number):
    """The documented columns, for no way and for several, and the stays behind each."""
    written = Written()
    for at in range(number):
        written.snapshot("order", "A" if at % 2 else "B", NOON + at)
    written.snapshot("order", "C")
    found = written.history.process_map()
    assert dict(found.frame.dtypes.astype(str)) == dict(shapes.PROCESS_MAP)
    assert len(found.frame) == number
    for row in found.frame.itertuples():
        rows = found.rows((row.from_state, row.to_state))
        assert dict(rows.dtypes.astype(str)) == dict(shapes.TAKEN)


def test_what_was_declared_and_what_was_not(shop):
    """Ways that nobody took are listed, and ways that nobody declared are marked."""
    frame = shop.history.process_map().frame
    rows = frame[["from_state", "to_state", "count", "declared"]].values.tolist()
    assert rows == [
        ["A", "B", 20, True],
        ["B", "D", 1, False],
        ["B", "C", 0, True],
        ["C", "D", 0, True],
    ]


def test_rows_of_a_way_that_was_never_taken(shop):
    """None, with their columns."""
    rows = shop.history.process_map().rows(("C", "D"))
    assert dict(rows.dtypes.astype(str)) == dict(shapes.TAKEN)
    assert len(rows) == 0


def test_rows_name_the_snapshots_that_tell_it(shop):
    """The snapshot behind a stay's end is the one in the history."""
    history = shop.history
    (row,) = history.process_map().rows(("B", "D")).itertuples()
    assert history.snapshot(row.snapshot_id).current_state == "D"
    assert (row.component, row.dwell.total_seconds()) == ("order-00", 60)


def test_the_share_of_a_way_from_where_nobody_left(shop):
    """Nobody left C, so that there is nothing to share."""
    frame = shop.history.process_map().frame
    assert frame["share"].tolist()[:3] == [1.0, 1.0, 0.0]
    assert frame["share"].isna().tolist() == [False, False, False, True]


def edges_of(graph) -> dict[str, ET.Element]:
    root = ET.fromstring(graph.to_svg())
    edges = [each for each in root.iter(f"{SVG}g") if "ff-edge" in each.get("class", "")]
    return {f"{each.get('data-source')}{each.get('data-target')}": each for each in edges}


def parts(edge, name) -> list[ET.Element]:
    return [each for each in edge.iter() if each.get("class") == name]


def test_the_picture_dashes_what_was_never_taken(shop):
    """And draws what was taken as one line."""
    edges = edges_of(shop.history.process_map().graph())
    dashes = {way: parts(edge, "ff-path")[0].get("stroke-dasharray") for way, edge in edges.items()}
    assert dashes["AB"] == "none"
    assert dashes["BC"] == dashes["CD"] == "7 4"


def test_the_picture_marks_what_nobody_declared(shop):
    """With a sign, so that the colour is not all that tells it."""
    edges = edges_of(shop.history.process_map().graph())
    marked = {way for way, edge in edges.items() if parts(edge, "ff-mark")}
    assert marked == {"BD"}


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("count", ["go, jump ×20", "sneak ×1"]),
        ("p95", ["go, jump p95 18.0 s", "sneak p95 1 min 0 s"]),
    ],
)
def test_what_stands_at_the_ways(shop, show, expected):
    """The messages, and what was asked for."""
    edges = edges_of(shop.history.process_map().graph(show))
    labels = {way: "".join(parts(edge, "ff-label")[0].itertext()) for way, edge in edges.items()}
    assert [labels["AB"], labels["BD"]] == expected


def test_it_reads_aloud(shop):
    """The text has counts and times."""
    text = repr(shop.history.process_map())
    assert "A (start, visited 20 times) → go, jump → B; taken 20 times; p95 18.0 s" in text
    assert "Note: Transitions that stay in their state are left out." in text


def test_one_component_has_its_name_and_place(shop):
    """As in any other picture of it."""
    model = shop.history.process_map("order-00").model
    assert (model.name, model.current) == ("order-00", "D")


def test_all_of_them_have_no_place(shop):
    """Where one of many is says nothing."""
    assert shop.history.process_map().model.current is None


def test_machines_are_drawn_together():
    """And it says so."""
    written = Written()
    written.machine("m", ("A", "B"), edges=(("A", "go", "B"),))
    written.machine("n", ("X", "Y"), edges=(("X", "go", "Y"),))
    written.snapshot("x", "X", fingerprint="n")
    found = written.history.process_map()
    assert [(edge.source, edge.target) for edge in found.model.edges] == [("A", "B"), ("X", "Y")]
    assert found.model.notes == ("These are 2 machines.",)
    assert found.model.start is None
    assert [state.name for state in written.history.process_map("x").model.states] == ["X", "Y"]


def test_pruned_snapshots_are_told_by_steps(shop):
    """The way is still counted, without the snapshot."""
    prune_snapshots_sqlite(shop.conn, "order-00", keep=1)
    frame = shop.history.process_map("order-00").frame
    assert frame[frame["count"] > 0][["from_state", "to_state"]].values.tolist() == [["B", "D"]]


def test_a_file_of_1x_declares_nothing():
    """Then nothing is marked as undeclared, since nobody knows."""
    rows = [("x", body_1x("x", state), f"2024-01-01T00:00:0{at}") for at, state in enumerate("AB")]
    found = open_history(written_by_1x(rows)).process_map()
    assert found.frame["declared"].isna().all()
    assert found.frame["p50"].dt.total_seconds().tolist() == [1.0]
    assert found.model.notes[0].startswith("Nothing is declared")


def test_a_restart_that_goes_on_takes_no_way(shop):
    """The first snapshot of the next recording is where the component was."""
    before = shop.history.process_map().frame
    shop.snapshot("order-01", "B", NOON + 90 * SECOND)
    assert shop.history.process_map().frame.equals(before)


def test_a_restart_in_another_state_is_a_way_without_a_step(shop):
    """It is counted, since the component was here and then there; what led there is told."""
    shop.snapshot("order-01", "A", NOON + 90 * SECOND)
    found = shop.history.process_map()
    ways = found.frame.set_index(["from_state", "to_state"])
    assert ways.loc[("B", "A"), ["count", "declared"]].tolist() == [1, False]
    (note,) = [each for each in found.graph().model.notes if "No step led" in each]
    assert note.startswith("No step led over B → A: components began anew with their program")
    assert found.graph("p95").model.notes == found.graph().model.notes


def test_snapshots_that_were_chosen_make_a_map_too(shop):
    """Any frame with the columns will do."""
    chosen = shop.history.snapshots("order-00")
    assert map_of(chosen).frame["count"].tolist() == [1, 1]


def test_a_way_that_is_none(shop):
    """The error names the map's ways."""
    with pytest.raises(InvalidValue, match="It has 4 ways: A → B") as caught:
        shop.history.process_map().rows(("A", "Z"))
    assert caught.value.context_items == {"way": ("A", "Z"), "ways": 4}


def test_a_measure_that_is_none(shop):
    """The error names those that there are."""
    with pytest.raises(InvalidValue, match="count, p50, p95"):
        shop.history.process_map().graph("p99")


def test_an_unknown_component(shop):
    """As for any other question."""
    with pytest.raises(ComponentNotFound):
        shop.history.process_map("nobody")
