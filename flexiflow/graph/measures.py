"""What is to be placed in a picture, and how large each part is.

`Measures` holds sizes and no text, and it is all that the layout sees. So the places depend on
states and transitions alone. Every label has room for a count, whether it has one or not, so that
nothing moves when counts, visits or the current state change. Failures beside a count find room in
it while both are small; once they do not, their label gets room for any, so that it grows once.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexiflow.graph.labels import WIDEST_COUNT, short, text_width
from flexiflow.graph.lines import Line, lines_of
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.wording import measured, troubled

NAME_SIZE, LABEL_SIZE, GROUP_SIZE = 12.0, 10.5, 11.0
ROW = 13.0  # from one stacked label to the next
MARK = 13.0  # the room that a mark takes before its label
RIM = 4.0  # between the two borders of a final state
MOST_ROWS = 12  # stacked on one line
_BOX_HEIGHT = 31.7  # 0.44 inches
_NARROWEST = 56.0
_PADDING = 14.0
_COUNT_WIDTH = text_width(WIDEST_COUNT, LABEL_SIZE)
_TROUBLE_WIDTH = text_width(WIDEST_COUNT.replace("×", "✕"), LABEL_SIZE)

Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a label: the transition's place in the graph, and its text without the count."""

    place: int
    edge: Edge
    text: str

    @property
    def marked(self) -> bool:
        """Whether a mark stands before the text."""
        return self.edge.error is not None or self.edge.undeclared

    @property
    def width(self) -> float:
        """Of text and mark, without the count."""
        return text_width(self.text, LABEL_SIZE) + (MARK if self.marked else 0.0)


@dataclass(frozen=True, slots=True)
class LineMeasure:
    """A line from one state to another, by their places, and its label's size and rows."""

    source: int
    target: int
    label: Size
    rows: int


@dataclass(frozen=True, slots=True)
class GroupMeasure:
    """A pack: how wide its caption is, and the places of its states."""

    caption: float
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Measures:
    """Sizes of boxes and labels, and what is connected with what, by place."""

    boxes: tuple[Size, ...]
    lines: tuple[LineMeasure, ...]
    groups: tuple[GroupMeasure, ...]
    start: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be drawn: a graph with its lines and packs."""

    graph: Graph
    lines: tuple[Line, ...]
    groups: tuple[str, ...]

    @classmethod
    def of(cls, graph: Graph) -> Plan:
        """The plan for a graph whose transitions all lead from and to its states."""
        groups = dict.fromkeys(state.group for state in graph.states if state.group is not None)
        return cls(graph, lines_of(graph), tuple(groups))

    def measures(self) -> Measures:
        """The sizes of all that is to be placed."""
        states = self.graph.states
        places = {state.name: place for place, state in enumerate(states)}
        return Measures(
            tuple(map(box_size, states)),
            tuple(_line(line, places) for line in self.lines),
            tuple(_group(group, states) for group in self.groups),
            None if self.graph.start is None else places.get(self.graph.start),
        )


def rows_of(line: Line) -> tuple[Row, ...]:
    """The rows of a line's label, at most `MOST_ROWS`."""
    return tuple(Row(place, edge, _text(edge)) for place, edge in line.edges[:MOST_ROWS])


def more_text(line: Line) -> str:
    """What stands for the rows that are too many, or nothing."""
    left_out = len(line.edges) - MOST_ROWS
    return f"+{left_out:,} more" if left_out > 0 else ""


def label_size(line: Line) -> Size:
    """Width and height of a line's label, with room for counts."""
    rows = rows_of(line)
    count = len(rows) + bool(more_text(line))
    return max(row.width + _room_behind(row.edge) for row in rows), count * ROW


def _room_behind(edge: Edge) -> float:
    """The width that a label leaves for a count, or for what is shown in its place."""
    needed = text_width(measured(edge) + troubled(edge), LABEL_SIZE)
    if edge.measure is not None:
        return max(needed, _COUNT_WIDTH)
    return _COUNT_WIDTH if needed <= _COUNT_WIDTH else _COUNT_WIDTH + _TROUBLE_WIDTH


def box_size(state: StateNode) -> Size:
    """Width and height of a state's box, its rim included."""
    rim = 2 * RIM if state.final else 0.0
    width = text_width(short(state.name), NAME_SIZE, bold=True) + 2 * _PADDING
    return max(width, _NARROWEST) + rim, _BOX_HEIGHT + rim


def group_text(group: str) -> str:
    """The caption of a pack."""
    return f"pack: {short(group)}"


def _text(edge: Edge) -> str:
    guard = f" [{short(edge.guard)}]" if edge.guard else ""
    error = f" · {short(edge.error)}" if edge.error else ""
    return short(edge.message) + guard + error


def _line(line: Line, places: dict[str, int]) -> LineMeasure:
    width, height = label_size(line)
    return LineMeasure(
        places[line.source], places[line.target], (width, height), round(height / ROW)
    )


def _group(group: str, states: tuple[StateNode, ...]) -> GroupMeasure:
    members = tuple(place for place, state in enumerate(states) if state.group == group)
    return GroupMeasure(text_width(group_text(group), GROUP_SIZE), members)
