"""why(): each sentence, for each kind of answer, and that it is true of the rows."""

import re
from pathlib import Path

import pytest
from histories import NOON, SECOND, Written, body_1x, written_by_1x
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.analysis.history import open_history
from flexiflow.analysis.reading.visits import visits_of
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import InvalidType
from flexiflow.extras import prune_snapshots_sqlite
from flexiflow.recording import record

HOUR = 3600 * SECOND
CAME = "It came there at 2023-11-14 22:13:20 UTC"
PAYMENT_ERROR = {"type": "PaymentError", "message": "The card was declined."}


def shop(orders: int = 9, path: Path | None = None) -> Written:
    """Orders that left Paying by `paid` from the gateway, after 1.8 seconds each."""
    written = Written(path)
    written.machine("m", ("Draft", "Paying", "Packing"), final=("Packing",))
    for number in range(orders):
        name = f"order-{number}"
        written.snapshot(name, "Draft", NOON)
        written.step(name, "checkout", "Draft", "Paying", NOON, sender="web")
        written.step(name, "paid", "Paying", "Packing", NOON + 1_800_000, sender="gateway")
    return written


def into_paying(written: Written, name: str = "order-1042") -> None:
    written.snapshot(name, "Draft", NOON)
    written.step(name, "checkout", "Draft", "Paying", NOON, sender="web", correlation_id="entry")


def later(written: Written, time_us: int = NOON + 3 * HOUR + 12 * 60 * SECOND) -> None:
    """Something else happens, so that "now" is then."""
    written.step("order-0", "ping", "Packing", time_us=time_us)


def test_stuck_after_a_failed_step():
    """Where, how long beside how many others, what failed, and how the others left."""
    written = shop(409)
    into_paying(written)
    step = written.step(
        "order-1042",
        "pay",
        "Paying",
        time_us=NOON + SECOND,
        outcome="failed",
        tries=3,
        error=PAYMENT_ERROR | {"why": "The bank said no."},
        sender="till",
        correlation_id="4bf92f35",
    )
    later(written)
    verdict = written.history.why("order-1042")
    assert verdict.text == (
        "order-1042: stuck in Paying for 3 h 12 min (409 others: p95 1.8 s). "
        "Last: `pay` failed after 3 tries, PaymentError: The card was declined (The bank said no), "
        f"step {step}, from till. "
        "The others left by `paid` from gateway; none came here. "
        f"{CAME} by `checkout` from web."
    )
    assert (verdict.kind, verdict.state, verdict.component) == ("stuck", "Paying", "order-1042")
    assert verdict.correlation_id == "4bf92f35"
    assert verdict.rows["message"].tolist() == ["checkout", "pay"]


def test_step_numbers_have_separators():
    """As in: step 18,233."""
    written = shop(1)
    written.conn.execute("UPDATE sqlite_sequence SET seq = 18232 WHERE name = 'flexiflow_steps'")
    written.step("order-0", "ping", "Packing", time_us=NOON + 2 * SECOND)
    assert "Last: `ping` stayed in Packing, step 18,233." in written.history.why("order-0").text


def test_refused_last():
    """The reason is told, and that the message that others left by came here."""
    written = shop()
    into_paying(written)
    written.step(
        "order-1042",
        "paid",
        "Paying",
        time_us=NOON + SECOND,
        outcome="refused",
        reason="amount_matches\n is not so: 5 is not 6.",
        sender="gateway",
    )
    later(written)
    assert written.history.why("order-1042").sentences == (
        "Last: `paid` was refused: amount_matches is not so: 5 is not 6, step 20, from gateway.",
        "The others left by `paid` from gateway; here it came once.",
        f"{CAME} by `checkout` from web.",
    )


def test_trouble_before_the_last_step():
    """A last step that went well does not hide the one that did not."""
    written = shop()
    into_paying(written)
    written.step("order-1042", "pay", "Paying", time_us=NOON, outcome="failed", error=PAYMENT_ERROR)
    written.step("order-1042", "remind", "Paying", time_us=NOON + SECOND, sender="order-1042")
    later(written)
    assert written.history.why("order-1042").sentences[:2] == (
        "Last: `remind` stayed in Paying, step 21, sent by itself.",
        "Before: `pay` failed, PaymentError: The card was declined, step 20.",
    )


