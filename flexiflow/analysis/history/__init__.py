"""A history: what one or several databases remember of their components.

`History` only passes questions on; each has a module of its own in `questions`, or beside this one.
Those that ask its databases alone are in the classes it inherits from; those that take the history
itself, for its log or its machines, stand here.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.history.asked import asked_despite_damage, only_one
from flexiflow.analysis.history.component import ComponentQuestions
from flexiflow.analysis.history.many import ManyQuestions
from flexiflow.analysis.history.row import OneRowQuestions
from flexiflow.analysis.history.rows import RowQuestions
from flexiflow.analysis.reading.source import PathLike, Source, in_order, log_path_of, sources_of
from flexiflow.arguments import wrong_type
from flexiflow.errors import FlexiFlowError

if TYPE_CHECKING:
    from flexiflow.analysis.history.verifying import VerifyReport
    from flexiflow.analysis.log import Log
    from flexiflow.analysis.machine.machine_graph import MachineGraph
    from flexiflow.analysis.questions.difference import Difference
    from flexiflow.analysis.questions.process_map import ProcessMap
    from flexiflow.analysis.questions.why import Verdict


def open_history(
    where: PathLike | sqlite3.Connection | Iterable[PathLike],
    log: PathLike | Iterable[PathLike] | None = None,
) -> History:
    """Open a history for questions. Nothing is read yet, and nothing is ever changed.

    Several databases are one history: their rows stand file by file, in the order in which the
    files begin, and a component that several of them know goes on from one to the next.

    Args:
        where: a database, an open connection, several paths, or a glob pattern.
        log: the trace log that belongs to it; the one that `record` noted unless given.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where a file is not there.
        InvalidType: (a TypeError) where `where` is none of these.
        PersistenceError: where it is no history.
    """
    history = History(in_order(sources_of(where)), log)
    if log is not None:
        _ = history.log  # says at once that it is not there
    return history


class History(RowQuestions, OneRowQuestions, ComponentQuestions, ManyQuestions):
    """What was recorded. Made by `open_history` or `Recording.history`.

    Args:
        sources: the databases.
        log: the trace log, or None for the one that `record` noted.
    """

    def __init__(
        self, sources: Sequence[Source], log: PathLike | Iterable[PathLike] | None = None
    ) -> None:
        self.sources = list(sources)
        # A generator could be asked only once.
        self._log = log if log is None or isinstance(log, str | os.PathLike) else _several(log)

    @asked_despite_damage
    def why(self, component: str | None = None) -> Verdict:
        """What happened to a component, in words, with the rows behind them.

        It is judged as by `stuck` without arguments.

        Args:
            component: the component; the only one that is stuck, or that there is, unless given.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            InvalidType: (a TypeError) where none is named, and it is not clear which is meant.
        """
        from flexiflow.analysis.questions.why import verdict_on

        if component is None:
            stuck = self.stuck().query("verdict == 'stuck'")["component"].tolist()
            component = only_one("why", stuck, "stuck") if stuck else None
        component = self._require_one("why", component)
        return verdict_on(self, component)

    @asked_despite_damage
    def diff(
        self, old: int | str | History | None = None, new: int | str | History | None = None
    ) -> Difference:
        """What differs between two snapshots, two components as they were last, or two histories.

        Args:
            old, new: two snapshot ids; two components' names; or two histories. ``diff(other)`` is
                from this history to the other.

        Returns:
            a `Difference` with ``frame`` (the columns of `shapes.DIFF`), ``text``, and of
            components and histories ``divergence``: the first step that was not the same.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            InvalidValue: (a ValueError) for an unknown snapshot.
            InvalidType: (a TypeError) where the two are of different kinds, or one is missing.
            PersistenceError: where a snapshot can't be read.
        """
        from flexiflow.analysis.questions.difference import difference

        return difference(self, old, new)

    @asked_despite_damage
    def graph(self, component: str | None = None) -> MachineGraph:
        """The machine as it was declared when it was recorded, with what happened on it.

        Args:
            component: whose machine, and whose steps; without it the machine that most
                components have, and the steps of them all.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
        """
        from flexiflow.analysis.machine.machine_graph import MachineGraph
        from flexiflow.analysis.machine.observed import graph_from_history

        component = self.require(component)
        return MachineGraph(graph_from_history(self, component))

    @asked_despite_damage
    def process_map(self, component: str | None = None) -> ProcessMap:
        """Which state directly followed which: how often, after how long, and whether declared.

        Percentiles are stays that were really seen (nearest rank). Staying in a state is no way.

        Args:
            component: one component; all unless given.

        Returns:
            a `ProcessMap`: ``frame`` (the columns of `shapes.PROCESS_MAP`),
            ``rows(("Paying", "Packing"))``, the stays behind a way, and ``graph("p95")``, its
            picture.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
        """
        from flexiflow.analysis.questions.process_map import process_map

        return process_map(self, self.require(component))

    def explore(self, component: str | None = None, **options: Any) -> Any:
        """A widget in which a component's history is gone through step by step.

        Args:
            component: the component; the one that was in trouble last unless given.
            **options: ``height`` in pixels, and the ``selection`` to begin with.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            InvalidType: (a TypeError) for an option that is none.
            InvalidValue: (a ValueError) for a selection that is not there.
        """
        from flexiflow.analysis.base.late import history_explorer

        self.require(component)
        return history_explorer(self, component, **options)

    def verify(self, *, head: str | None = None, allow_foreign: bool = False) -> VerifyReport:
        """Check that the rows are as they were written, by the hash chains in the file.

        Every row that was edited, deleted, inserted or swapped since is named by table and id.
        That shows accidents and careless edits, not a forger who computes the hashes anew.

        Args:
            head: what `VerifyReport.head` was once, kept elsewhere: shows a lost end as well.
            allow_foreign: take rows without a hash for fine, where 1.x code goes on inserting.

        Returns:
            the report; `ok` says whether all is well, `rows` is a DataFrame with the columns of
            `shapes.FINDINGS`.

        Raises:
            InvalidValue: (a ValueError) where `head` is none, or there are several files.
            PersistenceError: where a file can't be read.
        """
        from flexiflow.analysis.history.verifying import verify

        return verify(self.sources, head, allow_foreign=allow_foreign)

    @property
    def log(self) -> Log | None:
        """The trace log that belongs to this history, or None where there is none to be found.

        Raises:
            StateFileNotFound: (a FileNotFoundError) where one was named that is not there.
        """
        from flexiflow.analysis.log import Log
        from flexiflow.tracing.reader import log_files, log_sources

        if self._log is not None:
            sources = log_sources(self._log)
        else:
            noted = [path for path in map(_noted_log, self.sources) if path is not None]
            sources = list(dict.fromkeys(noted))
        if not sources:
            return None
        log_files(sources)  # says at once where one is not there
        return Log(sources, self._settle)

    @property
    def notices(self) -> list[str]:
        """What to know before an answer is trusted, in sentences; empty where all is as usual.

        It says where a file is read as it lies in a read-only folder, is cut off, lacks its
        ``-wal``, or is not there, and where the log names newer snapshots than the database.

        Raises:
            PersistenceError: where a file can't be read.
        """
        from flexiflow.analysis.history.notices import notices

        try:
            log = self.log
        except FlexiFlowError:  # who asks for the log itself is told
            log = None
        if log is None:
            return notices(self.sources, [])
        return notices(self.sources, log.paths) + log.notices

    def _settle(self) -> None:
        for source in self.sources:
            source.settle()

    def __repr__(self) -> str:
        names = ", ".join(source.name for source in self.sources[:3])
        more = f" and {len(self.sources) - 3} more" if len(self.sources) > 3 else ""
        try:
            told = "".join(f"\n  {notice}" for notice in self.notices)
        except FlexiFlowError as exc:
            told = f"\n  {exc.what}"
        return f"<History of {names}{more}>{told}"


def _noted_log(source: Source) -> str | None:
    with source.connect() as conn:
        noted = log_path_of(conn)
    if noted is None or os.path.isfile(noted):
        return noted
    # The folder was moved or copied: the log usually lies beside the database.
    name = Path(noted).name
    if not name or not os.path.isfile(source.name):
        return None
    beside = Path(source.name).with_name(name)
    return str(beside) if beside.is_file() else None


def _several(log: Iterable[PathLike]) -> list[PathLike]:
    if isinstance(log, Iterable) and not isinstance(log, bytes | Mapping):
        return list(log)
    raise wrong_type("log", log, "a path, several, or a glob", 'Write log="run.jsonl".')
