"""One message's path: the tree equals a brute-force reference, whatever is lost or shuffled."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import changed, finished, line, received, started

from flexiflow.analysis.base import shapes
from flexiflow.analysis.traces.trace import Trace
from flexiflow.tracing.line_formats import BrokenLine


def tree_of(*records):
    return Trace("trace-1", list(records)).tree()


def outline(tree):
    return [(depth, node.span_id) for depth, node in tree.walk()]


def spans(tree):
    return {node.span_id: node for _, node in tree.walk()}


# -- the reference ----------------------------------------------------------------------------


@st.composite
def traces(draw):
    """(span, parent, kind, closing) of a random trace, in the order in which its spans begin."""
    number = draw(st.integers(1, 12))
    made = []
    for at in range(number):
        parent = None if at == 0 else draw(st.integers(-1, at - 1))
        kind = draw(
            st.sampled_from(["moved", "refused", "failed", "stayed", "handler", "broken off"])
        )
        made.append((at, None if parent in (None, -1) else parent, kind))
    return made


def records_of(made):
    """What a recording writes of it; every record has a time of its own."""
    records = []
    for at, parent, kind in made:
        span, cause = f"s{at}", None if parent is None else f"s{parent}"
        begin, end = at * 10, at * 10 + 5
        if kind == "handler":
            records += [started(begin, span, cause), finished(end, span, cause, duration_us=5)]
            continue
        records.append(received(begin, span, cause, from_state="A"))
        if kind == "moved":
            records.append(changed(end, span, cause, duration_us=5))
        elif kind in ("refused", "failed"):
            event = f"message.{kind}"
            records.append(line(event, end, span, cause, outcome=kind, duration_us=5))
        elif kind == "stayed":
            inner = f"h{at}"
            records += [
                started(begin + 1, inner, span),
                finished(begin + 2, inner, span, duration_us=1),
            ]
    return records


def reference(records):
    """Parents, and roots and children by time, computed the slow way from what is left."""
    by_span = {}
    for record in records:
        by_span.setdefault(record.span_id, []).append(record)
    parents = {}
    for span, mine in by_span.items():
        named = [record.parent_id for record in mine if record.parent_id is not None]
        parents[span] = named[0] if named else None
    missing = {parent for parent in parents.values() if parent is not None} - set(by_span)
    for span in missing:
        parents[span] = None

    def began(span):
        if span in by_span:
            return min(
                record.ts
                if record.event in ("message.received", "handler.started")
                else record.ts[:-7] + f"{int(record.ts[-7:-1]) - (record.duration_us or 0):06d}Z"
                for record in by_span[span]
            )
        return min(began(child) for child in parents if parents[child] == span)

    def below(span, depth):
        yield depth, span
        for child in sorted((c for c in parents if parents[c] == span), key=began):
            yield from below(child, depth + 1)

    roots = sorted((span for span in parents if parents[span] is None), key=began)
    return [each for root in roots for each in below(root, 0)], missing


@settings(max_examples=150)
@given(traces(), st.data())
def test_the_tree_equals_a_reference(made, data):
    """With records dropped, written twice, and shuffled."""
    whole = records_of(made)
    kept = data.draw(st.lists(st.sampled_from(whole), min_size=1, max_size=2 * len(whole)))
    expected, missing = reference(kept)
    tree = tree_of(*kept)
    assert outline(tree) == expected
    assert {span for span, node in spans(tree).items() if node.kind == "missing"} == missing
    notes = [note for note in tree.missing if "without a record here" in note]
    assert len(notes) == bool(missing)
    assert all(
        note.startswith("1 span is" if len(missing) == 1 else f"{len(missing)} spans")
        for note in notes
    )


@settings(max_examples=60)
@given(traces(), st.randoms(use_true_random=False))
def test_a_whole_trace_says_what_happened(made, shuffler):
    """Outcomes, durations and kinds of every span; what did not end is counted."""
    records = records_of(made)
    shuffler.shuffle(records)
    tree = tree_of(*records)
    found = spans(tree)
    outcomes = {"handler": "ok", "broken off": "unknown"}
    for at, _, kind in made:
        node = found[f"s{at}"]
        children = [made[c][2] for c in range(len(made)) if made[c][1] == at]
        handled = kind == "broken off" and "handler" in children
        assert node.outcome == ("stayed" if handled else outcomes.get(kind, kind))
        assert node.kind == ("handler" if kind == "handler" else "step")
        assert node.start_us is not None
        assert node.duration_us == (None if kind in ("stayed", "broken off") else 5)
    open_ends = sum(node.outcome == "unknown" for node in found.values())
    notes = [note for note in tree.missing if "no end here" in note]
    has = "1 span has" if open_ends == 1 else f"{open_ends} spans have"
    assert notes == ([f"{has} no end here"] if open_ends else [])
    assert [note for note in tree.missing if note not in notes] == []


# -- one record of a span -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "kind", "outcome", "start", "label"),
    [
        (received(7, "s"), "step", "unknown", 7, "go"),
        (changed(7, "s", duration_us=5), "step", "moved", 2, "go"),
        (
            line("message.refused", 7, "s", outcome="refused", message_type="go"),
            "step",
            "refused",
            7,
            "go",
        ),
        (
            line("message.failed", 7, "s", outcome="failed", message_type="go"),
            "step",
            "failed",
            7,
            "go",
        ),
        (
            line("message.failed", 7, "s", outcome="cancelled", message_type="go"),
            "step",
            "cancelled",
            7,
            "go",
        ),
        (line("message.failed", 7, "s"), "step", "unknown", 7, None),
        (started(7, "s"), "handler", "unknown", 7, "A.go"),
        (finished(7, "s", duration_us=5), "handler", "ok", 2, "A.go"),
        (
            line("handler.failed", 7, "s", handler="A.go", duration_us=5),
            "handler",
            "failed",
            2,
            "A.go",
        ),
        (line("snapshot.saved", 7, "s", snapshot_id=3), "other", "unknown", None, None),
        (line("order.shipped", 7, "s"), "other", "unknown", None, None),
    ],
)
def test_a_span_of_one_record(record, kind, outcome, start, label):
    """It says what that record says, and no more."""
    tree = tree_of(record)
    (node,) = tree.roots
    began = None if node.start_us is None else node.start_us - 1_700_000_000_000_000
    assert (node.kind, node.outcome, began, node.label) == (kind, outcome, start, label)
    assert ("1 span has no end here" in tree.missing) == (outcome == "unknown" and kind != "other")
    assert node.sentence


def test_records_outside_every_span():
    """They stand together, under no span."""
    tree = tree_of(
        line("order.shipped", 0, None), line("order.weighed", 1, None), received(2, "s1")
    )
    assert outline(tree) == [(0, None), (0, "s1")]
    assert [record.event for record in tree.roots[0].records] == ["order.shipped", "order.weighed"]


def test_a_step_with_a_handler_of_somebody_else_has_not_stayed():
    """A subscriber that returned says nothing about the state's handler that never did."""
    records = [
        received(0, "s1"),
        started(1, "h1", "s1", component="audit"),
        finished(2, "h1", "s1", component="audit"),
    ]
    assert tree_of(*records).roots[0].outcome == "unknown"
    assert tree_of(*records, started(3, "h2", "s1")).roots[0].outcome == "unknown"
    whole = tree_of(*records, started(3, "h2", "s1"), finished(4, "h2", "s1"))
    assert (whole.roots[0].outcome, whole.missing) == ("stayed", ())


