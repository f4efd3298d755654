"""From a message and a state to a decision."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.declarations import on
from flexiflow.dispatch import decide
from flexiflow.errors import StateError
from flexiflow.guards import guard
from flexiflow.states import State


class End(State, final=True): ...


class Other(State): ...


def says(answer, name="says"):
    def check(message, component):
        return answer

    check.__name__ = name
    return check


async def decided(state_class, message_type="go", component=None, **fields):
    return await decide(state_class(), {"type": message_type, **fields}, component)


# -- declared -----------------------------------------------------------------------------


async def test_a_declaration_with_a_target_moves():
    """To a new state of that class."""

    class Here(State):
        @on("go", to=End)
        def go(self, message, component): ...

    decision = await decided(Here)
    assert decision.outcome == "moved"
    assert isinstance(decision.next_state, End)
    assert decision.proceeds


async def test_a_declaration_without_a_target_stays():
    """There is no next state then."""

    class Here(State):
        @on("go")
        def go(self, message, component): ...

    decision = await decided(Here)
    assert (decision.outcome, decision.next_state) == ("stayed", None)


async def test_a_method_may_be_async():
    """It has ended when the decision is known."""
    seen = []

    class Here(State):
        @on("go", to=End)
        async def go(self, message, component):
            await asyncio.sleep(0)
            seen.append(message["type"])

    await decided(Here)
    assert seen == ["go"]


async def test_the_method_gets_the_message_and_the_component():
    """The objects themselves."""
    seen = []
    component = object()
    message = {"type": "go"}

    class Here(State):
        @on("go")
        def go(self, *arguments):
            seen.extend([self, *arguments])

    here = Here()
    await decide(here, message, component)
    assert seen[0] is here
    assert seen[1] is message
    assert seen[2] is component


@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_the_first_declaration_whose_guard_passes_wins(answers):
    """Those behind it are not asked; if none passes the message is refused."""
    asked = []

    def asking(n, answer):
        def check(message, component):
            asked.append(n)
            return answer

        return check

    members = {}
    for n, answer in enumerate(answers):

        def method(self, message, component): ...

        method.__name__ = f"m{n}"
        members[f"m{n}"] = on("go", to=End if answer else Other, guard=asking(n, answer))(method)
    decision = asyncio.run(decided(type("Here", (State,), members)))
    first = answers.index(True) if True in answers else None
    expected = len(answers) if first is None else first + 1
    assert asked == list(range(expected))
    assert [check.passed for check in decision.guards] == answers[:expected]
    assert decision.outcome == ("refused" if first is None else "moved")


async def test_a_guard_that_raises_fails_the_message():
    """The error is the guard's, and its check has no verdict."""

    def broken(message, component):
        return message["missing"] > 5

    class Here(State):
        @on("go", to=End, guard=broken)
        def go(self, message, component): ...

    decision = await decided(Here)
    assert decision.outcome == "failed"
    assert isinstance(decision.error, KeyError)
    assert [(check.name, check.passed) for check in decision.guards] == [("broken", None)]


async def test_a_plain_function_and_a_guard_both_work():
    """`@guard` only makes them composable."""

    @guard
    def big(message, component):
        return message["total"] > 10

    class Here(State):
        @on("go", to=End, guard=big & says(True))
        def go(self, message, component): ...

    assert (await decided(Here, total=11)).outcome == "moved"
    assert (await decided(Here, total=9)).outcome == "refused"


# -- exceptions ---------------------------------------------------------------------------


class Payment(Exception): ...


class Card(Payment): ...


class Paying(State):
    @on("go", to=End, raises={Card: Other, Payment: End, ZeroDivisionError: "Other"})
    def go(self, message, component):
        raise message["error"]


@pytest.mark.parametrize(
    ("error", "target"),
    [(Card("x"), Other), (Payment("x"), End), (ZeroDivisionError("x"), Other)],
)
async def test_a_declared_exception_moves_and_keeps_its_error(error, target):
    """The first declared class that matches says where, by class or by name."""
    decision = await decided(Paying, error=error)
    assert decision.outcome == "moved"
    assert type(decision.next_state) is target
    assert decision.error is error


async def test_an_exception_that_is_not_declared_fails():
    """With no next state."""
    error = ValueError("x")
    decision = await decided(Paying, error=error)
    assert (decision.outcome, decision.next_state, decision.error) == ("failed", None, error)


async def test_a_cancellation_is_a_decision_of_its_own():
    """So that it can be recorded before it reaches the caller."""
    decision = await decided(Paying, error=asyncio.CancelledError())
    assert decision.outcome == "cancelled"
    assert isinstance(decision.error, asyncio.CancelledError)
    assert not decision.proceeds


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(2)])
async def test_an_interrupt_is_recorded_too(error):
    """It fails the message, and is raised by whoever asked."""
    decision = await decided(Paying, error=error)
    assert (decision.outcome, decision.error) == ("failed", error)


async def test_a_target_that_leads_nowhere_fails_the_message():
    """A typo in `to=` is the message's error where nobody added the state to an engine."""

    class Here(State):
        @on("go", to="Nowhere")
        def go(self, message, component): ...

    decision = await decided(Here)
    assert decision.outcome == "failed"
    assert isinstance(decision.error, StateError)


async def test_a_target_that_cannot_be_made_fails_the_message():
    """The handler has run, but there is no next state."""

    class Needy(State):
        def __init__(self, thing): ...

    class Here(State):
        @on("go", to=Needy)
        def go(self, message, component): ...

    decision = await decided(Here)
    assert decision.outcome == "failed"
    assert "can't be created" in str(decision.error)


