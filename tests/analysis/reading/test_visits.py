"""Stays in states: equal to a brute-force reference, and true where rows are missing."""

import itertools

import pytest
from histories import NOON, SECOND, Written, body_1x, written_by_1x
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.history import open_history
from flexiflow.extras import prune_snapshots_sqlite

STATES = st.sampled_from(["A", "B", "C"])
TIMES = st.integers(NOON, NOON + 100)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["x", "y"]), st.sampled_from(["step", "saved", "refused"]), STATES, TIMES
    ),
    max_size=20,
)


def run_of(events) -> tuple[Written, dict[str, list[tuple]]]:
    """A recorded run, and for each component the places where rows say it was."""
    written = Written()
    places: dict[str, list[tuple]] = {}
    for number, (name, kind, state, time_us) in enumerate(events):
        rows = places.setdefault(name, [])
        now = rows[-1][0] if rows else None
        message, sender = f"m{number}", None if number % 3 else "web"
        if now is None or kind == "saved":
            written.snapshot(name, state, time_us, fingerprint="m")
            rows.append((state, time_us, None, None))
        elif kind == "refused":
            written.step(name, message, now, time_us=time_us, outcome="refused")
        else:
            written.step(name, message, now, state, time_us, duration_us=1, sender=sender)
            if state != now:
                rows.append((state, time_us + 1, message, sender))
    return written, places


def reference(events, places) -> list[tuple]:
    """What the stays must be, computed the slow way."""
    ends = [time_us + (kind != "saved") for _, kind, _, time_us in events]
    # A component's first event is its registration, whatever its kind.
    firsts = {}
    for at, (name, _, _, time_us) in enumerate(events):
        if name not in firsts:
            firsts[name] = at
            ends[at] = time_us
        elif events[at][1] == "refused":
            ends[at] = time_us
    # The newest record is the latest of each component's last snapshot and last step.
    lasts = {name: rows[-1][1] for name, rows in places.items()}
    steps = {
        name: ends[at]
        for at, (name, kind, _, _) in enumerate(events)
        if at != firsts[name] and kind != "saved"
    }
    now = max([*lasts.values(), *steps.values()], default=None)
    expected = []
    for name in sorted(places):
        groups = [list(rows) for _, rows in itertools.groupby(places[name], lambda row: row[0])]
        for group, following in itertools.zip_longest(groups, groups[1:]):
            state, entered = group[0][:2]
            left, message, sender = (None, None, None) if following is None else following[0][1:]
            dwell = max((now if left is None else left) - entered, 0)
            expected.append((name, state, entered, left, dwell, message, sender))
    return expected


def shown(frame) -> list[tuple]:
    return [
        (
            row.component,
            row.state,
            frames.microseconds(row.entered),
            frames.microseconds(row.left),
            frames.microseconds_of(row.dwell),
            frames.cell_text(row.left_by),
            frames.cell_text(row.sender),
        )
        for row in frame.itertuples()
    ]


@settings(max_examples=80)
@given(EVENTS)
def test_visits_equal_a_reference(events):
    """State by state, however the clocks went; what lasts reaches to the newest record."""
    written, places = run_of(events)
    frame = written.history.visits()
    assert dict(frame.dtypes.astype(str)) == dict(shapes.VISITS)
    assert shown(frame) == reference(events, places)


@settings(max_examples=30)
@given(EVENTS.filter(lambda events: any(event[0] == "x" for event in events)))
def test_the_visits_of_one_component(events):
    """The same rows as among all, with the same "now"."""
    history = run_of(events)[0].history
    everything = history.visits()
    mine = everything[everything["component"] == "x"].reset_index(drop=True)
    assert shown(history.visits("x")) == shown(mine)


