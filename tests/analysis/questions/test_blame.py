"""blame(): equal to a brute-force reference, and its edges one by one."""

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

from flexiflow import FlexiFlowEngine, State, on, record
from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.base.values import MISSING
from flexiflow.analysis.history import open_history
from flexiflow.errors import ComponentNotFound, InvalidType, InvalidValue
from flexiflow.persistence.schema import SNAPSHOTS, STEPS


def at(document, *path):
    """The value at a path, the slow way."""
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return MISSING
        document = document[key]
    return document


def text(value):
    return None if value is MISSING else repr(value)


def reference(history, component, *path) -> list[tuple]:
    """The slow way: each snapshot's value as JSON beside the one before."""
    found, before, first = [], MISSING, True
    for row, document in readable_snapshots(history, component):
        value = at(document, *path)
        if text(value) != text(before):
            kind = (
                "first"
                if first
                else "added"
                if before is MISSING
                else "removed"
                if value is MISSING
                else "changed"
            )
            found.append((kind, text(before), text(value), row.id))
        before, first = value, False
    return found


def asked(frame) -> list[tuple]:
    cell = frames.cell_text
    return [(r.change, cell(r.old), cell(r.new), r.snapshot_id) for r in frame.itertuples()]


@settings(max_examples=25)
@given(RANDOM_STEPS)
def test_blame_equals_a_reference(steps):
    """For the state, a field and a field in it, whatever is broken or saved by hand."""
    history = random_history(steps).history
    for component in history.names():
        for field, path in (
            ("state", ("state",)),
            ("n", ("metadata", "n")),
            ("metadata.a", ("metadata", "a")),
            ("a.b", ("metadata", "a", "b")),
        ):
            expected = reference(history, component, *path)
            readable = readable_snapshots(history, component)
            if not expected and readable:
                with pytest.raises(InvalidValue, match="Unknown field"):
                    history.blame(component, field)
                continue
            frame = history.blame(component, field)
            assert dict(frame.dtypes.astype(str)) == dict(shapes.BLAME)
            assert asked(frame) == expected


@settings(max_examples=20)
@given(RANDOM_STEPS)
def test_all_fields_have_the_rows_of_each(steps):
    """Without a field each field that is no container has the rows that it has alone."""
    history = random_history(steps).history
    for component in history.names():
        frame = history.blame(component)
        rows = frame[frame["field"] == "state"] if len(frame) else frame
        if len(rows):
            assert asked(rows) == asked(history.blame(component, "state"))


def written() -> Written:
    """One component: a first snapshot, two steps that change ``total``, one that doesn't."""
    made = Written()
    made.snapshot("order", "A", NOON, data={"total": 1, "items": [{"price": 5}]})
    made.step(
        "order",
        "go",
        "A",
        "B",
        NOON + SECOND,
        sender="web",
        correlation_id="c1",
        data={"total": 2, "items": [{"price": 5}]},
    )
    made.step(
        "order",
        "fix",
        "B",
        time_us=NOON + 2 * SECOND,
        snapshot=True,
        correlation_id="c2",
        data={"total": 2, "items": [{"price": 6}]},
    )
    return made


def test_who_changed_it_and_when():
    """Old and new, with the step, its message, its sender and its trace."""
    row = written().history.blame("order", "total").iloc[-1]
    assert (row["old"], row["new"], row["change"]) == ("1", "2", "changed")
    assert (row["message"], row["sender"], row["outcome"]) == ("go", "web", "moved")
    assert (row["step_id"], row["snapshot_id"], row["correlation_id"]) == (1, 2, "c1")
    assert frames.microseconds(row["time"]) == NOON + SECOND


def test_nested_fields():
    frame = written().history.blame("order", "items[0].price")
    assert list(frame["new"]) == ["5", "6"]
    assert list(frame["field"]) == ["items[0].price"] * 2


def test_a_key_that_is_spelt_like_a_path_comes_first():
    made = Written()
    made.snapshot("order", "A", NOON, data={"a.b": 1, "a": {"b": 2}})
    frame = made.history.blame("order", "a.b")
    assert [(row.field, row.new) for row in frame.itertuples()] == [("metadata['a.b']", "1")]


def test_a_key_that_is_no_path():
    made = Written()
    made.snapshot("order", "A", NOON, data={"for each": 1})
    assert list(made.history.blame("order", "for each")["new"]) == ["1"]


def test_reserved_names():
    made = Written()
    made.snapshot("order", "A", NOON, data={"state": "inner"})
    assert list(made.history.blame("order", "state")["new"]) == ["'A'"]
    assert list(made.history.blame("order", "metadata.state")["new"]) == ["'inner'"]


def test_an_unknown_field_names_the_nearest():
    with pytest.raises(InvalidValue, match="Unknown field 'totl'") as caught:
        written().history.blame("order", "totl")
    assert caught.value.fix == "Did you mean 'total'?"
    assert "total" in caught.value.why


def test_an_unknown_component():
    with pytest.raises(ComponentNotFound):
        written().history.blame("ordr", "total")


@pytest.mark.parametrize("component", [5, ["order"]])
def test_no_component(component):
    with pytest.raises(InvalidType):
        written().history.blame(component)


