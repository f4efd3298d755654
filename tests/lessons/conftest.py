from __future__ import annotations

from dataclasses import dataclass

import pytest

from flexiflow.analysis.history import History, open_history
from flexiflow.lessons.demo import DemoResult, run_demo


@dataclass(frozen=True)
class FullRun:
    result: DemoResult
    history: History
    progress: list[tuple[int, int]]


@pytest.fixture(scope="session")
def full_run(tmp_path_factory: pytest.TempPathFactory) -> FullRun:
    """One run of the demo with all its orders, for every test that only looks."""
    calls: list[tuple[int, int]] = []
    folder = tmp_path_factory.mktemp("demo")
    result = run_demo(folder, progress=lambda done, total: calls.append((done, total)))
    return FullRun(result, open_history(result.database), calls)
