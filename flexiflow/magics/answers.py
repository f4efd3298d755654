"""What the questions of the command line are answered with where more than text can be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flexiflow.cli.history_command import ROWS_SHOWN
from flexiflow.cli.history_questions import require_component, require_one_question
from flexiflow.cli.trace_command import (
    TRACES_SHOWN,
    in_trouble,
    require_sense,
    troubled_first,
)
from flexiflow.errors import InvalidValue
from flexiflow.magics.subjects import history_of, log_of, machine_of

Answer = Callable[[Mapping[str, Any], Mapping[str, Any]], Any]
"""Called with what was typed, by the names of the command's parameters, and the variables."""


def why(typed: Mapping[str, Any], names: Mapping[str, Any]) -> Any:
    """The verdict on a component; without one the history, whose card begins with the stuck."""
    history = history_of(typed["db"], typed["log"], names)
    return history if typed["component"] is None else history.why(typed["component"])


def history(typed: Mapping[str, Any], names: Mapping[str, Any]) -> Any:
    """The components, the rows of one or all, or the answer to one question about them."""
    asked = {f"--{key}": typed[key] for key in ("blame", "when", "story")}
    filters = {key: typed[key] for key in ("since", "until")} | {"states": typed["states"] or None}
    kinds = {f"--{key}": value for key, value in filters.items()}
    require_one_question(asked, kinds | {"--snapshots": typed["snapshots"]})
    opened = history_of(typed["db"], None, names)
    component = typed["component"]
    most = typed["limit"] or ROWS_SHOWN
    if typed["blame"] is not None:
        field = None if typed["blame"] == "*" else typed["blame"]
        return opened.blame(require_component(opened, component, "--blame"), field).tail(most)
    if typed["when"] is not None:
        return opened.when(component, typed["when"])
    if typed["story"]:
        return opened.story(
            require_component(opened, component, "--story"), limit=typed["limit"] or 30
        )
    if component is None and not typed["snapshots"] and not any(filters.values()):
        return opened.components().head(most)
    ask = opened.snapshots if typed["snapshots"] else opened.steps
    return ask(component, limit=most, **filters)


def trace(typed: Mapping[str, Any], names: Mapping[str, Any]) -> Any:
    """One message's path, or the traces, those in trouble first."""
    log = log_of(typed["log"], names, index=typed["index"], fields=typed["fields"])
    if typed["follow"]:
        raise InvalidValue(
            "A cell can't follow a log.",
            why="It would never end, and nothing else could run meanwhile.",
            fix="Type flexiflow trace --follow in a terminal, or watch the machine with watch().",
            context={"log": typed["log"]},
        )
    given = {f"--{key}": typed[key] for key in ("errors", "since", "story", "limit")}
    require_sense(typed["correlation_id"], given)
    if typed["correlation_id"] is not None:
        found = log.trace(typed["correlation_id"])
        return found.story() if typed["story"] else found
    traces = troubled_first(log.traces(since=typed["since"]))
    if typed["errors"]:
        traces = in_trouble(traces)
    return traces.head(typed["limit"] or TRACES_SHOWN)


def draw(typed: Mapping[str, Any], names: Mapping[str, Any]) -> Any:
    """A machine's picture; with ``--output`` it is written as well."""
    machine = machine_of(typed["machine"], typed["component"], names)
    if typed["output"] is not None:
        machine.save(typed["output"])
    return machine


ANSWERS: dict[str, Answer] = {"why": why, "history": history, "trace": trace, "draw": draw}
