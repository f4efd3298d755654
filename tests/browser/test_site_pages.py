"""The documentation as it is read: in a browser, from files, in light and in dark."""

from __future__ import annotations

import pytest

PAGES = [
    "index",
    "notebook",
    "benchmarks",
    "errors/StateError",
    "reference/history",
    "tutorial/00_tour",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_in_the_documentation(site, browser_tab, scheme):
    """In pages of each kind."""
    tab = await browser_tab(color_scheme=scheme)
    found = {}
    for page in PAGES:
        await tab.page.goto((site / f"{page}.html").as_uri())
        found[page] = await tab.violations("body")
    assert {page: wrong for page, wrong in found.items() if wrong} == {}
