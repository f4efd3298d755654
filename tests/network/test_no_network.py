"""The demo, the command line and the notebook run without a network, and ask for none.

Where the system allows it, they run in a network namespace with nothing but a loopback; everywhere,
the audit hook in `site/` notes each use of the network in them and in the processes they start.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import network_audit
import pytest

TESTS = Path(__file__).parents[1]
TOUR = TESTS.parent / "notebooks" / "00_tour.ipynb"
# SIOCSIFFLAGS of linux/sockios.h with IFF_UP: kernels talk over the loopback.
WITH_LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket() as each:
    fcntl.ioctl(each, 0x8914, struct.pack("16sh14x", b"lo", 1))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def isolated() -> list[str]:
    """How to start Python where there is no network; as ever, where the system refuses that."""
    loopback = [sys.executable, "-c", WITH_LOOPBACK]
    for unshare in (["unshare", "--net"], ["unshare", "--net", "--map-root-user"]):
        if shutil.which("unshare") is None:
            break
        tried = subprocess.run([*unshare, *loopback, "-c", ""], capture_output=True, check=False)
        if tried.returncode == 0:
            return [*unshare, *loopback]
    return [sys.executable]


@pytest.fixture(scope="module")
def start() -> list[str]:
    return isolated()


@pytest.fixture
def run(start, tmp_path):
    """Run Python with arguments, and return what the network was used for."""
    uses = tmp_path / "uses.txt"
    path = os.pathsep.join([str(TESTS / "network" / "site"), str(TESTS), str(TESTS.parent)])
    environment = {**os.environ, "PYTHONPATH": path, "NETWORK_USES": str(uses)}

    def run(*arguments: object) -> str:
        result = subprocess.run(
            [*start, *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert result.returncode in (0, 3), result.stderr  # 3: something is stuck
        return uses.read_text(encoding="utf-8") if uses.exists() else ""

    return run


def test_the_demo_the_commands_and_the_notebook_use_no_network(run, tmp_path):
    """From the first run to the saved page."""
    demo = tmp_path / "demo-data"
    (tmp_path / "order.yaml").write_text("name: order-1\n")
    (tmp_path / "notebooks").mkdir()
    shutil.copy(TOUR, tmp_path / "notebooks")
    run("-m", "flexiflow", "demo", demo, "--orders", 60)
    for command in (
        ("why", demo / "state.db"),
        ("history", demo / "state.db"),
        ("trace", demo / "run.jsonl"),
        ("explain", "order.yaml"),
        ("draw", "order.yaml", "-o", "order.svg"),
        ("diagnose",),
    ):
        run("-m", "flexiflow", *command)
    tour = tmp_path / "notebooks" / "00_tour.ipynb"
    assert run("-m", "flexiflow.notebook.execute", tour, tmp_path / "tour.html") == ""
    assert (tmp_path / "tour.html").stat().st_size > 10_000


def test_a_use_of_the_network_would_be_noted(run):
    """In a child of a child too: else the other test would say nothing."""
    code = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', "
        "'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
        's.connect_ex(("192.0.2.1", 9))\'])'
    )
    assert run("-c", code) == "socket.connect ('192.0.2.1', 9)\n"


@pytest.mark.parametrize(
    ("address", "local"),
    [
        (("127.0.0.1", 8888), True),
        (("::1", 8888, 0, 0), True),
        ("localhost", True),
        ("/tmp/kernel-ipc-1", True),
        (b"\0abstract", True),
        (("192.0.2.1", 9), False),
        (("::ffff:192.0.2.1", 9, 0, 0), False),
        ("example.org", False),
        (("0.0.0.0", 80), False),
    ],
)
def test_only_this_machine_is_no_network(address, local):
    """A name that has to be looked up is a question to somebody else."""
    assert network_audit.is_local(address) is local


def test_the_tests_themselves_are_audited(network_uses):
    """The fixture of every test sees it, and forgives what is asked for here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as each:
        each.connect_ex(("192.0.2.1", 9))
    assert network_uses == ["socket.connect ('192.0.2.1', 9)"]
    network_uses.clear()
