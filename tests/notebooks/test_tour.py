"""The tour: three cells name the cause, and the whole of it becomes a page without requests."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat

from flexiflow.lessons.demo import demo_files

TOUR = Path(__file__).parents[2] / "notebooks" / "00_tour.ipynb"


def cells() -> list[str]:
    """The code of the tour, a string a cell."""
    notebook = nbformat.read(TOUR, as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


async def test_three_cells_name_the_cause(project, monkeypatch):
    """Who, where, for how long, by which error and why: all from the files."""
    monkeypatch.chdir(project / "notebooks")
    opening, stuck, why = cells()[:3]
    names = {"demo_files": demo_files}
    # Top-level await is the notebook's; here the line is awaited by hand.
    assert "await demo_files()" in opening
    names["files"] = await demo_files()
    exec(opening.replace("await demo_files()", "files"), names)
    assert "order-1042" in str(eval(stuck, names))
    answer = str(eval(why, names))
    for fact in (
        "order-1042: stuck in Paying for ",
        "`pay` failed after 3 tries",
        "CurrencyMismatch",
        "EUR was authorised",
        "CHF was asked for",
        "`paid` from gateway",
        "none came here",
    ):
        assert fact in answer


class Requests(HTMLParser):
    """Collects what a page would ask for when it is opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "script":
            self.found.append("a script")
        if tag in ("img", "iframe", "script", "source", "embed", "object"):
            self.found += [v for v in (given.get("src"), given.get("data")) if v]
        if tag == "link":
            self.found.append(given.get("href") or "a link")


def test_the_whole_tour_becomes_a_page_that_asks_for_nothing(project):
    """It runs from top to bottom; the page shows the cause and the picture, and loads nothing."""
    page = project / "tour.html"
    tour = project / "notebooks" / "00_tour.ipynb"
    # As `make demo` does it: a process of its own, so that no other test's loops are in the way.
    command = [sys.executable, "-m", "flexiflow.notebook.execute", str(tour), str(page)]
    subprocess.run(command, check=True, capture_output=True, timeout=280)
    text = page.read_text(encoding="utf-8")
    assert "CurrencyMismatch" in text
    asked = [each for each in Requests(text).found if not each.startswith("data:")]
    assert asked == []
    assert re.findall(r"url\((?!['\"]?(?:data:|#))", text) == []
    assert "default-src &#x27;none&#x27;" in text
    assert "data:image/svg+xml;base64," in text


async def test_the_files_are_made_where_there_are_none_and_kept_where_there_are(tmp_path):
    """Running the first cell again does not run the shop again."""
    first = await demo_files(tmp_path / "data")
    made = first.database.stat().st_mtime_ns
    again = await demo_files(tmp_path / "data")
    assert (again, again.database.stat().st_mtime_ns) == (first, made)


async def test_the_files_are_looked_for_in_the_folders_above(project, monkeypatch):
    """So that notebooks copied anywhere in a clone share them."""
    deep = project / "notebooks" / "deep"
    deep.mkdir()
    monkeypatch.chdir(deep)
    assert (await demo_files()).database == project / "demo-data" / "state.db"
