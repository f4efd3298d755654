"""story(): a component's history in sentences, bounded, and honest about what it leaves out."""

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
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.analysis.base import shapes
from flexiflow.analysis.history import open_history
from flexiflow.errors import ComponentNotFound, InvalidType, InvalidValue


def written() -> Written:
    made = Written()
    made.snapshot("order", "A", NOON, data={"n": 1})
    made.step("order", "go", "A", "B", NOON + SECOND, sender="web", data={"n": 2, "m": "x"})
    for at in range(2, 5):
        made.step("order", "ping", "B", time_us=NOON + at * SECOND)
    made.step(
        "order",
        "pay",
        "B",
        time_us=NOON + 5 * SECOND,
        outcome="failed",
        tries=3,
        error={"type": "PaymentError", "message": "No."},
    )
    return made


def test_a_story():
    assert written().history.story("order").sentences == (
        "order began in A, at 2023-11-14 22:13:20 UTC.",
        "At 22:13:21 `go` moved A → B, step 1, from web; n 1 → 2, m nothing → 'x'.",
        "At 22:13:22 `ping` stayed in B, step 2, and so on until step 4, 3 times in all.",
        "At 22:13:25 `pay` failed after 3 tries, PaymentError: No, step 5.",
        "At the newest record it is in B, for 4.0 s by then.",
    )


def test_a_component_did_not_begin_where_pruning_cut_its_snapshots():
    """The first state that is known may be one that it came to from another."""
    made = written()
    made.conn.execute("DELETE FROM flexiflow_snapshots WHERE state = 'A'")
    assert made.history.story("order").sentences[0] == (
        "What order did before it came to B, at 2023-11-14 22:13:21 UTC, is not in the history."
    )


def test_as_a_frame():
    """The rows behind each sentence."""
    frame = written().history.story("order").frame
    assert dict(frame.dtypes.astype(str)) == dict(shapes.STORY)
    assert frame["steps"].tolist() == [0, 1, 3, 1, 0]
    assert frame["last_step"].dropna().tolist() == [1, 4, 5]
    assert frame["outcome"].dropna().tolist() == ["moved", "stayed", "failed"]


OUTCOMES = st.lists(st.sampled_from(["moved", "stayed", "refused", "failed"]), max_size=60)


def of_outcomes(outcomes) -> Written:
    made = Written()
    made.snapshot("order", "A", NOON)
    for at, outcome in enumerate(outcomes):
        states = ("A", "B") if outcome == "moved" else ("A", "A")
        made.step("order", f"m{at}", *states, NOON + at, outcome=outcome)
    return made


@given(OUTCOMES, st.integers(0, 20))
def test_every_step_is_told_or_counted(outcomes, limit):
    """What is left out is said, sentence by sentence, and in all."""
    story = of_outcomes(outcomes).history.story("order", limit=limit)
    assert story.frame["steps"].sum() == len(outcomes)
    left_out = story.frame[story.frame["sentence"].str.contains("left out")]["steps"].sum()
    assert story.left_out == left_out == max(len(outcomes) - limit, 0)


@given(OUTCOMES, st.integers(0, 20))
def test_a_story_is_bounded(outcomes, limit):
    """With a sentence on each gap, and on where it began and is."""
    story = of_outcomes(outcomes).history.story("order", limit=limit)
    assert len(story.sentences) <= 2 * limit + 3


def test_trouble_is_told_first():
    """Of fifty steps the failed one in the middle is not left out."""
    made = of_outcomes(["stayed"] * 25 + ["failed"] + ["stayed"] * 24)
    story = made.history.story("order", limit=14)
    assert "Here 22 steps are left out: 22 stayed." in story.sentences
    assert any("`m25` failed" in sentence for sentence in story.sentences)


def test_a_history_of_1x():
    """It has no messages, but the states."""
    rows = [
        ("order", body_1x("order", state), f"2026-01-01T00:00:0{at}")
        for at, state in enumerate("ABA")
    ]
    assert open_history(written_by_1x(rows)).story("order").sentences == (
        "order began in A, at 2026-01-01 00:00:00 UTC.",
        "At 00:00:01 it came to B.",
        "At 00:00:02 it came to A.",
        "At the newest record it is in A, for 0 µs by then.",
    )


def test_a_long_history_of_1x():
    rows = [
        ("order", body_1x("order", "AB"[at % 2]), f"2026-01-01T00:00:{at:02}") for at in range(10)
    ]
    story = open_history(written_by_1x(rows)).story("order", limit=3)
    assert story.left_out == 6
    assert story.sentences[1] == "Here 6 moves are left out."


def test_nothing_can_be_read():
    story = open_history(written_by_1x([("order", "x", "y")])).story("order")
    assert story.text == "Where order is, no row that can be read says."


