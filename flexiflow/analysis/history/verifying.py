"""Whether a history is as it was written: `History.verify` and its report."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexiflow.analysis.base import frames, shapes, words
from flexiflow.analysis.reading.source import Source, as_it_lies
from flexiflow.errors import InvalidValue
from flexiflow.persistence.chain import Finding, Findings, TableCheck, check_chains
from flexiflow.persistence.head import Head
from flexiflow.persistence.parts import check_parts
from flexiflow.persistence.schema import SNAPSHOTS

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 20


@dataclass(frozen=True, slots=True, eq=False)
class FileReport:
    """What came of one database.

    Attributes:
        source: its name.
        tables: each table's check: snapshots, steps, markers.
        parts: how many large parts were checked.
        findings: what is not as it was written, at most `chain.MOST_FINDINGS`.
        counts: how many findings there are of each kind.
        head: the end of its chains; kept elsewhere, it shows whether the end is lost later.
    """

    source: str
    tables: tuple[TableCheck, ...]
    parts: int
    findings: tuple[Finding, ...]
    counts: dict[str, int]
    head: str


@dataclass(frozen=True, slots=True, eq=False)
class VerifyReport:
    """Whether a history is as it was written. Its repr says it in sentences.

    Attributes:
        files: a report for each database.
        allow_foreign: whether rows without a hash, which 1.x code goes on inserting, are fine.
    """

    files: tuple[FileReport, ...]
    allow_foreign: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing was found, besides foreign rows where those are allowed."""
        kinds = {kind for each in self.files for kind in each.counts}
        return not kinds - ({"foreign"} if self.allow_foreign else set())

    @property
    def head(self) -> str:
        """The head of the one file.

        Raises:
            InvalidValue: (a ValueError) where there are several; each of `files` has its own.
        """
        _require_one([each.source for each in self.files])
        return self.files[0].head

    @property
    def rows(self) -> pd.DataFrame:
        """The findings, with the columns of `shapes.FINDINGS`."""
        found = [
            (each.table, each.kind, each.first_id, each.last_id, each.what, file.source)
            for file in self.files
            for each in file.findings
        ]
        return frames.frame(shapes.FINDINGS, found)

    @property
    def text(self) -> str:
        """The report in sentences, a line each."""
        return "\n".join(line for each in self.files for line in _lines(each, len(self.files) > 1))

    def __repr__(self) -> str:
        return self.text


def verify(
    sources: Sequence[Source], head: str | None, *, allow_foreign: bool = False
) -> VerifyReport:
    """Check every file; see `History.verify`."""
    kept = None if head is None else Head.parse(head)
    if kept is not None:
        _require_one([source.name for source in sources])
    reports = []
    for source in sources:
        with as_it_lies(source).connect() as conn:
            reports.append(_file_report(source.name, conn, kept))
    return VerifyReport(tuple(reports), allow_foreign)


def _file_report(name: str, conn: sqlite3.Connection, kept: Head | None) -> FileReport:
    findings = Findings()
    tables = check_chains(conn, findings, kept)
    parts = check_parts(conn, findings)
    head = Head(tuple((each.last_id, each.last_hash) for each in tables))
    counts = {str(kind): number for kind, number in findings.counts.items()}
    return FileReport(name, tuple(tables), parts, tuple(findings.kept), counts, str(head))


def _lines(report: FileReport, named: bool) -> list[str]:
    name = f"{words.name(report.source)}: " if named else ""
    total = sum(report.counts.values())
    checked = ", ".join(
        words.plural(each.rows, each.table.removeprefix("flexiflow_").rstrip("s"))
        for each in report.tables
    )
    verdict = "as it was written" if not total else words.plural(total, "finding")
    lines = [f"{name}{verdict}; checked: {checked}, {words.plural(report.parts, 'large part')}."]
    lines += [f"  {each.table}: {each.kind}: {each.what}" for each in report.findings[:_SHOWN]]
    if total > _SHOWN:
        lines.append(f"  and {words.count(total - _SHOWN)} more.")
    pruned = sum(each.pruned for each in report.tables)
    if pruned:
        lines.append(f"Pruned, as markers in the chain say: {words.plural(pruned, 'row')}.")
    unverified = next(
        (each.unverified_up_to for each in report.tables if each.table == SNAPSHOTS), None
    )
    if unverified is not None:
        lines.append(f"Snapshots are unverified up to id {unverified}: no hash was written then.")
    return lines


def _require_one(names: Sequence[str]) -> None:
    if len(names) == 1:
        return
    raise InvalidValue(
        f"A head belongs to one file, and there are {len(names)}.",
        why="Each file has chains of its own.",
        fix="Verify the files one by one.",
        context={"files": list(names)[:5]},
    )
