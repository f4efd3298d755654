"""Guards: verdicts, trees, and the values that were read."""

import collections
import functools
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.component import AsyncComponent
from flexiflow.errors import InvalidType
from flexiflow.guards import MOST_VALUES, Guard, GuardCheck, as_guard, guard


def constant(verdict, name="constant", asked=None):
    def ask(message, component):
        if asked is not None:
            asked.append(name)
        return verdict

    return Guard(ask, name)


def component(**data):
    return AsyncComponent("order-1", data=data)


@guard
def paid(message, component):
    return message["total"] >= component.data["price"]


def has_items(message, component):
    return component.data.get("items", 0) > 0


class Weekend:
    """A guard made of an object."""

    def __call__(self, message, component):
        return True


# -- making guards ------------------------------------------------------------------------


def test_a_guard_is_named_after_its_function():
    """People see the function's name, or the one that is given."""
    assert paid.name == "paid"
    assert Guard(has_items, "stocked").name == "stocked"
    assert as_guard(Weekend()).name == "Weekend"
    assert repr(paid) == "<guard paid>"


def test_a_guard_is_not_wrapped_twice():
    """`guard` of a guard is the guard."""
    assert guard(paid) is as_guard(paid) is paid


@pytest.mark.parametrize("function", [None, "paid", 5])
def test_what_can_not_be_called_is_no_guard(function):
    """A guard is a function."""
    with pytest.raises(InvalidType, match="not a synchronous function"):
        guard(function)


def test_an_async_function_is_no_guard():
    """A coroutine would always count as true."""

    async def later(message, component):
        return False

    with pytest.raises(InvalidType, match="not a synchronous function"):
        guard(later)


def test_a_guard_that_answers_with_an_awaitable_is_refused():
    """Also where the function does not look asynchronous."""

    async def later():
        return False

    with pytest.raises(InvalidType, match="awaitable"):
        guard(lambda message, component: later()).check({}, component())


@pytest.mark.parametrize(
    ("answer", "verdict"), [(1, True), ("yes", True), ([], False), (None, False)]
)
def test_an_answer_counts_by_its_truth(answer, verdict):
    """A guard may return anything that is true or false."""
    assert constant(answer).check({}, component()).passed is verdict
    assert constant(answer)({}, component()) is verdict


# -- composition --------------------------------------------------------------------------

both = [True, False]


@pytest.mark.parametrize("left", both)
@pytest.mark.parametrize("right", both)
@pytest.mark.parametrize("operation", [operator.and_, operator.or_])
def test_and_and_or_have_the_usual_truth_table(left, right, operation):
    """Asking and checking agree with Python's own operators."""
    composed = operation(constant(left), constant(right))
    expected = operation(left, right)
    assert composed({}, component()) is expected
    assert composed.check({}, component()).passed is expected


@pytest.mark.parametrize("inner", both)
def test_not_turns_the_verdict_round(inner):
    """Negation works for asking and for checking."""
    assert (~constant(inner))({}, component()) is not inner
    assert (~constant(inner)).check({}, component()).passed is not inner


trees = st.recursive(
    st.booleans(),
    lambda inner: (
        st.tuples(st.just("not"), inner)
        | st.tuples(st.just("and"), inner, inner)
        | st.tuples(st.just("or"), inner, inner)
    ),
    max_leaves=12,
)


def built(tree):
    """The guard of a tree, and what it should answer."""
    if isinstance(tree, bool):
        return constant(tree), tree
    word, *parts = tree
    guards, verdicts = zip(*map(built, parts), strict=True)
    if word == "not":
        return ~guards[0], not verdicts[0]
    operation = operator.and_ if word == "and" else operator.or_
    return functools.reduce(operation, guards), functools.reduce(operation, verdicts)


@given(trees)
def test_any_composition_answers_as_logic_does(tree):
    """However guards are nested, the verdict is that of the expression."""
    composed, expected = built(tree)
    assert composed({}, component()) is expected
    assert composed.check({}, component()).passed is expected


@pytest.mark.parametrize(
    ("operation", "first", "asked"),
    [
        (operator.and_, False, ["left"]),
        (operator.and_, True, ["left", "right"]),
        (operator.or_, True, ["left"]),
        (operator.or_, False, ["left", "right"]),
    ],
)
def test_the_second_guard_is_asked_only_where_it_matters(operation, first, asked):
    """A guard that the first one protects is not run."""
    for ask in (lambda composed: composed({}, None), lambda composed: composed.check({}, None)):
        calls = []
        ask(operation(constant(first, "left", calls), constant(True, "right", calls)))
        assert calls == asked


