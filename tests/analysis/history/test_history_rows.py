"""Snapshots and steps as frames: row for row what the database holds, filtered as asked."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from histories import NOON, SECOND, TABLE_1X, Written, body_1x, written_by_1x
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.history import open_history
from flexiflow.errors import (
    ComponentNotFound,
    FlexiFlowError,
    InvalidType,
    InvalidValue,
    StateError,
)
from flexiflow.persistence import tagged

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COMPONENTS = ["order", "ord'er\"; --", "☃\n"]
STATES = ["Draft", "Paying", "Done"]
TIMES = st.integers(NOON - 10 * SECOND, NOON + 10 * SECOND)  # clocks may go back

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(COMPONENTS),
        st.sampled_from(STATES),
        st.sampled_from(STATES),
        TIMES,
        st.integers(0, 5 * SECOND),
        st.sampled_from(["moved", "stayed", "refused", "failed", "cancelled", "saved"]),
        st.dictionaries(
            st.sampled_from(["total", "$x", "note"]), st.integers() | st.text(), max_size=2
        ),
    ),
    max_size=12,
)


def written_from(events) -> Written:
    """A history with these events: steps, each perhaps with a snapshot, and saves by hand."""
    written = Written()
    for number, (component, before, after, time_us, duration_us, outcome, data) in enumerate(
        events
    ):
        if outcome == "saved":
            written.snapshot(component, after, time_us, data=data, fingerprint=None)
        else:
            written.step(
                component,
                f"message {number}",
                before,
                after if outcome == "moved" else before,
                time_us,
                duration_us=duration_us,
                outcome=outcome,
                data=data,
                snapshot=outcome == "moved" or bool(data),
                correlation_id=f"c{number}",
                sender=None if number % 2 else "web",
            )
    return written


def at(time_us):
    return EPOCH + timedelta(microseconds=time_us)


def plain(frame):
    """A frame's rows with None for everything that is missing."""
    return [
        tuple(None if pd.isna(value) else value for value in row)
        for row in frame.itertuples(index=False)
    ]


# -- row for row --------------------------------------------------------------------------


@settings(max_examples=30)
@given(EVENTS)
def test_snapshots_equal_the_database(events):
    """Every row, in the order of the ids, whatever the clocks said."""
    written = written_from(events)
    rows = written.conn.execute(
        "SELECT id, time_us, component_name, state, correlation_id, step_id, fingerprint,"
        " snapshot_json FROM flexiflow_snapshots ORDER BY id"
    ).fetchall()
    frame = written.history.snapshots()
    assert dict(frame.dtypes.astype(str)) == dict(shapes.SNAPSHOTS)
    assert plain(frame) == [
        (id_, at(time_us), name, state, cid, step, "run-1", mark, text, None, "connection")
        for id_, time_us, name, state, cid, step, mark, text in rows
    ]


@settings(max_examples=30)
@given(EVENTS)
def test_steps_equal_the_database(events):
    """Every row, in the order of the ids, whatever the clocks said."""
    written = written_from(events)
    rows = written.conn.execute(
        "SELECT id, start_us, duration_us, component_name, message_type, from_state, to_state,"
        " outcome, NULL, NULL, tries, sender, correlation_id, span_id, NULL, 'run-1', fingerprint,"
        " message_json, NULL, NULL, 'connection' FROM flexiflow_steps ORDER BY id"
    ).fetchall()
    frame = written.history.steps()
    assert dict(frame.dtypes.astype(str)) == dict(shapes.STEPS)
    assert plain(frame) == [
        (id_, at(start), timedelta(microseconds=took), *rest) for id_, start, took, *rest in rows
    ]


@settings(max_examples=30)
@given(EVENTS)
def test_exploded_metadata_equals_what_was_stored(events):
    """A column for each field, and in it each row's own value."""
    frame = written_from(events).history.snapshots(explode=True)
    for row in frame.to_dict("records"):
        stored = tagged.decode(row["snapshot_json"])["metadata"]
        shown = {
            name.removeprefix("metadata."): value
            for name, value in row.items()
            if name.startswith("metadata.") and not pd.isna(value)
        }
        assert shown == stored


