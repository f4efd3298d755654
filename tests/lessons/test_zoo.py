"""The zoo: every hunt is won with the real tools, and with nothing else."""

from __future__ import annotations

import shutil
from importlib import import_module

import pytest
from test_exercises import NONSENSE

from flexiflow.lessons import hunt
from flexiflow.lessons.hunting import ZOO

SEEDS = (1, 2)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The recordings of all hunts: each is run once for each seed."""
    return tmp_path_factory.mktemp("zoo")


@pytest.fixture(params=SEEDS)
def begin(request, place, tmp_path):
    """Begins a hunt of the zoo."""

    def begin(name):
        file = tmp_path / "p.jsonl"
        return hunt(name, student="ana", seed=request.param, progress=file, folder=place)

    return begin


def animal(name):
    return import_module(f"flexiflow.lessons.zoo.{name.replace('-', '_')}")


@pytest.mark.parametrize("name", list(ZOO))
def test_the_broken_machine_is_told_what_is_wrong_and_the_mended_one_passes(begin, name):
    """The last exercise of each hunt is to mend it."""
    fix = [*begin(name)][-1]
    wrong = fix.answer(animal(name).broken.start)
    assert (wrong.verdict, len(wrong.text) > 40) == ("wrong", True)
    assert fix.answer(animal(name).mended.start).verdict == "right"
    assert fix.solved


@pytest.mark.parametrize("name", list(ZOO))
def test_every_exercise_answers_nonsense_in_words(begin, name):
    """And has hints and a solution."""
    for exercise in begin(name):
        for nonsense in NONSENSE:
            assert exercise.answer(nonsense).verdict in ("wrong", "unclear")
        assert len({exercise.hint().text for _ in exercise.hints}) >= 2
        assert len(exercise.reveal().text) > 20


@pytest.mark.parametrize("name", list(ZOO))
def test_the_machine_is_shown_with_the_story(begin, name):
    """As code that stands alone."""
    found = begin(name)
    compile(found.code, name, "exec")
    assert found.story[:40] in repr(found)
    assert found.code.split("\n")[0] in repr(found)
    assert found.log is not None


def test_the_race_is_found_by_blame(begin):
    """The history blames a step that only reads."""
    found = begin("race")
    blame = found.history.blame("account-1", "balance")
    step = blame["step_id"].dropna().iloc[-1]
    steps = found.history.steps().set_index("id")
    assert steps.loc[step, "message"] == "statement"
    assert found[1].answer(step).right
    assert "snapshots" in found[1].answer(steps.query("message == 'withdraw'").index[0]).text


def test_the_lost_context_is_found_by_comparing_ids(begin):
    """The parcel that the desk was asked for has an id of its own."""
    found = begin("lost-context")
    steps = found.history.steps()
    desk = steps[steps["component"] == "desk"].iloc[0]
    name = eval(desk["message_json"])["parcel"]
    packed = steps[steps["component"] == name].iloc[0]
    assert packed["correlation_id"] != desk["correlation_id"]
    assert found[1].answer(packed).right
    assert not found[1].answer(desk).right


def test_the_dead_end_is_found_by_the_findings(begin):
    """Of the recorded machine, without its code."""
    found = begin("dead-end")
    findings = found.history.graph("claim-1").findings()
    (state,) = set(findings[findings["state"] == "Inspection"]["state"])
    assert found[1].answer(state).right


def test_the_shadowed_guard_is_found_by_the_visits(begin):
    """A declared state that was never visited."""
    found = begin("shadowed-guard")
    states = found.history.graph().states
    (never,) = states[(states["visits"].fillna(0) == 0) & states["declared"]]["state"]
    assert found[1].answer(never).right


def test_the_swallowed_exception_is_found_by_a_condition(begin):
    """On the data of all components."""
    found = begin("swallowed-exception")
    frame = found.history.when(None, "state == 'Paid' and receipt == null").frame
    assert len(frame) == 1
    assert found[1].answer(frame["component"].iloc[0]).right
    others = set(found.history.components()["component"]) - set(frame["component"])
    assert "has a receipt" in found[1].answer(sorted(others)[0]).text


def test_the_wrong_order_is_found_among_the_refused(begin):
    """They are steps too."""
    found = begin("wrong-order")
    assert found[1].answer(found.history.steps().query("outcome == 'refused'")).right


def test_who_waits_in_vain_is_found_by_stuck(begin):
    """And the verdict says what brought the others on."""
    found = begin("stuck-waiting")
    worst = found.history.stuck()["component"].iloc[0]
    assert "`answer`" in str(found.history.why(worst))
    assert found[1].answer(worst).right


def test_the_old_snapshot_is_found_by_its_failure(begin):
    """And by what its data calls the field."""
    found = begin("old-snapshot")
    failed = found.history.steps().query("outcome == 'failed'")
    assert found[1].answer(failed).right
    name = failed["component"].iloc[0]
    assert "total" in str(found.history.why(name))
    data = found.history.snapshots(name, explode=True)
    assert "metadata.amount" in data.columns
    assert found[2].answer("amount").right


def test_a_recording_is_made_once(begin, place):
    """The next time the same files are opened."""
    first = begin("dead-end").history.steps()["correlation_id"].tolist()
    assert begin("dead-end").history.steps()["correlation_id"].tolist() == first


def test_a_recording_that_was_broken_off_is_made_anew(begin, tmp_path, place):
    """As after a power cut."""
    hunt("dead-end", student="ana", seed=9, progress=tmp_path / "p", folder=tmp_path)
    folder = tmp_path / "dead-end-9"
    (folder / "run.jsonl").unlink()
    again = hunt("dead-end", student="ana", seed=9, progress=tmp_path / "p", folder=tmp_path)
    assert len(again.history.components()) == 7


def test_files_of_somebody_else_are_left_alone(tmp_path):
    """In four parts."""
    (tmp_path / "race-9").mkdir()
    shutil.copy(__file__, tmp_path / "race-9" / "state.db")
    with pytest.raises(Exception, match="would overwrite") as caught:
        hunt("race", student="ana", seed=9, progress=tmp_path / "p", folder=tmp_path)
    assert all((caught.value.why, caught.value.fix, caught.value.context))


@pytest.mark.parametrize("name", ["rase", None, [], "Race"])
def test_an_unknown_animal_is_refused(name):
    """With those that there are."""
    with pytest.raises(ValueError, match="in the zoo") as caught:
        hunt(name)
    assert all((caught.value.why, caught.value.fix, caught.value.context))
