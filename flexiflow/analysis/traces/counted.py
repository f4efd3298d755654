"""What the lines of a log come to, counted block by block, here or in several processes."""

from __future__ import annotations

from pathlib import Path

from flexiflow.analysis.traces.trace_table import TraceTable
from flexiflow.tracing.blocks import Block
from flexiflow.tracing.line_formats import LineFormat


class Counted:
    """What was found in a log.

    Attributes:
        table: its traces.
        broken: how many lines are no records.
        without_id: how many records have no correlation id.
    """

    def __init__(self) -> None:
        self.table = TraceTable()
        self.broken = self.without_id = 0

    def add(self, block: Block, path: Path, lines: LineFormat) -> None:
        """Go on with the lines of a block."""
        records, broken = lines.briefs(block, str(path))
        self.broken += broken
        self.without_id += self.table.add(records)

    def extend(self, later: Counted) -> None:
        """Go on with what was counted in the lines behind these."""
        self.table.extend(later.table)
        self.broken += later.broken
        self.without_id += later.without_id