def test_without_a_name_it_is_the_only_one():
    """Of several, one must be named."""
    made = written()
    assert made.history.blame(field="total").equals(made.history.blame("order", "total"))
    made.snapshot("other", "A")
    with pytest.raises(InvalidType, match=r"blame\(\) needs a component's name") as caught:
        made.history.blame()
    assert caught.value.fix == "Write history.blame('order')."


@pytest.mark.parametrize("field", [5, ["total"], b"total"])
def test_a_field_that_is_no_text(field):
    with pytest.raises(InvalidValue):
        written().history.blame("order", field)


def test_a_broken_row_makes_the_next_change_unsure():
    """It may have been the broken one's step that changed it."""
    made = written()
    made.conn.execute(f"UPDATE {SNAPSHOTS} SET snapshot_json = 'x' WHERE id = 2")
    frame = made.history.blame("order", "total")
    assert list(frame["unsure"]) == [False, True]


def test_a_gap_in_the_recording_makes_the_next_change_unsure():
    made = written()
    made.gap(3, NOON + SECOND // 2)
    assert list(made.history.blame("order", "total")["unsure"]) == [False, True]
    assert list(made.history.blame("order", "items[0].price")["unsure"]) == [False, False]


def test_a_step_that_is_gone():
    """Pruned, or never recorded: the snapshot still says when."""
    made = written()
    made.conn.execute(f"DELETE FROM {STEPS}")
    row = made.history.blame("order", "total").iloc[-1]
    assert row["step_id"] == 1
    assert row["message"] != row["message"]
    assert frames.microseconds(row["time"]) == NOON + SECOND


def test_a_database_of_1x():
    """It knows no steps, but what changed between which snapshots."""
    conn = written_by_1x(
        [
            ("order", body_1x("order", "A", total=1), "2026-01-01T00:00:00"),
            ("order", body_1x("order", "B", total=2), "2026-01-01T00:00:01"),
        ]
    )
    frame = open_history(conn).blame("order", "total")
    assert list(frame["new"]) == ["1", "2"]
    assert frame["step_id"].isna().all()


def test_several_files_are_one_history(tmp_path):
    first = Written(tmp_path / "a.db")
    first.snapshot("order", "A", NOON, data={"total": 1})
    second = Written(tmp_path / "b.db", NOON + SECOND)
    second.step("order", "go", "A", "B", NOON + SECOND, data={"total": 2})
    frame = open_history([tmp_path / "b.db", tmp_path / "a.db"]).blame("order", "total")
    assert list(frame["change"]) == ["first", "changed"]
    assert [name.endswith("b.db") for name in frame["source"]] == [False, True]


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


HOSTILE = {
    "huge": ('"' + "a" * 1_000_000 + '"', True),
    "deep": (deep(900), True),
    "deeper": (deep(5000), False),
    "no number": ("NaN", True),
    "infinite": ("1e999", True),
    "no text": ('"\\ud800"', True),
    "long number": ("1" * 5000, False),
}


@pytest.mark.parametrize(("value", "readable"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_values(value, readable):
    """What can be read is shown, and bounded; the rest is passed over."""
    row = '{"name": "order", "current_state": "A", "rules": [], "metadata": {"v": %s, "w": 1}}'
    conn = written_by_1x([("order", row % value, "2026-01-01T00:00:00")])
    frame = open_history(conn).blame("order")
    assert frame.empty is not readable
    assert all(len(each) < 700 for each in frame["new"])
    assert len(repr(frame)) < 5000


def test_large_parts_are_looked_up():
    """What is stored once and referred to is compared as what it is."""
    made = Written()
    for number, note in enumerate(["a", "a", "b"]):
        data = {"big": [note * 5000], "n": number}
        made.step("order", "go", "A", time_us=NOON + number, snapshot=True, data=data)
    frame = made.history.blame("order", "big[0]")
    assert list(frame["snapshot_id"]) == [1, 3]
    assert list(frame["new"])[1].startswith("'bbbb")


def test_the_values_are_those_that_were_recorded():
    """Types that JSON has not are shown as Python writes them."""
    made = Written()
    made.snapshot("order", "A", NOON, data={"at": {1, 2}, "none": None})
    frame = made.history.blame("order")
    new = dict(zip(frame["field"], frame["new"], strict=True))
    assert new == {"state": "'A'", "rules": "[]", "at": "{1, 2}", "none": "None"}


class Waiting(State):
    @on("count", to="Counted")
    def count(self, message, component):
        component.data["n"] = message["n"]


class Counted(State):
    @on("wait", to="Waiting")
    def wait(self, message, component):
        """Nothing to do."""


async def test_every_question_is_answered_while_it_is_recorded():
    """In memory, where there is one connection for the writer and all who ask."""
    engine = FlexiFlowEngine()
    one, other = engine.add("one", Waiting), engine.add("other", Waiting)
    async with record(engine) as recording:
        history = recording.history
        await one.send("count", n=1)
        await one.send("wait")
        await other.send("count", n=2)
        assert list(history.blame("one", "n")["new"]) == ["1"]
        assert [each.component for each in history.when(None, "n > 1")] == ["other"]
        assert history.diff("one", "other").divergence.alike == 1
        assert len(history.story("one").sentences) == 4
        assert len(history.outliers("steps", min_took=0)) == 0
        with pytest.raises(InvalidValue, match="Unknown field"):
            history.when("one", "m > 1")
        await one.send("count", n=3)
        assert list(history.blame("one", "n")["new"]) == ["1", "3"]
