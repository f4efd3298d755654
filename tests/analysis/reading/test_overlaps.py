"""Files that were recorded at the same time are named, and who is in both."""

import pytest
from histories import NOON, SECOND, Written

from flexiflow.analysis.history import open_history


@pytest.fixture
def made(tmp_path):
    """Writes a file in which components were seen from one second to another."""

    def make(name, components, first, last):
        written = Written(tmp_path / name, NOON + first * SECOND)
        for component in components:
            written.snapshot(component, "A", NOON + first * SECOND)
        written.snapshot(components[0], "B", NOON + last * SECOND)
        return written.path

    return make


def notices(*paths):
    return [each.replace(f"{paths[0].parent}/", "") for each in open_history(paths).notices]


def test_files_one_after_the_other(made):
    """Nothing to say."""
    assert notices(made("a.db", ["x"], 0, 10), made("b.db", ["x"], 10, 20)) == []


def test_files_at_the_same_time(made):
    """Both are named, with their times and the components that are in both."""
    paths = made("a.db", ["x", "y"], 0, 10), made("b.db", ["x"], 9, 20)
    assert notices(*paths) == [
        "b.db begins at 2023-11-14 22:13:29, before a.db ends at 2023-11-14 22:13:30; their rows "
        "stand file by file. What is said of components that are in both may be out of order: x."
    ]


def test_files_of_different_components(made):
    """Then the order is of less weight, and it says so."""
    (told,) = notices(made("a.db", ["x"], 0, 10), made("b.db", ["y"], 5, 20))
    assert told.endswith("No component is in both.")


def test_a_file_within_a_longer_one(made):
    """Compared with the one that ends last, not with its neighbour."""
    paths = (made("a.db", ["x"], 0, 30), made("b.db", ["y"], 5, 10), made("c.db", ["z"], 20, 25))
    assert [told.split(" begins")[0] for told in notices(*paths)] == ["b.db", "c.db"]


def test_many_components_in_both(made):
    """Three are named, the others counted."""
    names = [f"order-{number}" for number in range(5)]
    (told,) = notices(made("a.db", names, 0, 10), made("b.db", names, 5, 20))
    assert told.endswith("out of order: order-0, order-1, order-2 and 2 more.")


def test_a_file_without_rows(made, tmp_path):
    """It has no times, and overlaps with nothing."""
    empty = Written(tmp_path / "empty.db", NOON + SECOND).path
    assert notices(made("a.db", ["x"], 0, 10), empty) == []
