"""Progress: noted line by line, and reported as students × exercises."""

from __future__ import annotations

import json
import os
import warnings

import pytest

from flexiflow import State
from flexiflow.errors import StateFileNotFound
from flexiflow.lessons import lesson
from flexiflow.lessons.machines.first_machine import parcel
from flexiflow.lessons.progress import FILE
from flexiflow.lessons.report import STANDINGS, report


def begin(folder, student="ana"):
    folder.mkdir(exist_ok=True)
    return lesson("01", student=student, progress=folder / FILE)


@pytest.fixture
def class_room(tmp_path):
    """Ana has solved one exercise on the second try, Ben has looked at its solution."""
    ana = begin(tmp_path / "a")[2]
    ana.answer(int)
    ana.answer(type("Other", (State,), {}))
    ana.hint()
    ana.answer(parcel.start)
    ana.hint()
    begin(tmp_path / "b", "ben")[2].reveal()
    return tmp_path


def test_students_by_exercises(class_room):
    """What is not understood is no try, and practice after it was solved counts for nothing."""
    table = report(class_room).table()
    assert table.to_dict() == {"01.2": {"ana": "✓ 2 tries, 1 hint", "ben": "✗ shown"}}


def test_the_rows_have_the_documented_columns(class_room):
    """One for each student and exercise."""
    rows = report(class_room).rows
    assert {name: str(rows[name].dtype) for name in rows} == STANDINGS
    assert len(rows) == 2


def test_what_was_solved_is_solved_the_next_time(class_room):
    """For this student only."""
    assert [each.solved for each in begin(class_room / "a")] == [False, True, False]
    assert [each.solved for each in begin(class_room / "a", "ben")] == [False, False, False]


def test_a_copied_file_counts_once(class_room):
    """A teacher may collect twice."""
    text = (class_room / "a" / FILE).read_text()
    (class_room / "ana-flexiflow-progress.jsonl").write_text(text)
    assert report(class_room).table().loc["ana", "01.2"] == "✓ 2 tries, 1 hint"


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "null", '{"ts": 3}', '{"ts": "2026-01-01", "student": 1}', "\x00", "[" * 5000],
)
def test_a_broken_line_costs_nothing_but_itself(class_room, line):
    """And is told."""
    with (class_room / "a" / FILE).open("a") as file:
        file.write(line + "\n")
    found = report(class_room)
    assert found.table().loc["ana", "01.2"] == "✓ 2 tries, 1 hint"
    assert found.notes == [f"{class_room / 'a' / FILE}: 1 line is broken and left out."]


def test_a_folder_without_files_is_said_to_have_none(tmp_path):
    """In four parts."""
    with pytest.raises(StateFileNotFound) as caught:
        report(tmp_path)
    assert all((caught.value.what, caught.value.why, caught.value.fix, caught.value.context))


def test_progress_that_cannot_be_written_is_told_once(tmp_path):
    """And the lesson goes on."""
    exercises = lesson("01", student="ana", progress=tmp_path)  # a folder
    with pytest.warns(UserWarning, match=r"Progress can't be noted in .* work all the same"):
        exercises[2].hint()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert exercises[2].answer(parcel.start).right


def test_an_answer_itself_is_not_noted(class_room):
    """What was done, to what, when and by whom."""
    lines = (class_room / "a" / FILE).read_text().splitlines()
    assert set().union(*map(json.loads, lines)) == {
        "ts",
        "student",
        "seed",
        "exercise",
        "did",
        "right",
    }


@pytest.mark.parametrize("student", ["", "  ", "a\nb", "x" * 81, 3])
def test_a_name_that_is_none_is_refused(student, tmp_path):
    """It would be a row of the report."""
    with pytest.raises((TypeError, ValueError)) as caught:
        lesson("01", student=student, progress=tmp_path / "p")
    assert caught.value.fix == 'Write student="ana".'


def test_the_environment_may_name_the_student(monkeypatch, tmp_path):
    """For a class room whose accounts are all alike."""
    monkeypatch.setenv("FLEXIFLOW_STUDENT", "Zoë")
    assert lesson("01", progress=tmp_path / "p").progress.student == "Zoë"


@pytest.mark.parametrize("name", ["1", "99", None, [], 1])
def test_an_unknown_lesson_is_refused_in_four_parts(name):
    """With the ones that there are."""
    with pytest.raises(ValueError, match="There is no lesson") as caught:
        lesson(name)
    assert all((caught.value.why, caught.value.fix, caught.value.context))


@pytest.mark.parametrize("number", [0, 4, -1, "1", None])
def test_an_unknown_exercise_is_refused(number, tmp_path):
    """They are counted from 1."""
    with pytest.raises(ValueError, match="has no exercise"):
        lesson("01", student="ana", progress=tmp_path / "p")[number]


def test_a_lesson_lists_its_exercises(tmp_path):
    """With what is solved."""
    begun = begin(tmp_path / "a")
    begun[2].answer(parcel.start)
    assert repr(begun).splitlines()[0] == "Lesson 01, Your first machine: 1 of 3 solved"
    assert "  ✓ 01.2 The parcel that never arrives (fix the machine)" in repr(begun).splitlines()
    assert f"noted in {tmp_path}{os.sep}a" in begun._repr_html_()
