"""A comm that keeps what a widget sends, and passes on what a browser would."""

from __future__ import annotations

from typing import Any

import comm
import pytest
from comm.base_comm import BaseComm
from watched_order import Draft

from flexiflow import FlexiFlowEngine


class FakeComm(BaseComm):
    """Keeps the messages that Python sends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        super().__init__(*args, **kwargs)

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        self.sent.append({"type": msg_type, **(data or {})})

    def states(self) -> list[dict[str, Any]]:
        """The updates of traits, in their order."""
        return [each["state"] for each in self.sent if each.get("method") == "update"]

    def customs(self) -> list[dict[str, Any]]:
        """The custom messages, in their order."""
        return [each["content"] for each in self.sent if each.get("method") == "custom"]


@pytest.fixture(autouse=True)
def _fake_comm(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", FakeComm)


@pytest.fixture
def engine():
    """An engine with order-1042 in Draft."""
    engine = FlexiFlowEngine()
    engine.add("order-1042", Draft, data={"items": 1})
    return engine


@pytest.fixture
def order(engine):
    """The order."""
    return engine.get("order-1042")


@pytest.fixture
def from_browser():
    """Passes a custom message to a view as its script does, and waits for what it starts."""

    async def send(view, **content):
        view._handle_custom_msg(content, [])
        for task in list(view._tasks):
            await task

    return send