def test_a_step_with_a_handler_that_failed_has_not_stayed():
    """Its closing line is lost: nobody can say how it ended."""
    tree = tree_of(received(0, "s1"), line("handler.failed", 1, "h1", "s1", handler="A.go"))
    assert tree.roots[0].outcome == "unknown"


def test_tries_are_numbered():
    """A retried call says which try it was."""
    tree = tree_of(started(0, "h1", handler="charge", data={"attempt": 2, "max_attempts": 3}))
    assert tree.roots[0].label == "charge (try 2 of 3)"


def test_errors_and_reasons_are_told():
    """The last thing that went wrong in the span."""
    tree = tree_of(
        line("message.failed", 0, "s1", error=("E", "bad\nthing.")),
        line("message.refused", 1, "s2", reason="has_items is not so", outcome="refused"),
    )
    assert [node.detail for node in tree.roots] == ["E: bad\nthing.", "has_items is not so"]
    assert "(E: bad thing)" in str(tree)
    assert "◇ order: message.refused  refused  (has_items is not so)" in str(tree)


def test_snapshots_are_told_once():
    """Rows and files; a line that was written twice is one snapshot."""
    saved = line("snapshot.saved", 2, "s1", snapshot_id=5)
    by_hand = line("snapshot.saved", 3, "s1", data={"path": "state.json"})
    odd = [line("snapshot.saved", at, "s1", data=data) for at, data in ((4, None), (5, {"x": 1}))]
    tree = tree_of(received(0, "s1"), saved, saved, by_hand, *odd)
    assert tree.roots[0].snapshots == ("5", "state.json", "?")
    assert "[snapshot 5, state.json, ?]" in str(tree)


