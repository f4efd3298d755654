"""stuck(): equal to a brute-force reference, and its edges one by one."""

import math
from datetime import timedelta

import numpy as np
import pytest
from histories import NOON, SECOND, Written, body_1x, written_by_1x
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.history import open_history
from flexiflow.analysis.questions.stuck import Departures, Siblings
from flexiflow.analysis.reading.visits import visits_of
from flexiflow.errors import InvalidValue

NAMES = ["x", "y", "z", "w"]
KIND = 3
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(["A", "B", "End"]),
        st.integers(0, 20),
        st.sampled_from(["m", "n"]),
    ),
    max_size=30,
)


def run_of(events) -> Written:
    """A run in which every event moves a component; each name keeps to one machine or the other."""
    written = Written()
    written.machine("m", ("A", "B", "End"), final=("End",))
    now, time_us = {}, NOON
    for name, state, pause, _ in events:
        time_us += pause
        mark = "m" if name in "xyz" else None
        if name not in now:
            written.snapshot(name, state, time_us, fingerprint=mark)
        elif state != now[name]:
            written.step(name, "go", now[name], state, time_us, fingerprint=mark)
        else:
            written.step(name, "stay", state, time_us=time_us, fingerprint=mark)
        now[name] = state
    return written


def reference(visits, factor, least) -> list[tuple]:
    """The slow way: for each stay that lasts, every other stay is looked at."""
    found = []
    for visit in visits:
        if not visit.lasts or (visit.fingerprint == "m" and visit.state == "End"):
            continue
        dwells = sorted(
            other.dwell_us
            for other in visits
            if not other.lasts
            and other.component != visit.component
            and (other.state, other.fingerprint) == (visit.state, visit.fingerprint)
        )
        p95 = dwells[math.ceil(len(dwells) * 95 / 100) - 1] if dwells else None
        if len(dwells) < least:
            found.append(
                (1, 0, -visit.dwell_us, visit.component, "unknown", len(dwells), p95, None)
            )
        elif visit.dwell_us / max(p95, 1) > factor:
            ratio = visit.dwell_us / max(p95, 1)
            found.append(
                (0, -ratio, -visit.dwell_us, visit.component, "stuck", len(dwells), p95, ratio)
            )
    return [row[3:] for row in sorted(found, key=lambda row: row[:4])]


@settings(max_examples=80)
@given(EVENTS, st.sampled_from([0.5, 1.0, 3.0]), st.integers(1, 5))
def test_stuck_equals_a_reference(events, factor, least):
    """Which components, in which order, compared with how many, and by how much."""
    history = run_of(events).history
    frame = history.stuck(factor=factor, min_departures=least, min_dwell=0)
    assert dict(frame.dtypes.astype(str)) == dict(shapes.STUCK)
    shown = [
        (
            row.component,
            row.verdict,
            row.siblings,
            frames.microseconds_of(row.p95),
            None if math.isnan(row.ratio) else row.ratio,
        )
        for row in frame.itertuples()
    ]
    assert shown == reference(visits_of(history.sources), factor, least)


def departures_of(stays) -> Departures:
    """Of stays of one kind: (component, how long it took)."""
    component, dwell_us = np.array(stays or np.empty((0, 2)), dtype=np.int64).T
    return Departures(component, np.full(len(stays), KIND), dwell_us)


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 5)), max_size=60),
    st.sampled_from(NAMES),
)
def test_the_percentile_leaves_the_own_stays_out(stays, component):
    """Equal to sorting the others' stays anew, by the nearest rank."""
    others = sorted(d for name, d in stays if name != component)
    expected = others[math.ceil(len(others) * 95 / 100) - 1] if others else None
    departures = departures_of([(NAMES.index(name), d) for name, d in stays])
    asked = NAMES.index(component), KIND
    assert departures.siblings_of(*asked) == Siblings(len(others), expected)
    assert sorted(stays[each][1] for each in departures.of_others(*asked)) == others


@pytest.mark.parametrize(
    ("number", "p95"), [(1, 1), (5, 5), (19, 19), (20, 19), (21, 20), (100, 95)]
)
def test_at_least_95_percent_do_not_exceed_p95(number, p95):
    """A stay that was really seen: of 1, 2, … n microseconds."""
    written = Written()
    for dwell in range(1, number + 1):
        written.stays(f"other-{dwell}", [dwell])
    written.snapshot("order", "A", NOON)
    frame = written.history.stuck(factor=1e-9, min_departures=1, min_dwell=0)
    (row,) = frame[frame["component"] == "order"].itertuples()
    assert frames.microseconds_of(row.p95) == p95


def five_others(fingerprint="m") -> Written:
    """Five components that left A after a second each, and are in an end now."""
    written = Written()
    written.machine("m", ("A", "B"), final=("B",))
    for number in range(5):
        written.stays(f"other-{number}", [SECOND], fingerprint=fingerprint)
    return written


