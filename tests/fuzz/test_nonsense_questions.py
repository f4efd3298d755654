"""Every argument of a question, given nonsense: it is answered, or refused in four parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from nonsense import not_refused

import flexiflow as ff


class Draft(ff.State):
    @ff.on("go", to="Done")
    async def go(self, message, order):
        order.data["n"] = 1


class Done(ff.State, final=True):
    pass


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A history, its log, one trace, and a machine."""
    folder = tmp_path_factory.mktemp("asked")

    async def run():
        engine = ff.FlexiFlowEngine()
        order = engine.add("o", Draft, data={"n": 0})
        async with ff.record(engine, folder / "s.db", log=folder / "l.jsonl"):
            return await order.send("go")

    step = asyncio.run(run())
    history, log = ff.open_history(folder / "s.db"), ff.open_log(folder / "l.jsonl")
    return history, log, log.trace(step.correlation_id), history.graph("o")


# Called with the history, the log, a trace, a graph, and the nonsense.
QUESTIONS: dict[str, Callable[[Any, Any, Any, Any, Any], Any]] = {
    "steps": lambda h, log, t, g, v: h.steps(v),
    "steps.since": lambda h, log, t, g, v: h.steps(since=v),
    "steps.until": lambda h, log, t, g, v: h.steps(until=v),
    "steps.states": lambda h, log, t, g, v: h.steps(states=v),
    "steps.limit": lambda h, log, t, g, v: h.steps(limit=v),
    "steps.columns": lambda h, log, t, g, v: h.steps(columns=v),
    "snapshots": lambda h, log, t, g, v: h.snapshots(v),
    "snapshots.columns": lambda h, log, t, g, v: h.snapshots(columns=v),
    "snapshot": lambda h, log, t, g, v: h.snapshot(v),
    "iter_snapshots.chunk": lambda h, log, t, g, v: list(h.iter_snapshots(chunk=v)),
    "to_arrow.of": lambda h, log, t, g, v: h.to_arrow(of=v),
    "to_parquet": lambda h, log, t, g, v: h.to_parquet(v),
    "visits": lambda h, log, t, g, v: h.visits(v),
    "stuck.factor": lambda h, log, t, g, v: h.stuck(factor=v),
    "stuck.min_departures": lambda h, log, t, g, v: h.stuck(min_departures=v),
    "stuck.min_dwell": lambda h, log, t, g, v: h.stuck(min_dwell=v),
    "outliers": lambda h, log, t, g, v: h.outliers(v),
    "outliers.factor": lambda h, log, t, g, v: h.outliers(factor=v),
    "outliers.min_siblings": lambda h, log, t, g, v: h.outliers(min_siblings=v),
    "outliers.min_took": lambda h, log, t, g, v: h.outliers(min_took=v),
    "why": lambda h, log, t, g, v: h.why(v),
    "blame": lambda h, log, t, g, v: h.blame(v),
    "blame.field": lambda h, log, t, g, v: h.blame("o", v),
    "when": lambda h, log, t, g, v: h.when(v, "n > 0"),
    "when.condition": lambda h, log, t, g, v: h.when("o", v),
    "diff": lambda h, log, t, g, v: h.diff(v),
    "diff.of_a_component": lambda h, log, t, g, v: h.diff("o", v),
    "diff.of_a_snapshot": lambda h, log, t, g, v: h.diff(1, v),
    "story": lambda h, log, t, g, v: h.story(v),
    "story.limit": lambda h, log, t, g, v: h.story("o", limit=v),
    "restore": lambda h, log, t, g, v: h.restore(v, ff.FlexiFlowEngine()),
    "restore.engine": lambda h, log, t, g, v: h.restore(1, v),
    "restore.registry": lambda h, log, t, g, v: h.restore(1, ff.FlexiFlowEngine(), v),
    "graph": lambda h, log, t, g, v: h.graph(v),
    "process_map": lambda h, log, t, g, v: h.process_map(v),
    "process_map.rows": lambda h, log, t, g, v: h.process_map().rows(v),
    "process_map.graph": lambda h, log, t, g, v: h.process_map().graph(v),
    "variants.rows": lambda h, log, t, g, v: h.variants().rows(v),
    "verify.head": lambda h, log, t, g, v: h.verify(head=v),
    "bookmark": lambda h, log, t, g, v: h.bookmark(v),
    "bookmark.note": lambda h, log, t, g, v: h.bookmark(1, v),
    "bookmark.kind": lambda h, log, t, g, v: h.bookmark(1, kind=v),
    "remove_bookmark": lambda h, log, t, g, v: h.remove_bookmark(v),
    "remove_bookmark.kind": lambda h, log, t, g, v: h.remove_bookmark(1, kind=v),
    "explore": lambda h, log, t, g, v: h.explore(v),
    "traces.since": lambda h, log, t, g, v: log.traces(since=v),
    "traces.component": lambda h, log, t, g, v: log.traces(component=v),
    "traces.failed": lambda h, log, t, g, v: log.traces(failed=v),
    "traces.limit": lambda h, log, t, g, v: log.traces(limit=v),
    "records": lambda h, log, t, g, v: log.records(v),
    "records.component": lambda h, log, t, g, v: log.records(component=v),
    "records.event": lambda h, log, t, g, v: log.records(event=v),
    "records.limit": lambda h, log, t, g, v: log.records(limit=v),
    "search": lambda h, log, t, g, v: log.search(v),
    "trace": lambda h, log, t, g, v: log.trace(v),
    "slowest": lambda h, log, t, g, v: log.slowest(v),
    "compare": lambda h, log, t, g, v: log.compare(t.correlation_id, v),
    "separate.bad": lambda h, log, t, g, v: log.separate(bad=v),
    "separate.limit": lambda h, log, t, g, v: log.separate(limit=v),
    "to_otlp": lambda h, log, t, g, v: log.to_otlp(v),
    "to_otlp.correlation_ids": lambda h, log, t, g, v: log.to_otlp("x.json", correlation_ids=v),
    "log.explore": lambda h, log, t, g, v: log.explore(v),
    "waterfall.fold": lambda h, log, t, g, v: t.waterfall(fold=v),
    "gaps": lambda h, log, t, g, v: t.gaps(v),
    "trace.story": lambda h, log, t, g, v: t.story(v),
    "to_chrome": lambda h, log, t, g, v: t.to_chrome(v),
    "trace.explore": lambda h, log, t, g, v: t.explore(history=v),
    "check": lambda h, log, t, g, v: g.check(v),
    "check.component": lambda h, log, t, g, v: g.check(h, component=v),
    "check.min_coverage": lambda h, log, t, g, v: g.check(h, min_coverage=v),
    "check.max_dwell": lambda h, log, t, g, v: g.check(h, max_dwell=v),
    "save": lambda h, log, t, g, v: g.save(v),
    "machine_graph.history": lambda h, log, t, g, v: ff.machine_graph(Draft, history=v),
    "open_history.log": lambda h, log, t, g, v: ff.open_history(h.sources[0].name, log=v),
}


@pytest.mark.filterwarnings("ignore")  # what is restored replaces what was restored before
@pytest.mark.parametrize("name", QUESTIONS)
def test_nonsense_in_a_question_is_answered_or_refused(name, asked, tmp_path, monkeypatch):
    """In four parts; nothing else comes out, and no error fills a terminal."""
    monkeypatch.chdir(tmp_path)
    assert not_refused(lambda value: QUESTIONS[name](*asked, value)) == []
