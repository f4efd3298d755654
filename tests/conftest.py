"""For all tests: each finds the registry and the trace as an import leaves them, and no network."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import network_audit
import pytest
from hypothesis import HealthCheck, settings

from flexiflow.correlation import current_span
from flexiflow.state_machine import DEFAULT_REGISTRY

# How fast this machine is just now is no property of the code.
settings.register_profile("flexiflow", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("flexiflow")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--soak`` asks for the long form of the tests that have one; see ``make soak``."""
    parser.addoption("--soak", action="store_true", help="run the long form of faults and fuzzers")


def pytest_configure() -> None:
    """Two test modules of one name can't be collected together; a run of one room says so too."""
    names = Counter(path.name for path in Path(__file__).parent.rglob("test_*.py"))
    twice = sorted(name for name, count in names.items() if count > 1)
    if twice:
        raise pytest.UsageError(f"Rename one of each pair of test modules: {', '.join(twice)}.")


def pytest_make_parametrize_id(val: object) -> str | None:
    """A test that is given a megabyte is not named by it; pytest numbers equal names."""
    if isinstance(val, str | bytes) and len(val) > 100:
        return f"{val[:20]!a}-{len(val)}"
    return "large" if isinstance(val, int) and val.bit_length() > 300 else None


_DOCS = Path(__file__).parents[1] / "docs"
_FRESH = {name: value.copy() for name, value in vars(DEFAULT_REGISTRY).items() if value}


def _reset() -> None:
    for name, value in vars(DEFAULT_REGISTRY).items():
        if value is not None:
            value.clear()
            value.update(_FRESH.get(name, ()))


@pytest.fixture(autouse=True)
def _default_registry_as_imported() -> Iterator[None]:
    """What the registry lists is part of what errors say, and fixtures may have added to it."""
    _reset()
    yield
    _reset()


@pytest.fixture(autouse=True)
def _outside_every_trace() -> None:
    """`set_correlation_id` in a plain test stays in the context that all later tests inherit."""
    current_span.set(None)


_network_uses: list[str] = []
network_audit.audit(_network_uses.append)


@pytest.fixture(autouse=True)
def network_uses() -> Iterator[list[str]]:
    """What this process has used the network for; a test fails that leaves anything in it."""
    _network_uses.clear()
    yield _network_uses
    assert _network_uses == []


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The documentation as HTML; the notebooks are not run, since others test that."""
    folder = tmp_path_factory.mktemp("site")
    options = ["-q", "-W", "--keep-going", "-D", "run_notebooks=0"]
    command = [sys.executable, "-m", "sphinx", *options, str(_DOCS), str(folder / "html")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return folder / "html"