@pytest.mark.parametrize(
    ("dwell_us", "verdicts"), [(SECOND, []), (3 * SECOND, []), (3 * SECOND + 1, ["stuck"])]
)
def test_stuck_is_more_than_factor_times_p95(dwell_us, verdicts):
    """Three times is not yet more than three times."""
    written = five_others()
    written.snapshot("order", "A", NOON)
    written.step("other-0", "ping", "B", time_us=NOON + dwell_us)
    assert written.history.stuck()["verdict"].tolist() == verdicts


def test_now_is_the_newest_record():
    """The wall clock is years further, and does not matter."""
    written = five_others()
    written.snapshot("order", "A", NOON)
    written.step("other-0", "ping", "B", time_us=NOON + 10 * SECOND, duration_us=SECOND)
    (row,) = written.history.stuck().itertuples()
    assert frames.microseconds_of(row.dwell) == 11 * SECOND
    assert frames.microseconds(row.since) == NOON
    assert row.ratio == 11


def test_too_few_siblings_are_unknown_by_age():
    """Listed behind the stuck ones, the oldest first, also where nobody else ever left."""
    written = five_others()
    written.snapshot("young", "C", NOON + 2)
    written.snapshot("old", "C", NOON + 1)
    written.snapshot("order", "A", NOON)
    written.step("other-0", "ping", "B", time_us=NOON + 10 * SECOND)
    frame = written.history.stuck()
    assert frame["component"].tolist() == ["order", "old", "young"]
    assert frame["verdict"].tolist() == ["stuck", "unknown", "unknown"]
    assert frame["siblings"].tolist() == [5, 0, 0]
    assert frame["ratio"].isna().tolist() == [False, True, True]


def test_own_stays_are_no_siblings():
    """A component that comes back often is not compared with itself."""
    written = Written()
    written.stays("order", [SECOND] * 10)
    written.step("order", "come", "B", "A", NOON + 60 * SECOND)
    (row,) = written.history.stuck().itertuples()
    assert (row.verdict, row.siblings) == ("unknown", 0)


@pytest.mark.parametrize("fingerprint", ["another", None])
def test_stays_in_another_machine_are_no_siblings(fingerprint):
    """The same state's name in another machine is another state."""
    written = five_others(fingerprint)
    written.snapshot("order", "A", NOON)
    frame = written.history.stuck().set_index("component")
    assert frame.loc["order", "siblings"] == 0


def test_components_at_an_end_are_not_stuck():
    """The file's own machine says what is an end."""
    written = five_others()
    assert written.history.stuck().empty


def test_an_end_of_another_machine_is_none():
    """B is final in one machine, and a state like any other where the machine is not known."""
    written = five_others("unknown machine")
    assert set(written.history.stuck()["state"]) == {"B"}


def test_a_broken_machine_has_no_ends():
    """A definition that can't be read says nothing; nothing else is lost."""
    written = five_others()
    written.conn.execute("UPDATE flexiflow_machines SET definition_json = '{oops'")
    assert len(written.history.stuck()) == 5


def test_a_history_of_1x():
    """Without machines and steps: the state alone is compared, and last steps are missing."""
    rows = []
    for number in range(5):
        rows.append((f"o{number}", body_1x(f"o{number}", "A"), "2023-11-14T22:13:20"))
        rows.append((f"o{number}", body_1x(f"o{number}", "B"), "2023-11-14T22:13:21"))
    rows.append(("order", body_1x("order", "A"), "2023-11-14T22:13:20"))
    rows.append(("late", body_1x("late", "C"), "2023-11-14T22:14:20"))
    frame = open_history(written_by_1x(rows)).stuck()
    assert frame["component"].tolist()[0] == "order"
    assert frame["verdict"].tolist() == ["stuck"] + ["unknown"] * 6
    assert frame[["last_step", "last_message", "last_outcome", "last_error"]].isna().all(axis=None)


def test_the_last_step_of_each():
    """What happened last, whatever it was."""
    written = five_others()
    written.snapshot("order", "A", NOON)
    written.step(
        "order", "pay", "A", time_us=NOON, outcome="failed", error={"type": "E", "message": "m"}
    )
    written.snapshot("calm", "C", NOON)
    written.step("other-0", "ping", "B", time_us=NOON + 10 * SECOND)
    stuck_, unknown = written.history.stuck().to_dict("records")
    assert (stuck_["last_message"], stuck_["last_outcome"], stuck_["last_error"]) == (
        "pay",
        "failed",
        "E: m",
    )
    assert stuck_["last_step"] == 11
    assert frames.cell_text(unknown["last_message"]) is None


def test_a_stay_without_a_time_is_unknown():
    """It is listed rather than left out."""
    written = five_others()
    written.snapshot("order", "A", NOON)
    written.conn.execute(
        "UPDATE flexiflow_snapshots SET time_us = NULL, created_at = 'x'"
        " WHERE component_name = 'order'"
    )
    (row,) = written.history.stuck().itertuples()
    assert (row.component, row.verdict, row.siblings) == ("order", "unknown", 5)