def test_the_sentence_of_a_step():
    """Who, what, from where to where, the snapshot, how long."""
    tree = tree_of(
        received(0, "s1"),
        changed(5, "s1", duration_us=1_500),
        line("snapshot.saved", 6, "s1", snapshot_id=7),
        started(1, "h1", "s1"),
        finished(2, "h1", "s1", duration_us=900),
    )
    assert str(tree).splitlines() == [
        "trace trace-1",
        "  ● order: go  A → B  [snapshot 7]  1.5 ms",
        "    · order: A.go  900 µs",
    ]
    assert repr(tree) == str(tree)


# -- damage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parents", "roots"),
    [
        ({"a": "a"}, {"a"}),
        ({"a": "b", "b": "a"}, {"a", "b"}),
        ({"a": "b", "b": "c", "c": "a", "d": "c", "e": "d"}, {"a", "b", "c"}),
        ({"a": "b", "b": "a", "x": "y", "y": "x", "z": None}, {"a", "b", "x", "y", "z"}),
    ],
)
def test_circles_are_cut(parents, roots):
    """A span that is its own ancestor stands by itself; what hangs on it hangs on it."""
    tree = tree_of(*[received(at, *each) for at, each in enumerate(parents.items())])
    assert {node.span_id for node in tree.roots} == roots
    assert len(outline(tree)) == len(parents)
    (note,) = [note for note in tree.missing if "circle" in note]
    number = len([span for span in roots if parents[span] is not None])
    assert note.startswith("1 span caused" if number == 1 else f"{number} spans caused")


@settings(max_examples=60)
@given(st.lists(st.integers(0, 9) | st.none(), min_size=1, max_size=10))
def test_any_parents_make_a_tree(parents):
    """Every span is in it exactly once, whatever the records claim."""
    records = [
        received(at, f"s{at}", None if parent is None else f"s{parent}")
        for at, parent in enumerate(parents)
    ]
    shown = [span for _, span in outline(tree_of(*records))]
    assert len(shown) == len(set(shown))
    assert {f"s{at}" for at in range(len(parents))} <= set(shown)


@pytest.mark.parametrize("event", [received, finished, changed])
def test_a_very_deep_trace(event):
    """10,000 levels: no recursion, whichever records are there, and a bounded text."""
    records = [event(at, f"s{at}", f"s{at - 1}" if at else None) for at in range(10_000)]
    random.Random(1).shuffle(records)
    tree = tree_of(*records)
    assert outline(tree) == [(at, f"s{at}") for at in range(10_000)]
    text = str(tree)
    assert len(text) < 300_000
    assert "… and 8,000 more lines; see trace.records()" in text
    assert "(level 31) " in text
    assert repr(tree.roots[0])


def test_a_very_deep_trace_without_times():
    """Nothing says when anything began; the order of causes is there."""
    records = [line("x", 0, f"s{at}", f"s{at - 1}" if at else None) for at in range(10_000)]
    for record in records:
        record.ts = "soon"
    tree = tree_of(*records)
    assert outline(tree) == [(at, f"s{at}") for at in range(10_000)]
    assert tree.missing == ("10,000 records without a time that can be read",)


def test_a_very_wide_trace():
    """20,000 children of one span."""
    records = [received(at, f"s{at}", "root") for at in range(20_000)]
    tree = tree_of(*records)
    assert [node.span_id for node in tree.roots] == ["root"]
    assert [node.span_id for node in tree.roots[0].children] == [f"s{at}" for at in range(20_000)]


def test_several_roots():
    """Two messages that entered with the same id stand side by side, by time."""
    tree = tree_of(received(5, "s2"), received(0, "s1"), started(6, "h2", "s2"))
    assert outline(tree) == [(0, "s1"), (0, "s2"), (1, "h2")]


def test_a_cause_from_outside():
    """A parent that a traceparent named is stood in for, and the note does not claim a loss."""
    tree = tree_of(received(0, "s1", "00f067aa0ba902b7"), changed(1, "s1", "00f067aa0ba902b7"))
    assert outline(tree) == [(0, "00f067aa0ba902b7"), (1, "s1")]
    assert tree.roots[0].kind == "missing"
    assert tree.missing == (
        "1 span is named as a cause without a record here: it is lost, or from outside",
    )