def test_hostile_names_stay_on_their_line():
    made = Written()
    made.snapshot("a\nb", "S\x1b[31m\nt", NOON, data={"k\ny": 1})
    made.step("a\nb", "m\nn", "S\x1b[31m\nt", "T\u202e", NOON + 1, sender="s\nt", data={"k\ny": 2})
    story = made.history.story("a\nb")
    assert all(sentence.isprintable() for sentence in story.sentences)


def test_large_values_are_bounded():
    made = Written()
    made.snapshot("order", "A", NOON, data={"v": "a"})
    made.step("order", "go", "A", "B", NOON + 1, data={"v": "b" * 1_000_000})
    assert len(made.history.story("order").text) < 500


def test_without_a_name_it_is_the_only_one():
    """Of several, one must be named."""
    made = written()
    assert made.history.story().text == made.history.story("order").text
    made.snapshot("other", "A")
    with pytest.raises(InvalidType, match=r"story\(\) needs a component's name") as caught:
        made.history.story()
    assert caught.value.why.endswith("2 are recorded: order, other.")
    assert caught.value.fix == "Write history.story('order')."


def test_of_several_files_each_step_names_its_own(tmp_path):
    """Ids of two files may be the same; steps in a row may go on in the next file."""
    first, second = Written(tmp_path / "a.db"), Written(tmp_path / "b.db", NOON + 10)
    first.snapshot("order", "A", NOON)
    first.step("order", "go", "A", "B", NOON + 1)
    for number in range(12):
        made = first if number < 6 else second
        made.step("order", "ping", "B", time_us=NOON + 2 + number)
    second.step("order", "end", "B", "C", NOON + 20)
    told = open_history(tmp_path / "*.db").story("order").text
    assert "`go` moved A → B, step 1 of a.db." in told
    assert "step 2 of a.db, and so on until step 6 of b.db, 12 times" in told
    assert "`end` moved B → C, step 7 of b.db." in told


def test_wrong_arguments():
    history = written().history
    with pytest.raises(ComponentNotFound):
        history.story("odrer")
    with pytest.raises(InvalidType):
        history.story(5)
    with pytest.raises(InvalidValue):
        history.story("order", limit="many")


def recorded_twice() -> Written:
    """A component that is stuck, and begins anew when its program does."""
    made = Written()
    made.snapshot("order", "A", NOON, data={"n": 1})
    made.step("order", "go", "A", "B", NOON + SECOND, data={"n": 2})
    made.step("order", "pay", "B", time_us=NOON + 2 * SECOND, outcome="refused")
    made.snapshot("order", "A", NOON + 3 * SECOND, data={"n": 1})
    made.snapshot("order", "A", NOON + 4 * SECOND, data={"n": 1})
    made.step("order", "pay", "A", time_us=NOON + 5 * SECOND, outcome="refused")
    return made


def test_what_changed_outside_of_any_step_is_told():
    """Where a new recording begins, state and data are others; a save that shows nothing new is not
    told, and what stands before and after one is not joined."""
    assert recorded_twice().history.story("order").sentences[1:-1] == (
        "At 22:13:21 `go` moved A → B, step 1; n 1 → 2.",
        "At 22:13:22 `pay` was refused, step 2.",
        "At 22:13:23 it was saved outside of any step; state 'B' → 'A', n 2 → 1.",
        "At 22:13:25 `pay` was refused, step 3.",
    )


def test_saves_that_are_left_out_are_said():
    """With the steps beside them, or alone."""
    texts = [recorded_twice().history.story("order", limit=limit).text for limit in (0, 1)]
    assert "Here 3 steps and 2 saves are left out: 2 refused, 1 moved." in texts[0]
    assert "Here 2 steps and 2 saves are left out: 1 moved, 1 refused." in texts[1]
    made = of_outcomes(["stayed"] * 3 + ["refused"])
    made.snapshot("order", "B", NOON + 3)
    made.step("order", "m", "B", time_us=NOON + 4, outcome="refused")
    for at in range(10):
        made.step("order", f"n{at}", "B", time_us=NOON + 5 + at)
    story = made.history.story("order", limit=15)
    assert "Here 1 save outside of any step is left out." in story.sentences
    assert story.left_out == 0


@given(RANDOM_STEPS)
def test_saves_stand_where_they_were_made(steps):
    """In the order of time, which is that of the rows, where each row is later than the last."""
    steps = [(name, state, data, abs(pause) + 1, how) for name, state, data, pause, how in steps]
    history = random_history(steps).history
    for name in history.names()[:1]:
        # Its beginning is told first, also where a step stands before the first snapshot.
        times = history.story(name, limit=50).frame["time"].iloc[1:].dropna()
        assert times.is_monotonic_increasing
