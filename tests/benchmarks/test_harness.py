"""The harness compares round by round; nothing here depends on a clock."""

from __future__ import annotations

import json

import pytest

from benchmarks.harness import Benchmark, Measure, Spread, in_child
from benchmarks.report import COMPARISON, PAGE, as_page, as_text, kept_results, with_figures


def counted(values: dict[str, list[float]]) -> Benchmark:
    """A benchmark whose candidates give these values, one a run."""
    bench = Benchmark("counted", "Counted", unit="items")
    for name, each in values.items():
        left = iter(each)

        def run(measure: Measure, left=left) -> None:
            measure.value = next(left)

        bench.candidate(name)(run)
    return bench


def test_a_ratio_is_taken_within_a_round():
    """A machine that slows down for everybody changes no ratio."""
    bench = counted({"ours": [0, 2, 20, 200], "limit": [0, 1, 10, 100]})
    bench.compare("ours", "limit", target=1.5)
    (found,) = bench.run(rounds=3)["comparisons"]
    assert found["ratio"] == {"median": 2.0, "low": 2.0, "high": 2.0}


def test_the_first_round_does_not_count():
    """It warms up what is loaded and cached."""
    bench = counted({"ours": [99, 1, 1]})
    assert bench.run(rounds=2)["candidates"]["ours"] == {"median": 1, "low": 1, "high": 1}


def test_another_candidate_begins_each_round():
    """Nobody always runs after the same one."""
    order: list[str] = []
    bench = Benchmark("order", "Order", unit="items")
    for name in "ab":

        def run(measure: Measure, name=name) -> None:
            order.append(name)
            measure.value = 1

        bench.candidate(name)(run)
    bench.run(rounds=2)
    assert "".join(order) == "abbaab"


def test_what_is_not_installed_is_said_to_be():
    """A missing peer does not end the run, and is not compared."""
    bench = counted({"ours": [1, 1]})

    @bench.candidate("peer")
    def peer(measure: Measure) -> None:
        raise ImportError("no module named peer")

    bench.compare("ours", "peer")
    text = as_text(bench.run(rounds=1))
    assert "| peer | not installed | |" in text
    assert "| ours | peer |" not in text


def test_a_value_is_divided_by_the_units_of_a_run():
    """Candidates may do different amounts of work."""
    bench = Benchmark("units", "Units", unit="bytes an item")

    @bench.candidate("ours", per=4)
    def ours(measure: Measure) -> None:
        measure.value = 100

    assert bench.run(rounds=1)["candidates"]["ours"]["median"] == 25


def test_comparing_with_nobody_is_refused():
    """A misspelt name is said at once, not after the measurements."""
    bench = counted({"ours": []})
    with pytest.raises(KeyError, match="peers"):
        bench.compare("ours", "peers")


def test_the_middle_half_is_the_spread():
    """Quartiles, not extremes: one slow round says nothing."""
    assert Spread.of([1, 2, 3, 4, 100]) == Spread(3, 2, 4)


def test_a_target_that_is_missed_is_shown_as_missed():
    """The page is no advertisement."""
    bench = counted({"ours": [0, 3], "limit": [0, 1]})
    bench.compare("ours", "limit", target=1.5)
    assert "| ours | limit | 3.00 (3.00 – 3.00) | ≤ 1.5 | no |" in as_page([bench.run(rounds=1)])


def test_results_are_plain_json():
    """They are kept as files."""
    results = counted({"ours": [1, 1]}).run(rounds=1)
    assert json.loads(json.dumps(results)) == results


def test_a_child_gives_its_last_number():
    """For imports and memory, which need an interpreter of their own."""
    assert in_child("print('words', 1.5)") == 1.5


def test_the_page_is_what_the_results_say():
    """Nobody writes figures into the docs by hand: run ``python -m benchmarks.report``."""
    assert PAGE.read_text(encoding="utf-8") == as_page(kept_results())


def test_the_comparison_has_the_figures_that_were_measured():
    """Those beside others, and no older ones."""
    page = COMPARISON.read_text(encoding="utf-8")
    assert page == with_figures(page, kept_results())
    assert "| transitions AsyncMachine |" in page
