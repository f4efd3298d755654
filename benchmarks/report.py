"""Results as text and as ``docs/benchmarks.md``: ``python -m benchmarks.report``."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.harness import RESULTS, ROOT

PAGE = ROOT / "docs" / "benchmarks.md"

_INTRODUCTION = """\
# Benchmarks

<!-- Written by `python -m benchmarks.report`; edit the scripts in benchmarks/, not this page. -->

Each script in `benchmarks/` runs ours beside the least that the task costs (a *limit*) and beside
others, by turns in one session. Absolute times move from machine to machine and from minute to
minute; the **ratios** are what counts. A ratio is taken within each round; the table gives their
median and, in brackets, their quartiles.

Repeat all with `make bench`, or one with the command that stands above its table. FlexiFlow 1.x
is not among them: it is not published where these were run.
"""


def as_text(results: dict[str, Any]) -> str:
    """One benchmark's tables for a terminal."""
    return "\n".join([results["title"], "", *_measured(results), "", *_compared(results)])


def as_page(every: list[dict[str, Any]]) -> str:
    """The page of the docs."""
    parts = [_INTRODUCTION]
    for results in every:
        parts.append(f"\n## {results['title']}\n")
        if results["note"]:
            parts.append(f"{results['note']}\n")
        parts.append(f"`python -m benchmarks.{results['name']}` on {_machine(results)}\n")
        parts += ["\n".join(_measured(results)) + "\n", "\n".join(_compared(results)) + "\n"]
    return "\n".join(parts)


def main() -> None:
    """Write the page from all results that are kept."""
    PAGE.write_text(as_page(kept_results()), encoding="utf-8")


def kept_results() -> list[dict[str, Any]]:
    """All results, by name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]


def _measured(results: dict[str, Any]) -> list[str]:
    rows = [f"| | {results['unit']} | quartiles |", "|---|--:|--:|"]
    for name, spread in results["candidates"].items():
        if spread is None:
            rows.append(f"| {name} | not installed | |")
        else:
            quartiles = f"{_number(spread['low'])} – {_number(spread['high'])}"
            rows.append(f"| {name} | {_number(spread['median'])} | {quartiles} |")
    return rows


def _compared(results: dict[str, Any]) -> list[str]:
    rows = ["| ours | beside | times as much | target | met |", "|---|---|--:|--:|---|"]
    for each in results["comparisons"]:
        if each["ratio"] is None:
            continue
        median, low, high = (each["ratio"][key] for key in ("median", "low", "high"))
        target = each["target"]
        met = "" if target is None else "yes" if median <= target else "no"
        shown = "" if target is None else f"≤ {target:g}"
        ratio = f"{_number(median)} ({_number(low)} – {_number(high)})"
        rows.append(f"| {each['ours']} | {each['other']} | {ratio} | {shown} | {met} |")
    return rows


def _number(value: float) -> str:
    """Three digits that count, in thousands where that is shorter to read."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def _machine(results: dict[str, Any]) -> str:
    found = results["machine"]
    return (
        f"{found['cpu']}, {found['cores']} cores, {found['memory_gb']} GB, {found['system']}, "
        f"Python {found['python']}, SQLite {found['sqlite']}, load {found['load']}, "
        f"{found['date']}, {results['rounds']} rounds:"
    )


if __name__ == "__main__":
    main()