# -- filters ------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    EVENTS,
    st.sampled_from([None, *COMPONENTS]),
    TIMES | st.none(),
    TIMES | st.none(),
    st.lists(st.sampled_from(STATES)) | st.none(),
    st.integers(0, 5) | st.none(),
)
def test_filters_equal_a_reference(events, component, since_us, until_us, states, limit):
    """Component, times (both ends included), states, and a limit that keeps the newest."""
    history = written_from(events).history
    arguments = {
        "since": None if since_us is None else at(since_us),
        "until": None if until_us is None else at(until_us),
        "limit": limit,
    }
    for ask, column in ((history.snapshots, "state"), (history.steps, "from_state")):
        everything = ask()
        known = set(history.snapshots()["state"]) | set(history.steps()["from_state"])
        names = None if states is None else [name for name in states if name in known]
        if component is not None and component not in history.names():
            continue
        chosen = [
            row.id
            for row in everything.itertuples()
            if (component is None or row.component == component)
            and (since_us is None or row.time >= at(since_us))
            and (until_us is None or row.time <= at(until_us))
            and (names is None or getattr(row, column) in names)
        ]
        expected = chosen if limit is None else chosen[len(chosen) - min(limit, len(chosen)) :]
        assert ask(component, states=names, **arguments)["id"].tolist() == expected


def five_minutes():
    """A snapshot a minute, the newest at noon, and a step that ends half a minute later."""
    written = Written()
    for minute in range(5):
        written.snapshot("order", f"S{minute}", NOON - (4 - minute) * 60 * SECOND)
    written.step("order", "x", "S4", time_us=NOON, duration_us=30 * SECOND)
    return written.history


@pytest.mark.parametrize(
    ("since", "states"),
    [
        ("-30s", ["S4"]),
        ("-1.5m", ["S3", "S4"]),
        ("-90s", ["S3", "S4"]),
        (" - 90 s ", ["S3", "S4"]),
        ("-89s", ["S4"]),
        ("-89999ms", ["S4"]),
        ("-90000000us", ["S3", "S4"]),
        ("-1h", ["S0", "S1", "S2", "S3", "S4"]),
        ("-1d", ["S0", "S1", "S2", "S3", "S4"]),
        ("-2w", ["S0", "S1", "S2", "S3", "S4"]),
        ("-999999999999w", ["S0", "S1", "S2", "S3", "S4"]),
    ],
)
def test_since_counts_from_the_newest_record(since, states):
    """The newest record is the end of the last step, not the wall clock."""
    assert five_minutes().snapshots(since=since)["state"].tolist() == states


def test_until_counts_from_the_newest_record_too():
    """Both ends may be relative."""
    frame = five_minutes().snapshots(since="-3m", until="-1m")
    assert frame["state"].tolist() == ["S2", "S3"]


@pytest.mark.parametrize(
    "moment",
    [
        at(NOON),
        at(NOON).replace(tzinfo=None),
        at(NOON).astimezone(timezone(timedelta(hours=5, minutes=30))),
        at(NOON).isoformat(),
        at(NOON).isoformat().replace("+00:00", "Z"),
        " 2023-11-14 22:13:20 ",
        pd.Timestamp(NOON, unit="us", tz="UTC"),
        pd.Timestamp(NOON, unit="us").as_unit("ns"),
    ],
)
def test_times_in_any_form(moment):
    """ISO text and datetimes, with a zone or in UTC, and pandas' own."""
    history = five_minutes()
    assert history.snapshots(since=moment)["state"].tolist() == ["S4"]
    assert len(history.snapshots(until=moment)) == 5


def test_a_time_from_a_frame_finds_its_row():
    """What a column holds can be asked for again, to the microsecond."""
    written = Written()
    for offset in (0, 1, 2):
        written.snapshot("order", "A", NOON + offset)
    moment = written.history.snapshots()["time"].iloc[1]
    assert written.history.snapshots(since=moment, until=moment)["id"].tolist() == [2]


