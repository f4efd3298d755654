"""Processes that the tests start, listen to, and kill."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PATIENCE_S = 60


class Child:
    """A program of this folder in a process of its own.

    Args:
        program: its name.
        prefix: a command that runs it.
        options: handed to it as JSON.

    Attributes:
        said: everything it has told so far.
    """

    def __init__(
        self, program: str = "service.py", prefix: tuple[str, ...] = (), **options: Any
    ) -> None:
        command = [*prefix, sys.executable, str(FOLDER / program), json.dumps(options, default=str)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.said: list[dict[str, Any]] = []
        self._rest = b""

    def listen(self, **facts: Any) -> None:
        """Wait until it says something that has these facts."""
        while not any(facts.items() <= each.items() for each in self.said):
            if not self._hear(PATIENCE_S):
                raise AssertionError(f"{facts} never came: {self.process.stderr.read().decode()}")

    def listen_for(self, steps: int, then_s: float) -> None:
        """Wait until it has told of so many steps, and hear what it says for a moment more."""
        while sum("n" in each for each in self.said) < steps:
            if not self._hear(PATIENCE_S):
                raise AssertionError(f"it ended early: {self.process.stderr.read().decode()}")
        select.select([], [], [], then_s)

    def kill(self) -> list[dict[str, Any]]:
        """SIGKILL, and everything that it had said; a message cut in two was not said."""
        self.process.send_signal(signal.SIGKILL)
        while self._hear(PATIENCE_S):
            pass
        self.process.wait(PATIENCE_S)
        return self.said

    def finish(self) -> list[dict[str, Any]]:
        """Everything it said, once it has ended well."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        self._take(out)
        assert (self.process.returncode, err.decode()) == (0, "")
        return self.said

    def _hear(self, patience_s: float) -> bool:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], patience_s)
        chunk = self.process.stdout.read1() if ready else b""
        self._take(chunk)
        return bool(chunk)

    def _take(self, chunk: bytes) -> None:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        self.said += map(json.loads, whole)


@contextmanager
def running(**options: Any) -> Iterator[Child]:
    """A child that is gone once the block is left, whatever happens in it."""
    child = Child(**options)
    try:
        yield child
    finally:
        child.process.kill()
        child.process.wait()
        for pipe in (child.process.stdin, child.process.stdout, child.process.stderr):
            if pipe is not None:
                pipe.close()