def test_trouble_in_an_earlier_stay_is_not_told():
    """What went wrong before the component came here is no reason for its being here."""
    written = shop()
    into_paying(written)
    written.step("order-1042", "back", "Paying", "Draft", NOON)
    written.step("order-1042", "oops", "Draft", time_us=NOON, outcome="failed", error=PAYMENT_ERROR)
    written.step("order-1042", "checkout", "Draft", "Paying", NOON, correlation_id="again")
    later(written)
    verdict = written.history.why("order-1042")
    assert "oops" not in verdict.text
    assert verdict.correlation_id == "again"


def test_several_troubles_are_counted():
    """How many messages came in this stay, and how many of them went wrong, by outcome."""
    written = shop()
    into_paying(written)
    for outcome in ("refused", "failed", "stayed", "failed", "cancelled"):
        written.step("order-1042", "pay", "Paying", time_us=NOON, outcome=outcome)
    later(written)
    assert (
        "In this stay 5 messages came: 2 failed, 1 refused and 1 cancelled."
        in written.history.why("order-1042").sentences
    )


def test_waiting_as_usual():
    """Not longer than 95 % of the others."""
    written = shop()
    into_paying(written)
    later(written, NOON + 1_800_000)
    verdict = written.history.why("order-1042")
    assert verdict.kind == "waiting"
    assert verdict.headline == (
        "order-1042: in Paying for 1.8 s, no longer than usual (9 others: p95 1.8 s)."
    )
    assert "none came here" in verdict.text


@pytest.mark.parametrize(
    ("dwell_us", "kind"), [(3 * 1_800_000, "waiting"), (3 * 1_800_000 + 1, "stuck")]
)
def test_longer_than_usual_and_not_stuck(dwell_us, kind):
    """The same line is drawn as by stuck()."""
    written = shop()
    into_paying(written)
    later(written, NOON + dwell_us)
    verdict = written.history.why("order-1042")
    assert verdict.kind == kind
    assert ("order-1042" in set(written.history.stuck()["component"])) == (kind == "stuck")
    if kind == "waiting":
        assert "for 5.4 s, longer than usual, but not stuck (9 others" in verdict.headline


def test_finished():
    """No comparison, no ways out: what it did last, and when."""
    written = shop()
    later(written)
    verdict = written.history.why("order-3")
    assert verdict.kind == "finished"
    assert verdict.text == (
        "order-3: finished in Packing. Last: `paid` moved Paying → Packing, step 8, from gateway. "
        "It came there at 2023-11-14 22:13:21 UTC by `paid` from gateway."
    )


def test_too_few_to_compare():
    """Four departures are not five."""
    written = shop(4)
    into_paying(written)
    verdict = written.history.why("order-1042")
    assert verdict.kind == "unknown"
    assert verdict.headline == (
        "order-1042: in Paying for 1.8 s; too few others have left it to compare "
        "(4 others: p95 1.8 s)."
    )


def test_one_other():
    """One is singular."""
    written = shop(1)
    into_paying(written)
    assert "(1 other: p95 1.8 s)" in written.history.why("order-1042").headline


def test_nobody_ever_left():
    """Nothing to compare with, and nothing has come since."""
    written = shop()
    written.step("order-1042", "odd", "Draft", "Limbo", NOON)
    later(written)
    verdict = written.history.why("order-1042")
    assert verdict.kind == "unknown"
    assert verdict.text == (
        "order-1042: in Limbo for 3 h 12 min; no other of the same machine has left it, "
        "so there is nothing to compare with. Last: `odd` moved Draft → Limbo, step 19. "
        "No message has come since. "
        f"{CAME} by `odd`."
    )