@pytest.mark.parametrize(
    ("since", "hint"),
    [
        ("1h", "'-1h'"),
        ("+1h", "'-1h'"),
        ("-1hour", "'-1h'"),
        ("-2 minutes", "'-2m'"),
        ("-1.5Days", "'-1.5d'"),
        ("-3 msec", "'-3ms'"),
        ("-3 µs", '"-1h"'),
        ("yesterday", '"-1h"'),
        ("", '"-1h"'),
        ("2023-13-01", '"-1h"'),
        (5, '"-1h"'),
        (np.datetime64(NOON, "us"), '"-1h"'),
        (pd.NaT, '"-1h"'),
        (object(), '"-1h"'),
    ],
)
def test_what_is_no_time(since, hint):
    """A ValueError in four parts that names the argument and what was probably meant."""
    with pytest.raises(InvalidValue, match="since is not a time") as caught:
        five_minutes().snapshots(since=since)
    assert hint in caught.value.fix
    assert caught.value.why
    assert list(caught.value.context_items) == ["since"]


def test_since_in_a_history_without_records():
    """Where nothing is, nothing is found, and nothing is wrong."""
    assert len(Written().history.snapshots(since="-1h", until="-1m")) == 0


@pytest.mark.parametrize("limit", [-1, 1.5, "3", True])
def test_what_is_no_limit(limit):
    """A ValueError in four parts."""
    with pytest.raises(InvalidValue, match="limit must be") as caught:
        five_minutes().snapshots(limit=limit)
    assert caught.value.fix


@pytest.mark.parametrize(("limit", "number"), [(np.int64(2), 2), (10**30, 5), (0, 0)])
def test_limits(limit, number):
    """Any whole number from 0 up."""
    assert len(five_minutes().snapshots(limit=limit)) == number


@pytest.mark.parametrize("ask", ["snapshots", "steps", "visits", "why", "graph"])
def test_an_unknown_component_names_the_nearest(ask):
    """A KeyError that suggests up to three names."""
    written = Written()
    for name in ("order-1", "order-2", "order-3", "order-4", "zebra"):
        written.snapshot(name, "A")
    with pytest.raises(ComponentNotFound) as caught:
        getattr(written.history, ask)("order-12")
    assert isinstance(caught.value, KeyError)
    assert caught.value.fix.count("order-") == 3
    assert "zebra" not in caught.value.fix


def test_an_unknown_component_of_1x():
    """Where there are no steps, the snapshots are asked."""
    conn = written_by_1x([("order", body_1x("order", "A"), "2023-11-14")])
    with pytest.raises(ComponentNotFound, match="ordr"):
        open_history(conn).why("ordr")


@pytest.mark.parametrize("name", [5, object(), ["order"], "order\0", "\ud800", ""])
def test_what_is_no_component(name):
    """Nothing but the name of a component finds one, and nothing ends in a traceback."""
    with pytest.raises(ComponentNotFound):
        five_minutes().snapshots(name)


@pytest.mark.parametrize("ask", ["snapshots", "steps"])
@pytest.mark.parametrize("states", ["Payin", ["Draft", "Payin"], {"Payin"}])
def test_an_unknown_state_names_the_nearest(ask, states):
    """An error that suggests names that the history knows."""
    written = Written()
    written.step("order", "go", "Draft", "Paying")
    with pytest.raises(StateError, match="Unknown state 'Payin'") as caught:
        getattr(written.history, ask)(states=states)
    assert "'Paying'" in caught.value.fix
    assert caught.value.why
    assert caught.value.context_items


@pytest.mark.parametrize("states", [[5], [None], [["Draft"]], b"Draft"])
def test_what_is_no_state(states):
    """Only names are states."""
    with pytest.raises(StateError):
        five_minutes().snapshots(states=states)


def test_states_must_be_names():
    """A number is a TypeError in four parts."""
    with pytest.raises(InvalidType, match="states must be") as caught:
        five_minutes().snapshots(states=5)
    assert caught.value.fix


