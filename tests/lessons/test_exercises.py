"""What all exercises share: right, wrong and nonsense; hints, solutions, beginning anew."""

from __future__ import annotations

import random
import sys
import threading

import pytest

from flexiflow import State, on
from flexiflow.lessons import lesson
from flexiflow.lessons.classroom import CHAPTERS
from flexiflow.lessons.finding import FindTheNumber
from flexiflow.lessons.fixing import FixTheMachine
from flexiflow.lessons.guarding import Case, WriteTheFilter, WriteTheGuard
from flexiflow.lessons.machine import Machine
from flexiflow.lessons.predicting import Predict, Question
from flexiflow.lessons.reply import Reply
from flexiflow.lessons.trying import Course

NONSENSE = [
    None,
    0,
    -1,
    3.5,
    "",
    "xyzzy",
    b"x",
    [],
    {},
    object(),
    int,
    lambda: None,
    NotImplemented,
]


class Silent(State):
    """Takes nothing."""


class BlocksForever(State):
    @on("go")
    def go(self, message, component):
        while True:
            pass


class WaitsForever(State):
    @on("go")
    async def go(self, message, component):
        import asyncio

        await asyncio.Event().wait()


class Leaves(State):
    @on("go")
    def go(self, message, component):
        sys.exit(3)


@Machine
def light():
    class Off(State):
        @on("press", to="On")
        def press(self, message, light):
            pass

    class On(State):
        @on("press", to="Off")
        def press(self, message, light):
            pass

    return Off, On


@pytest.fixture
def made(full_run, service, tmp_path):
    """Makes a lesson; those about recorded data get what they are about."""
    histories = {**dict.fromkeys(("05", "06", "07", "10"), full_run.history), "09": service}

    def made(name):
        given = {"history": histories[name]} if name in histories else {}
        return lesson(name, student="ana", seed=5, progress=tmp_path / "p.jsonl", **given)

    return made


@pytest.fixture
def fix():
    """An exercise whose machine should go On by one `go`."""
    course = Course("one go", (("go", "On"),))
    return FixTheMachine(light, light, [course], title="t", task="t", hints=("a", "b"))


@pytest.fixture
def guess():
    """Two questions."""
    asked = [Question("1?", ("A", "B"), "A", "shown 1"), Question("2?", ("A", "B"), "B", "shown 2")]
    return Predict(asked, title="t", task="t")


@pytest.fixture
def positive():
    """A guard: whether `data["n"]` is above 0."""
    cases = [Case(n > 0, {"type": "go"}, {"n": n}) for n in (1, 0, 5)]
    return WriteTheGuard(cases, title="t", task="t")


def test_every_exercise_answers_nonsense_in_words(made):
    """No traceback, no right answer, and no try is counted where it is not understood."""
    for name in CHAPTERS:
        for exercise in made(name):
            for nonsense in NONSENSE:
                reply = exercise.answer(nonsense)
                assert (reply.verdict in ("wrong", "unclear"), len(reply.text) > 10) == (True, True)
            assert exercise.answer().verdict == "unclear"
            assert not exercise.solved


def test_every_exercise_has_hints_in_steps_and_a_solution(made):
    """After the last hint it is said what else there is."""
    for name in CHAPTERS:
        for exercise in made(name):
            said = [exercise.hint().text for _ in exercise.hints]
            assert len(set(said)) == len(exercise.hints) >= 2
            assert "no more hints" in exercise.hint().text
            assert len(exercise.reveal().text) > 10


@pytest.mark.parametrize("name", list(CHAPTERS))
def test_the_same_seed_makes_the_same_exercises(name, made):
    """A teacher can look at what a student sees."""
    first, again = made(name), made(name)
    assert [repr(each) for each in first] == [repr(each) for each in again]


def test_begun_anew_an_exercise_is_as_it_was(guess):
    """Answers and hints are forgotten."""
    before = repr(guess)
    guess.answer("A", "B")
    assert guess.solved
    guess.reset()
    assert (repr(guess), guess.solved) == (before, False)


@pytest.mark.parametrize("machine", [BlocksForever, WaitsForever])
def test_a_machine_that_never_ends_is_stopped(machine):
    """One that blocks as well as one that waits; no thread is left."""
    course = Course("one go", (("go", "On"),))
    fix = FixTheMachine(light, light, [course], within=0.2, title="t", task="t")
    assert fix.answer(machine).text.startswith("It did not end within 0.2 seconds.")
    assert [each for each in threading.enumerate() if each.name == "flexiflow-lesson"] == []


def test_a_machine_that_ends_the_program_does_not(fix):
    """SystemExit is an answer like any other error."""
    assert fix.answer(Leaves).text == "It raised SystemExit: 3"


def test_a_machine_that_does_otherwise_is_told_where(fix):
    """With the step and the reason."""
    reply = fix.answer(Silent)
    assert reply.verdict == "wrong"
    assert "in Silent it got `go`, should be in On then, and is in Silent." in reply.text
    assert "was refused: Silent declares no messages" in reply.text


def test_a_machine_with_a_misspelt_target_is_told_so(fix):
    """The engine's own error is the hint."""

    class Off(State):
        @on("go", to="Onn")
        def go(self, message, light): ...

    assert "Unknown state 'Onn'" in fix.answer(Off).text


