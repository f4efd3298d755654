"""Results as text, as ``docs/benchmarks.md``, and those beside others in ``docs/comparison.md``.

``python -m benchmarks.report`` writes both pages.
"""

from __future__ import annotations

import json
import re
from typing import Any

from benchmarks.harness import RESULTS, ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
COMPARISON = ROOT / "docs" / "comparison.md"
_FIGURES = re.compile(r"(<!-- figures: .*? -->\n\n).*?(<!-- end of figures -->)", re.DOTALL)
_OTHERS = ("transitions", "statemachine", "read_sql", "pandas", "polars", "duckdb")

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


def with_figures(page: str, every: list[dict[str, Any]]) -> str:
    """The page of the comparison, with what was measured beside others."""
    rows = ["| | FlexiFlow | beside | times as much |", "|---|---|---|--:|"]
    for results in every:
        for each in results["comparisons"]:
            if each["ratio"] is not None and any(word in each["other"] for word in _OTHERS):
                what = f"{results['title']}, {results['unit']}"
                ours = each["ours"].removeprefix("FlexiFlow, ")
                rows.append(f"| {what} | {ours} | {each['other']} | {_ratio(each)} |")
    table = "\n".join(rows) + "\n\n"
    return _FIGURES.sub(lambda found: found[1] + table + found[2], page)


def main() -> None:
    """Write the pages from all results that are kept."""
    PAGE.write_text(as_page(kept_results()), encoding="utf-8")
    page = COMPARISON.read_text(encoding="utf-8")
    COMPARISON.write_text(with_figures(page, kept_results()), encoding="utf-8")


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
        target = each["target"]
        met = "" if target is None else "yes" if each["ratio"]["median"] <= target else "no"
        shown = "" if target is None else f"≤ {target:g}"
        rows.append(f"| {each['ours']} | {each['other']} | {_ratio(each)} | {shown} | {met} |")
    return rows


def _ratio(comparison: dict[str, Any]) -> str:
    median, low, high = (_number(comparison["ratio"][key]) for key in ("median", "low", "high"))
    return f"{median} ({low} – {high})"


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
