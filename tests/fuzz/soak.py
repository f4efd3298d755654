"""The long form of the fuzzers: 100,000 inputs and more, with time and memory bounded.

``python tests/fuzz/soak.py [INPUTS] [SEED]``; the same seed gives the same inputs. It fails, with
the smallest input that shows it, where anything but an error in four parts comes out.
"""

from __future__ import annotations

import resource
import sys
import time

from hostile_files import READERS, check
from hypothesis import HealthCheck, Phase, given, seed, settings

SHARES = {"config": 0.42, "snapshot": 0.42, "log": 0.14, "database": 0.02}
ROUND = 2_000  # inputs; hypothesis remembers what it has tried, and so needs an end
MOST_GROWTH_MB = 400
LONGEST_S = 10.0


def soak(name: str, inputs: int, first_seed: int) -> float:
    """Read that many inputs, and return the seconds that the longest took."""
    longest = 0.0

    def read(content: bytes) -> None:
        nonlocal longest
        began = time.perf_counter()
        check(name, content)
        longest = max(longest, time.perf_counter() - began)

    for done in range(0, inputs, ROUND):
        options = settings(
            max_examples=min(ROUND, inputs - done),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        )
        seed(first_seed + done)(options(given(READERS[name][0]())(read)))()
    return longest


def main(inputs: int = 100_000, first_seed: int = 1) -> int:
    """Run all readers; 0 where time and memory stayed bounded."""
    ok = True
    for name, share in SHARES.items():
        count = round(inputs * share)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        longest = soak(name, count, first_seed)
        took = time.perf_counter() - began
        growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        ok = ok and longest < LONGEST_S and growth < MOST_GROWTH_MB
        print(
            f"{name}: {count:,} inputs in {took:.0f} s, the longest {longest:.2f} s, "
            f"memory +{growth:.0f} MB",
            flush=True,
        )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
