"""Playbacks and windows: equal to the frames, entry for entry, on random histories."""

from histories import (
    NOON,
    RANDOM_STEPS,
    SECOND,
    Written,
    body_1x,
    random_history,
    readable_snapshots,
    written_by_1x,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.analysis.base import frames
from flexiflow.analysis.history import open_history
from flexiflow.analysis.history.playback import (
    MOST_CHANGES,
    MOST_FIELDS,
    SAVED,
    FieldChange,
    playback_of,
)
from flexiflow.analysis.history.windows import Place, trouble_near, window_of

FEW = settings(max_examples=25)


def played(history, component, around=None, most=10_000):
    return playback_of(window_of(history.sources, component, around, most))


def rows(entries):
    """What identifies each entry."""
    return [(each.step_id, each.snapshot_id, each.before, each.after) for each in entries]


@FEW
@given(RANDOM_STEPS)
def test_every_step_and_every_snapshot_is_one_entry(steps):
    """None is lost, none is there twice, and each stands in the order of its ids."""
    history = random_history(steps).history
    for name in history.names():
        entries = played(history, name).entries
        snapshots = [(e.snapshot_id, e.step_id) for e in entries if e.snapshot_id is not None]
        frame = history.snapshots(name)
        followed = frame["step_id"].astype(object).where(frame["step_id"].notna(), None)
        assert snapshots == list(zip(frame["id"], followed, strict=True))
        assert [e.step_id for e in entries if e.step_id is not None] == list(
            history.steps(name)["id"]
        )


@FEW
@given(RANDOM_STEPS)
def test_steps_are_told_as_the_frame_has_them(steps):
    """Message, states, outcome, times."""
    history = random_history(steps).history
    cell = frames.cell_text
    for name in history.names():
        entries = [e for e in played(history, name).entries if e.step_id is not None]
        assert [(e.message, e.before, e.after, e.outcome, e.time_us) for e in entries] == [
            (cell(r.message), cell(r.from_state), cell(r.to_state), r.outcome,
             frames.microseconds(r.time))
            for r in history.steps(name).itertuples()
        ]  # fmt: skip


@FEW
@given(RANDOM_STEPS)
def test_the_values_of_a_field_are_those_of_the_snapshots(steps):
    """Each value once, at the entry that set it; compared the slow way."""
    history = random_history(steps).history
    for name in history.names():
        playback = played(history, name)
        for field in ("n", "m", "a"):
            expected, before = [], None
            for row, document in readable_snapshots(history, name):
                data = document["metadata"]
                text = repr(data[field]) if field in data else None
                if text != before:
                    expected.append((row.id, text))
                before = text
            places, texts = playback.fields.get(field, ([], []))
            ids = [playback.entries[at].snapshot_id for at in places]
            assert list(zip(ids, texts, strict=True)) == expected


def test_a_change_names_the_entry_that_set_the_old_value():
    """Of the field itself, or of what it is a part of."""
    written = Written()
    written.machine()
    for data in ({"a": {"b": 1}}, {"a": {"b": 1}, "n": 1}, {"a": {"b": 2}, "n": 1}):
        written.step("x", "go", "A", data=data, snapshot=True)
    entries = played(written.history, "x").entries
    assert entries[1].changes == [FieldChange("n", None, "1", None)]
    assert entries[2].changes == [FieldChange("a.b", "1", "2", 0)]


def test_a_window_after_a_snapshot_that_can_not_be_read():
    """What its first step changed is found beside the last one that can."""
    written = Written()
    written.machine()
    for number in range(3):
        written.step("x", "go", "A", data={"n": number // 2}, snapshot=True)
    written.conn.execute("UPDATE flexiflow_snapshots SET snapshot_json = '{' WHERE step_id = 2")
    window = window_of(written.history.sources, "x", Place(0, "step", 3), 1)
    (entry,) = playback_of(window).entries
    assert [(each.field, each.old, each.new) for each in entry.changes] == [("n", "0", "1")]


@FEW
@given(RANDOM_STEPS, st.integers(1, 6), st.data())
def test_a_window_is_a_part_of_the_whole(steps, most, data):
    """Around any row: its entries are those of the whole history there, changes included."""
    history = random_history(steps).history
    for name in history.names():
        whole = played(history, name)
        ids = list(history.steps(name)["id"])
        if not ids:
            continue
        middle = data.draw(st.sampled_from(ids))
        window = window_of(history.sources, name, Place(0, "step", middle), most)
        part = playback_of(window)
        shown = [each.step_id for each in part.entries if each.step_id is not None]
        assert window.total == len(ids)
        assert shown == ids[window.first : window.first + window.shown]
        assert middle in shown
        assert window.shown == min(most, len(ids))
        inside = [e for e in whole.entries if e.step_id in shown]
        cut = [e for e in part.entries if e.step_id is not None]
        assert rows(cut) == rows(inside)
        assert [[(c.field, c.old, c.new) for c in e.changes] for e in cut] == [
            [(c.field, c.old, c.new) for c in e.changes] for e in inside
        ]


@FEW
@given(RANDOM_STEPS, st.sampled_from(["failed", "refused", "any"]), st.booleans())
def test_trouble_is_found_in_both_directions(steps, kind, forward):
    """The nearest one, as the frame has it."""
    history = random_history(steps).history
    for name in history.names():
        frame = history.steps(name)
        bad = {"failed": ["failed", "cancelled"], "refused": ["refused"]}
        outcomes = bad.get(kind, [*bad["failed"], *bad["refused"]])
        wrong = list(frame[frame["outcome"].isin(outcomes)]["id"])
        for start in list(frame["id"])[:5]:
            there = [i for i in wrong if (i > start if forward else i < start)]
            expected = None if not there else Place(0, "step", there[0] if forward else there[-1])
            place = Place(0, "step", start)
            assert expected == trouble_near(history.sources, name, kind, place, forward=forward)


def test_a_step_whose_declared_exception_moved_it_is_trouble():
    """It is counted among the failed."""
    written = Written()
    written.machine()
    step = written.step("x", "go", "A", "B", error={"type": "PaymentError", "message": "no"})
    history = written.history
    assert trouble_near(history.sources, "x", "failed") == Place(0, "step", step)
    assert [each.failed for each in played(history, "x").entries] == [True]


def test_trouble_outside_of_a_window_is_counted():
    """Before it and after it."""
    written = Written()
    written.machine()
    for at in range(9):
        outcome = "failed" if at in (1, 2, 8) else None
        written.step("x", "go", "A", time_us=NOON + at * SECOND, outcome=outcome)
    window = window_of(written.history.sources, "x", Place(0, "step", 5), 3)
    assert (window.first, window.shown, window.total) == (3, 3, 9)
    assert (window.trouble_before, window.trouble_after) == (2, 1)


def test_a_classic_file_is_played_by_its_snapshots():
    """It has no steps; what changed is known all the same."""
    rows_1x = [
        ("old", body_1x("old", state, n=n), f"2024-01-01T00:00:0{at}+00:00")
        for at, (state, n) in enumerate([("A", 1), ("A", 2), ("B", 2)])
    ]
    history = open_history(written_by_1x(rows_1x))
    entries = played(history, "old").entries
    assert [(each.outcome, each.before, each.after) for each in entries] == [
        (SAVED, "A", "A"),
        (SAVED, "A", "A"),
        (SAVED, "A", "B"),
    ]
    assert entries[1].changes == [FieldChange("n", "1", "2", 0)]
    assert entries[2].changes == [FieldChange("state", "'A'", "'B'", 0)]


def test_several_files_are_played_as_one(tmp_path):
    """What the second file changed first is compared with the end of the first."""
    for at, n in enumerate((1, 2)):
        written = Written(tmp_path / f"{at}.db", NOON + at * SECOND)
        written.machine()
        written.step("x", "go", "A", "B", NOON + at * SECOND, data={"n": n})
    playback = played(open_history(str(tmp_path / "*.db")), "x")
    assert [each.source[-4:] for each in playback.entries] == ["0.db", "1.db"]
    assert FieldChange("n", "1", "2", 0) in playback.entries[1].changes


def test_many_fields_and_changes_are_bounded_and_counted():
    """A hostile step costs no more than that."""
    written = Written()
    written.machine()
    written.snapshot("x", "A", data={})
    step = written.step("x", "go", "A", "B", data={f"f{n}": n for n in range(1000)})
    playback = played(written.history, "x")
    entry = next(each for each in playback.entries if each.step_id == step)
    assert len(entry.changes) == MOST_CHANGES
    assert entry.more_changes == 1001 - MOST_CHANGES
    assert (len(playback.fields), playback.more_fields) == (MOST_FIELDS, 1000 - MOST_FIELDS)


def test_a_broken_snapshot_hides_nothing_around_it():
    """It is an entry that says that it can't be read."""
    written = Written()
    written.machine()
    for n in range(3):
        written.step("x", "go", "A", "A", NOON + n, data={"n": n}, snapshot=True)
    written.conn.execute("UPDATE flexiflow_snapshots SET snapshot_json = '[' WHERE id = 2")
    entries = played(written.history, "x").entries
    assert [each.readable for each in entries] == [True, False, True]
    assert [(c.field, c.old, c.new) for c in entries[2].changes] == [("n", "0", "2")]


def test_an_unknown_component_has_an_empty_playback():
    """Nothing is raised here; names are asked for above."""
    assert played(Written().history, "x").entries == []
