"""Exercises of notebook 02: guards, the order of declarations, declared errors."""

from __future__ import annotations

from itertools import product
from random import Random

from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.fixing import FixTheMachine
from flexiflow.lessons.guarding import Case, WriteTheGuard
from flexiflow.lessons.machines.guards import broken_payment, loan, payment
from flexiflow.lessons.predicting import Predict, predicted
from flexiflow.lessons.trying import Course, Message


def exercises(chance: Random) -> list[Exercise]:
    """All of them, with amounts and days by chance."""
    return [_loan(chance), _return(chance), _payment(chance)]


def _loan(chance: Random) -> Predict:
    large = chance.randrange(1_100, 9_000, 50)
    small = chance.randrange(100, 1_001, 50)
    years = chance.choice([0, 1])
    waits: list[Message] = ["wait"] * chance.choice([0, 1, 2])
    messages = [{"type": "apply", "amount": large}, {"type": "apply", "amount": small}]
    return predicted(
        loan.start,
        "loan",
        {"years": years},
        [*messages, *waits, "decide"],
        title="A loan",
        shown=loan,
        hints=(
            "Ask each guard by itself: `small` reads the message, `known` reads the data.",
            "Declarations are tried from the top down, and the first whose guard passes wins. "
            "Where none passes the message is refused.",
            f"`wait` changes `years`, which is {years} at first; `decide` reads it.",
        ),
    )


def _return(chance: Random) -> WriteTheGuard:
    days = chance.choice([14, 21, 30])
    around = (1, days - 1, days, days + 1, 4 * days)
    cases = [
        Case(
            (late <= days or loyal) and not exchanged,
            {"type": "request_return", "days": late},
            {"loyal": loyal, "exchanged": exchanged},
        )
        for late, loyal, exchanged in product(around, (False, True), (False, True))
    ]
    chance.shuffle(cases)
    # Whether it was exchanged is noted only when somebody asks.
    cases.append(Case(True, {"type": "request_return", "days": 1}, {"loyal": False}))
    return WriteTheGuard(
        cases,
        title="May it come back?",
        task=f"Goods may come back within {days} days (`message['days']`, the last day "
        "included), and later too where the customer is loyal (`order.data['loyal']`). What was "
        "exchanged already (`order.data['exchanged']`, which is not there as long as nobody has "
        "asked) stays.",
        hints=(
            "Write one guard for each of the three questions, and join them: `(a | b) & ~c`.",
            "Joining needs `@guard` above each; then `&`, `|` and `~` do the rest.",
            "A field that may not be there: `order.data.get('exchanged', False)`.",
        ),
        solution=f"""    @guard
    def in_time(message, order):
        return message["days"] <= {days}

    @guard
    def loyal(message, order):
        return order.data["loyal"]

    @guard
    def exchanged(message, order):
        return order.data.get("exchanged", False)

    (in_time | loyal) & ~exchanged""",
    )


def _payment(chance: Random) -> FixTheMachine:
    card = chance.choice(["visa", "debit", "gift"])
    courses = [
        Course(
            f"a {card} card",
            (({"type": "pay", "card": card}, "Paid"),),
            data_after={"receipt": f"R-{card}"},
        ),
        Course("a card that is declined", (({"type": "pay", "card": "declined"}, "Failed"),)),
    ]
    return FixTheMachine(
        broken_payment,
        payment,
        courses,
        title="Declined",
        task="When a card is declined the error reaches whoever sent `pay`, and the order stays in "
        "`Paying` for ever. Mend the machine: a declined card leads to `Failed`.",
        hints=(
            "The error is no surprise: the machine should say where it leads.",
            '`@on(…, raises={SomeError: "SomeState"})` declares it.',
            "Leave the `raise` as it is.",
        ),
        solution="The error is declared. Its step has moved, keeps the error, and does not raise.",
    )