def test_something_came_since():
    """Then it is not said that nothing did."""
    written = Written()
    written.step("order", "odd", "Draft", "Limbo", NOON)
    written.step("order", "ping", "Limbo", time_us=NOON)
    assert "No message" not in written.history.why("order").text


def test_components_that_came_back_are_counted_once():
    """Stays are stays, and others are others."""
    written = shop(0)
    written.stays("a", [SECOND] * 5, "Paying", "Packing", "paid")
    written.stays("b", [SECOND], "Paying", "Packing", "paid")
    into_paying(written)
    later(written)
    assert "(6 stays of 2 others: p95 1.0 s)" in written.history.why("order-1042").headline


def ways(*stays: tuple[str, str, int]) -> str:
    """The sentence on the ways out, for stays of others: message, sender, how many."""
    written = shop(0)
    number = 0
    for message, sender, many in stays:
        for _ in range(many):
            name = f"o{number}"
            number += 1
            written.stays(name, [SECOND], "Paying", "Packing", message, sender=sender or name)
    into_paying(written)
    written.step("order-1042", "m0", "Paying", time_us=NOON)
    later(written)
    return next(s for s in written.history.why("order-1042").sentences if "here" in s)


@pytest.mark.parametrize(
    ("stays", "sentence"),
    [
        ([("m1", "web", 5)], "The others left by `m1` from web; none came here."),
        ([("m1", "", 5)], "The others left by `m1` of their own; none came here."),
        ([("m1", "web", 3), ("m1", "app", 2)], "The others left by `m1`; none came here."),
        ([("m0", "web", 5)], "The others left by `m0` from web; here it came once."),
        (
            [("m1", "web", 3), ("m0", "", 1)],
            "Of the others 3 left by `m1` from web (none came here) and 1 left by `m0` of its own "
            "(here it came once).",
        ),
        (
            [("m3", "web", 3), ("m2", "web", 2), ("m1", "web", 2)],
            "Of the others 3 left by `m3` from web (none came here), 2 left by `m1` from web "
            "(none came here) and 2 left by `m2` from web (none came here).",
        ),
        (
            [("m4", "w", 4), ("m3", "w", 3), ("m2", "w", 2), ("m1", "w", 1)],
            "Of the others 4 left by `m4` from w (none came here), 3 left by `m3` from w "
            "(none came here) and 3 in other ways.",
        ),
    ],
)
def test_ways_out(stays, sentence):
    """By message, with the sender where it was always the same, and whether it came here."""
    assert ways(*stays) == sentence


def test_ways_out_of_stays():
    """Where components came back, it is their stays that ended."""
    written = shop(0)
    written.stays("a", [SECOND] * 4, "Paying", "Packing", "paid")
    written.stays("b", [SECOND], "Paying", "Packing", "skip")
    into_paying(written)
    assert written.history.why("order-1042").sentences[1] == (
        "Of the others' stays 4 ended by `paid` (none came here) and 1 ended by `skip` "
        "(none came here)."
    )


def test_ways_out_that_nobody_recorded():
    """A stay that a save by hand ended was left in a way that no row tells."""
    written = shop(5)
    for number in range(2):
        written.snapshot(f"by-hand-{number}", "Paying", NOON)
        written.snapshot(f"by-hand-{number}", "Packing", NOON)
    into_paying(written)
    assert (
        "Of the others 5 left by `paid` from gateway (none came here) and 2 in other ways."
        in written.history.why("order-1042").sentences
    )


def test_moved_by_a_declared_exception():
    """The error that moved the machine is told."""
    written = Written()
    written.step("order", "pay", "Paying", "Failed", error=PAYMENT_ERROR)
    assert written.history.why("order").sentences[0] == (
        "Last: `pay` moved Paying → Failed by PaymentError: The card was declined, step 1."
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"outcome": "refused"}, "`pay` was refused, step 1."),
        ({"outcome": "failed"}, "`pay` failed, step 1."),
        (
            {"outcome": "failed", "error": "{bad"},
            "`pay` failed, an error that can't be read, step 1.",
        ),
        ({"outcome": "failed", "error": '{"type": "E"}'}, "`pay` failed, E, step 1."),
        ({"outcome": "cancelled", "reason": "too late."}, "`pay` was cancelled: too late, step 1."),
        ({"outcome": "exploded"}, "`pay` ended as exploded, step 1."),
        ({"outcome": "stayed", "tries": 2}, "`pay` stayed in A after 2 tries, step 1."),
    ],
)
def test_endings(arguments, words):
    """Each outcome in words, with what is stored of it and no more."""
    written = Written()
    written.snapshot("order", "A", NOON)
    written.step("order", "pay", "A", time_us=NOON, **arguments)
    assert written.history.why("order").sentences[0] == f"Last: {words}"


