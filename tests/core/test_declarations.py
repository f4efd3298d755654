"""Declared transitions."""

import pytest

from flexiflow.declarations import Declaration, before_classic, declarations_of, on
from flexiflow.errors import FlexiFlowError, InvalidType, InvalidValue
from flexiflow.guards import Guard, guard
from flexiflow.state_machine import DEFAULT_REGISTRY, State, StateMachine


class PaymentError(Exception):
    """An error of the application."""


class NarrowError(PaymentError):
    """A kind of it."""


def has_items(message, component):
    return True


class Shipped(State, final=True):
    """An end."""


class Draft(State):
    """A state with declarations of every kind."""

    @on("submit", to="Submitted", guard=has_items)
    @on("submit", to=Shipped)
    async def submit(self, message, component):
        """Async."""

    @on("pay", raises={PaymentError: "Failed"})
    def pay(self, message, component):
        """Plain, and it stays."""

    def helper(self):
        """Not a transition."""


def types(cls):
    return [each.message_type for each in declarations_of(cls)]


def test_declarations_are_read_from_the_top_down():
    """Their order is that of the text, also on one method."""
    declared = declarations_of(Draft)
    assert [(each.message_type, each.to, each.method) for each in declared] == [
        ("submit", "Submitted", "submit"),
        ("submit", Shipped, "submit"),
        ("pay", None, "pay"),
    ]


def test_a_plain_guard_becomes_a_guard():
    """A declaration's guard can always be checked."""
    declared = declarations_of(Draft)
    assert isinstance(declared[0].guard, Guard)
    assert declared[0].guard.name == "has_items"
    assert declared[1].guard is None


def test_a_guard_object_is_kept():
    """A composed guard stays what it is."""
    composed = ~guard(has_items)

    class Here(State):
        @on("go", guard=composed)
        def go(self, message, component): ...

    assert declarations_of(Here)[0].guard is composed


def test_the_decorated_method_is_still_the_method():
    """Marking changes nothing about calling."""

    def method(self, message, component):
        return 42

    assert on("go")(method) is method
    assert method(None, None, None) == 42


def test_declaring_registers_nothing():
    """A class alone puts no name into the default registry."""
    before = DEFAULT_REGISTRY.names()

    class NeverRegistered(State):
        @on("go", to="Elsewhere")
        def go(self, message, component): ...

    assert DEFAULT_REGISTRY.names() == before


def test_the_targets_are_all_states_that_it_can_lead_to():
    """A declared exception's state counts, staying does not."""
    declared = Declaration("pay", "Paid", raises={PaymentError: "Failed"})
    assert declared.targets() == ["Paid", "Failed"]
    assert Declaration("pay").targets() == []


@pytest.mark.parametrize(
    ("error", "target"),
    [(PaymentError(), "Failed"), (NarrowError(), "Failed"), (ValueError(), None)],
)
def test_a_declared_exception_leads_to_its_state(error, target):
    """Subclasses are meant too, other exceptions are not."""
    declared = Declaration("pay", raises={PaymentError: "Failed"})
    assert declared.target_of(error) == target


# -- inheritance --------------------------------------------------------------------------


class Base(State):
    @on("first")
    def first(self, message, component): ...

    @on("second")
    def second(self, message, component): ...


def test_a_subclass_has_its_own_declarations_first_and_then_its_bases():
    """The nearest is tried first."""

    class Sub(Base):
        @on("third")
        def third(self, message, component): ...

    assert types(Sub) == ["third", "first", "second"]


def test_an_override_without_a_mark_keeps_the_declaration():
    """The method is replaced, what it is for is not."""

    class Sub(Base):
        def first(self, message, component): ...

    assert types(Sub) == ["first", "second"]


def test_an_override_with_a_mark_replaces_the_declaration():
    """The new mark says everything."""

    class Sub(Base):
        @on("other")
        def first(self, message, component): ...

    assert types(Sub) == ["other", "second"]


def test_a_classic_handler_hides_the_declarations_of_its_bases():
    """As any override hides what it overrides; its own class's declarations come first."""

    class Classic(Base):
        @on("third")
        def third(self, message, component): ...

        async def handle_message(self, message, component):
            return True, self

    declared, has_classic = before_classic(Classic)
    assert [each.message_type for each in declared] == ["third"]
    assert has_classic is True


def test_without_a_classic_handler_all_declarations_count():
    """The whole line of bases is read."""
    declared, has_classic = before_classic(Base)
    assert [each.message_type for each in declared] == ["first", "second"]
    assert has_classic is False


# -- methods that are not plainly defined -------------------------------------------------


def wrapped(method):
    """A decorator that loses the method's name, as many do."""

    def wrapper(self, message, component):
        return method(self, message, component)

    return wrapper


class Wrapped(State):
    @on("go", to=Shipped)
    @wrapped
    def go(self, message, component):
        message["seen"] = True

    stop = on("stop", to=Shipped)(lambda self, message, component: message.update(seen=True))


@pytest.mark.parametrize("message_type", ["go", "stop"])
async def test_a_method_is_found_by_the_name_that_the_class_gives_it(message_type):
    """What the function calls itself does not matter."""
    machine, message = StateMachine(Wrapped()), {"type": message_type}
    assert await machine.handle_message(message, None) is True
    assert message["seen"] is True
    assert machine.state_name == "Shipped"


# -- mistakes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"message_type": 5}, InvalidType),
        ({"message_type": None}, InvalidType),
        ({"message_type": "go", "to": 5}, InvalidType),
        ({"message_type": "go", "to": Shipped()}, InvalidType),
        ({"message_type": "go", "raises": {PaymentError: 5}}, InvalidType),
        ({"message_type": "go", "raises": {"PaymentError": "Failed"}}, InvalidValue),
        ({"message_type": "go", "raises": {KeyboardInterrupt: "Failed"}}, InvalidValue),
        ({"message_type": "go", "raises": {int: "Failed"}}, InvalidValue),
    ],
)
def test_a_mistake_in_a_declaration_shows_where_it_is_written(arguments, kind):
    """`on` refuses what could never work, with all four parts."""
    with pytest.raises(kind) as caught:
        on(**arguments)
    assert isinstance(caught.value, FlexiFlowError)
    assert caught.value.why
    assert caught.value.fix
    assert caught.value.context_items


def test_a_guard_that_is_no_function_is_refused():
    """A guard's name in quotes is a mistake, too."""
    with pytest.raises(InvalidType, match="not a synchronous function"):
        on("go", guard="has_items")(lambda self, message, component: None)
