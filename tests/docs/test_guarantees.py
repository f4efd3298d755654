"""Every sentence of the guarantees names a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def promises() -> list[str]:
    """The list items of the page, each with the tests that it names."""
    text = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    return re.findall(r"^- (.*(?:\n  .*)*)", text, re.MULTILINE)


def names_in(promise: str) -> list[str]:
    return re.findall(r"`(tests/[\w/]+\.py::\w+)`", promise)


def test_the_page_promises_something():
    """So that the tests below look at it."""
    assert len(promises()) > 30


@pytest.mark.parametrize("promise", promises(), ids=lambda each: each[:40])
def test_each_sentence_names_tests_that_exist(promise):
    """At least one, by its file and its name."""
    named = [each.split("::") for each in names_in(promise)]
    missing = [(file, name) for file, name in named if name not in functions_in(ROOT / file)]
    assert (bool(named), missing) == (True, [])


def functions_in(file: Path) -> set[str]:
    if not file.is_file():
        return set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
