"""One row a component."""

import pandas as pd
import pytest
from histories import NOON, SECOND, Written, body_1x, written_by_1x
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.history import open_history

STATES = st.sampled_from(["A", "B", "C"])
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["x", "y", "X"]),
        STATES,
        STATES,
        st.integers(NOON, NOON + 100),
        st.sampled_from(["moved", "refused", "saved"]),
    ),
    max_size=15,
)


def counts(frame):
    return frame[["component", "snapshots", "steps"]].values.tolist()


@pytest.mark.parametrize("number", [0, 1, 3])
def test_columns_and_dtypes(number):
    """The documented columns, for no component and for several."""
    written = Written()
    for at in range(number):
        written.snapshot(f"order-{at}", "A")
    frame = written.history.components()
    assert dict(frame.dtypes.astype(str)) == dict(shapes.COMPONENTS)
    assert len(frame) == number


@settings(max_examples=50)
@given(EVENTS)
def test_rows_equal_a_reference(events):
    """Counts, the state and the outcome last seen, and the first and last time by id."""
    written = Written()
    expected = {}
    for name, before, after, time_us, kind in events:
        row = expected.setdefault(
            name, {"snapshots": 0, "steps": 0, "outcome": None, "state": None}
        )
        if kind == "saved":
            written.snapshot(name, after, time_us)
        else:
            moved = kind == "moved" and before != after
            written.step(name, "m", before, after if moved else before, time_us, snapshot=moved)
            row["steps"] += 1
            row["outcome"] = "moved" if moved else "stayed"
        if kind == "saved" or (kind == "moved" and before != after):
            row["snapshots"] += 1
            row["state"] = after
        elif not row["snapshots"]:
            row["state"] = before
    frame = written.history.components()
    assert frame["component"].tolist() == sorted(expected)
    for row in frame.to_dict("records"):
        known = expected[row["component"]]
        assert (row["snapshots"], row["steps"]) == (known["snapshots"], known["steps"])
        assert row["state"] == known["state"]
        assert frames.cell_text(row["outcome"]) == known["outcome"]


def test_first_and_last():
    """From the first record to the end of the last one."""
    written = Written()
    written.snapshot("order", "A", NOON)
    written.step("order", "go", "A", "A", NOON + SECOND, duration_us=SECOND, outcome="refused")
    (row,) = written.history.components().to_dict("records")
    assert frames.microseconds(row["first"]) == NOON
    assert frames.microseconds(row["last"]) == NOON + 2 * SECOND
    assert (row["state"], row["outcome"]) == ("A", "refused")


@pytest.mark.parametrize(
    ("fingerprint", "state", "final"),
    [("m", "B", True), ("m", "A", False), ("other", "B", None), (None, "B", None)],
)
def test_final_is_what_the_stored_machine_says(fingerprint, state, final):
    """True, False, and missing where the file does not hold the machine."""
    written = Written()
    written.machine("m", final=("B",))
    written.snapshot("order", state, fingerprint=fingerprint)
    shown = written.history.components()["final"]
    assert [None if pd.isna(value) else value for value in shown] == [final]


def test_a_save_by_hand_knows_no_machine():
    """The machine is that of the newest row that names one, so that final stays known."""
    written = Written()
    written.machine("m", final=("B",))
    written.step("order", "go", "A", "B")
    written.snapshot("order", "B", fingerprint=None)
    assert written.history.components()["final"].tolist() == [True]


def test_a_component_whose_snapshots_were_pruned():
    """The steps say where it is."""
    written = Written()
    written.step("order", "go", "A", "B", snapshot=False)
    (row,) = written.history.components().to_dict("records")
    assert (row["state"], row["snapshots"], row["steps"]) == ("B", 0, 1)


def test_a_component_of_1x():
    """Counts and states from snapshots alone."""
    rows = [("order", body_1x("order", state), "2023-11-14") for state in "AB"]
    (row,) = open_history(written_by_1x(rows)).components().to_dict("records")
    assert (row["state"], row["snapshots"], row["steps"]) == ("B", 2, 0)


def test_a_broken_newest_row():
    """The state is missing rather than an older one."""
    rows = [("order", body_1x("order", "A"), "2023-11-14"), ("order", "nope", "2023-11-15")]
    frame = open_history(written_by_1x(rows)).components()
    assert frame["state"].isna().all()
    assert frame["snapshots"].tolist() == [2]


def test_a_component_in_several_files(tmp_path):
    """One row: the newest file says where it is, and everything is counted."""
    for name, began, state in (("b", NOON, "A"), ("a", NOON + SECOND, "B")):
        written = Written(tmp_path / f"{name}.db", began)
        written.step("order", "go", "X", state, began)
        written.conn.close()
    (row,) = open_history(tmp_path / "*.db").components().to_dict("records")
    assert (row["state"], row["snapshots"], row["steps"]) == ("B", 2, 2)
    assert frames.microseconds(row["first"]) == NOON
    assert row["source"].endswith("a.db")


def test_names_are_sorted_and_quoted_as_they_are():
    """Any text is a name."""
    written = Written()
    for name in ("b", "a'; --", "☃", "<b>", "a\nb"):
        written.snapshot(name, "A")
    assert written.history.names() == sorted(["b", "a'; --", "☃", "<b>", "a\nb"])
    assert written.history.components()["component"].tolist() == written.history.names()


def test_many_components_are_quick():
    """The work grows with the rows, not with rows times components."""
    written = Written()
    written.conn.executemany(
        "INSERT INTO flexiflow_snapshots (component_name, snapshot_json, created_at, state)"
        " VALUES (?, '{}', '2023-11-14', 'A')",
        [(f"order-{at % 5_000}",) for at in range(10_000)],
    )
    steps = 0

    def count():
        nonlocal steps
        steps += 1

    written.conn.set_progress_handler(count, 1_000)  # virtual machine instructions of SQLite
    assert counts(written.history.components())[0] == ["order-0", 2, 0]
    written.conn.set_progress_handler(None, 0)
    assert steps < 3_000  # 300 instructions a row