def test_states_may_come_from_a_generator():
    """Any iterable of names."""
    frame = five_minutes().snapshots(states=(name for name in ["S1", "S3"]))
    assert frame["state"].tolist() == ["S1", "S3"]


def test_no_states_are_no_rows():
    """An empty collection asks for nothing."""
    assert len(five_minutes().snapshots(states=[])) == 0


# -- several files ------------------------------------------------------------------------


def three_files(tmp_path):
    for number in range(3):
        began = NOON + number * 60 * SECOND
        written = Written(tmp_path / f"{number}.db", began)
        for name in ("order", f"only-{number}"):
            written.step(name, "go", "A", "B", began, data={f"field{number}": number, "all": 1})
        written.conn.close()
    return open_history(tmp_path / "*.db")


def test_rows_of_several_files(tmp_path):
    """File by file, each in the order of its ids; categories and dtypes stay."""
    history = three_files(tmp_path)
    for frame, columns in (
        (history.snapshots(), shapes.SNAPSHOTS),
        (history.steps(), shapes.STEPS),
    ):
        assert dict(frame.dtypes.astype(str)) == dict(columns)
        assert frame["id"].tolist() == [1, 2] * 3
        assert [name[-4] for name in frame["source"]] == ["0", "0", "1", "1", "2", "2"]
        assert frame.index.tolist() == list(range(6))


def test_a_limit_over_several_files(tmp_path):
    """The newest of all."""
    frame = three_files(tmp_path).steps(limit=3)
    assert frame["component"].tolist() == ["only-1", "order", "only-2"]
    assert frame.index.tolist() == [0, 1, 2]


def test_exploding_several_files(tmp_path):
    """Fields of all files, whole numbers still whole."""
    frame = three_files(tmp_path).snapshots("order", explode=True)
    assert str(frame["metadata.field1"].dtype) == "Int64"
    assert frame["metadata.field1"].isna().tolist() == [True, False, True]
    assert frame["metadata.all"].tolist() == [1, 1, 1]


def test_a_limited_and_exploded_frame(tmp_path):
    """Each row keeps its own metadata where a limit cuts the first rows off."""
    frame = three_files(tmp_path).snapshots(limit=1, explode=True)
    assert frame["metadata.field2"].tolist() == [2]
    assert "metadata.field0" not in frame


# -- what 1.x wrote -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2023-11-14T22:13:20", NOON),
        ("2023-11-14 22:13:20", NOON),
        ("2023-11-14T22:13:20Z", NOON),
        ("2023-11-14T22:13:20+00:00", NOON),
        ("2023-11-15T03:43:20+05:30", NOON),
        ("2023-11-14T22:13:20.5", NOON + 500_000),
        ("2023-11-14T22:13:20.000001", NOON + 1),
        ("2023-11-14T22:13:20.999999+00:00", NOON + 999_999),
        ("2023-11-14T22:13:20.999999Z", NOON + 999_999),
        ("2023-11-14T14:13:20.123456-08:00", NOON + 123_456),
        ("2023-11-14T22:13:20.123456789", NOON + 123_456),
        ("1969-12-31T23:59:59.250000", -750_000),
        ("2023-11-14", NOON // (86_400 * SECOND) * 86_400 * SECOND),
    ],
)
def test_times_of_1x_are_read_to_the_microsecond(text, microseconds):
    """With and without fractions and zones."""
    conn = written_by_1x([("order", body_1x("order", "A"), text)])
    frame = open_history(conn).snapshots()
    assert frames.microseconds(frame["time"].iloc[0]) == microseconds
    assert frame["error"].isna().all()