def test_a_message_without_a_type():
    """It is called a message."""
    written = Written()
    written.step("order", None, "A", "B")
    assert "Last: a message moved A → B, step 1." in written.history.why("order").text


def test_only_snapshots_of_1x():
    """It is said that messages were not recorded, and none is claimed to be missing."""
    rows = []
    for number in range(5):
        rows.append((f"o{number}", body_1x(f"o{number}", "A"), "2023-11-14T22:13:20"))
        rows.append((f"o{number}", body_1x(f"o{number}", "B"), "2023-11-14T22:13:21"))
    rows.append(("order", body_1x("order", "A"), "2023-11-14T22:13:20"))
    rows.append(("o0", body_1x("o0", "C"), "2023-11-14T22:14:20"))
    verdict = open_history(written_by_1x(rows)).why("order")
    assert verdict.text == (
        "order: stuck in A for 1 min 0 s (5 others: p95 1.0 s). "
        f"Its messages were not recorded, only snapshots. {CAME}."
    )
    assert verdict.next_cell == "history.snapshots('order', explode=True).tail(10)"
    assert verdict.correlation_id is None


def test_a_component_that_never_got_a_message():
    """In a recording that is a fact about the component, not about the file."""
    written = shop()
    written.snapshot("order-1042", "Paying", NOON)
    assert "No message to it is recorded." in written.history.why("order-1042").sentences


@pytest.mark.parametrize("keep", [0, 1])
def test_pruned_snapshots(keep):
    """The steps still tell since when it is there, and how long the others stayed."""
    written = shop()
    into_paying(written)
    written.step(
        "order-1042", "pay", "Paying", time_us=NOON + SECOND, outcome="failed", snapshot=True
    )
    later(written)
    before = written.history.why("order-1042").text
    for name in written.history.names():
        prune_snapshots_sqlite(written.conn, name, keep=keep)
    assert written.history.why("order-1042").text == before


def test_pruned_snapshots_and_steps():
    """Where nothing tells when a stay began, it is at least so long."""
    written = shop()
    into_paying(written)
    written.step(
        "order-1042", "pay", "Paying", time_us=NOON + SECOND, outcome="failed", snapshot=True
    )
    later(written)
    prune_snapshots_sqlite(written.conn, "order-1042", keep=1)
    written.conn.execute("DELETE FROM flexiflow_steps WHERE message_type = 'checkout'")
    verdict = written.history.why("order-1042")
    assert "stuck in Paying for at least 3 h 11 min" in verdict.headline
    assert "It was there before 2023-11-14 22:13:21 UTC" in verdict.sentences[-1]


def test_no_snapshots_and_no_moves():
    """Where it is, is known from a step; since when, is not."""
    written = Written()
    written.step("order", "pay", "Paying", outcome="failed", error=PAYMENT_ERROR)
    verdict = written.history.why("order")
    assert (verdict.kind, verdict.state) == ("unknown", "Paying")
    assert verdict.text == (
        "order: last seen in Paying; since when is not recorded. "
        "Last: `pay` failed, PaymentError: The card was declined, step 1."
    )


def test_nothing_that_can_be_read():
    """Then that is the answer."""
    verdict = open_history(written_by_1x([("order", "nope", "2023-11-14")])).why("order")
    assert verdict.text == (
        "order: no row that says where it is can be read. "
        "Its messages were not recorded, only snapshots. 1 snapshot of it can't be read."
    )


