"""Runs candidates by turns in one session, and compares them round by round.

A machine's speed drifts by more than what is to be measured, so each round runs every candidate
once, beginning with another one each time. A ratio is taken within a round, and what is reported
is the median of the rounds' ratios with their quartiles. Times are reported only beside it.

A script makes one `Benchmark`, gives it candidates, says what is compared with what, and ends
with ``bench.main()``::

    bench = Benchmark("saving", "Saving a snapshot", unit="µs a save")

    @bench.candidate("raw sqlite3, commit each", per=200)
    def raw(measure):
        conn = ...                      # not measured
        with measure:                   # measured, and divided by `per`
            for _ in range(200): ...
        conn.close()                    # not measured

    bench.compare("save_snapshot_sqlite", "raw sqlite3, commit each", target=1.5)

    if __name__ == "__main__":
        bench.main()

What is no time is given with ``measure.value = …`` in the benchmark's unit. A candidate that needs
a process of its own (imports, memory) calls `in_child`. A candidate whose package is not installed
raises ImportError when it first runs, and is reported as missing. ``python -m benchmarks.saving``
prints the table; with ``--save`` it also writes the results that `benchmarks.report` turns into
``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parent.parent

SCALES = {"s": 1.0, "ms": 1e3, "µs": 1e6}


class Measure:
    """What one run of a candidate comes to: the seconds inside ``with``, or a value that it sets.

    Attributes:
        seconds: the sum of all ``with`` blocks, wall time.
        value: the result in the benchmark's unit, where it is no time.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.value: float | None = None

    def __enter__(self) -> Measure:
        gc.collect()  # garbage of the candidate before must not be this one's cost
        self._began = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds += time.perf_counter() - self._began


@dataclass
class Candidate:
    """One thing that is measured; `per` is how many units one run does."""

    name: str
    run: Callable[[Measure], object]
    per: float
    rounds: list[float] = field(default_factory=list)
    missing: str | None = None


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """The spread of at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(statistics.median(values), low, high)


@dataclass(frozen=True)
class Comparison:
    """`ours` as a multiple of `other`; `target` is the most it may be, or None."""

    ours: str
    other: str
    target: float | None


class Benchmark:
    """Candidates for one question.

    Args:
        name: the script's name, and that of its results.
        title: for people.
        unit: of a measurement; one that begins with s, ms or µs is a time.
        note: a sentence or two on what is measured.
    """

    def __init__(self, name: str, title: str, unit: str, note: str = "") -> None:
        self.name, self.title, self.unit, self.note = name, title, unit, note
        self.candidates: dict[str, Candidate] = {}
        self.comparisons: list[Comparison] = []

    def candidate(
        self, name: str, per: float = 1
    ) -> Callable[[Callable[[Measure], object]], Callable[[Measure], object]]:
        """Add a candidate: a function that takes a `Measure`, and does `per` units of work."""

        def add(run: Callable[[Measure], object]) -> Callable[[Measure], object]:
            self.candidates[name] = Candidate(name, run, per)
            return run

        return add

    def compare(self, ours: str, other: str, target: float | None = None) -> None:
        """Report `ours` as a multiple of `other`; `target` is the most that it should be."""
        unknown = {ours, other} - self.candidates.keys()
        if unknown:
            raise KeyError(f"{self.name} has no candidates {sorted(unknown)}")
        self.comparisons.append(Comparison(ours, other, target))

    def run(
        self, rounds: int = 7, say: Callable[[str], object] = lambda text: None
    ) -> dict[str, Any]:
        """Measure, after one round that does not count, and return the results as plain data."""
        for number in range(rounds + 1):
            order = list(self.candidates.values())
            shift = number % len(order)
            for candidate in order[shift:] + order[:shift]:
                if candidate.missing is None:
                    self._run_once(candidate, keep=number > 0)
            say(f"{self.name}: round {number} of {rounds}")
        return self._results(rounds)

    def _run_once(self, candidate: Candidate, keep: bool) -> None:
        measure = Measure()
        try:
            candidate.run(measure)
        except ImportError as exc:
            candidate.missing = str(exc)
            return
        if keep:
            scale = SCALES.get(self.unit.split()[0], 1.0)
            took = measure.seconds * scale if measure.value is None else measure.value
            candidate.rounds.append(took / candidate.per)

    def _results(self, rounds: int) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "note": self.note,
            "rounds": rounds,
            "machine": machine(),
            "candidates": {
                each.name: asdict(Spread.of(each.rounds)) if each.rounds else None
                for each in self.candidates.values()
            },
            "comparisons": [self._compared(each) for each in self.comparisons],
        }

    def _compared(self, comparison: Comparison) -> dict[str, Any]:
        ours = self.candidates[comparison.ours].rounds
        other = self.candidates[comparison.other].rounds
        ratios = [mine / its for mine, its in zip(ours, other, strict=False)]
        return {**asdict(comparison), "ratio": asdict(Spread.of(ratios)) if ratios else None}

    def main(self) -> None:
        """Measure as the command line says, and print the tables."""
        from benchmarks.report import as_text

        parser = argparse.ArgumentParser(description=self.title)
        parser.add_argument("--rounds", type=int, default=7, help="how often each runs")
        parser.add_argument("--save", action="store_true", help="keep the results for the docs")
        asked = parser.parse_args()
        results = self.run(asked.rounds, lambda text: print(text, file=sys.stderr))
        print(as_text(results))
        if asked.save:
            text = json.dumps(results, indent=1, ensure_ascii=False)
            (RESULTS / f"{self.name}.json").write_text(text + "\n", encoding="utf-8")


def in_child(code: str) -> float:
    """Run code in a new interpreter, and return the number that it prints last."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return float(done.stdout.split()[-1])


def peak_bytes() -> int:
    """The most memory that this process has held. Not ``ru_maxrss``: a child inherits that.

    Linux only.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def machine() -> dict[str, Any]:
    """What this is measured on."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load": round(os.getloadavg()[0], 1),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
