"""Each planted fault is found in at most five cells, as somebody would type them in a notebook."""

from __future__ import annotations

import ast

import pandas as pd

from flexiflow.lessons.demo import faults

MOST_CELLS = 5
SLOW = {f"order-{number}" for number in range(1110, 1122)}
STORM = {f"order-{number}" for number in range(1201, 1213)}


def run_cells(history, *cells: str) -> list[object]:
    """What each cell shows: the value of its last line, as in a notebook."""
    assert len(cells) <= MOST_CELLS
    names: dict[str, object] = {"history": history}
    shown = []
    for cell in cells:
        *lines, last = ast.parse(cell).body
        exec(compile(ast.Module(lines, []), "cell", "exec"), names)
        shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), names))
    return shown


def test_the_mystery(full_run):
    """Three cells: who, why, and which step did it."""
    stuck, verdict, blame = run_cells(
        full_run.history,
        "stuck = history.stuck(); stuck",
        'history.why(stuck["component"].iloc[0])',
        'history.blame(stuck["component"].iloc[0], "currency")',
    )
    assert list(stuck["component"]) == [faults.MYSTERY]
    assert "can't be charged in CHF (322.00 EUR was authorised" in verdict.text
    assert "`change_address` from customer-desk" in verdict.text
    assert "currency 'EUR' → 'CHF'" in verdict.text
    last = blame.iloc[-1]
    assert (last["old"], last["new"], last["message"]) == ("'EUR'", "'CHF'", "change_address")


def test_the_slow_gateway(full_run):
    """What took long; of which component; when; for whom; and that it did no harm."""
    _, charges, times, orders, outcomes = run_cells(
        full_run.history,
        'slow = history.outliers(of="steps"); slow',
        'charges = slow[slow["what"] == "charge"].head(8); charges',
        'charges["start"].describe()',
        'steps = history.steps("gateway").set_index("id").loc[charges["step_id"]]\n'
        'steps["message_json"].str.extract(r"(order-\\d+)")[0].tolist()',
        'steps["outcome"].tolist()',
    )
    # A busy machine slows others down as well.
    planted = [outcome for order, outcome in zip(orders, outcomes, strict=True) if order in SLOW]
    assert len(planted) > len(orders) / 2
    assert set(planted) == {"stayed"}
    assert set(charges["component"]) == {"gateway"}
    assert times["count"] == len(orders)


def test_the_guard_that_refuses_for_the_wrong_reason(full_run):
    """What was refused and why; since when that field is so; and who wrote it."""
    reasons, when, blame = run_cells(
        full_run.history,
        'steps = history.steps()\nsteps[steps["outcome"] == "refused"]["reason"].value_counts()',
        "odd = history.when(None, \"exchanged == 'no'\"); odd",
        'history.blame(odd.first.component, "exchanged")',
    )
    assert sum("data.exchanged='no'" in reason for reason in reasons.index) == 1
    assert [each.component for each in when] == ["order-1133"]
    assert list(blame["new"]) == ["'no'", "False"]
    assert list(blame["sender"]) == ["customer-desk"] * 2


def test_the_lost_message(full_run):
    """Who waited too long; what came in the end, from nobody; and that it was picked before."""
    waits, _, story, walks = run_cells(
        full_run.history,
        "waits = history.outliers(); waits",
        'name = waits[waits["what"] == "Packing"]["component"].iloc[0]; name',
        "history.story(name)",
        'walks = history.steps()\nwalks = walks[walks["message"] == "walk"]\n'
        'walks[walks["message_json"].str.contains(name)]',
    )
    assert waits.iloc[0]["component"] == faults.MYSTERY
    (picked,) = [sentence for sentence in story.sentences if "`picked`" in sentence]
    assert story.component == "order-1098"
    assert " from " not in picked.partition(";")[0]
    assert list(walks["outcome"]) == ["moved"]


def test_the_field_overwritten_by_the_wrong_component(full_run):
    """A parcel that nobody took; its address; and who wrote that into the order."""
    refused, address, blame = run_cells(
        full_run.history,
        'steps = history.steps()\nrefused = steps[steps["outcome"] == "refused"]\n'
        'refused[refused["message"] == "deliver"]',
        'history.blame("shipment-1077", "address.street")',
        'history.blame("order-1077", "address.street")',
    )
    assert list(refused["component"]) == ["shipment-1077"]
    assert address["new"].iloc[0] == "'1 Ledger Lane'"
    last = blame.iloc[-1]
    assert (last["message"], last["sender"]) == ("change_address", "invoice-1077")


def test_the_retry_storm(full_run):
    """Which error is the commonest; when; how often for each; and how they came back."""
    errors, span, orders, tries = run_cells(
        full_run.history,
        'steps = history.steps("gateway")\nfailed = steps[steps["outcome"] == "failed"]\n'
        'failed["error"].str.partition(":")[0].value_counts()',
        'storm = failed[failed["error"].str.startswith("GatewayOverloaded")]\n'
        'storm["time"].agg(["min", "max"])',
        'storm["sender"].value_counts()',
        'order = storm["sender"].iloc[0]\n'
        'pays = history.steps(order)\npays[pays["message"] == "pay"]["tries"].tolist()',
    )
    assert errors.index[0] == "GatewayOverloaded"
    assert span["max"] - span["min"] < pd.Timedelta(seconds=3)
    assert {name: number for name, number in orders.items() if number} == dict.fromkeys(STORM, 10)
    assert tries == [3, 3, 3, 2]


def test_stuck_has_no_false_alarm_in_a_run_of_milliseconds(full_run):
    """Whatever the machine was busy with, the one that is left behind is the only one."""
    assert list(full_run.history.stuck(min_dwell="1s")["component"]) == [faults.MYSTERY]