def test_siblings_in_other_files(tmp_path):
    """A fleet is one history: stays in every file are compared."""
    for number in range(5):
        written = Written(tmp_path / f"{number}.db")
        written.machine("m", ("A", "B"), final=("B",))
        written.stays(f"other-{number}", [SECOND])
        written.conn.close()
    last = Written(tmp_path / "last.db", NOON + SECOND)
    last.snapshot("order", "A", NOON + SECOND)
    last.step("order", "ping", "A", time_us=NOON + 60 * SECOND)
    (row,) = open_history(tmp_path / "*.db").stuck().itertuples()
    assert (row.component, row.verdict, row.siblings) == ("order", "stuck", 5)
    assert (row.last_message, row.source[-7:]) == ("ping", "last.db")


@pytest.mark.parametrize(
    "arguments",
    [
        {"factor": 0},
        {"factor": -1},
        {"factor": float("nan")},
        {"factor": "3"},
        {"min_departures": 0},
        {"min_departures": 1.5},
        {"min_departures": None},
    ],
)
def test_arguments_that_make_no_sense(arguments):
    """A ValueError in four parts."""
    with pytest.raises(InvalidValue, match="can't be answered") as caught:
        Written().history.stuck(**arguments)
    assert caught.value.why
    assert caught.value.fix


def test_nothing_is_stuck_in_an_empty_history():
    """The columns are there, and no rows."""
    frame = Written().history.stuck()
    assert dict(frame.dtypes.astype(str)) == dict(shapes.STUCK)
    assert frame.empty


def test_many_that_wait_are_judged_without_looking_at_all_others(monkeypatch):
    """2,000 candidates among 2,000 departures: each is looked up, none scans the others."""
    gone = [(number, number) for number in range(2_000)]
    here = [(number, frames.NO_NUMBER) for number in range(2_000, 4_000)]
    departures = departures_of([*gone, *here])
    dwells, read = departures._dwell_us, []

    class Reading:
        def __getitem__(self, where):
            read.append(np.size(dwells[where]))
            return dwells[where]

    monkeypatch.setattr(departures, "_dwell_us", Reading())
    assert {departures.siblings_of(number, KIND) for number, _ in here} == {Siblings(2_000, 1_899)}
    assert sum(read) == len(here)


def one_waits(dwell_us) -> Written:
    """Five left A after a millisecond each; one is there for that long."""
    written = Written()
    written.machine("m", ("A", "B"), final=("B",))
    for number in range(5):
        written.stays(f"other-{number}", [1000])
    written.snapshot("order", "A", NOON)
    written.step("other-0", "ping", "B", time_us=NOON + dwell_us)
    return written


@pytest.mark.parametrize(("dwell_us", "number"), [(99_999, 0), (100_000, 1)])
def test_a_stay_of_milliseconds_is_not_stuck(dwell_us, number):
    """Ninety times what is usual is nothing yet where that is a millisecond."""
    assert len(one_waits(dwell_us).history.stuck()) == number


@pytest.mark.parametrize(
    ("shortest", "number"),
    [(0, 1), ("50ms", 1), ("51ms", 0), (timedelta(milliseconds=50), 1), ("1h", 0), ("0.05 s", 1)],
)
def test_the_smallest_dwell_is_an_argument(shortest, number):
    assert len(one_waits(50_000).history.stuck(min_dwell=shortest)) == number


def test_why_says_that_it_is_not_stuck():
    assert "longer than usual, but not stuck" in one_waits(50_000).history.why("order").headline


@pytest.mark.parametrize(
    "shortest", ["soon", "-1s", "5", 5, 0.5, None, timedelta(-1), "1 fortnight", True]
)
def test_a_smallest_dwell_that_is_none(shortest):
    with pytest.raises(InvalidValue, match="min_dwell is not a duration") as caught:
        Written().history.stuck(min_dwell=shortest)
    assert caught.value.why
    assert caught.value.fix
    assert caught.value.context_items == {"min_dwell": shortest}


def test_who_rests_where_that_is_meant_is_not_stuck():
    """However long: the verdict says that it rests, and an outlier it is not either."""
    written = Written()
    written.machine("m", ("Idle", "Busy"), resting=("Idle",))
    for number in range(6):
        written.snapshot(f"w{number}", "Idle", NOON + number)
        written.step(f"w{number}", "work", "Idle", "Busy", NOON + SECOND)
    for number in range(6):
        written.step(f"w{number}", "done", "Busy", "Idle", NOON + 2 * SECOND)
    written.step("w0", "work", "Idle", "Busy", NOON + 7200 * SECOND)
    history = written.history
    assert list(history.stuck()["component"]) == []
    assert list(history.outliers()["component"]) == []
    verdict = history.why("w3")
    assert (verdict.kind, verdict.headline) == ("waiting", "w3: resting in Idle for 1 h 59 min.")