@given(
    st.datetimes(datetime(1700, 1, 1), datetime(2261, 12, 30)),
    st.none() | st.integers(-14 * 60, 14 * 60),
)
def test_any_time_that_1x_could_write(moment, offset):
    """What `datetime.isoformat` writes is read as Python reads it."""
    zone = None if offset is None else timezone(timedelta(minutes=offset))
    moment = moment.replace(tzinfo=zone)
    conn = written_by_1x([("order", body_1x("order", "A"), moment.isoformat())])
    aware = moment.replace(tzinfo=UTC) if offset is None else moment
    (read,) = open_history(conn).snapshots()["time"]
    assert read == aware


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "12:00",
        "2460000.5",
        "yesterday",
        "1677-01-01",
        "2262-01-01",
        "9999-12-31",
        "20231114T221320",
    ],
)
def test_what_is_no_time_of_1x(text):
    """The row is shown, without a time, and says so; nothing becomes the wall clock."""
    conn = written_by_1x(
        [("order", body_1x("order", "A"), text), ("order", body_1x("order", "B"), "2023-11-14")]
    )
    frame = open_history(conn).snapshots()
    assert frame["time"].isna().tolist() == [True, False]
    assert plain(frame[["error"]]) == [("its time can't be read",), (None,)]


def test_a_history_of_1x():
    """Snapshots have state, time and metadata; there are no steps."""
    conn = written_by_1x([("order", body_1x("order", "A", total=1.5), "2023-11-14T22:13:20")])
    history = open_history(conn)
    frame = history.snapshots(explode=True)
    assert frame["state"].tolist() == ["A"]
    assert frame["metadata.total"].tolist() == [1.5]
    assert dict(frame.iloc[:, :-1].dtypes.astype(str)) == dict(shapes.SNAPSHOTS)
    assert dict(history.steps().dtypes.astype(str)) == dict(shapes.STEPS)
    assert len(history.steps()) == 0
    assert len(history.snapshots(states="A", since="-1h")) == 1


def test_nan_of_1x_is_no_fault():
    """1.x wrote NaN and Infinity, which SQLite refuses; the row is whole all the same."""
    body = body_1x("order", "A", ratio=float("nan"), most=float("inf"))
    frame = open_history(written_by_1x([("order", body, "2023-11-14")])).snapshots(explode=True)
    assert frame["state"].tolist() == ["A"]
    assert frame["error"].isna().all()
    assert frame["metadata.most"].tolist() == [float("inf")]


def test_a_dollar_of_1x_is_no_tag():
    """In a row of 1.x nothing is a tag."""
    body = body_1x("order", "A", value={"$float": "nan"})
    frame = open_history(written_by_1x([("order", body, "2023-11-14")])).snapshots(explode=True)
    assert frame["metadata.value"].tolist() == [{"$float": "nan"}]


# -- what is broken -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("nope", "the snapshot is not JSON"),
        ("", "the snapshot is not JSON"),
        ("[1]", "the snapshot is not a JSON object"),
        ("{}", "the snapshot names no state"),
        ('{"current_state": 5}', "the snapshot names no state"),
        ("[" * 5000, "the snapshot is not JSON"),
        (b"\xff\x00", "the snapshot is not JSON"),
        (b'{"name": "x"}', "Snapshot is missing required field 'current_state'."),
    ],
)
def test_a_broken_row_is_shown_and_hides_nothing(body, error):
    """It says what is wrong with it; the rows around it are whole."""
    good = body_1x("order", "A", total=1)
    time = "2023-11-14T22:13:20"
    conn = written_by_1x([("order", good, time), ("order", body, time), ("order", good, time)])
    history = open_history(conn)
    frame = history.snapshots("order", explode=True)
    assert plain(frame[["state", "error"]]) == [("A", None), (None, error), ("A", None)]
    assert frame["metadata.total"].fillna(0).tolist() == [1, 0, 1]
    assert history.visits()["state"].tolist() == ["A"]


def test_a_broken_row_of_a_recording():
    """The state has a column of its own; the JSON is reported."""
    written = Written()
    written.snapshot("order", "A")
    written.conn.execute("UPDATE flexiflow_snapshots SET snapshot_json = '{\"name\"'")
    frame = written.history.snapshots(explode=True)
    assert plain(frame[["state", "error"]]) == [("A", "the snapshot is not JSON")]


