"""Questions to a history whose answer is its rows as they are: frames, pieces of them, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from flexiflow.analysis.history.asked import Asked, asked_despite_damage
from flexiflow.analysis.reading.source import PathLike

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow


class RowQuestions(Asked):
    """What is recorded, row by row, of one component or of all."""

    @asked_despite_damage
    def components(self) -> pd.DataFrame:
        """One row a component: where it is, how its last step ended, how much is recorded.

        Returns:
            a DataFrame with the columns of `shapes.COMPONENTS`, by name.
        """
        from flexiflow.analysis.reading.components import components_frame

        return components_frame(self.sources)

    @asked_despite_damage
    def snapshots(
        self,
        component: str | None = None,
        *,
        since: Any = None,
        until: Any = None,
        states: str | Iterable[str] | None = None,
        limit: int | None = None,
        explode: bool = False,
        columns: str | Iterable[str] | None = None,
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
            columns: only these, in this order: what is not wanted is not read, and a large
                history without its ``snapshot_json`` takes a fraction of the time.

        Returns:
            a DataFrame with the columns of `shapes.SNAPSHOTS`, or those that are wanted.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            StateError: for an unknown state.
            InvalidValue: (a ValueError) for a time, limit or column that can't be read.
            InvalidType: (a TypeError) where `states` or `columns` is neither a name nor several.
        """
        from flexiflow.analysis.reading.rows import Filter, snapshots_frame

        chosen = Filter.of(self.sources, component, since, until, states, limit)
        return snapshots_frame(self.sources, chosen, explode=explode, columns=columns)

    @asked_despite_damage
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
            an iterator over DataFrames with the columns of `shapes.SNAPSHOTS`; none for no rows.

        Raises:
            ComponentNotFound, StateError, InvalidValue, InvalidType: as `snapshots`, at once.
        """
        from flexiflow.analysis.reading.chunks import chunks
        from flexiflow.analysis.reading.rows import Filter

        chosen = Filter.of(self.sources, component, since, until, states, None)
        return chunks(self.sources, "snapshots", chosen, chunk, progress, explode=explode)

    @asked_despite_damage
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
            a table with the columns of `shapes.SNAPSHOTS` or `shapes.STEPS`: categories are
            dictionaries, times ``timestamp[us, UTC]``, durations ``duration[us]``.

        Raises:
            FlexiFlowError: where pyarrow is not installed.
        """
        from flexiflow.analysis.reading.arrow import to_arrow
        from flexiflow.analysis.reading.rows import Filter

        chosen = Filter.of(self.sources, component, since, until, states, None)
        return to_arrow(self.sources, of, chosen)

    @asked_despite_damage
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
        from flexiflow.analysis.reading.arrow import to_parquet
        from flexiflow.analysis.reading.rows import Filter

        chosen = Filter.of(self.sources, component, since, until, states, None)
        return to_parquet(self.sources, of, chosen, path, progress)

    @asked_despite_damage
    def steps(
        self,
        component: str | None = None,
        *,
        since: Any = None,
        until: Any = None,
        states: str | Iterable[str] | None = None,
        limit: int | None = None,
        columns: str | Iterable[str] | None = None,
    ) -> pd.DataFrame:
        """Handled messages in the order of their ids, refused, failed and cancelled ones too.

        Args:
            component: one component; all unless given.
            since, until: as in `snapshots`.
            states: only messages that arrived in these states.
            limit: at most so many, the newest.
            columns: as in `snapshots`.

        Returns:
            a DataFrame with the columns of `shapes.STEPS`, or those that are wanted.

        Raises:
            ComponentNotFound, StateError, InvalidValue, InvalidType: as `snapshots`.
        """
        from flexiflow.analysis.reading.rows import Filter, steps_frame

        chosen = Filter.of(self.sources, component, since, until, states, limit)
        return steps_frame(self.sources, chosen, columns)

    @asked_despite_damage
    def visits(self, component: str | None = None) -> pd.DataFrame:
        """Stays in states: when each was entered and left, and by which message.

        Args:
            component: one component; all unless given.

        Returns:
            a DataFrame with the columns of `shapes.VISITS`; a stay that lasts has no ``left``,
            and its ``dwell`` reaches to the newest record.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
        """
        from flexiflow.analysis.reading.visits import visits_frame

        component = self.require(component)
        return visits_frame(self.sources, component)