def test_unreadable_snapshots_are_told():
    """An answer from older rows says that there are others."""
    rows = [("order", body_1x("order", "A"), "2023-11-14"), ("order", "nope", "2023-11-15")]
    verdict = open_history(written_by_1x(rows)).why("order")
    assert verdict.state == "A"
    assert verdict.sentences[-1] == "1 snapshot of it can't be read."


def test_a_gap_is_told():
    """What the recording lost since then may be the answer."""
    written = shop()
    written.gap(7, NOON - SECOND)
    into_paying(written)
    written.gap(12, NOON + SECOND)
    written.gap(30, NOON + 2 * SECOND)
    assert written.history.why("order-1042").sentences[-1] == (
        "Since then the recording lost 42 rows."
    )


def test_a_time_that_can_not_be_read():
    """It is unknown, and nothing is compared."""
    written = shop()
    into_paying(written)
    written.conn.execute(
        "UPDATE flexiflow_snapshots SET time_us = 'x', created_at = 'x'"
        " WHERE component_name = 'order-1042'"
    )
    verdict = written.history.why("order-1042")
    assert verdict.kind == "unknown"
    assert verdict.headline == "order-1042: in Paying; since when can't be read."
    assert "none came here" in verdict.text
    assert "It came there" not in verdict.text


def test_clocks_that_went_back_hide_no_message():
    """What came after is found by its id, though its clock says that it was before."""
    written = shop()
    into_paying(written)
    written.step(
        "order-1042", "paid", "Paying", time_us=NOON - HOUR, outcome="refused", reason="no"
    )
    later(written)
    assert "here it came once" in written.history.why("order-1042").text


def test_messages_in_later_files_came_here_too(tmp_path):
    """A stay goes on from file to file."""
    shop(path=tmp_path / "first.db")
    second = Written(tmp_path / "second.db", NOON + SECOND)
    third = Written(tmp_path / "third.db", NOON + 2 * SECOND)
    into_paying(second)
    third.step("order-1042", "paid", "Paying", time_us=NOON + 2 * SECOND, outcome="refused")
    later(third)
    verdict = open_history(tmp_path / "*.db").why("order-1042")
    assert "stuck in Paying for 3 h 12 min (9 others" in verdict.text
    assert "here it came once" in verdict.text


def test_the_next_cell_follows_the_message(tmp_path):
    """With a log: the trace of the step in trouble. The cell runs as it stands."""
    log = tmp_path / "run.jsonl"
    log.write_text(
        '{"ts": "2023-11-14T22:13:20.000000Z", "level": "INFO", "event": "message.received",'
        ' "correlation_id": "it\'s", "span_id": "1", "component": "order-1042"}\n'
    )
    written = shop()
    into_paying(written)
    written.step(
        "order-1042", "pay", "Paying", time_us=NOON, outcome="failed", correlation_id="it's"
    )
    written.step("order-1042", "ping", "Paying", time_us=NOON, correlation_id="other")
    history = open_history(written.conn, log=log)
    verdict = history.why("order-1042")
    assert verdict.next_cell == 'history.log.trace("it\'s").tree()'
    assert eval(verdict.next_cell, {"history": history}).correlation_id == "it's"


def test_the_next_cell_without_a_log():
    """The steps; also where the component's name has quotes."""
    written = shop()
    written.step("it's", "odd", "A", "B")
    history = written.history
    verdict = history.why("it's")
    assert eval(verdict.next_cell, {"history": history})["component"].tolist() == ["it's"]


def test_a_log_that_is_gone_spoils_no_answer(tmp_path):
    """The steps instead."""
    log = tmp_path / "run.jsonl"
    log.touch()
    written = shop()
    into_paying(written)
    history = open_history(written.conn, log=log)
    log.unlink()
    assert history.why("order-1042").next_cell == "history.steps('order-1042').tail(10)"


def test_rows_are_the_last_ten():
    """The newest last."""
    written = Written()
    for number in range(12):
        written.step("order", f"m{number}", "A", time_us=NOON)
    rows = written.history.why("order").rows
    assert rows["message"].tolist() == [f"m{number}" for number in range(2, 12)]


