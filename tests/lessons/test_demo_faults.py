from __future__ import annotations

import json
from collections import Counter

import pandas as pd
import pytest

from flexiflow.lessons.demo import faults

STORM = [f"order-{number}" for number in range(1201, 1213)]
SLOW = [f"order-{number}" for number in range(1110, 1122)]


def charges(history) -> pd.DataFrame:
    steps = history.steps("gateway")
    found = steps[steps["message"] == "charge"]
    return found.assign(order=found["message_json"].map(lambda text: json.loads(text)["order"]))


@pytest.mark.parametrize("order", [*SLOW, *STORM, "order-1077", "order-1098"])
def test_faults_are_made_good(full_run, order):
    """Every order with a planted fault is completed in the end."""
    assert full_run.result.outcomes[order] == "Completed"


def test_slow_gateway(full_run):
    """The slow period is seen in the durations of the gateway's charges, and nothing fails."""
    found = charges(full_run.history)
    slow = found[found["order"].isin(SLOW)]
    usual = found[(found["outcome"] == "stayed") & ~found["order"].isin(SLOW)]
    assert set(slow["outcome"]) == {"stayed"}
    assert slow["duration"].min() >= pd.Timedelta(milliseconds=15)
    assert slow["duration"].median() > usual["duration"].median()


def test_wrong_guard(full_run):
    """order-1133's first return is refused because of the text "no", and its second is not."""
    steps = full_run.history.steps("order-1133")
    requests = steps[steps["message"] == "request_return"]
    assert list(requests["outcome"]) == ["refused", "moved"]
    assert "data.exchanged='no'" in requests["reason"].iloc[0]
    assert full_run.result.outcomes["order-1133"] == "Refunded"


def test_lost_message(full_run):
    """order-1098 leaves Packing by a message without a sender; all others hear from a picker."""
    steps = full_run.history.steps()
    picked = steps[(steps["message"] == "picked") & (steps["outcome"] == "moved")]
    assert list(picked.loc[picked["sender"].isna(), "component"]) == ["order-1098"]
    stays = full_run.history.visits()
    stays = stays[stays["state"] == "Packing"].set_index("component")["dwell"]
    assert stays["order-1098"] >= pd.Timedelta(seconds=0.6)
    assert stays["order-1098"] > stays.median()


def test_lost_message_was_picked(full_run):
    """The goods of order-1098 were taken off the shelf once, by a walk that told no one."""
    steps = full_run.history.steps()
    walks = steps[(steps["message"] == "walk") & steps["message_json"].str.contains("order-1098")]
    assert list(walks["outcome"]) == ["moved"]


def test_overwritten_field(full_run):
    """The address of order-1077 was last changed by its invoice, and the parcel went astray."""
    steps = full_run.history.steps("order-1077")
    changes = steps[steps["message"] == "change_address"]
    assert list(changes["sender"]) == ["invoice-1077"]
    outcomes = Counter(full_run.history.steps("shipment-1077")["message"])
    assert (outcomes["deliver"], outcomes["store"], outcomes["redirect"]) == (2, 1, 1)


def test_invoices_change_no_other_address(full_run):
    """order-1077 is the only order whose address billing touched."""
    steps = full_run.history.steps()
    moved = steps[steps["message"] == "change_address"]
    senders = moved["sender"].dropna().astype(str)
    assert [sender for sender in senders if sender != "customer-desk"] == ["invoice-1077"]


def test_retry_storm(full_run):
    """Each order in the storm is turned away ten times, in three failed steps and a fourth."""
    found = charges(full_run.history)
    failed = Counter(found.loc[found["outcome"] == "failed", "order"])
    assert [failed[order] for order in STORM] == [10] * len(STORM)
    for order in STORM:
        steps = full_run.history.steps(order)
        assert list(steps.loc[steps["message"] == "pay", "tries"]) == [3, 3, 3, 2]


def test_faults_do_not_overlap():
    """No order has two faults."""
    single = ["order-1077", "order-1098", "order-1133", faults.MYSTERY]
    assert len({*SLOW, *STORM, *single}) == len(SLOW) + len(STORM) + len(single)