def loosely(written: Written) -> sqlite3.Connection:
    """The same tables without types, keys and constraints, as a careless program makes them."""
    written.conn.execute("DROP VIEW flexiflow_snapshots_full")
    for table in ("flexiflow_snapshots", "flexiflow_steps", "flexiflow_runs"):
        written.conn.execute(f"CREATE TABLE loose AS SELECT * FROM {table}")
        written.conn.execute(f"DROP TABLE {table}")
        written.conn.execute(f"ALTER TABLE loose RENAME TO {table}")
    return written.conn


HOSTILE = [None, "[", b"\xff\x00", 5, 2**63 - 1, -(2**63)]


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
@pytest.mark.parametrize("table", ["flexiflow_snapshots", "flexiflow_steps"])
def test_any_value_in_any_column(table, value):
    """Every question is answered, and shows the component beside the damaged rows."""
    columns = Written().conn.execute(f"SELECT name FROM pragma_table_info('{table}')").fetchall()
    written = Written()
    written.machine()
    for name in ("whole", *(f"damaged {column}" for (column,) in columns)):
        written.step(name, "go", "A", "B", error={"type": "E", "message": "m"}, data={"x": 1})
    conn = loosely(written)
    for number, (column,) in enumerate(columns, 2):
        conn.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, number))
    history = open_history(conn)
    assert len(history.snapshots(explode=True)) == len(columns) + 1
    assert len(history.steps()) == len(columns) + 1
    assert dict(history.steps().dtypes.astype(str)) == dict(shapes.STEPS)
    assert "whole" in history.components()["component"].tolist()
    assert history.visits("whole")["state"].tolist() == ["B"]
    assert "whole" in history.stuck()["component"].tolist()
    assert len(history.graph().states) >= 2
    assert "in B" in history.why("whole").text
    for name in history.names():
        if not name.startswith("b'"):
            assert history.why(name).text


def test_text_that_is_no_utf8():
    """Bytes that are no text are shown as such, and the rows around them are there."""
    written = Written()
    for name in ("a", "b"):
        written.step(name, "go", "A", "B", reason="x")
    broken = "UPDATE flexiflow_steps SET {} = CAST(x'61ff' AS TEXT) WHERE id = 1"
    for column in ("message_type", "reason", "message_json", "correlation_id"):
        written.conn.execute(broken.format(column))
    assert written.history.steps()["message"].tolist() == ["a\ufffd", "go"]


def test_times_out_of_range_are_missing():
    """A clock that says the year 200,000 is not "now"; the text beside it still says when."""
    written = Written()
    written.snapshot("order", "A", NOON)
    written.step("order", "go", "A", "B", NOON)
    written.conn.execute("UPDATE flexiflow_snapshots SET time_us = ? WHERE id = 2", (2**62,))
    written.conn.execute("UPDATE flexiflow_steps SET start_us = ?", (2**62,))
    history = written.history
    assert history.steps()["time"].isna().all()
    assert [frames.microseconds(time) for time in history.snapshots()["time"]] == [NOON, NOON]
    assert len(history.snapshots(since="-1s")) == 2


def test_a_negative_duration_is_shown_as_it_is():
    """And does not move "now"."""
    written = Written()
    written.step("order", "go", "A", "B", NOON, duration_us=-5 * SECOND, snapshot=False)
    history = written.history
    assert history.steps()["duration"].tolist() == [pd.Timedelta(seconds=-5)]
    assert len(history.steps(since="-1us")) == 1


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ({"type": "E", "message": "m"}, "E: m"),
        ({"type": "E"}, "E"),
        ({"message": "m"}, "m"),
        ({}, "the error can't be read"),
        ("5", "the error can't be read"),
        ("{bad", "the error can't be read"),
    ],
)
def test_an_error_is_never_hidden(error, text):
    """Whatever is stored of it, the column says that there is one."""
    written = Written()
    written.step("order", "go", "A", outcome="failed", error=error)
    assert written.history.steps()["error"].tolist() == [text]


