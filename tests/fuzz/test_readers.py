"""Readers of files that others made: whatever is in them, an error has four parts.

``FLEXIFLOW_FUZZ=20000`` sets the number of inputs for each reader, ``--hypothesis-seed`` which;
``python tests/fuzz/soak.py`` is the long form.
"""

from __future__ import annotations

import os

import pytest
from hostile_files import READERS, check
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

INPUTS = {"config": 150, "snapshot": 150, "log": 60, "database": 40}


@pytest.mark.parametrize("name", READERS)
def test_nothing_but_errors_in_four_parts_comes_out(name):
    """Of a real file with parts changed, of nearly right content, of noise."""
    inputs, *_ = READERS[name]

    @settings(
        max_examples=int(os.environ.get("FLEXIFLOW_FUZZ", INPUTS[name])),
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs())
    def read(content: bytes) -> None:
        check(name, content)

    read()


@given(st.sampled_from(sorted(READERS)))
@settings(max_examples=8)
def test_an_empty_file_is_no_exception(name):
    """For any reader."""
    check(name, b"")