def test_hostile_names_make_no_second_line():
    """Line breaks, escapes and markup in names and errors stay within the paragraph."""
    nasty = "a\n\x1b[31m<b>\u202e"
    written = Written()
    written.stays("other", [1], nasty, nasty + "!", nasty, sender=nasty)
    written.step(nasty, nasty, "x", nasty, sender=nasty)
    written.step(
        nasty,
        nasty,
        nasty,
        outcome="failed",
        sender=nasty,
        error={"type": nasty, "message": nasty, "why": nasty},
        reason=nasty,
    )
    text = written.history.why(nasty).text
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", text)
    assert "\\x1b[31m<b>\\u202e" in text


def test_a_verdict_shows_itself():
    """Its repr is the paragraph; long errors are cut."""
    written = Written()
    written.step(
        "order", "pay", "A", outcome="failed", error={"type": "E", "message": "x" * 10_000}
    )
    verdict = written.history.why("order")
    assert repr(verdict) == verdict.text
    assert len(verdict.text) < 1_000


def test_a_verdict_in_a_notebook():
    """A card with the same sentences, in which names are no markup."""
    written = Written()
    written.step("<b>", "go", "A", "B")
    verdict = written.history.why("<b>")
    assert verdict._repr_html_() == verdict.card
    assert "&lt;b&gt;: in B for 0 µs" in verdict.card
    assert "<b>: in B" not in verdict.card


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["order", "x", "y"]),
        st.sampled_from(["A", "B", "End"]),
        st.sampled_from(["moved", "refused", "failed", "saved"]),
        st.sampled_from(["m", "n"]),
        st.integers(0, 10),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=40)
@given(EVENTS)
def test_every_claim_is_true_of_the_rows(events):
    """The numbers and names in the text, checked against the frames."""
    written = Written()
    written.machine("m", ("A", "B", "End"), final=("End",))
    now, time_us = {}, NOON
    written.snapshot("order", "A", NOON)
    now["order"] = "A"
    for name, state, outcome, message, pause in events:
        time_us += pause
        if name not in now or outcome == "saved":
            written.snapshot(name, state, time_us)
        elif outcome == "moved":
            written.step(name, message, now[name], state, time_us)
        else:
            written.step(name, message, now[name], time_us=time_us, outcome=outcome)
            state = now[name]
        now[name] = state
    history = written.history
    verdict = history.why("order")
    steps, visits = history.steps("order"), history.visits()
    mine = visits[visits["component"] == "order"].iloc[-1]
    ended = visits[
        (visits["state"] == mine["state"])
        & (visits["component"] != "order")
        & visits["left"].notna()
    ]
    assert verdict.state == now["order"]
    assert (verdict.kind == "finished") == (now["order"] == "End")
    assert (verdict.kind == "stuck") == (
        "order" in set(history.stuck().query("verdict == 'stuck'")["component"])
    )
    if counted := re.search(r"\((?:([\d,]+) stays of )?([\d,]+) others?:", verdict.headline):
        stays = counted[1] or counted[2]
        assert (int(stays), int(counted[2])) == (len(ended), ended["component"].nunique())
    else:
        assert verdict.kind == "finished" or ended.empty
    if len(steps):
        assert f"step {steps['id'].iloc[-1]}" in verdict.sentences[0]
        assert f"`{steps['message'].iloc[-1]}`" in verdict.sentences[0]
    lasting = next(v for v in visits_of(history.sources, "order") if v.lasts)
    stay = steps[(steps["id"] > lasting.step_id) & (steps["from_state"] == lasting.state)]
    for message in "mn":
        came = int((stay["message"] == message).sum())
        told = rf"`{message}`(?: of (?:its|their) own)?[;( ]+(none came|here it came) ?(\w*)"
        if said := re.search(told, verdict.text):
            assert {"here": 0, "once": 1, "twice": 2}.get(said[2]) == came or int(said[2]) == came
    if "No message has come since" in verdict.text:
        assert stay.empty
    if told := re.search(r"In this stay (\d+) messages? came", verdict.text):
        assert int(told[1]) == len(stay)


