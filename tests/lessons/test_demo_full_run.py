from __future__ import annotations

import json

import pandas as pd
import pytest

from flexiflow.lessons.demo.notices import TEXTS

ENDS = {"Completed", "Refunded", "Cancelled", "Rejected", "PaymentFailed"}


def test_about_ten_thousand_messages(full_run):
    """A full run handles 9,000 to 13,000 messages, each a step in the database."""
    assert 9_000 <= full_run.result.messages <= 13_000
    assert len(full_run.history.steps()) == full_run.result.messages


def test_kinds(full_run):
    """There are twelve kinds of component, and an order for each of 320 customers."""
    kinds = full_run.result.kinds
    assert len(kinds) == 12
    assert kinds["order"] == 320
    assert kinds["invoice"] == kinds["shipment"]
    assert (kinds["stock"], kinds["picker"], kinds["gateway"]) == (7, 2, 1)


def test_one_order_is_left_behind(full_run):
    """order-1042 ends in Paying, and every other order in a final state."""
    outcomes = dict(full_run.result.outcomes)
    assert full_run.result.unfinished == ("order-1042",)
    assert outcomes.pop("order-1042") == "Paying"
    assert set(outcomes.values()) == ENDS


def test_stuck_names_it_alone(full_run):
    """stuck() lists order-1042 and nothing else, not even as unknown."""
    stuck = full_run.history.stuck()
    assert list(stuck["component"]) == ["order-1042"]
    assert list(stuck["verdict"]) == ["stuck"]
    assert stuck["siblings"].iloc[0] > 250


def test_it_is_stuck_for_a_long_time(full_run):
    """order-1042 stays for at least two seconds, and over ten times what is usual."""
    row = full_run.history.stuck().iloc[0]
    assert row["dwell"] > pd.Timedelta(seconds=2)
    assert row["ratio"] > 10


def test_why_tells_where_and_what(full_run):
    """why() names the state, the failed message, the tries, the error and the others' way out."""
    text = full_run.history.why("order-1042").text
    assert "stuck in Paying" in text
    assert "`pay` failed after 3 tries, CurrencyMismatch" in text
    assert "EUR was authorised" in text
    assert "`paid` from gateway" in text


def test_all_others_were_paid_by_the_gateway_or_declined(full_run):
    """Every other order left Paying by `paid` from the gateway, or by a declined card."""
    steps = full_run.history.steps()
    left = steps[(steps["from_state"] == "Paying") & (steps["to_state"] != "Paying")]
    ways = {(row.message, row.to_state) for row in left.itertuples()}
    assert ways == {("paid", "Packing"), ("pay", "PaymentFailed")}
    assert set(left.loc[left["message"] == "paid", "sender"]) == {"gateway"}
    assert left.loc[left["message"] == "pay", "error"].str.startswith("CardDeclined").all()


def test_the_currency_was_changed_by_a_move(full_run):
    """The history says which step changed the currency: a change of address between two others."""
    snapshots = full_run.history.snapshots("order-1042", explode=True)
    currencies = snapshots["metadata.currency"].dropna()
    changed = snapshots.loc[currencies[currencies == "CHF"].index[0]]
    steps = full_run.history.steps("order-1042").set_index("id")
    step = steps.loc[changed["step_id"]]
    assert (step["message"], step["sender"]) == ("change_address", "customer-desk")
    assert list(steps["message"])[-4:] == ["authorised", "change_address", "checkout", "pay"]


def test_no_one_else_moved_abroad_in_between(full_run):
    """order-1042 is the only order whose currency differs from what was authorised."""
    newest = full_run.history.snapshots(explode=True).groupby("component", observed=True).tail(1)
    orders = newest[newest["component"].str.startswith("order-")]
    orders = orders[orders["metadata.authorised"].notna()]
    differs = [
        row.component
        for row, held in zip(orders.itertuples(), orders["metadata.authorised"], strict=True)
        if _parsed(held)["currency"] != orders.loc[row.Index, "metadata.currency"]
    ]
    assert differs == ["order-1042"]


def _parsed(value: object) -> dict[str, str]:
    return json.loads(value) if isinstance(value, str) else value


def test_every_service_is_closed(full_run):
    """The shop's own components end in final states, so that they are not taken for stuck."""
    components = full_run.history.components()
    assert list(components.loc[~components["final"].astype(bool), "component"]) == ["order-1042"]


def test_guards_refuse_now_and_then(full_run):
    """Refusals are there to be studied: of orders, returns, refunds, notices and stock."""
    steps = full_run.history.steps()
    refused = steps[steps["outcome"] == "refused"]
    assert {"submit", "request_return", "refund", "notify", "reserve"} <= set(refused["message"])


def test_the_fraud_desk_gets_a_rule_more(full_run):
    """The fraud desk's rules change once, while it works."""
    snapshots = full_run.history.snapshots("fraud-desk")
    lengths = [len(json.loads(text)["rules"]) for text in snapshots["snapshot_json"]]
    assert sorted(set(lengths)) == [3, 4]
    assert lengths == sorted(lengths)


def test_classic_components_are_recorded(full_run):
    """The dispatcher's undeclared states are in the history."""
    assert {"Ready", "AllBusy", "OffDuty"} == set(full_run.history.visits("dispatcher")["state"])


def test_the_log_has_the_same_traces(full_run):
    """The failed payment is found in the trace log by the correlation id of its step."""
    step = full_run.history.steps("order-1042").iloc[-1]
    with full_run.result.log.open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines if step["correlation_id"] in line]
    failed = [each for each in records if each["event"] == "message.failed"]
    assert [each["component"] for each in failed] == ["gateway"] * 3 + ["order-1042"]


def test_progress_reaches_the_total(full_run):
    """Progress is told from 0 to 320, once for each order."""
    assert full_run.progress == [(done, 320) for done in range(321)]


@pytest.mark.parametrize("state", sorted(TEXTS))
def test_every_notice_has_a_reader(full_run, state):
    """For each text of the notifier there is an order that got into its state."""
    steps = full_run.history.steps()
    orders = steps[steps["component"].str.startswith("order-")]
    assert state in set(orders["to_state"])