def test_two_spans_of_one_lost_cause():
    """One stands in for it, and it begins with its first child."""
    tree = tree_of(
        received(0, "s0"), received(5, "s2", "lost"), received(3, "s1", "lost"), received(9, "s9")
    )
    assert outline(tree) == [(0, "s0"), (0, "lost"), (1, "s1"), (1, "s2"), (0, "s9")]


def test_broken_lines_are_counted():
    """They are no part of the tree, and the tree says that there are some."""
    broken = BrokenLine("run.jsonl", 0, "{oops", "no JSON")
    tree = tree_of(received(0, "s1"), changed(1, "s1"), broken, broken)
    assert tree.missing == ("2 broken lines with this id in it",)
    assert "  ! 2 broken lines with this id in it" in str(tree)


def test_records_in_the_same_microsecond():
    """What a clock can't tell apart is put into the order in which it happens."""
    events = [
        line("snapshot.saved", 0, "s1", snapshot_id=1),
        changed(0, "s1"),
        finished(0, "h1", "s1"),
        line("order.shipped", 0, "h1", "s1"),
        started(0, "h1", "s1"),
        received(0, "s1"),
    ]
    frame = Trace("trace-1", events).records()
    assert frame["event"].tolist() == [record.event for record in reversed(events)]
    assert dict(frame.dtypes.astype(str)) == shapes.RECORDS


def test_an_empty_trace():
    """Nothing at all is a tree without roots."""
    tree = tree_of()
    assert (tree.roots, tree.missing, str(tree)) == ((), (), "trace trace-1")


def test_names_can_not_forge_a_line():
    """Line breaks and escapes in names, states, errors and ids are spelt out."""
    nasty = "x\n  ● forged\x1b[31m\u202e"
    tree = Trace(
        nasty,
        [
            received(0, "s1", component=nasty, message_type=nasty),
            changed(1, "s1", from_state=nasty, to_state=nasty, error=(nasty, nasty)),
            line("snapshot.saved", 2, "s1", data={"path": nasty}),
            line("message.failed", 3, "s2", outcome=nasty, component=nasty),
            line(nasty, 4, "s3", component=nasty),
        ],
    ).tree()
    text = str(tree)
    assert len(text.splitlines()) == 1 + 3 + len(tree.missing)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_repr():
    """How much there is."""
    trace = Trace("trace-1", [received(0, "s1"), received(1, "s2", component="other")])
    assert repr(trace) == "<Trace trace-1: 2 records of 2 components>"
    assert len(trace) == 2


def test_a_damaged_file_is_no_line():
    """Nobody knows what stood behind the damage."""
    damaged = BrokenLine("run.jsonl.1.gz", 90, "", "the file is damaged from here on")
    tree = tree_of(received(0, "s1"), changed(1, "s1"), damaged)
    assert tree.missing == ("1 damaged file that ends before its time",)


def test_an_id_of_two_spans():
    """They can't be told apart, and the tree says so."""
    twice = received(0, "s1"), changed(1, "s1"), received(5, "s1"), changed(6, "s1")
    assert tree_of(*twice).missing == (
        "1 span begins more than once: its id is used again, or lines are doubled",
    )


def test_a_clock_that_was_set_back():
    """What was caused seems to begin first; a millisecond may be the clocks of two processes."""
    cause, caused = [received(5_000, "s1"), changed(9_000, "s1")], [4_000, 3_999]
    told = [
        tree_of(*cause, received(at, "s2", "s1"), changed(at, "s2", "s1")).missing for at in caused
    ]
    assert told == [
        (),
        ("1 span begins before its cause, by up to 1.0 ms: clocks differ, or one was set back",),
    ]


def test_lines_outside_every_span_are_told():
    """By what they say; a terminal shows nothing else of them."""
    said = {"logger": "app", "message": "paid\x1b[31m\n"}
    one = line("log.line", 0, None, component=None, data=said)
    assert tree_of(one).roots[0].sentence == "· paid\\x1b[31m"
    error = line("declined", 1, None, component=None)
    error.level = "ERROR"
    assert tree_of(one, error).roots[0].sentence == "· 2 lines: paid\\x1b[31m; ERROR declined"
    assert tree_of(*[one] * 9).roots[0].sentence.count("paid") == 5
