"""The exercises of notebook 04, with right and wrong answers."""

from __future__ import annotations

import re

import pytest

from flexiflow.lessons import lesson
from flexiflow.lessons.machines.saving import broken_pallet, pallet


@pytest.fixture(params=[1, 2, 3, 4])
def exercises(request, tmp_path):
    return lesson("04", student="ana", seed=request.param, progress=tmp_path / "p.jsonl")


def test_what_was_saved_comes_back_and_nothing_else(exercises):
    """Worked out by hand; of three snapshots the newest stay."""
    items = re.search(r"add × (\d)", exercises[1].task)[1]
    keep = int(re.search(r"keep=(\d)", exercises[1].task)[1])
    oldest = "Draft"  # the second of three; the first, too, where all are kept
    assert exercises[1].answer("Submitted", items, str(keep), oldest).right


def test_what_was_done_unsaved_does_not_come_back(exercises):
    """The wrong answer that one is tempted to."""
    assert "it is Submitted" in exercises[1].answer("Paid").text


def test_the_pallet(exercises):
    """What a state keeps for itself is forgotten; data is not."""
    reply = exercises[2].answer(broken_pallet.start)
    assert "should lead to Sealed" in reply.text
    assert "seal was refused" in reply.text
    assert exercises[2].answer(pallet.start).right
