"""Where ways part: of two components, and of one from most."""

import pytest
from histories import NOON, SECOND, Written

from flexiflow.analysis.questions.divergence import MOST_COMPARED, first_divergence, parting, way_of
from flexiflow.analysis.questions.sentences import parted
from flexiflow.analysis.reading.source import files_of


def walked(made: Written, name: str, messages: str) -> None:
    """A component that a letter each moved from A to A."""
    for at, message in enumerate(messages):
        made.step(name, message, "A", time_us=NOON + at, sender="s", snapshot=True, data={"n": at})


@pytest.mark.parametrize(
    ("one", "other", "at"),
    [
        ("abc", "abc", None),
        ("abc", "abx", 2),
        ("ab", "abc", 2),
        ("abc", "ab", 2),
        ("", "", None),
        ("a", "b", 0),
    ],
)
def test_first_divergence(one, other, at):
    made = Written()
    walked(made, "one", one)
    walked(made, "other", other)
    sources = made.history.sources
    assert first_divergence(way_of(sources, "one"), way_of(sources, "other")) == at


def test_outcomes_and_states_count():
    """The same message that was refused in one of them is another step."""
    made = Written()
    made.step("one", "go", "A", "B")
    made.step("other", "go", "A", outcome="refused")
    sources = made.history.sources
    assert first_divergence(way_of(sources, "one"), way_of(sources, "other")) == 0


def ten(made: Written, messages: str) -> list[str]:
    names = [f"{messages}-{number}" for number in range(10)]
    for name in names:
        walked(made, name, messages)
    return names


def test_parting():
    """The step that few took who had come the same way, and what most did."""
    made = Written()
    names = ten(made, "abcd")
    walked(made, "mine", "abxd")
    found = parting(made.history.sources, "mine", names, 5)
    assert (found.step.message, found.alike, found.came) == ("x", 2, 10)
    assert (found.usual.message, found.took_it, found.compared) == ("c", 10, 10)


@pytest.mark.parametrize(
    ("way", "others"),
    [
        ("abcd", ["abcd"]),
        ("abcde", ["abcd"]),
        ("ab", ["abcd"]),
        ("axcd", ["abcd", "axcd"]),
        ("", ["abcd"]),
    ],
)
def test_no_parting(way, others):
    """As most went, longer or shorter than they, or one of two usual ways."""
    made = Written()
    names = [name for each in others for name in ten(made, each)]
    walked(made, "mine", way)
    assert parting(made.history.sources, "mine", names, 5) is None


def test_too_few_to_tell():
    made = Written()
    names = ten(made, "abcd")[:4]
    walked(made, "mine", "abxd")
    assert parting(made.history.sources, "mine", names, 5) is None


def test_some_of_very_many_are_compared():
    made = Written()
    names = []
    for number in range(MOST_COMPARED + 50):
        names.append(f"other-{number}")
        walked(made, names[-1], "b")
    walked(made, "mine", "x")
    found = parting(made.history.sources, "mine", names, 5)
    assert (found.compared, found.came) == (MOST_COMPARED, MOST_COMPARED)


def test_why_says_it():
    """With what the step changed in the data."""
    made = Written()
    made.machine("m", ("A", "B"), final=("B",))
    for number in range(10):
        made.snapshot(f"other-{number}", "A", NOON, data={"n": 1})
        made.step(f"other-{number}", "pack", "A", time_us=NOON + 1)
        made.step(f"other-{number}", "go", "A", "B", NOON + SECOND)
    made.snapshot("mine", "A", NOON, data={"n": 1})
    made.step("mine", "edit", "A", time_us=NOON + 1, sender="desk", snapshot=True, data={"n": 2})
    step = made.conn.execute("SELECT max(id) FROM flexiflow_steps").fetchone()[0]
    made.step("mine", "pack", "A", time_us=NOON + 2)
    made.step("other-0", "ping", "B", time_us=NOON + 60 * SECOND)
    assert made.history.why("mine").sentences[2] == (
        f"It first parted from the others at step {step}: `edit` from desk, "
        "where 10 of 10 others had `pack`; it changed n 1 → 2."
    )


@pytest.mark.parametrize(
    ("mine", "told"),
    [
        ({"outcome": "refused"}, "`pack`, refused, where 10 of 10 others had `pack` moved."),
        ({"after": "C"}, "`pack` (A → C), where 10 of 10 others had `pack` (A → B)."),
    ],
)
def test_of_one_message_it_is_said_what_else_differed(mine, told):
    """Its outcome, or else where it led."""
    made = Written()
    for number in range(10):
        made.step(f"other-{number}", "pack", "A", "B")
    made.step("mine", "pack", "A", **mine)
    found = parting(made.history.sources, "mine", [f"other-{n}" for n in range(10)], 5)
    assert parted(found, [], 10, files_of(made.history.sources)).endswith(f": {told}")
