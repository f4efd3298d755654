"""Questions to a history about one row, by its id: read it, bring it back to life, mark it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from flexiflow.analysis.history.asked import Asked, asked_despite_damage

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.component import AsyncComponent
    from flexiflow.engine import FlexiFlowEngine
    from flexiflow.persistence.snapshot import ComponentSnapshot
    from flexiflow.state_machine import StateRegistry


class OneRowQuestions(Asked):
    """What there is to one snapshot or step, and the marks that people put on them."""

    @asked_despite_damage
    def snapshot(self, snapshot_id: int) -> ComponentSnapshot:
        """One snapshot with its rules and data, by its id.

        Raises:
            InvalidValue: (a ValueError) where there is no such row, or several files have one.
            PersistenceError: where the row can't be read.
        """
        from flexiflow.analysis.reading.rows import one_snapshot

        return one_snapshot(self.sources, snapshot_id)

    @asked_despite_damage
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
        from flexiflow.analysis.history.restore import restored

        return restored(self.sources, snapshot_id, engine, registry)

    @asked_despite_damage
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
        from flexiflow.analysis.history.marking import mark

        mark(self.sources, step_id, note, kind)

    def bookmarks(self) -> pd.DataFrame:
        """All marks, the oldest first.

        Returns:
            a DataFrame with the columns of `shapes.BOOKMARKS`.

        Raises:
            PersistenceError: where the marks can't be read.
        """
        from flexiflow.analysis.history.marking import bookmarks_frame

        return bookmarks_frame(self.sources)

    def remove_bookmark(self, step_id: int, *, kind: Literal["step", "snapshot"] = "step") -> bool:
        """Take a mark away, and say whether there was one; arguments as for `bookmark`.

        Raises:
            InvalidValue: (a ValueError) where an argument makes no sense.
            PersistenceError: where the marks can't be read or written.
        """
        from flexiflow.analysis.history.marking import unmark

        return unmark(self.sources, step_id, kind)
