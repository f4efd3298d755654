"""What `redact=` keeps out of the log is in nothing that is made of it."""

import pytest

from flexiflow import FlexiFlowEngine, State, log_event, on, open_log, record

SECRET = "hunter2-very-secret"


class Draft(State):
    @on("login", to="Draft")
    async def login(self, message, component):
        log_event("login.tried", password=message["password"])
        raise ValueError(f"{message['password']} is wrong")


@pytest.fixture
async def log(tmp_path):
    """A log of a message that fails over its secret."""
    engine = FlexiFlowEngine()
    order = engine.add("order-1", Draft)
    async with record(engine, log=tmp_path / "run.jsonl", redact=["password"]):
        with pytest.raises(ValueError, match=SECRET):
            await order.send("login", password=SECRET, user="ann")
    return open_log(tmp_path / "run.jsonl", index=tmp_path)


async def test_the_secret_is_nowhere(log, tmp_path):
    """Frames, trees, sentences, files for other tools, and the index."""
    (name,) = log.traces()["correlation_id"]
    trace = log.trace(name)
    trace.to_otlp(tmp_path / "otlp.json")
    trace.to_chrome(tmp_path / "chrome.json")
    log.to_otlp(tmp_path / "all.json")
    frames = [log.traces(), log.records(), trace.records(), trace.spans(), log.errors()]
    told = [str(trace.tree()), trace.story().text, *(each.to_csv() for each in frames)]
    told += [path.read_bytes().decode("latin-1") for path in tmp_path.iterdir()]
    assert len(told) == 7 + 5
    assert not [text for text in told if SECRET in text]
    assert "ann" in log.records().to_csv()
