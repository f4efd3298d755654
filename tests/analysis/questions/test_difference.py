"""diff(): two snapshots, two components, two histories."""

import numpy as np
import pytest
from histories import NOON, Written

from flexiflow.analysis.base import shapes
from flexiflow.analysis.history import open_history
from flexiflow.errors import ComponentNotFound, InvalidType, InvalidValue


def written(path=None, total=2) -> Written:
    made = Written(path)
    made.snapshot("one", "A", NOON, data={"total": 1, "items": [1]})
    made.step("one", "go", "A", "B", NOON + 1, data={"total": total, "items": [1, 2]})
    made.snapshot("other", "A", NOON, data={"total": 1})
    made.step("other", "go", "A", "B", NOON + 1, data={"total": 1})
    made.step("other", "pay", "B", "A", NOON + 2, data={"total": 1})
    return made


def rows(found) -> list[tuple]:
    cells = found.frame.astype(object).where(found.frame.notna(), None)
    return list(cells.itertuples(index=False, name=None))


def test_two_snapshots():
    found = written().history.diff(1, 2)
    assert rows(found) == [
        ("one", "state", "changed", "'A'", "'B'"),
        ("one", "total", "changed", "1", "2"),
        ("one", "items[1]", "added", None, "2"),
    ]
    assert found.divergence is None
    assert found.text == (
        "snapshot 1 → snapshot 2: 3 differences. "
        "one state: 'A' → 'B'; one total: 1 → 2; one items[1]: nothing → 2."
    )


def test_no_difference():
    found = written().history.diff(1, 1)
    assert found.text == "snapshot 1 → snapshot 1: no field differs."
    assert dict(found.frame.dtypes.astype(str)) == dict(shapes.DIFF)


def test_ids_as_frames_have_them():
    assert len(written().history.diff(np.int64(1), np.int64(2)).frame) == 3


def test_two_components():
    """As they were last, and the first step that was not the same in both."""
    found = written().history.diff("one", "other")
    assert rows(found)[0] == (None, "state", "changed", "'B'", "'A'")
    assert (found.divergence.alike, found.divergence.old) == (1, None)
    assert found.divergence.new.message == "pay"
    assert found.text.endswith(
        "After 1 step alike they part: nothing more → `pay` moved (B → A, step 3)."
    )


@pytest.mark.parametrize("name", ["one", "two\nlines", "x" * 1_000])
def test_of_two_components_it_is_not_said_in_which_they_part(name):
    """Whatever its name, which is told on one line and bounded."""
    made = Written()
    made.step(name, "go", "A", "B")
    made.step("other", "stop", "A", "B")
    text = made.history.diff(name, "other").text
    assert "First in" not in text
    assert "At once they part: `go` moved" in text


def test_two_histories(tmp_path):
    written(tmp_path / "a.db")
    other = written(tmp_path / "b.db", total=5)
    other.snapshot("new", "A", NOON)
    other.step("other", "pay", "A", "B", NOON + 3, data={"total": 1})
    history, second = open_history(tmp_path / "a.db"), open_history(tmp_path / "b.db")
    found = history.diff(second)
    assert rows(found) == [
        ("new", None, "added", None, None),
        ("one", "total", "changed", "2", "5"),
        ("other", "state", "changed", "'A'", "'B'"),
    ]
    assert (found.divergence.component, found.divergence.alike) == ("other", 2)
    assert "First in other. After 2 steps alike they part: nothing more → `pay`" in found.text
    assert rows(history.diff(history, second)) == rows(found)
    assert found.divergence.sentence == (
        "After 2 steps alike they part: nothing more → `pay` moved (A → B, step 4 of b.db)."
    )


def test_of_many_files_three_are_named(tmp_path):
    """And the others counted."""
    for name in "abcde":
        written(tmp_path / f"{name}.db")
    history = open_history([tmp_path / f"{name}.db" for name in "abcde"])
    assert history.diff(history).old.endswith("c.db and 2 more")


def test_a_history_does_not_differ_from_itself():
    history = written().history
    found = history.diff(history)
    assert found.frame.empty
    assert found.divergence is None


@pytest.mark.parametrize(
    ("old", "new"),
    [(1, "one"), ("one", 1), ("one", None), (1, None), (None, None), (1.5, 2), (True, 1), ([], [])],
)
def test_of_different_kinds(old, new):
    with pytest.raises(InvalidType) as caught:
        written().history.diff(old, new)
    assert caught.value.why
    assert caught.value.fix


def test_of_nothing():
    """It is said like every other slip."""
    with pytest.raises(InvalidType, match="can't compare nothing with nothing"):
        written().history.diff()


def test_unknown_ones():
    history = written().history
    with pytest.raises(InvalidValue):
        history.diff(1, 99)
    with pytest.raises(ComponentNotFound):
        history.diff("one", "unknown")


def test_a_component_without_snapshots():
    """Its steps can be compared all the same."""
    made = written()
    made.step("bare", "go", "A", "B", snapshot=False)
    found = made.history.diff("bare", "one")
    assert found.divergence is None
    assert set(found.frame["change"]) == {"added"}


def test_many_differences_are_counted():
    made = Written()
    made.snapshot("one", "A", data={f"f{at}": 1 for at in range(9)})
    made.snapshot("one", "A", data={f"f{at}": 2 for at in range(9)})
    assert "4 more are in its frame." in made.history.diff(1, 2).text
