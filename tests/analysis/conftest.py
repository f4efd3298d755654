"""Histories made by hand are closed after each test."""

from collections.abc import Iterator

import histories
import pytest


@pytest.fixture(autouse=True)
def close_connections() -> Iterator[None]:
    """Close the histories that were made by hand."""
    yield
    while histories.opened:
        histories.opened.pop().close()
