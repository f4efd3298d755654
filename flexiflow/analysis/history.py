"""A history: what one or several databases remember of their components.

`History` only passes questions on; each has a module of its own beside this one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeVar

from flexiflow.analysis.source import (
    PathLike,
    Source,
    despite_damage,
    in_order,
    log_path_of,
    sources_of,
)
from flexiflow.arguments import wrong_type
from flexiflow.errors import FlexiFlowError, InvalidType, bounded_repr

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

    from flexiflow.analysis.difference import Difference
    from flexiflow.analysis.log import Log
    from flexiflow.analysis.machine_graph import MachineGraph
    from flexiflow.analysis.process_map import ProcessMap
    from flexiflow.analysis.story import Story
    from flexiflow.analysis.variants import Variants
    from flexiflow.analysis.verifying import VerifyReport
    from flexiflow.analysis.when import Intervals
    from flexiflow.analysis.why import Verdict
    from flexiflow.component import AsyncComponent
    from flexiflow.engine import FlexiFlowEngine
    from flexiflow.persistence.snapshot import ComponentSnapshot
    from flexiflow.state_machine import StateRegistry


P = ParamSpec("P")
Answer = TypeVar("Answer")


def _despite_damage(
    question: Callable[Concatenate[History, P], Answer],
) -> Callable[Concatenate[History, P], Answer]:
    """A question that is asked again of what can be read, where it meets damage in a file."""

    @wraps(question)
    def asked(self: History, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        return despite_damage(self.sources, partial(question, self, *args, **kwargs))

    return asked


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


class History:
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

    @_despite_damage
    def components(self) -> pd.DataFrame:
        """One row a component: where it is, how its last step ended, how much is recorded.

        Returns:
            a DataFrame with the columns of `frames.COMPONENTS`, by name.
        """
        from flexiflow.analysis.components import components_frame

        return components_frame(self.sources)

    @_despite_damage
    def snapshots(
        self,
        component: str | None = None,
        *,
        since: Any = None,
        until: Any = None,
        states: str | Iterable[str] | None = None,
        limit: int | None = None,
        explode: bool = False,
    ) -> pd.DataFrame:
        """Snapshots in the order of their ids.

        Args:
            component: one component; all unless given.
            since, until: ISO 8601 text, a datetime, or ``"-1h"`` (us, ms, s, m, h, d, w) before
                the newest record. Both ends are included; without a zone a time is UTC.
            states: only snapshots in these states.
            limit: at most so many, the newest.
            explode: add a column ``metadata.FIELD`` for each field of the metadata: Int64,
                float64, boolean or str where all its values are, else the values as they are.

        Returns:
            a DataFrame with the columns of `frames.SNAPSHOTS`.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            StateError: for an unknown state.
            InvalidValue: (a ValueError) for a time or limit that can't be read.
            InvalidType: (a TypeError) where `states` is neither a name nor several.
        """
        from flexiflow.analysis.rows import Filter, snapshots_frame

        chosen = Filter.of(self.sources, component, since, until, states, limit)
        return snapshots_frame(self.sources, chosen, explode=explode)

    @_despite_damage
    def iter_snapshots(
        self,
        component: str | None = None,
        *,
        since: Any = None,
        until: Any = None,
        states: str | Iterable[str] | None = None,
        chunk: int = 100_000,
        explode: bool = False,
        progress: bool | Callable[[int, int], object] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Snapshots in frames of at most `chunk` rows, for histories that memory can't hold.

        Nothing is kept open from one frame to the next; rows that are written meanwhile come too.

        Args:
            component, since, until, states: as in `snapshots`.
            chunk: rows of a frame.
            explode: as in `snapshots`; the columns are those of each frame's own rows.
            progress: a function that is called with the rows that are read and those that there
                are, or True for a bar.

        Returns:
            an iterator over DataFrames with the columns of `frames.SNAPSHOTS`; none for no rows.

        Raises:
            ComponentNotFound, StateError, InvalidValue, InvalidType: as `snapshots`, at once.
        """
        from flexiflow.analysis.chunks import chunks
        from flexiflow.analysis.rows import Filter

        chosen = Filter.of(self.sources, component, since, until, states, None)
        return chunks(self.sources, "snapshots", chosen, chunk, progress, explode=explode)

    @_despite_damage
    def to_arrow(
        self,
        component: str | None = None,
        *,
        of: Literal["snapshots", "steps"] = "snapshots",
        since: Any = None,
        until: Any = None,
        states: str | Iterable[str] | None = None,
    ) -> pyarrow.Table:
        """Snapshots or steps as an Arrow table; the extra ``large`` must be installed.

        Args:
            component, since, until, states: as in `snapshots`.
            of: which rows.

        Returns:
            a table with the columns of `frames.SNAPSHOTS` or `frames.STEPS`: categories are
            dictionaries, times ``timestamp[us, UTC]``, durations ``duration[us]``.

        Raises:
            FlexiFlowError: where pyarrow is not installed.
        """
        from flexiflow.analysis.arrow import to_arrow
        from flexiflow.analysis.rows import Filter

        chosen = Filter.of(self.sources, component, since, until, states, None)
        return to_arrow(self.sources, of, chosen)

    @_despite_damage
    def to_parquet(
        self,
        path: PathLike,
        component: str | None = None,
        *,
        of: Literal["snapshots", "steps"] = "snapshots",
        since: Any = None,
        until: Any = None,
        states: str | Iterable[str] | None = None,
        progress: bool | Callable[[int, int], object] | None = None,
    ) -> int:
        """Write snapshots or steps to a Parquet file: the whole file or nothing.

        Args:
            path: the file; it is replaced.
            component, of, since, until, states: as in `to_arrow`.
            progress: as in `iter_snapshots`.

        Returns:
            how many rows.

        Raises:
            FlexiFlowError: where pyarrow is not installed.
            PersistenceError: where the file can't be written.
        """
        from flexiflow.analysis.arrow import to_parquet
        from flexiflow.analysis.rows import Filter

        chosen = Filter.of(self.sources, component, since, until, states, None)
        return to_parquet(self.sources, of, chosen, path, progress)

    @_despite_damage
    def steps(
        self,
        component: str | None = None,
        *,
        since: Any = None,
        until: Any = None,
        states: str | Iterable[str] | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Handled messages in the order of their ids, refused, failed and cancelled ones too.

        Args:
            component: one component; all unless given.
            since, until: as in `snapshots`.
            states: only messages that arrived in these states.
            limit: at most so many, the newest.

        Returns:
            a DataFrame with the columns of `frames.STEPS`.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            StateError: for an unknown state.
            InvalidValue: (a ValueError) for a time or limit that can't be read.
            InvalidType: (a TypeError) where `states` is neither a name nor several.
        """
        from flexiflow.analysis.rows import Filter, steps_frame

        chosen = Filter.of(self.sources, component, since, until, states, limit)
        return steps_frame(self.sources, chosen)

    @_despite_damage
    def visits(self, component: str | None = None) -> pd.DataFrame:
        """Stays in states: when each was entered and left, and by which message.

        Args:
            component: one component; all unless given.

        Returns:
            a DataFrame with the columns of `frames.VISITS`; a stay that lasts has no ``left``,
            and its ``dwell`` reaches to the newest record.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
        """
        from flexiflow.analysis.visits import visits_frame

        component = self.require(component)
        return visits_frame(self.sources, component)

    @_despite_damage
    def stuck(
        self,
        *,
        factor: float = 3.0,
        min_departures: int = 5,
        min_dwell: timedelta | str | int = "100ms",
    ) -> pd.DataFrame:
        """Components that should have moved on, the worst first.

        A component is stuck when it is in a state that is not final for longer than `factor`
        times the 95th percentile of its siblings' stays: other components in the same state of
        the same machine. With fewer than `min_departures` of those it is listed as unknown. Which
        states are final is what the file's own machine says.

        Args:
            factor: how many times p95, which is a stay that was really seen (nearest rank).
            min_departures: how many stays of others it takes to judge.
            min_dwell: a shorter stay is not stuck, however short those of its siblings are: a
                timedelta, text such as ``"2s"``, or 0.

        Returns:
            a DataFrame with the columns of `frames.STUCK`: the stuck ones by `ratio`, then the
            unknown ones by `dwell`.

        Raises:
            InvalidValue: (a ValueError) where an argument makes no sense.
        """
        from flexiflow.analysis.moments import duration_us
        from flexiflow.analysis.stuck import stuck_frame

        shortest_us = duration_us("min_dwell", min_dwell)
        return stuck_frame(self.sources, factor, min_departures, shortest_us)

    @_despite_damage
    def outliers(
        self,
        of: Literal["stays", "steps"] = "stays",
        *,
        factor: float = 3.0,
        min_siblings: int = 5,
        min_took: timedelta | str | int = "10ms",
    ) -> pd.DataFrame:
        """What took far longer than is usual, also where it ended; the most time lost first.

        A stay is compared with those in the same state of the same machine; a step with those of
        the same message there. Usual is their median, of those that ended.

        Args:
            of: the stays in states, or the steps.
            factor: how many times the usual time.
            min_siblings: how many must have ended, to compare with.
            min_took: what took less is no outlier: a timedelta, text such as ``"2s"``, or 0.

        Returns:
            a DataFrame with the columns of `frames.OUTLIERS`.

        Raises:
            InvalidValue: (a ValueError) where an argument makes no sense.
        """
        from flexiflow.analysis.moments import duration_us
        from flexiflow.analysis.outliers import outliers_frame

        shortest_us = duration_us("min_took", min_took)
        return outliers_frame(self.sources, of, factor, min_siblings, shortest_us)

    @_despite_damage
    def why(self, component: str) -> Verdict:
        """What happened to a component, in words, with the rows behind them.

        It is judged as by `stuck` without arguments.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            InvalidType: (a TypeError) where no component is named.
        """
        from flexiflow.analysis.why import verdict_on

        component = self._require_one("why", component)
        return verdict_on(self, component)

    @_despite_damage
    def blame(self, component: str, field: str | None = None) -> pd.DataFrame:
        """What changed a component's fields, in the order of the history: the last row is the last.

        A change that was made outside of any step shows at the step after it.

        Args:
            component: the component.
            field: ``total``, ``items[0].price``, ``state`` or ``rules``; ``metadata.state`` is a
                field of that name. All unless given.

        Returns:
            a DataFrame with the columns of `frames.BLAME`.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            InvalidValue: (a ValueError) for a field that was never recorded.
        """
        from flexiflow.analysis.blame import blame_frame

        component = self._require_one("blame", component)
        return blame_frame(self.sources, component, field)

    @_despite_damage
    def when(self, component: str | None, condition: str) -> Intervals:
        """When a condition on recorded fields held, e.g. ``"attempts > 2 and state == 'Paying'"``.

        Nothing is evaluated by Python itself. A field that is not there is None, as null is.

        Args:
            component: one component; None for all that have any of the condition's fields.
            condition: fields as in `blame`, constants (``true false null``), lists,
                ``== != < <= > >= in``, ``and or not``, ``+ - * / // %``, ``changed(field)``,
                ``exists(field)``, ``len(value)``.

        Returns:
            intervals, one after the other, with ``first``, ``last``, ``longest``, ``text``, and
            ``frame`` (the columns of `frames.WHEN`).

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            InvalidValue: (a ValueError) where the condition can't be read, or asks for a field
                that was never recorded.
        """
        from flexiflow.analysis.when import intervals

        component = self.require(component)
        return intervals(self.sources, component, condition)

    @_despite_damage
    def diff(self, old: int | str | History, new: int | str | History | None = None) -> Difference:
        """What differs between two snapshots, two components as they were last, or two histories.

        Args:
            old, new: two snapshot ids; two components' names; or two histories. ``diff(other)`` is
                from this history to the other.

        Returns:
            a `Difference` with ``frame`` (the columns of `frames.DIFF`), ``text``, and of
            components and histories ``divergence``: the first step that was not the same.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            InvalidValue: (a ValueError) for an unknown snapshot.
            InvalidType: (a TypeError) where the two are of different kinds.
            PersistenceError: where a snapshot can't be read.
        """
        from flexiflow.analysis.difference import difference

        return difference(self, old, new)

    @_despite_damage
    def story(self, component: str, *, limit: int = 30) -> Story:
        """A component's history in plain sentences.

        Args:
            component: the component.
            limit: about how many sentences; what is left out is said where it is missing.

        Returns:
            a `Story` with ``text``, ``sentences``, ``left_out`` and ``frame`` (the columns of
            `frames.STORY`).

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            InvalidValue: (a ValueError) where the limit is no number.
        """
        from flexiflow.analysis.rows import row_count
        from flexiflow.analysis.story import story_of

        component = self._require_one("story", component)
        return story_of(self.sources, component, row_count(limit))

    @_despite_damage
    def restore(
        self, snapshot_id: int, engine: FlexiFlowEngine, registry: StateRegistry | None = None
    ) -> AsyncComponent:
        """A live component from a snapshot, registered in an engine; it replaces one of that name.

        What can't be as it was is said by an `IncompleteRestore` warning: values that were not
        stored, and a machine that is not the recorded one.

        Args:
            snapshot_id: the snapshot's id.
            engine: where the component is to live.
            registry: where its state is looked up; as for `restore_component` unless given.

        Raises:
            InvalidValue: (a ValueError) where there is no such row, or several files have one.
            StateError: where the state is unknown.
            PersistenceError: where the row can't be read.
        """
        from flexiflow.analysis.restore import restored

        return restored(self.sources, snapshot_id, engine, registry)

    @_despite_damage
    def graph(self, component: str | None = None) -> MachineGraph:
        """The machine as it was declared when it was recorded, with what happened on it.

        Args:
            component: whose machine, and whose steps; without it the machine that most
                components have, and the steps of them all.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
        """
        from flexiflow.analysis.machine_graph import MachineGraph
        from flexiflow.analysis.observed import graph_from_history

        component = self.require(component)
        return MachineGraph(graph_from_history(self, component))

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
        from flexiflow.analysis.late import history_explorer

        self.require(component)
        return history_explorer(self, component, **options)

    @_despite_damage
    def process_map(self, component: str | None = None) -> ProcessMap:
        """Which state directly followed which: how often, after how long, and whether declared.

        Percentiles are stays that were really seen (nearest rank). Staying in a state is no way.

        Args:
            component: one component; all unless given.

        Returns:
            a `ProcessMap`: ``frame`` (the columns of `frames.PROCESS_MAP`),
            ``rows(("Paying", "Packing"))``, the stays behind a way, and ``graph("p95")``, its
            picture.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
        """
        from flexiflow.analysis.process_map import process_map

        return process_map(self, self.require(component))

    @_despite_damage
    def variants(self) -> Variants:
        """The different paths through states that components took, and how many took each.

        A component that has not come to an end counts with the path that it took so far.

        Returns:
            a `Variants`: ``frame`` (the columns of `frames.VARIANTS`), ``paths``, and
            ``rows(0)``, the components that took the first one.
        """
        from flexiflow.analysis.variants import variants

        return variants(self.sources)

    @_despite_damage
    def snapshot(self, snapshot_id: int) -> ComponentSnapshot:
        """One snapshot with its rules and data, by its id.

        Raises:
            InvalidValue: (a ValueError) where there is no such row, or several files have one.
            PersistenceError: where the row can't be read.
        """
        from flexiflow.analysis.rows import one_snapshot

        return one_snapshot(self.sources, snapshot_id)

    def verify(self, *, head: str | None = None, allow_foreign: bool = False) -> VerifyReport:
        """Check that the rows are as they were written, by the hash chains in the file.

        Every row that was edited, deleted, inserted or swapped since is named by table and id.
        That shows accidents and careless edits, not a forger who computes the hashes anew.

        Args:
            head: what `VerifyReport.head` was once, kept elsewhere: shows a lost end as well.
            allow_foreign: take rows without a hash for fine, where 1.x code goes on inserting.

        Returns:
            the report; `ok` says whether all is well, `rows` is a DataFrame with the columns of
            `frames.FINDINGS`.

        Raises:
            InvalidValue: (a ValueError) where `head` is none, or there are several files.
            PersistenceError: where a file can't be read.
        """
        from flexiflow.analysis.verifying import verify

        return verify(self.sources, head, allow_foreign=allow_foreign)

    @_despite_damage
    def bookmark(
        self, step_id: int, note: str = "", *, kind: Literal["step", "snapshot"] = "step"
    ) -> None:
        """Mark a step, or a snapshot, with a note; a mark that it has already is replaced.

        Marks are in a small JSON file beside the database, which itself is not changed. Pruning
        spares marked rows.

        Args:
            step_id: the row's id.
            note: what to remember; at most 10,000 characters are kept.
            kind: whether it is a step's id or a snapshot's.

        Raises:
            InvalidValue: (a ValueError) where there is no such row, several files have one, or the
                history has no file.
            InvalidType: (a TypeError) where the note is no text.
            PersistenceError: where the marks can't be read or written.
        """
        from flexiflow.analysis.marking import mark

        mark(self.sources, step_id, note, kind)

    def bookmarks(self) -> pd.DataFrame:
        """All marks, the oldest first.

        Returns:
            a DataFrame with the columns of `frames.BOOKMARKS`.

        Raises:
            PersistenceError: where the marks can't be read.
        """
        from flexiflow.analysis.marking import bookmarks_frame

        return bookmarks_frame(self.sources)

    def remove_bookmark(self, step_id: int, *, kind: Literal["step", "snapshot"] = "step") -> bool:
        """Take a mark away, and say whether there was one; arguments as for `bookmark`.

        Raises:
            InvalidValue: (a ValueError) where an argument makes no sense.
            PersistenceError: where the marks can't be read or written.
        """
        from flexiflow.analysis.marking import unmark

        return unmark(self.sources, step_id, kind)

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

        It says where a file is read as it lies in a read-only folder, is cut off, or lacks its
        ``-wal``, and where the log names newer snapshots than the database.

        Raises:
            PersistenceError: where a file can't be read.
        """
        from flexiflow.analysis.notices import notices

        try:
            log = self.log
        except FlexiFlowError:  # who asks for the log itself is told
            log = None
        return notices(self.sources, [] if log is None else log.paths)

    @_despite_damage
    def names(self) -> list[str]:
        """The names of all components, sorted."""
        from flexiflow.analysis.components import component_names

        return component_names(self.sources)

    @_despite_damage
    def require(self, component: str | None) -> str | None:
        """The name under which a component is stored: lone surrogates in it are spelt out.

        Raises:
            ComponentNotFound: (a KeyError) with the nearest names, where nobody recorded it.
        """
        from flexiflow.analysis.components import require_component

        return None if component is None else require_component(self.sources, component)

    def _require_one(self, question: str, component: str) -> str:
        """The name under which a component is stored; raises where none is named or recorded."""
        from flexiflow.analysis.components import require_component

        if not isinstance(component, str):
            raise InvalidType(
                f"{question}() needs a component's name, not {bounded_repr(component, 80)}.",
                why="The answer is about one component.",
                fix=f'Write history.{question}("order-1042"); history.names() lists them.',
                context={"component": component},
            )
        return require_component(self.sources, component)

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
