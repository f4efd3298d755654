"""What every test finds as it was: the default registry."""

from collections.abc import Iterator
from copy import copy

import pytest

from flexiflow.states import DEFAULT_REGISTRY


@pytest.fixture(autouse=True)
def _default_registry_as_it_was() -> Iterator[None]:
    """Take back what a test registers, or offers, by default."""
    before = {name: copy(value) for name, value in vars(DEFAULT_REGISTRY).items()}
    yield
    vars(DEFAULT_REGISTRY).update(before)
