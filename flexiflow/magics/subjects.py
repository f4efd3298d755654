"""What a word of a magic's line stands for: a file, or an object of the notebook.

A recording, a history, a log, an engine that is recorded, or a component, by its variable's name.
Where no such word is there, it is the one recording that the notebook has.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flexiflow.analysis.history import History
from flexiflow.analysis.log import Log
from flexiflow.analysis.machine.machine_graph import MachineGraph, machine_graph
from flexiflow.cli.opening import open_database, open_machine, open_trace_log
from flexiflow.component import AsyncComponent
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import FlexiFlowError, StateError, bounded_repr, listed
from flexiflow.recording import Recording, recording_of

_OF_A_FILE = set("*?[/\\.")


def completed(words: list[str], names: Mapping[str, Any]) -> list[str]:
    """The words after a question, with the notebook's recording first where none is named.

    Args:
        words: what was typed after ``why``, ``history``, ``trace`` or ``graph``.
        names: the notebook's variables.
    """
    if words and not words[0].startswith("-") and _names_a_source(words[0], names):
        return words
    recordings = recordings_in(names)
    if len(recordings) == 1:
        return [next(iter(recordings)), *words]
    if len(recordings) > 1:
        raise StateError(
            "This notebook has several recordings.",
            why=f"They are {listed(sorted(recordings))}, and the line does not say which.",
            fix=f"Name one first: %flexiflow why {min(recordings)}.",
            context={"recordings": sorted(recordings), "line": " ".join(words)},
        )
    return words


def recordings_in(names: Mapping[str, Any]) -> dict[str, Recording]:
    """The recordings under a notebook's variables, each once, those of its engines too."""
    found: dict[int, tuple[str, Recording]] = {}
    for name, value in list(names.items()):
        if name.startswith("_"):  # what IPython keeps of outputs
            continue
        recording = _recording(value)
        if recording is not None and not (id(recording) in found and value is not recording):
            found[id(recording)] = name, recording
    return dict(found.values())


def history_of(word: str, log: str | None, names: Mapping[str, Any]) -> History:
    """The history that a word means."""
    thing = names.get(word)
    if isinstance(thing, History):
        return thing
    recording = _recording(thing)
    if recording is not None:
        return recording.history
    _refuse_other(word, thing, "a recording, a history, or an engine that is recorded")
    return open_database(word, log)


def log_of(
    word: str,
    names: Mapping[str, Any],
    *,
    index: bool = False,
    fields: Mapping[str, str] | None = None,
) -> Log:
    """The trace log that a word means; a file is opened as `open_log` has it."""
    thing = names.get(word)
    if isinstance(thing, Log):
        return thing
    if isinstance(thing, History) and thing.log is not None:
        return thing.log
    recording = _recording(thing)
    if recording is not None:
        return recording.log
    _refuse_other(word, thing, "a log, or a recording that writes one")
    return open_trace_log(word, index=index, fields=fields)


def machine_of(word: str, component: str | None, names: Mapping[str, Any]) -> MachineGraph:
    """The machine that a word means, with what was recorded of it."""
    thing = names.get(word)
    if isinstance(thing, MachineGraph):
        return thing
    if isinstance(thing, FlexiFlowEngine) and component in thing.components:
        return machine_graph(thing.components[component])
    if isinstance(thing, History) or _recording(thing) is not None:
        return history_of(word, None, names).graph(component)
    if thing is not None and not isinstance(thing, str | FlexiFlowEngine):
        return machine_graph(thing)
    return open_machine(word, component)


def _names_a_source(word: str, names: Mapping[str, Any]) -> bool:
    known = (History, Log, MachineGraph, AsyncComponent, FlexiFlowEngine, Recording, type)
    if isinstance(names.get(word), known):
        return True
    return Path(word).exists() or bool(_OF_A_FILE & set(word))


def _recording(thing: Any) -> Recording | None:
    if isinstance(thing, Recording):
        return thing
    return recording_of(thing) if isinstance(thing, FlexiFlowEngine) else None


def _refuse_other(word: str, thing: Any, wanted: str) -> None:
    if thing is None or isinstance(thing, str) or Path(word).exists():
        return
    raise FlexiFlowError(
        f"{word} can't be asked: it is {bounded_repr(thing, 80)}.",
        why=f"The question is to {wanted}, or to a file.",
        fix='Write rec = record(engine, "state.db"), then %flexiflow why rec.',
        context={"word": word, "type": type(thing).__name__},
    )