@settings(max_examples=60)
@given(EVENTS, st.integers(0, 3))
def test_pruning_snapshots_loses_only_the_first_stay(events, keep):
    """The steps remember the moves; of the stay before the first one only its snapshot told."""
    # Saves by hand leave no step behind.
    written, places = run_of([event for event in events if event[1] != "saved"])
    before = shown(written.history.visits())
    for name in places:
        prune_snapshots_sqlite(written.conn, name, keep=keep)
    after = shown(written.history.visits())
    for name, rows in places.items():
        # The dwell of what lasts is left out: the newest record may be among those pruned.
        whole = [row[:4] + row[5:] for row in before if row[0] == name]
        expected = whole if len(rows) <= keep else whole[1:]
        assert [row[:4] + row[5:] for row in after if row[0] == name] == expected


@pytest.mark.parametrize("number", [0, 1, 3])
def test_columns_and_dtypes(number):
    """The documented columns, for no stay and for several."""
    written = Written()
    for at in range(number):
        written.snapshot("order", f"S{at}", NOON + at)
    frame = written.history.visits()
    assert dict(frame.dtypes.astype(str)) == dict(shapes.VISITS)
    assert len(frame) == number


def test_a_history_of_1x():
    """Stays without messages."""
    rows = [
        ("order", body_1x("order", state), f"2023-11-14T22:13:2{second}")
        for second, state in enumerate(["A", "A", "B", "A"])
    ]
    assert shown(open_history(written_by_1x(rows)).visits()) == [
        ("order", "A", NOON, NOON + 2 * SECOND, 2 * SECOND, None, None),
        ("order", "B", NOON + 2 * SECOND, NOON + 3 * SECOND, SECOND, None, None),
        ("order", "A", NOON + 3 * SECOND, None, 0, None, None),
    ]


def test_a_stay_whose_end_has_no_time_has_ended_all_the_same():
    """It is not taken for one that lasts."""
    rows = [
        ("order", body_1x("order", "A"), "2023-11-14T22:13:20"),
        ("order", body_1x("order", "B"), "one day"),
        ("order", body_1x("order", "C"), "2023-11-14T22:13:21"),
    ]
    history = open_history(written_by_1x(rows))
    assert shown(history.visits()) == [
        ("order", "A", NOON, None, None, None, None),
        ("order", "B", None, NOON + SECOND, None, None, None),
        ("order", "C", NOON + SECOND, None, 0, None, None),
    ]
    assert history.stuck()["state"].tolist() == ["C"]


def test_a_component_that_goes_on_in_another_file(tmp_path):
    """Shards by day: a stay ends where the next file says so, and is not left behind as open."""
    first, second = Written(tmp_path / "1.db", NOON), Written(tmp_path / "2.db", NOON + SECOND)
    first.snapshot("order", "A", NOON)
    second.snapshot("order", "A", NOON + SECOND)
    second.step("order", "go", "A", "B", NOON + 2 * SECOND)
    second.step("order", "end", "B", "C", NOON + 3 * SECOND)
    frame = open_history([tmp_path / "2.db", tmp_path / "1.db"]).visits()
    assert shown(frame) == [
        ("order", "A", NOON, NOON + 2 * SECOND, 2 * SECOND, "go", None),
        ("order", "B", NOON + 2 * SECOND, NOON + 3 * SECOND, SECOND, "end", None),
        ("order", "C", NOON + 3 * SECOND, None, 0, None, None),
    ]
    assert [name[-4] for name in frame["source"]] == ["1", "2", "2"]


def test_the_machine_is_that_at_the_end_of_a_stay():
    """A new version that is deployed while a component waits is the one it waits in."""
    written = Written()
    written.snapshot("order", "A", fingerprint="old")
    written.snapshot("order", "A", fingerprint="new")
    written.snapshot("order", "A", fingerprint=None)
    assert written.history.visits()["fingerprint"].tolist() == ["new"]


def test_names_in_any_order():
    """Components by name, and each one's stays by id, whatever came between."""
    written = Written()
    for name, state in (("b", "A"), ("a", "A"), ("b", "B"), ("a", "B")):
        written.snapshot(name, state)
    frame = written.history.visits()
    assert list(zip(frame["component"], frame["state"], strict=True)) == [
        ("a", "A"),
        ("a", "B"),
        ("b", "A"),
        ("b", "B"),
    ]
