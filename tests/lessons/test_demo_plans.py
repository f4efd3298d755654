from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from flexiflow.lessons.demo import faults
from flexiflow.lessons.demo.plans import plan, plans
from flexiflow.lessons.demo.shop import CURRENCIES

numbers = st.integers(1001, 9999)
seeds = st.integers(-(2**63), 2**63)


def currency(address: dict[str, str]) -> str:
    return CURRENCIES[address["country"]]


@given(numbers, seeds)
def test_a_plan_depends_on_number_and_seed_alone(number, seed):
    """The same number and seed give the same plan, whatever was drawn before."""
    assert plan(number, seed) == plan(number, seed)


@given(seeds)
def test_more_orders_leave_the_first_as_they_are(seed):
    """A longer run begins with the plans of a shorter one."""
    assert plans(80, seed)[:60] == plans(60, seed)


def test_seeds_differ():
    """Another seed gives other plans."""
    assert plans(60, 1) != plans(60, 2)


@given(numbers, seeds)
def test_only_the_mystery_changes_currency_after_the_order_was_sent(number, seed):
    """Whoever moves after sending the order stays in the country, except for order-1042."""
    found = plan(number, seed)
    if found.moves_after is not None and found.name != faults.MYSTERY:
        assert currency(found.moves_after) == currency(found.address)


@given(seeds)
def test_the_mystery_is_there_for_every_seed(seed):
    """order-1042 moves to another currency and has nothing else about it."""
    found = plan(1042, seed)
    assert found.moves_after is not None
    assert (currency(found.address), currency(found.moves_after)) == ("EUR", "CHF")
    assert (found.card, found.on_hold, found.cancels) == ("card-ok", False, None)


@given(numbers, seeds)
def test_a_plan_starts_as_json(number, seed):
    """What an order begins with can be stored as JSON."""
    data = plan(number, seed).data()
    assert json.loads(json.dumps(data)) == data


def test_names_are_in_order():
    """320 orders are called order-1001 to order-1320."""
    names = [each.name for each in plans(320, 7)]
    assert (names[0], names[-1]) == ("order-1001", "order-1320")