def test_a_guard_that_was_not_asked_has_no_verdict():
    """The tree shows it, without an answer."""
    check = (constant(False, "left") & constant(True, "right")).check({}, component())
    assert check == GuardCheck(
        "and", False, {}, (GuardCheck("left", False, {}), GuardCheck("right", None, {}))
    )


def test_plain_functions_compose_with_guards():
    """One of the two is enough to be a guard, on either side."""
    order = component(items=1, price=5)
    for composed in (paid & has_items, has_items & paid, paid | has_items, has_items | paid):
        assert composed.check({"total": 5}, order).passed is True


def test_a_composed_guard_is_named_by_its_parts():
    """The name reads as the expression does."""
    assert (paid & ~as_guard(has_items)).name == "paid and not has_items"
    assert (paid | has_items).name == "paid or has_items"
    assert (
        paid & (paid | ~(paid & has_items))
    ).name == "paid and (paid or not (paid and has_items))"


def test_a_check_is_a_tree_of_lines():
    """Each line has a mark, a name and the values read."""
    check = (paid & ~as_guard(has_items)).check({"total": 1}, component(price=5, items=0))
    assert str(check).splitlines() == [
        "✗ and",
        "  ✗ paid  (message.total=1, data.price=5)",
        "  · not has_items",
    ]


# -- the values that were read ------------------------------------------------------------


def reads(function, message=None, order=None):
    return dict(Guard(function).check(message or {}, order or component()).values)


def test_fields_of_the_message_and_the_data_are_noted():
    """Whatever way a field is read, its name and value are kept."""
    order = component(a=1, b=2, c=3)
    found = reads(
        lambda m, c: (m["x"], m.get("y"), "z" in m, c.data["a"], c.data.get("b"), "c" in c.data),
        {"x": 10, "z": 30},
        order,
    )
    assert found == {
        "message.x": 10,
        "message.y": None,
        "message.z": 30,
        "data.a": 1,
        "data.b": 2,
        "data.c": 3,
    }


def test_what_is_not_read_is_not_noted():
    """A guard saw only what it asked for."""
    assert reads(lambda m, c: m["x"], {"x": 1, "y": 2}, component(a=1)) == {"message.x": 1}


def test_a_missing_field_that_is_tested_for_is_noted_as_none():
    """Absence was seen, too."""
    assert reads(lambda m, c: "x" in m or m.get("y", 7)) == {"message.x": None, "message.y": 7}


def test_attributes_of_the_component_are_noted():
    """Name, state and rules count as fields; methods do not."""
    assert reads(lambda m, c: (c.name, c.state, c.send)) == {
        "name": "order-1",
        "state": "InitialState",
    }


def test_the_first_value_of_a_field_is_kept():
    """Reading twice changes nothing."""
    order = component(a=1)

    def change(message, component):
        component.data["a"]
        order.data["a"] = 2
        return component.data["a"]

    assert reads(change, order=order) == {"data.a": 1}


@given(st.integers(0, 100))
def test_at_most_twenty_values_are_kept(count):
    """A guard that reads everything does not fill the history; the first are kept."""
    data = {f"k{number}": number for number in range(count)}
    found = reads(lambda m, c: [c.data[key] for key in data], order=component(**data))
    assert len(found) == min(count, MOST_VALUES) <= 20
    assert list(found) == [f"data.{key}" for key in list(data)[:20]]


def test_a_guard_that_writes_changes_only_its_copy():
    """Asking a question leaves the message and the data as they were."""
    order, message = component(a=1), {"x": 1}

    def write(message, component):
        message["x"] = 2
        component.data["a"] = 2
        component.data.clear()

    Guard(write).check(message, order)
    assert (message, order.data) == ({"x": 1}, {"a": 1})


def test_the_message_is_still_a_dict_to_the_guard():
    """Guards written for 1.x see the types that they expect."""

    def look(message, component):
        return isinstance(message, dict) and isinstance(component, AsyncComponent)

    assert Guard(look).check({}, component()).passed is True


def test_a_default_of_the_data_holds_in_a_guard():
    """A defaultdict answers with its default, as it does in a handler."""
    order = AsyncComponent("order-1", data=collections.defaultdict(int))
    assert reads(lambda m, c: c.data["attempts"] < 3, order=order) == {"data.attempts": 0}


def test_a_missing_field_raises_as_in_a_handler():
    """A guard that reads what is not there fails, and is not taken for a no."""
    with pytest.raises(KeyError):
        Guard(lambda m, c: c.data["nothing"]).check({}, component())


def test_all_values_of_a_tree_are_one_dict():
    """The values of the parts are joined."""
    check = (paid & has_items).check({"total": 9}, component(price=5, items=1))
    assert check.all_values() == {"message.total": 9, "data.price": 5, "data.items": 1}
