"""What a test leaves behind is taken back: connections, and names of states."""

from collections.abc import Iterator

import histories
import pytest

from flexiflow.states import DEFAULT_REGISTRY


@pytest.fixture(autouse=True)
def close_connections() -> Iterator[None]:
    """Close the histories that were made by hand."""
    yield
    while histories.opened:
        histories.opened.pop().close()


@pytest.fixture(autouse=True)
def clean_registry() -> Iterator[None]:
    """Take back the names that `engine.add` offered to everybody."""
    before = set(DEFAULT_REGISTRY.names())
    yield
    for name in set(DEFAULT_REGISTRY.names()) - before:
        DEFAULT_REGISTRY.unregister(name)
