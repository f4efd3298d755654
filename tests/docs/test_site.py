"""The built documentation: no warning, no request to another host, a page for every error."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flexiflow import errors

pytestmark = pytest.mark.xdist_group("browser")  # the process that has built the site

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [page for page in sorted((DOCS / "errors").glob("*.md")) if page.stem != "index"]


class Loaded(HTMLParser):
    """Collects what a browser fetches by itself when it opens a page."""

    def __init__(self):
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag in {"script", "img", "iframe", "source", "video"}:
            self.addresses.append(values.get("src") or "")
        elif tag == "link" and values.get("rel") not in {"canonical", "author"}:
            self.addresses.append(values.get("href") or "")


def test_no_page_asks_another_host(site):
    """Scripts, styles, fonts and pictures are all in the folder."""
    elsewhere = set()
    for page in site.rglob("*.html"):
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        elsewhere |= {each for each in loaded.addresses if urlsplit(each).netloc}
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        elsewhere |= set(re.findall(r"(?:url\(|@import)\s*[\"']?(https?:[^\"')]+)", text))
    assert elsewhere == set()


def test_every_error_has_a_page():
    """And no page is about an error that does not exist."""
    classes = {
        name
        for name, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, errors.FlexiFlowError)
    }
    assert {page.stem for page in PAGES} == classes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_example_of_an_error_prints_what_its_page_says(page, tmp_path):
    """It runs in an empty folder."""
    text = page.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (printed,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == (printed, "")