@pytest.mark.parametrize(
    "table", ["flexiflow_runs", "flexiflow_machines", "flexiflow_parts", "flexiflow_markers"]
)
def test_a_table_that_is_missing(table):
    """What it would say is missing; the rest is there."""
    written = Written()
    written.step("order", "go", "A", "B")
    written.conn.execute(f"DROP TABLE {table}")
    history = written.history
    assert history.steps()["component"].tolist() == ["order"]
    assert len(history.snapshots(explode=True)) == 1
    assert history.why("order").state == "B"
    assert len(history.graph("order").states) == 2


def test_columns_that_are_missing():
    """A table of snapshots with nothing but what 1.x needs."""
    written = Written()
    written.snapshot("order", "A")
    written.conn.execute("DROP VIEW flexiflow_snapshots_full")
    written.conn.execute("DROP INDEX flexiflow_snapshots_correlation")
    for column in ("time_us", "state", "correlation_id", "step_id", "run_id", "fingerprint"):
        written.conn.execute(f"ALTER TABLE flexiflow_snapshots DROP COLUMN {column}")
    frame = written.history.snapshots()
    assert frame["state"].tolist() == ["A"]
    assert frames.microseconds(frame["time"].iloc[0]) == NOON
    assert frame["run"].isna().all()


def test_a_column_without_which_there_is_no_history():
    """Where nobody can say whose a row is, the error has four parts."""
    written = Written()
    written.conn.execute("DROP VIEW flexiflow_snapshots_full")
    written.conn.execute("DROP TABLE flexiflow_snapshots")
    written.conn.execute("CREATE TABLE flexiflow_snapshots (format INTEGER)")
    with pytest.raises(FlexiFlowError) as caught:
        written.history.components()
    assert "component_name" in caught.value.why
    assert caught.value.fix


def test_columns_of_somebody_else():
    """More columns than we know are no hindrance."""
    conn = sqlite3.connect(":memory:")
    conn.execute(TABLE_1X.replace("created_at TEXT", "owner TEXT, created_at TEXT"))
    conn.execute(
        "INSERT INTO flexiflow_snapshots VALUES (1, 'order', ?, 'me', '2023-11-14')",
        (body_1x("order", "A"),),
    )
    frame = open_history(conn).snapshots()
    conn.close()
    assert list(frame) == list(shapes.SNAPSHOTS)


# -- one snapshot -------------------------------------------------------------------------


def test_one_snapshot_with_its_data():
    """By its id, also as pandas gives it."""
    written = Written()
    written.snapshot("order", "A", data={"big": "x" * 10_000, "when": datetime(2023, 1, 1)})
    history = written.history
    snapshot = history.snapshot(history.snapshots()["id"].iloc[0])
    assert (snapshot.name, snapshot.current_state) == ("order", "A")
    assert snapshot.metadata == {"big": "x" * 10_000, "when": datetime(2023, 1, 1)}


@pytest.mark.parametrize("snapshot_id", [0, 2, -1, 2**80, "1", None, 1.5])
def test_an_id_that_no_row_has(snapshot_id):
    """A ValueError in four parts."""
    written = Written()
    written.snapshot("order", "A")
    with pytest.raises(InvalidValue, match="There is no one snapshot") as caught:
        written.history.snapshot(snapshot_id)
    assert "0 of 1 files" in caught.value.why


def test_an_id_that_several_files_have(tmp_path):
    """It is not guessed which one is meant."""
    with pytest.raises(InvalidValue, match="There is no one snapshot 1") as caught:
        three_files(tmp_path).snapshot(1)
    assert "3 of 3 files" in caught.value.why


def test_an_exploded_frame_without_rows():
    """The fixed columns, and no others."""
    frame = Written().history.snapshots(explode=True)
    assert dict(frame.dtypes.astype(str)) == dict(shapes.SNAPSHOTS)


def test_large_parts_are_exploded_whole():
    """What is stored once by its hash is in every row that refers to it."""
    written = Written()
    for total in (1, 2):
        written.snapshot("order", "A", data={"big": ["x" * 5_000], "total": total})
    frame = written.history.snapshots(explode=True)
    assert "$ref" in json.loads(frame["snapshot_json"].iloc[0])["metadata"]["big"]
    assert frame["metadata.big"].tolist() == [["x" * 5_000]] * 2