def test_trying_a_machine_registers_its_states_nowhere(fix):
    """The names of a learner's states stay free."""
    from flexiflow import DEFAULT_REGISTRY

    before = DEFAULT_REGISTRY.names()
    fix.answer(Silent)
    assert DEFAULT_REGISTRY.names() == before


def test_predictions_are_answered_one_at_a_time(guess):
    """Each shows what is so; the last one says how many were right."""
    first = guess.answer("A")
    assert (first.verdict, first.ends) == ("right", False)
    assert "shown 1" in first.text
    last = guess.answer("A")
    assert last.verdict == "wrong"
    assert "it is B." in last.text
    assert "1 of 2." in last.text


def test_a_prediction_that_is_misspelt_is_no_answer(guess):
    """The nearest is named."""
    reply = guess.answer("a")
    assert (reply.verdict, guess.given) == ("unclear", [])


def test_predictions_may_come_in_a_list(guess):
    """All that was said is in the reply."""
    reply = guess.answer(["A", "B"])
    assert reply.right
    assert "shown 1" in reply.text


def test_after_the_last_question_nothing_more_is_taken(guess):
    """Until it is begun anew."""
    guess.answer("A", "B")
    assert guess.answer("A").verdict == "unclear"


def test_a_right_guard_passes(positive):
    """Plain functions do."""
    reply = positive.answer(lambda message, order: order.data["n"] > 0)
    assert (reply.verdict, reply.text) == ("right", "All 3 cases.")


def test_a_wrong_guard_is_shown_its_first_wrong_case(positive):
    """With what it read."""
    reply = positive.answer(lambda message, order: order.data["n"] >= 0)
    assert reply.text.startswith("1 of 3 cases are right before this one: message")
    assert "It should say no, and says yes." in reply.text
    assert "data.n=0" in reply.text


def test_a_guard_that_raises_is_told_on_what(positive):
    """And by what."""
    reply = positive.answer(lambda message, order: message["n"] > 0)
    assert "It raised KeyError: 'n'" in reply.text


def test_a_guard_that_changes_data_is_wrong(positive):
    """Even where its answers are right; nested data is what a guard could reach."""
    cases = [Case(True, {"type": "go"}, {"lines": [1]})]
    exercise = WriteTheGuard(cases, title="t", task="t")
    reply = exercise.answer(lambda message, order: order.data["lines"].pop() > 0)
    assert "a guard only looks" in reply.text


def test_a_guard_that_is_async_is_told_why_not(positive):
    """It would always be true."""

    async def wrong(message, order):
        return True

    assert "not `async def`" in positive.answer(wrong).text


def test_a_filter_is_asked_about_events():
    """It gets the event's name and its data."""
    cases = [Case(True, {"to_state": "Paid"}), Case(False, {"to_state": "Draft"})]
    exercise = WriteTheFilter(cases, title="t", task="t")
    assert exercise.answer(lambda name, data: data["to_state"] == "Paid").right
    assert not exercise.answer(lambda name, data: name == "state.changed").right


def test_what_an_answer_raises_that_cannot_be_told_is_told_all_the_same(positive):
    """Its text is broken too."""

    class Broken(Exception):
        def __str__(self):
            raise ValueError

    def guard(message, order):
        raise Broken

    assert "its text can't be read: ValueError" in positive.answer(guard).text


def test_replies_are_escaped_in_html(guess):
    """A name can't bring a script along."""
    page = guess.answer("<script>")._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_code_in_a_task_is_shown_as_code(made):
    """Indented lines are a block that can be reached by keyboard."""
    page = made("01")[1]._repr_html_()
    assert '<pre style="' in page
    assert "class Locked(State):\n" in page


def test_variants_differ_between_students(tmp_path):
    """Each has a seed of their own."""
    tasks = {
        tuple(
            each.asks for each in lesson("01", student=name, progress=tmp_path / "p")[1].questions
        )
        for name in ("ana", "ben", "chidi", "dana", "emre")
    }
    assert len(tasks) > 1


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_is_any_whole_number(seed, tmp_path):
    """And changes no global chance."""
    state = random.getstate()
    lesson("01", student="ana", seed=seed, progress=tmp_path / "p")
    assert random.getstate() == state


@pytest.mark.parametrize(("said", "told"), [(42, "42 is too high."), (-0.25, "-0.25 is too low.")])
def test_a_wrong_number_is_told_which_way(said, told):
    """And where to look."""
    exercise = FindTheNumber(7, title="How many?", task="…", hints=("Count.",), solution="")
    assert exercise.answer(said).text == f"{told} `hint()` says where to look."


@pytest.mark.parametrize(
    ("right", "shown"), [(202, "202"), (26.92307692, "26.92"), (12345.6, "12346")]
)
def test_a_number_is_shown_as_one_reads_it(right, shown):
    """Four digits, or whole."""
    exercise = FindTheNumber(right, title="How many?", task="…", hints=("Count.",), solution="")
    assert exercise.reveal().text == f"It is {shown}."


def test_code_of_a_reply_begins_on_a_line_of_its_own():
    """Where nothing stands before it, too."""
    assert repr(Reply("solution", "    pass")) == "Solution.\n    pass"
    assert repr(Reply("solution", "Thus:\n\n    pass")) == "Solution. Thus:\n\n    pass"
    assert repr(Reply("right")) == "✓ Right."