def test_without_a_name_it_is_the_only_one():
    """Whether it is stuck or not."""
    written = Written()
    written.snapshot("order", "Draft", NOON)
    assert written.history.why().component == "order"


def test_without_a_name_it_is_the_only_one_that_is_stuck():
    """That is what the question is mostly about."""
    written = shop()
    into_paying(written)
    later(written)
    assert written.history.why().text == written.history.why("order-1042").text


def test_without_a_name_several_that_are_stuck_are_listed():
    """The worst first, which the fix names."""
    written = shop()
    into_paying(written)
    into_paying(written, "order-1043")
    later(written)
    with pytest.raises(InvalidType, match=r"why\(\) needs a component's name") as caught:
        written.history.why()
    assert caught.value.why.endswith("2 are stuck: order-1042, order-1043.")
    assert caught.value.fix == "Write history.why('order-1042')."
    assert caught.value.context_items == {"component": None, "components": 2}


def test_without_a_name_nobody_is_stuck():
    """Those who are recorded are listed, some of many."""
    with pytest.raises(InvalidType) as caught:
        shop().history.why(None)
    assert "9 are recorded: order-0, order-1" in caught.value.why


def test_without_a_name_nothing_is_recorded():
    """Then there is nobody to name."""
    with record(FlexiFlowEngine()) as recording, pytest.raises(InvalidType) as caught:
        recording.history.why()
    assert "none is recorded" in caught.value.why
    assert "Record something first" in caught.value.fix


@pytest.mark.parametrize("component", [5, ["order"], b"order"])
def test_what_is_no_name(component):
    """It is refused, and not looked up."""
    with pytest.raises(InvalidType, match="needs a component's name, not"):
        shop().history.why(component)


def in_two_files(tmp_path, second: str = "tuesday.db") -> Written:
    """A shop in a file, and in the next one an order that is stuck."""
    shop(path=tmp_path / "monday.db")
    (tmp_path / second).parent.mkdir(exist_ok=True)
    written = Written(tmp_path / second, NOON + SECOND)
    into_paying(written)
    written.step("order-1042", "pay", "Paying", time_us=NOON + SECOND, outcome="failed")
    written.step("order-1042", "ping", "Paying", time_us=NOON + SECOND)
    later(written)
    return written


def test_of_several_files_each_step_names_its_own(tmp_path):
    """Ids of two files may be the same; of one file there is nothing to name."""
    in_two_files(tmp_path)
    verdict = open_history(tmp_path / "*.db").why("order-1042")
    assert "Last: `ping` stayed in Paying, step 3 of tuesday.db." in verdict.text
    assert "Before: `pay` failed, step 2 of tuesday.db." in verdict.text
    assert verdict.card.count("tuesday.db</td>") == len(verdict.rows)
    alone = open_history(tmp_path / "tuesday.db").why("order-1042")
    assert "tuesday.db" not in alone.text + alone.card


def test_where_it_parted_names_its_file_too(tmp_path):
    """The step at which its way parted from the others'."""
    shop(path=tmp_path / "monday.db")
    written = Written(tmp_path / "tuesday.db", NOON + SECOND)
    written.snapshot("order-1042", "Draft", NOON)
    written.step("order-1042", "change", "Draft", time_us=NOON)
    written.step("order-1042", "checkout", "Draft", "Paying", NOON)
    later(written)
    verdict = open_history(tmp_path / "*.db").why("order-1042")
    assert "It first parted from the others at step 1 of tuesday.db: `change`" in verdict.text


def test_files_of_one_name_are_told_apart(tmp_path):
    """By their whole paths."""
    in_two_files(tmp_path, second="next/monday.db")
    history = open_history([tmp_path / "monday.db", tmp_path / "next" / "monday.db"])
    assert f"step 3 of {tmp_path}/next/monday.db." in history.why("order-1042").text
