"""The buttons of an exercise, without a browser."""

from __future__ import annotations

import pytest

from flexiflow.errors import FlexiFlowError
from flexiflow.lessons import lesson, predict
from flexiflow.lessons.machines.first_machine import gate, parcel
from flexiflow.lessons.view import ANSWERS


@pytest.fixture
def exercises(tmp_path):
    return lesson("01", student="ana", seed=1, progress=tmp_path / "p.jsonl")


def press(view, do, value=None):
    """What the script sends for a button."""
    view._handle_custom_msg({"do": do, "value": value}, [])


def test_a_choice_answers_and_the_next_question_comes(exercises):
    """With the reply."""
    view = exercises[1].view()
    assert view.question["number"] == 1
    press(view, "answer", "Locked")
    assert (view.question["number"], view.reply["verdict"]) == (2, "right")


def test_after_the_last_question_there_is_none(exercises):
    """And it is solved."""
    view = exercises[1].view()
    for question in exercises[1].questions:
        press(view, "answer", question.right)
    assert (view.question, view.solved) == ({}, True)


def test_hints_are_counted_down(exercises):
    """And the solution is code."""
    view = exercises[2].view()
    press(view, "hint")
    assert (view.hints_left, view.reply["verdict"]) == (2, "hint")
    press(view, "reveal")
    assert any(block["code"] for block in view.reply["blocks"])


def test_an_answer_in_a_cell_shows_in_the_view(exercises):
    """It is the same exercise."""
    view = exercises[2].view()
    exercises[2].answer(parcel.start)
    assert (view.solved, view.reply["title"]) == (True, "✓ Right.")


def test_begun_anew_nothing_is_said(exercises):
    """And the first question is open."""
    view = exercises[1].view()
    press(view, "answer", "Open")
    press(view, "reset")
    assert (view.reply, view.question["number"]) == ({}, 1)


@pytest.mark.parametrize("content", [None, 3, {}, {"do": "fly"}, {"do": ["answer"]}])
def test_a_message_that_is_none_changes_nothing(exercises, content):
    """Whatever a page sends."""
    view = exercises[1].view()
    view._handle_custom_msg(content, [])
    assert (view.reply, view.question["number"]) == ({}, 1)


@pytest.mark.parametrize("value", [None, 3, [], {}, "<b>"])
def test_an_answer_of_any_kind_is_replied_to(exercises, value):
    """As in a cell."""
    view = exercises[1].view()
    press(view, "answer", value)
    assert view.reply["verdict"] == "unclear"


def test_before_a_class_a_step_shows_what_happens(exercises):
    """A question a step, then all of it."""
    view = predict(gate.start, ["push", "coin"], present=True).view()
    press(view, "step")
    assert view.reply["blocks"][0]["text"].endswith("It is Locked.")
    press(view, "step")
    press(view, "step")
    assert (view.question, view.solved, view.reply["verdict"]) == ({}, False, "solution")


def test_before_a_class_other_exercises_go_from_hint_to_hint(tmp_path):
    """To the solution; nothing is noted."""
    exercises = lesson("01", student="ana", progress=tmp_path / "p.jsonl", present=True)
    view = exercises[2].view()
    verdicts = []
    for _ in range(4):
        press(view, "step")
        verdicts.append(view.reply["verdict"])
    assert verdicts == ["hint", "hint", "hint", "solution"]
    assert view.present
    assert not (tmp_path / "p.jsonl").exists()


def test_the_rows_are_the_questions_that_were_answered(exercises):
    """Of an exercise without questions there are none, with the same columns."""
    exercises[1].answer("Open")
    rows = exercises[1].view().rows()
    assert [*rows.itertuples(index=False, name=None)] == [
        (exercises[1].questions[0].asks, "Open", "Locked")
    ]
    none = exercises[2].view().rows()
    assert {name: str(none[name].dtype) for name in none} == ANSWERS


def test_where_nothing_can_draw_the_words_stand_in(exercises, monkeypatch):
    """A picture is no part of the task."""

    def refuse(self):
        raise FlexiFlowError("no drawer")

    monkeypatch.setattr("flexiflow.analysis.machine.machine_graph.MachineGraph.to_svg", refuse)
    view = exercises[1].view()
    assert (view.svg, "Locked" in view.words) == ("", True)


def test_without_a_script_the_task_and_the_reply_are_there(exercises):
    """As text and as HTML."""
    exercises[2].hint()
    view = exercises[2].view()
    assert "Which arrow is missing?" in view.static_text()
    assert "Which arrow is missing?" in view.static_html()
    assert "data:image/svg+xml" in view.static_html()


def test_it_is_saved_as_one_file(exercises, tmp_path):
    """For a page that is handed out."""
    page = exercises[1].view().save_html(tmp_path / "e.html").read_text()
    assert "01.1 Coin, push" in page
