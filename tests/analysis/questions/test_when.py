"""when(): equal to a brute-force reference, and its edges one by one."""

import pandas as pd
import pytest
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

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.history import open_history
from flexiflow.analysis.reading.rows import newest_of
from flexiflow.errors import ComponentNotFound, InvalidType, InvalidValue
from flexiflow.persistence.schema import SNAPSHOTS


def number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


CONDITIONS = {
    "n > 0": lambda now, before: number(now["metadata"].get("n")) and now["metadata"]["n"] > 0,
    "state == 'B' or n == 'x'": lambda now, before: (
        now["state"] == "B" or now["metadata"].get("n") == "x"
    ),
    "changed(state)": lambda now, before: before is not None and before["state"] != now["state"],
    "not exists(n)": lambda now, before: "n" not in now["metadata"],
}


def reference(history, component, holds) -> list[tuple]:
    """The slow way: (start, end, first and last snapshot, first, last and end step) of each run."""
    found, before, open_run = [], None, None
    for row, document in readable_snapshots(history, component):
        time_us = frames.microseconds(row.time)
        step = None if pd.isna(row.step_id) else int(row.step_id)
        if holds(document, before):
            if open_run is None:
                open_run = [time_us, None, row.id, row.id, step, step, None]
                found.append(open_run)
            open_run[3], open_run[5] = row.id, step
        elif open_run is not None:
            open_run[1], open_run[6] = time_us, step
            open_run = None
        before = document
    return [tuple(run) for run in found]


def asked(intervals) -> list[tuple]:
    return [
        (
            each.start_us,
            each.end_us,
            each.first_snapshot,
            each.last_snapshot,
            each.first_step,
            each.last_step,
            each.end_step,
        )
        for each in intervals
    ]


@settings(max_examples=40)
@given(RANDOM_STEPS)
def test_when_equals_a_reference(steps):
    """Interval by interval, whatever is broken, saved by hand, or goes back in time."""
    history = random_history(steps).history
    now = newest_of(history.sources)
    for component in history.names():
        readable = [document for _, document in readable_snapshots(history, component)]
        for text, holds in CONDITIONS.items():
            if (
                readable
                and " n" in f" {text}".replace("(", " ")
                and not any("n" in d["metadata"] for d in readable)
            ):
                with pytest.raises(InvalidValue, match="Unknown field 'n'"):
                    history.when(component, text)
                continue
            found = history.when(component, text)
            assert asked(found) == reference(history, component, holds)
            assert dict(found.frame.dtypes.astype(str)) == dict(shapes.WHEN)
            assert [each.dwell_us for each in found] == [
                max((now if each.end_us is None else each.end_us) - each.start_us, 0)
                for each in found
            ]


@settings(max_examples=20)
@given(RANDOM_STEPS)
def test_all_components_are_asked_as_each_is(steps):
    history = random_history(steps).history
    each = [row for name in history.names() for row in asked(history.when(name, "state == 'B'"))]
    assert asked(history.when(None, "state == 'B'")) == each


def written() -> Written:
    """``attempts`` goes 0, 3, 3, 0, 5 a second each, and a minute passes elsewhere."""
    made = Written()
    made.snapshot("order", "A", NOON, data={"attempts": 0})
    for at, attempts in enumerate([3, 3, 0, 5], start=1):
        made.step(
            "order",
            "try",
            "A",
            time_us=NOON + at * SECOND,
            snapshot=True,
            data={"attempts": attempts, "at": at},
        )
    made.step("other", "ping", "A", time_us=NOON + 60 * SECOND)
    return made


def test_first_last_and_longest():
    found = written().history.when("order", "attempts > 2")
    assert len(found) == 2
    assert found.first == found[0]
    assert found.last == found.longest == found[1]
    assert (found[0].dwell_us, found[1].dwell_us) == (2 * SECOND, 56 * SECOND)
    assert (found[0].snapshots, found[1].snapshots) == (2, 1)
    assert (found[0].first_step, found[0].last_step, found[0].end_step) == (1, 2, 3)


