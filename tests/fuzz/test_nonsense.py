"""Every public callable, given nonsense: it takes it, or it says in four parts what is wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from nonsense import not_refused

import flexiflow as ff
from flexiflow import extras
from flexiflow.logger import get_logger, set_correlation_id
from flexiflow.persistence.snapshot import take_snapshot


def engine():
    return ff.FlexiFlowEngine()


def component():
    return engine().add("o", "InitialState")


def memory():
    return sqlite3.connect(":memory:")


def recorded(engine, **options):
    ff.record(engine, **options).close()


CALLABLES: dict[str, Callable[[Any], Any]] = {
    "on": ff.on,
    "on.to": lambda v: ff.on("a", to=v),
    "on.raises": lambda v: ff.on("a", raises=v),
    "on.guard": lambda v: ff.on("a", guard=v),
    "guard": ff.guard,
    "record": recorded,
    "record.path": lambda v: recorded(engine(), path=v),
    "record.log": lambda v: recorded(engine(), log=v),
    "record.durability": lambda v: recorded(engine(), durability=v),
    "record.metadata": lambda v: recorded(engine(), metadata=v),
    "record.redact": lambda v: recorded(engine(), redact=v),
    "record.rotate": lambda v: recorded(engine(), log="rotated.jsonl", rotate=v),
    "open_history": ff.open_history,
    "open_log": ff.open_log,
    "backup_history": lambda v: ff.backup_history(v, "copy.db"),
    "backup_history.out": lambda v: ff.backup_history(__file__, v),
    "prune_history": lambda v: ff.prune_history(v, keep=1),
    "prune_history.keep": lambda v: ff.prune_history(__file__, keep=v),
    "prune_history.older_than": lambda v: ff.prune_history(__file__, older_than=v),
    "prune_history.component": lambda v: ff.prune_history(__file__, keep=1, component=v),
    "machine_graph": ff.machine_graph,
    "watch": ff.watch,
    "explain": ff.explain,
    "explain.allow": lambda v: ff.explain({"name": "a"}, allow=v),
    "visualize": ff.visualize,
    "visualize.format": lambda v: ff.visualize({"name": "a"}, v),
    "load_packs.states": lambda v: ff.load_packs(states=v),
    "load_packs.packs": lambda v: ff.load_packs(packs=v),
    "load_packs.builtin_keys": lambda v: ff.load_packs(builtin_keys=v),
    "collect_provided_keys": ff.collect_provided_keys,
    "MappingPack": ff.MappingPack,
    "load_yaml": ff.ConfigLoader.load_yaml,
    "load_component_config": ff.ConfigLoader.load_component_config,
    "load_rules": ff.ConfigLoader.load_rules,
    "FlexiFlowEngine.components": lambda v: ff.FlexiFlowEngine(components=v),
    "add.name": lambda v: engine().add(v, "InitialState"),
    "add.start": lambda v: engine().add("a", v),
    "add.data": lambda v: engine().add("a", "InitialState", data=v),
    "add.registry": lambda v: engine().add("a", "InitialState", registry=v),
    "register": lambda v: engine().register(v),
    "get": lambda v: engine().get(v),
    "create_component": lambda v: engine().create_component(v),
    "component.handle_message": lambda v: component().handle_message(v),
    "engine.handle_message": lambda v: engine().handle_message(v, "x"),
    "send": lambda v: component().send(v),
    "send.content": lambda v: component().send("confirm", content=v),
    "send.correlation_id": lambda v: component().send("x", correlation_id=v),
    "send.traceparent": lambda v: component().send("x", traceparent=v),
    "can": lambda v: component().can(v),
    "why_not": lambda v: str(component().why_not(v)),
    "update_rules": lambda v: component().update_rules(v),
    "from_name": ff.StateMachine.from_name,
    "from_name.registry": lambda v: ff.StateMachine.from_name("InitialState", v),
    "StateRegistry.register": lambda v: ff.StateRegistry().register(v, ff.State),
    "StateRegistry.register.cls": lambda v: ff.StateRegistry().register("a", v),
    "StateRegistry.unregister": lambda v: ff.StateRegistry().unregister(v),
    "StateRegistry.create": lambda v: ff.StateRegistry().create(v),
    "subscribe": lambda v: engine().event_bus.subscribe(v, "c", len),
    "subscribe.handler": lambda v: engine().event_bus.subscribe("e", "c", v),
    "subscribe.priority": lambda v: engine().event_bus.subscribe("e", "c", len, v),
    "unsubscribe_all": lambda v: engine().event_bus.unsubscribe_all(v),
    "publish": lambda v: engine().event_bus.publish(v),
    "publish.delivery": lambda v: engine().event_bus.publish("e", delivery=v),
    "publish.on_error": lambda v: engine().event_bus.publish("e", on_error=v),
    "set_correlation_id": set_correlation_id,
    "get_logger.level": lambda v: get_logger("nonsense", v),
    "log_event": ff.log_event,
    "log_event.component": lambda v: ff.log_event("a.b", component=v),
    "save_component": lambda v: extras.save_component(v, "x.json"),
    "save_component.path": lambda v: extras.save_component(component(), v),
    "save_component.metadata": lambda v: extras.save_component(component(), "x.json", v),
    "load_snapshot": extras.load_snapshot,
    "restore_component": lambda v: extras.restore_component(v, engine()),
    "restore_component.engine": lambda v: extras.restore_component(take_snapshot(component()), v),
    "save_sqlite": lambda v: extras.save_snapshot_sqlite(memory(), v),
    "save_sqlite.conn": lambda v: extras.save_snapshot_sqlite(v, take_snapshot(component())),
    "save_sqlite.created_at": lambda v: extras.save_snapshot_sqlite(
        memory(), take_snapshot(component()), created_at=v
    ),
    "load_latest_sqlite": lambda v: extras.load_latest_snapshot_sqlite(v, "o"),
    "load_latest_sqlite.name": lambda v: extras.load_latest_snapshot_sqlite(memory(), v),
    "list_sqlite.limit": lambda v: extras.list_snapshots_sqlite(memory(), "o", limit=v),
    "prune_sqlite.keep": lambda v: extras.prune_snapshots_sqlite(memory(), "o", keep=v),
    "RetryConfig": lambda v: extras.RetryConfig(max_attempts=v),
    "RetryConfig.base_delay": lambda v: extras.RetryConfig(base_delay=v),
    "retry_async": extras.retry_async,
}


@pytest.mark.filterwarnings("ignore")  # names that are replaced, connections that are let go
@pytest.mark.parametrize("name", CALLABLES)
def test_nonsense_is_taken_or_refused_in_four_parts(name, tmp_path, monkeypatch):
    """Nothing else comes out, and no error fills a terminal."""
    monkeypatch.chdir(tmp_path)
    assert not_refused(CALLABLES[name]) == []
