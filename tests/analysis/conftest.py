"""Histories made by hand are closed after each test."""

from collections.abc import Iterator

import histories
import pytest
from hypothesis import settings

# A busy machine makes no claim wrong.
settings.register_profile("flexiflow", deadline=None)
settings.load_profile("flexiflow")


@pytest.fixture(autouse=True)
def close_connections() -> Iterator[None]:
    """Close the histories that were made by hand."""
    yield
    while histories.opened:
        histories.opened.pop().close()