def test_in_words():
    assert written().history.when("order", "attempts > 2").text == (
        "order: `attempts > 2` held twice. "
        "First: 2023-11-14 22:13:21 UTC, for 2.0 s, from step 1 to step 3. "
        "Last: 2023-11-14 22:13:24 UTC, for 56.0 s, from step 4, and still does. "
        "Longest: 2023-11-14 22:13:24 UTC, for 56.0 s, from step 4, and still does."
    )


def test_never():
    found = written().history.when("order", "attempts > 9")
    assert (found.first, found.last, found.longest) == (None, None, None)
    assert found.text == "order: `attempts > 9` never held."
    assert found.frame.empty


def test_components_without_the_field_are_not_asked():
    """Or a condition that a missing field makes true would hold for everybody."""
    made = written()
    made.snapshot("gateway", "Open", NOON, data={"taken": 1})
    found = made.history.when(None, "state != 'B' and attempts < 1")
    assert {each.component for each in found} == {"order"}
    assert found.asked == 1


def test_an_unknown_field_names_the_nearest():
    with pytest.raises(InvalidValue, match="Unknown field 'attempt'") as caught:
        written().history.when("order", "attempt > 2")
    assert caught.value.fix == "Did you mean 'attempts'?"


def test_an_unknown_component():
    with pytest.raises(ComponentNotFound):
        written().history.when("ordre", "attempts > 2")


def test_what_cannot_be_read_is_said():
    made = written()
    made.conn.execute(f"UPDATE {SNAPSHOTS} SET snapshot_json = 'x' WHERE id = 3")
    found = made.history.when("order", "attempts > 2")
    assert found.unreadable == 1
    assert found.text.endswith("1 snapshot can't be read.")


def test_nothing_can_be_read():
    """Then nothing is known of its fields either."""
    made = written()
    made.conn.execute(f"UPDATE {SNAPSHOTS} SET snapshot_json = 'x'")
    assert made.history.when("order", "attempts > 2").text == (
        "order: `attempts > 2` never held. 5 snapshots can't be read."
    )


def test_a_database_of_1x():
    rows = [
        ("order", body_1x("order", "A", n=n), f"2026-01-01T00:00:0{at}")
        for at, n in enumerate([1, 5, 1])
    ]
    (found,) = open_history(written_by_1x(rows)).when("order", "n > 2")
    assert found.dwell_us == SECOND
    assert found.first_step is None


def test_a_component_goes_on_in_the_next_file(tmp_path):
    first = Written(tmp_path / "a.db")
    first.snapshot("order", "A", NOON, data={"n": 5})
    second = Written(tmp_path / "b.db", NOON + SECOND)
    second.step("order", "go", "A", "B", NOON + SECOND, data={"n": 6})
    second.step("order", "go", "B", "A", NOON + 3 * SECOND, data={"n": 1})
    (found,) = open_history([tmp_path / "a.db", tmp_path / "b.db"]).when("order", "n > 2")
    assert (found.dwell_us, found.snapshots) == (3 * SECOND, 2)


def test_rows_and_columns():
    """One row an interval; the end of one that lasts is missing."""
    frame = written().history.when("order", "attempts > 2").frame
    assert frame["end"].isna().tolist() == [False, True]
    assert frame["component"].tolist() == ["order", "order"]


def test_of_several_files_each_step_names_its_own(tmp_path):
    """Ids of two files may be the same; a time may end in the next file."""
    first, second = Written(tmp_path / "a.db"), Written(tmp_path / "b.db", NOON + 10)
    first.snapshot("order", "A", NOON, data={"n": 0})
    first.step("order", "up", "A", time_us=NOON + 1, data={"n": 1}, snapshot=True)
    second.step("order", "down", "A", time_us=NOON + 10, data={"n": 0}, snapshot=True)
    text = open_history(tmp_path / "*.db").when("order", "n > 0").text
    assert "from step 1 of a.db to step 1 of b.db" in text


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        ((), "Write history.when(None, 'attempts > 2')."),
        (("attempts > 5",), "Write history.when(None, 'attempts > 5')."),
        (("order",), "Write history.when(None, 'attempts > 2')."),
    ],
)
def test_without_a_condition(given, fix):
    """A condition that stands alone was meant for all components."""
    with pytest.raises(InvalidType, match="needs a condition") as caught:
        written().history.when(*given)
    assert caught.value.fix == fix
