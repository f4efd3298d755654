"""What an explorer's script asks Python for, and the answers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import words
from flexiflow.analysis.history.marking import bookmarks_frame, mark, unmark
from flexiflow.analysis.history.playback import Entry
from flexiflow.analysis.history.windows import Place, trouble_near
from flexiflow.analysis.questions.when import Interval
from flexiflow.analysis.reading.source import Source
from flexiflow.errors import FlexiFlowError

if TYPE_CHECKING:
    from flexiflow.notebook.widgets.explorer import HistoryExplorer

MOST_SPANS = 10_000

Answer = dict[str, Any]


def answer(explorer: HistoryExplorer, asked: Mapping[str, Any]) -> Answer:
    """Do what was asked for, and say what came of it; nothing for a request that is none."""
    known = {
        "when": _when,
        "why": _why,
        "story": _story,
        "trouble": _trouble,
        "around": _around,
        "bookmark": _bookmark,
        "refresh": _refresh,
    }
    do = known.get(str(asked.get("do")))
    return {"text": ""} if do is None else do(explorer, asked)


def marked(sources: Sequence[Source], component: str) -> list[list[Any]]:
    """The marked rows of a component: kind, id and file; none where they can't be read."""
    try:
        marks = bookmarks_frame(sources)
    except FlexiFlowError:
        return []
    found = marks[marks["component"] == component]
    return [
        list(row) for row in zip(found["kind"], found["id"].tolist(), found["source"], strict=True)
    ]


def place_of(explorer: HistoryExplorer, entry: Entry) -> Place:
    """The row of an entry of the playback."""
    names = [source.name for source in explorer.history.sources]
    file = names.index(entry.source)
    if entry.step_id is not None:
        return Place(file, "step", entry.step_id)
    return Place(file, "snapshot", entry.snapshot_id or 0)


def _when(explorer: HistoryExplorer, asked: Mapping[str, Any]) -> Answer:
    found = explorer.history.when(explorer.component, asked.get("text", ""))
    longest = found.longest
    return {
        "spans": _spans(explorer, list(found)),
        "asked": found.condition,
        "text": found.text,
        "longest": None if longest is None else words.duration(longest.dwell_us),
        "count": len(found),
    }


def _spans(explorer: HistoryExplorer, found: Sequence[Interval]) -> list[list[int]]:
    """The first and the last entry of each interval, of those in the playback."""
    names = [source.name for source in explorer.history.sources]
    order = {name: at for at, name in enumerate(names)}
    entries = [e for e in enumerate(explorer.playback.entries) if e[1].snapshot_id is not None]
    keys = [(order[entry.source], entry.snapshot_id) for _, entry in entries]
    spans = []
    for each in found:
        first = bisect_left(keys, (order[each.source], each.first_snapshot))
        last = bisect_right(keys, (order[each.last_source], each.last_snapshot)) - 1
        if first <= last:
            spans.append([entries[first][0], entries[last][0]])
    return spans[:MOST_SPANS]


def _why(explorer: HistoryExplorer, _: Mapping[str, Any]) -> Answer:
    return {"text": explorer.judge()}


def _story(explorer: HistoryExplorer, _: Mapping[str, Any]) -> Answer:
    explorer.tell_story()
    return {"text": ""}


def _trouble(explorer: HistoryExplorer, asked: Mapping[str, Any]) -> Answer:
    """Go to the next step that went wrong outside of what is shown."""
    kind = "refused" if asked.get("kind") == "refusal" else "failed"
    forward = bool(asked.get("forward"))
    steps = [each for each in explorer.playback.entries if each.step_id is not None]
    if steps:
        start = place_of(explorer, steps[-1 if forward else 0])
        found = trouble_near(
            explorer.history.sources,
            explorer.component,
            "refused" if kind == "refused" else "failed",
            start,
            forward=forward,
        )
        if found is not None:
            explorer.show(found)
            return {"text": ""}
    return {"text": f"No {'later' if forward else 'earlier'} step {kind}."}


def _around(explorer: HistoryExplorer, asked: Mapping[str, Any]) -> Answer:
    """Show the part of the history that is before or after what is shown."""
    entries = explorer.playback.entries
    if entries:
        explorer.show(place_of(explorer, entries[-1 if asked.get("part") == "later" else 0]))
    return {"text": ""}


def _bookmark(explorer: HistoryExplorer, asked: Mapping[str, Any]) -> Answer:
    """Mark a row, or take its mark away."""
    place = place_of(explorer, explorer.playback.entries[int(asked["at"])])
    source = [explorer.history.sources[place.file]]
    if not unmark(source, place.id, place.kind):
        mark(source, place.id, "", place.kind)
    explorer.bookmarks = marked(explorer.history.sources, explorer.component)
    return {"text": ""}


def _refresh(explorer: HistoryExplorer, _: Mapping[str, Any]) -> Answer:
    """Read anew, and stay at the row; who stands at the end goes to the new end."""
    before = explorer.playback.window.total
    explorer.refresh()
    more = explorer.playback.window.total - before
    return {"text": f"{words.plural(more, 'more step')}." if more > 0 else "Nothing new."}
