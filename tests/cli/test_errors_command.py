"""``flexiflow errors``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flexiflow import errors
from flexiflow.errors import page_of

PAGES = Path(__file__).parents[2] / "docs" / "errors"


class Own(errors.StateError):
    """Somebody's own."""


def test_a_page_is_printed_as_it_is(run_cli):
    """The same text as in the docs."""
    result = run_cli("errors", "StateError")
    assert result.output == (PAGES / "StateError.md").read_text(encoding="utf-8")


def test_without_a_name_it_says_which_there_are(run_cli):
    """After what they have in common."""
    last = run_cli("errors").output.splitlines()[-1]
    assert last.startswith("There are: ComponentNotFound, ConfigError, ConfigFileNotFound, ")


def test_an_unknown_name_is_an_error_that_suggests(run_cli):
    """In four parts."""
    result = run_cli("errors", "StatError")
    assert result.exit_code == 1
    assert "Fix: Did you mean 'StateError'?" in result.output


def test_as_json(run_cli):
    """The page, and the names of the others."""
    found = json.loads(run_cli("errors", "StateError", "--json").output)
    assert found["page"].startswith("# StateError: ")
    assert (found["name"], "ConfigError" in found["others"]) == ("StateError", True)


@pytest.mark.parametrize(
    ("error", "page"),
    [
        (errors.ConfigFileNotFound("x"), "ConfigFileNotFound"),
        (Own("x"), "StateError"),
        (errors.FlexiFlowError("x"), "FlexiFlowError"),
    ],
)
def test_an_error_leads_to_its_page(error, page):
    """A class of one's own leads to the nearest that has one."""
    assert page_of(error) == page
    assert (PAGES / f"{page}.md").exists()
