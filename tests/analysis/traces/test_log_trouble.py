"""Trouble in a log: errors, slow spans, lost context."""

import asyncio
import contextvars

import pandas as pd
import pytest
from logs import NOON, changed, finished, line, log_of, received, started

from flexiflow import FlexiFlowEngine, State, log_event, on, record
from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.log import open_log
from flexiflow.analysis.traces.trouble import alike
from flexiflow.errors import InvalidValue


def plain(frame, *names):
    return [
        tuple(None if pd.isna(value) else value for value in row)
        for row in frame[list(names)].itertuples(index=False)
    ]


@pytest.mark.parametrize(
    ("ask", "columns"),
    [
        ("errors", shapes.ERRORS),
        ("slowest", shapes.SLOWEST),
        ("lost_context", shapes.LOST_CONTEXT),
    ],
)
def test_nothing_is_wrong(tmp_path, ask, columns):
    """The documented columns, and no rows."""
    frame = getattr(log_of(tmp_path, received(0, "s1"), b"{oops\n"), ask)()
    assert dict(frame.dtypes.astype(str)) == columns
    assert len(frame) == 0


# -- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order 1042 of 3", "order # of #"),
        ("order-1042", "order-#"),
        ("at 0x7f3a, id 4bf92f35", "at #, id #"),
        ("cafe, face", "cafe, face"),
        ("x" * 1_000, "x" * 200),
    ],
)
def test_what_varies_is_left_out(text, expected):
    """Numbers and ids; words stay."""
    assert alike(text) == expected


def test_errors_in_groups(tmp_path):
    """By class and message; tries and messages are counted apart; the newest trace is named."""
    log = log_of(
        tmp_path,
        line("handler.failed", 0, "h1", error=("E", "card 17 declined")),
        line("handler.failed", 1, "h2", error=("E", "card 17 declined")),
        line("message.failed", 2, "s1", error=("E", "card 17 declined")),
        line(
            "message.failed",
            9,
            "s2",
            error=("E", "card 99 declined"),
            correlation_id="trace-2",
            component="other",
        ),
        line("message.failed", 5, "s3", error=("F", "card 17 declined")),
        changed(6, "s4", error=("F", "card 17 declined")),
    )
    frame = log.errors()
    assert plain(frame, "type", "failures", "tries", "traces", "components", "correlation_id") == [
        ("E", 2, 2, 2, 2, "trace-2"),
        ("F", 2, 0, 1, 1, "trace-1"),
    ]
    assert frame["message"].iloc[0] == "card 17 declined"
    assert [frames.microseconds(frame[each].iloc[0]) - NOON for each in ("first", "last")] == [0, 9]
    assert dict(frame.dtypes.astype(str)) == shapes.ERRORS


# -- slow spans -------------------------------------------------------------------------------


def test_the_slowest_spans(tmp_path):
    """Longest first, beside the median of the same message or handler."""
    records = [changed(100 + at, f"s{at}", duration_us=at) for at in (10, 20, 70)]
    records += [finished(1_000, "h1", duration_us=50), changed(5, "s9", duration_us=-4)]
    frame = log_of(tmp_path, *records).slowest(2)
    assert plain(frame, "kind", "label", "span_id", "ratio", "outcome") == [
        ("step", "go", "s70", 3.5, "moved"),
        ("handler", "A.go", "h1", 1.0, "ok"),
    ]
    assert frames.microseconds(frame["start"].iloc[0]) - NOON == 100
    assert frames.microseconds_of(frame["usual"].iloc[0]) == 20
    assert dict(frame.dtypes.astype(str)) == shapes.SLOWEST


def test_what_is_no_limit(tmp_path):
    """A ValueError in four parts."""
    with pytest.raises(InvalidValue, match="limit must be"):
        log_of(tmp_path, received(0, "s1")).slowest(-1)


# -- lost context -----------------------------------------------------------------------------


def test_records_without_an_id(tmp_path):
    """By event, component and place; what needs no trace is none of them."""
    log = log_of(
        tmp_path,
        line("component.registered", 0, None, correlation_id=None),
        line("price.quoted", 1, None, correlation_id=None, component="order-1"),
        line("price.quoted", 2, None, correlation_id=None, component="order-2"),
        b"INFO shop.pay cid=- charged\n",
    )
    frame = log.lost_context()
    assert plain(frame, "kind", "event", "component", "site", "records", "traces") == [
        ("no id", "price.quoted", "order-#", None, 2, 0),
        ("no id", "log.line", None, "shop.pay", 1, 0),
    ]
    assert dict(frame.dtypes.astype(str)) == shapes.LOST_CONTEXT


def moved_and_gone():
    """A trace that is over."""
    return [
        received(0, "s1"),
        started(1, "h1", "s1"),
        finished(5, "h1", "s1"),
        changed(6, "s1"),
        started(7, "sub", "s1", component="audit"),
        line("audit.noted", 8, "sub", component="audit"),
        finished(9, "sub", "s1", component="audit"),
        line("snapshot.saved", 90, "s1", snapshot_id=1),
    ]


def test_a_whole_trace_has_lost_nothing(tmp_path):
    """Subscribers come after the transition, snapshots after everything."""
    assert len(log_of(tmp_path, *moved_and_gone()).lost_context()) == 0


@pytest.mark.parametrize(
    ("late", "site"),
    [
        (line("price.quoted", 10, "h1", "s1"), None),
        (received(10, "s2", "h1"), "go"),
        (started(10, "h2", "h1", data={"attempt": 1, "max_attempts": 2}), "A.go"),
    ],
)
def test_what_comes_after_the_end(tmp_path, late, site):
    """An event, a message, or a try of a task that outlived its message."""
    frame = log_of(tmp_path, *moved_and_gone(), late).lost_context()
    assert plain(frame, "kind", "event", "site", "records", "traces", "correlation_id") == [
        ("after the end", late.event, site, 1, 1, "trace-1")
    ]


def test_a_second_message_with_the_same_id_begins_anew(tmp_path):
    """An id that the application sets may come back."""
    records = [*moved_and_gone(), received(20, "s2"), line("price.quoted", 21, "s2")]
    assert len(log_of(tmp_path, *records).lost_context()) == 0


def test_a_step_that_stayed_is_over_with_its_handler(tmp_path):
    """No line says that it ended."""
    records = [received(0, "s1"), started(1, "h1", "s1"), finished(2, "h1", "s1")]
    late = line("price.quoted", 9, "h1", "s1")
    assert len(log_of(tmp_path, *records).lost_context()) == 0
    assert len(log_of(tmp_path, *records, late).lost_context()) == 1


class Calm(State):
    @on("start", to="Calm")
    async def start(self, message, component):
        async def later():
            await component.data["gate"].wait()
            log_event("late.work")

        component.data["task"] = asyncio.get_running_loop().create_task(later())
        log_event("work")


async def test_a_real_task_that_outlives_its_message(tmp_path):
    """As it is recorded: the one event that came too late, and nothing else."""
    engine = FlexiFlowEngine()
    order = engine.add("order-1", Calm)
    async with record(engine, log=tmp_path / "run.jsonl", metadata=lambda component: {}):
        order.data["gate"] = asyncio.Event()
        await order.send("start")
        order.data["gate"].set()
        await order.data["task"]
        contextvars.Context().run(log_event, "nobody")
    frame = open_log(tmp_path / "run.jsonl").lost_context()
    assert plain(frame, "kind", "event") == [("after the end", "late.work")]
