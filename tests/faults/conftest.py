"""What the fault tests share: chance that can be repeated, and how long they may go on."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

pytest.register_assert_rewrite("checking", "children")


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Chance; ``-p randomly --randomly-seed=N`` with the printed number repeats a run."""
    return random.Random(f"{request.config.getoption('randomly_seed', 0)} {request.node.nodeid}")


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> bool:
    """Whether this is the long run, ``make soak``."""
    return bool(request.config.getoption("soak"))


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Where the history is."""
    return tmp_path / "state.db"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the log is."""
    return tmp_path / "run.jsonl"
