"""What a component says about a message before it is sent."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.answers import Option
from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import StateError
from flexiflow.guards import guard
from flexiflow.state_machine import StateMachine
from flexiflow.states import State


@guard
def has_items(message, order):
    return order.data["items"] > 0


@guard
def is_paid(message, order):
    return message["paid"]


class Draft(State):
    @on("submit", to="Sent", guard=has_items & is_paid)
    @on("submit", to="Held", guard=has_items)
    def submit(self, message, component): ...

    @on("edit")
    def edit(self, message, component): ...


class Sent(State, final=True): ...


class Held(State):
    async def handle_message(self, message, component):
        return False, self


class Mixed(State):
    @on("submit", to="Sent", guard=has_items)
    def submit(self, message, component): ...

    async def handle_message(self, message, component):
        return False, self


class Classic(State):
    @on("submit", to="Sent")
    def submit(self, message, component): ...

    async def handle_message(self, message, component):
        kind = message["type"]
        if kind == "decide":
            return True, Sent() if message.get("content") == "yes" else Held()
        if kind == "go":
            return True, self
        if kind == "maybe" and component.data["ready"]:
            return True, Held()
        if kind == "risky":
            if not component.data["paid"]:
                raise ValueError("not paid")
            return True, Sent()
        return False, self


class Any(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            return True, Sent()
        return message["type"] != "no", self


class Computed(State):
    async def handle_message(self, message, component):
        if message["type"] == "a":
            return True, self
        return True, component.data["next"]()


def order(start=Draft, **data):
    return AsyncComponent("order", state_machine=StateMachine(start()), data=data)


# -- accepts ------------------------------------------------------------------------------


def test_accepts_lists_the_declared_messages_once():
    """In the order of the declarations; guards are not asked."""
    accepted = order().accepts()
    assert accepted == ["submit", "edit"]
    assert accepted.complete
    assert repr(accepted) == "['submit', 'edit']"


def test_accepts_of_a_final_state_is_empty():
    """And complete: there is nothing else."""
    accepted = order(Sent).accepts()
    assert accepted == []
    assert accepted.complete


def test_accepts_of_a_classic_state_says_that_it_is_not_complete():
    """Where its code could not be read, or takes any message."""
    for state in (Computed, Any):
        accepted = order(state).accepts()
        assert accepted == ["a"]
        assert not accepted.complete
        assert "handle_message" in repr(accepted)


def test_accepts_of_a_classic_state_names_what_its_code_takes():
    """What is declared comes first; what is only refused is not among it."""
    accepted = order(Classic).accepts()
    assert accepted == ["submit", "decide", "go", "maybe", "risky"]
    assert accepted.complete


# -- can ----------------------------------------------------------------------------------


def test_can_is_true_where_a_guard_passes():
    """Any of the declarations for the message will do."""
    assert order(items=1).can("submit", paid=True) is True
    assert order(items=1).can("submit", paid=False) is True  # leads to Held


def test_can_is_false_where_every_guard_says_no():
    """Nothing else takes it."""
    assert order(items=0).can("submit", paid=True) is False


def test_can_is_false_for_what_is_not_declared():
    """In a state that only declares."""
    assert order().can("pay") is False
    assert order(Sent).can("submit") is False


def test_can_is_unknown_where_a_field_is_missing():
    """A guard that could not be asked has not said no."""
    assert order(items=1).can("submit") == "unknown"


def test_can_is_unknown_where_a_classic_handler_decides():
    """Where it asks for more than the type, or could not be read."""
    assert order(Classic).can("maybe") == "unknown"
    assert order(Classic).can("risky") == "unknown"
    assert order(Computed).can("a") == "unknown"
    assert order(Computed).can("b") == "unknown"


def test_can_reads_the_code_of_a_classic_handler():
    """Where the type alone decides: on all ways, or on none."""
    assert order(Classic).can("go") is True
    assert order(Classic).can("decide") is True  # one of two states, whatever the content
    assert order(Classic).can("stop") is False
    assert order(Classic).can("never heard of") is False
    assert order(Any).can("b") is True
    assert order(Any).can("no") is False
    assert order(Held).can("anything") is False


def test_can_of_a_state_in_both_styles():
    """A declaration comes before the classic handler."""
    assert order(Mixed, items=1).can("submit") is True
    assert order(Mixed, items=0).can("submit") is False
    assert order(Mixed, items=0).why_not("submit").reason.startswith("guard has_items said no")


def test_can_does_not_read_the_class_where_an_instance_has_its_own_handler():
    """Somebody put a function on this one state."""
    component = order(Classic)
    component.state_machine.current_state.handle_message = lambda message, component: None
    assert component.can("go") == "unknown"


def test_asking_changes_nothing():
    """Neither the state nor the data."""
    component = order(items=1)
    component.can("submit", paid=True)
    component.why_not("submit", paid=True)
    assert component.state == "Draft"
    assert component.data == {"items": 1}


@given(st.integers(-2, 2), st.booleans(), st.sampled_from(["submit", "edit", "pay"]))
def test_can_predicts_what_send_does(items, paid, message):
    """For declared states a definite answer is a promise."""
    component = order(items=items)
    answer = component.can(message, paid=paid)
    step = asyncio.run(component.send(message, paid=paid))
    assert answer is (step.outcome != "refused")


# -- why_not ------------------------------------------------------------------------------


def test_why_not_holds_the_tree_of_guards_with_values():
    """Each declaration for the message, with what its guards read and said."""
    why = order(items=0).why_not("submit", paid=True)
    assert why.answer is False
    first, second = why.options
    assert first.to == "Sent"
    assert first.check.name == "and"
    assert [child.passed for child in first.check.children] == [False, None]
    assert first.check.children[0].values == {"data.items": 0}
    assert (second.to, second.check.name, second.open) == ("Held", "has_items", False)
    assert why.reason == "guard has_items said no: data.items=0"


def test_why_not_says_where_it_would_lead():
    """A message that would be taken has no reason against it."""
    why = order(items=1).why_not("submit", paid=True)
    assert (why.answer, why.reason) == (True, "it would lead to Sent")


def test_why_not_of_a_declaration_that_stays_leads_to_the_present_state():
    """There is no other."""
    assert order().why_not("edit").reason == "it would lead to Draft"


def test_why_not_says_what_a_guard_raised():
    """A missing field is the usual cause."""
    why = order(items=1).why_not("submit")
    assert why.answer == "unknown"
    assert why.reason == "guard has_items and is_paid raised KeyError('paid')"
    assert why.options[0].open == "unknown"
    assert why.options[0].check is None


class Unfriendly(Exception):
    def __repr__(self):
        raise RuntimeError("no repr")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("x" * 1_000_000), "raised ValueError('xxx"),
        (Unfriendly(), "raised <Unfriendly whose repr raised RuntimeError>"),
    ],
)
def test_whatever_a_guard_raised_is_bounded(error, told):
    """A question is answered, and with a sentence."""

    def asks(message, component):
        raise error

    class Asking(State):
        @on("submit", to="Sent", guard=asks)
        def submit(self, message, component): ...

    why = order(Asking).why_not("submit")
    assert why.answer == "unknown"
    assert told in why.reason
    assert len(str(why)) < 2_000


def test_why_not_says_that_a_classic_handler_decides():
    """With what it asks for, or with what could not be read."""
    asked = order(Classic).why_not("maybe")
    assert asked.reason == "Classic.handle_message decides, and asks for: data.ready"
    unread = order(Computed).why_not("b").reason
    assert unread.startswith("Computed.handle_message decides, and not all of it could be read (")
    assert order(Classic).why_not("risky").reason == (
        "Classic.handle_message decides, and asks for: data.paid"
    )


def test_why_not_says_what_the_code_of_a_handler_takes():
    """In the words that are used for declarations."""
    why = order(Classic).why_not("stop")
    assert (
        why.reason == "Classic.handle_message does not take 'stop', only decide, go, maybe, risky"
    )
    assert order(Classic).why_not("decide").reason == "it would lead to Sent or Held"


def test_why_not_of_an_unknown_message_says_what_is_taken():
    """The same words as in a refused step."""
    why = order().why_not("pay")
    assert why.reason == "Draft does not take 'pay', only submit, edit"
    assert why.options == ()


def test_why_not_reads_as_a_tree():
    """Text and repr are the same, a line a guard."""
    why = order(items=0).why_not("submit", paid=True)
    assert repr(why) == str(why)
    assert str(why).splitlines() == [
        "'submit' to order in Draft: guard has_items said no: data.items=0",
        "  ✗ → Sent",
        "    ✗ and",
        "      ✗ has_items  (data.items=0)",
        "      · is_paid",
        "  ✗ → Held",
        "    ✗ has_items  (data.items=0)",
    ]


def test_why_not_marks_what_is_open_and_what_is_unknown():
    """Three marks, none of them only a colour."""
    assert "  ✓ → Draft" in str(order().why_not("edit"))
    assert "  ? → Sent  (guard" in str(order(items=1).why_not("submit"))


def test_an_option_without_a_guard_is_open():
    """Nothing stands before it."""
    assert Option("End", None).open is True


def test_a_target_that_leads_nowhere_is_an_error():
    """The machine is broken; no answer would be right."""

    class Typo(State):
        @on("go", to="Nowhere")
        def go(self, message, component): ...

    with pytest.raises(StateError, match="Unknown state 'Nowhere'"):
        order(Typo).can("go")


def test_the_message_may_have_any_field_but_type():
    """`self` and `message` are fields like others; `type` is given once."""
    component = FlexiFlowEngine().add("order", Draft, data={"items": 1})
    assert component.can("submit", paid=True, self=1, message=2) is True
    assert component.can(type="edit") is True
    with pytest.raises(TypeError, match="multiple values"):
        component.can("edit", type="submit")