async def test_a_declared_method_that_returns_a_next_state_is_told_so():
    """Mixing the styles in one method would be ignored silently otherwise."""

    class Here(State):
        @on("go", to=End)
        def go(self, message, component):
            return True, Other()

    decision = await decided(Here)
    assert decision.outcome == "failed"
    assert re.search("Here.go returned a next state", str(decision.error))


async def test_a_declared_method_may_return_anything_else():
    """Only a pair that looks like a classic answer is suspicious."""

    class Here(State):
        @on("go", to=End)
        def go(self, message, component):
            return 1, 2

    assert (await decided(Here)).outcome == "moved"


# -- classic ------------------------------------------------------------------------------


class Classic(State):
    async def handle_message(self, message, component):
        return message.get("answer", (True, self))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((False, None), "refused"),
        ((False, Other()), "refused"),
        ((0, None), "refused"),
        ((True, Other()), "moved"),
        ((1, Other()), "moved"),
        ([True, Other()], "moved"),
        ((True, None), "failed"),
        ((True, Other), "failed"),
        (None, "failed"),
        (True, "failed"),
    ],
    ids=repr,
)
async def test_a_classic_answer_decides(answer, outcome):
    """A pair of a bool and a State; anything else is an error that says so."""
    decision = await decided(Classic, answer=answer)
    assert decision.outcome == outcome
    if outcome == "failed":
        assert isinstance(decision.error, StateError)
        assert "(proceed, next_state)" in decision.error.why


async def test_a_classic_answer_of_itself_stays():
    """The same object is the same state."""
    decision = await decided(Classic)
    assert (decision.outcome, decision.next_state) == ("stayed", None)


async def test_a_classic_refusal_says_who_refused():
    """The reason names the method."""
    decision = await decided(Classic, answer=(False, None))
    assert decision.reason == "Classic.handle_message returned False"


async def test_a_plain_classic_method_works_too():
    """1.x awaited it; nothing is lost by not insisting."""

    class Plain(State):
        def handle_message(self, message, component):
            return True, Other()

    assert (await decided(Plain)).outcome == "moved"


async def test_a_classic_exception_fails():
    """It can't be declared."""

    class Raising(State):
        async def handle_message(self, message, component):
            raise Payment("x")

    assert (await decided(Raising)).outcome == "failed"


# -- both styles in one class -------------------------------------------------------------


class Both(State):
    @on("go", to=End, guard=says(False, "never"))
    def go(self, message, component): ...

    @on("declared", to=End)
    def declared(self, message, component): ...

    async def handle_message(self, message, component):
        return message["type"] == "classic", Other() if message["type"] == "classic" else self


async def test_declarations_come_before_the_classic_handler():
    """What is declared never reaches it."""
    assert isinstance((await decided(Both, "declared")).next_state, End)


async def test_what_no_declaration_takes_goes_to_the_classic_handler():
    """It has the last word."""
    assert isinstance((await decided(Both, "classic")).next_state, Other)


async def test_a_classic_refusal_keeps_what_the_guards_said():
    """The declaration was tried first, and its guard's answer is part of the story."""
    decision = await decided(Both, "go")
    assert decision.outcome == "refused"
    assert [check.name for check in decision.guards] == ["never"]


async def test_a_classic_override_hides_its_bases_declarations():
    """As any override hides what it overrides; `super()` reaches them."""

    class Base(State):
        @on("go", to=End)
        def go(self, message, component): ...

    class Hiding(Base):
        async def handle_message(self, message, component):
            if message.get("up"):
                return await super().handle_message(message, component)
            return False, self

    assert (await decided(Hiding)).outcome == "refused"
    assert isinstance((await decided(Hiding, up=True)).next_state, End)


# -- refusals in words --------------------------------------------------------------------


async def test_a_refusal_by_a_guard_names_it_and_what_it_read():
    """The last guard that was asked."""

    def rich(message, component):
        return message["total"] > 10

    class Here(State):
        @on("go", to=End, guard=rich)
        def go(self, message, component): ...

    assert (await decided(Here, total=3)).reason == "guard rich said no: message.total=3"


async def test_a_refusal_by_a_composed_guard_names_its_parts():
    """As they are joined, and not only `and`."""
    joined = (guard(says(False, "rich")) | says(False, "known")) & says(True, "open")

    class Here(State):
        @on("go", to=End, guard=joined)
        def go(self, message, component): ...

    assert (await decided(Here)).reason == "guard (rich or known) and open said no"


async def test_a_refusal_by_a_guard_that_read_nothing():
    """There are no values to show."""

    class Here(State):
        @on("go", to=End, guard=says(False, "never"))
        def go(self, message, component): ...

    assert (await decided(Here)).reason == "guard never said no"


async def test_a_refusal_by_a_final_state():
    """It is the end, whatever comes."""
    assert (await decided(End)).reason == "End is final"


async def test_a_refusal_by_a_state_without_declarations():
    """It takes nothing at all."""
    assert (await decided(Other)).reason == "Other declares no messages"


async def test_a_refusal_lists_what_is_taken():
    """Each message once, in the order of the declarations."""

    class Here(State):
        @on("b", to=End, guard=says(False))
        @on("b", to=Other)
        def b(self, message, component): ...

        @on("a", to=End)
        def a(self, message, component): ...

    assert (await decided(Here, "zzz")).reason == "Here does not take 'zzz', only b, a"


async def test_a_message_without_a_type_is_refused():
    """It matches no declaration."""
    assert (await decide(Paying(), {}, None)).outcome == "refused"
