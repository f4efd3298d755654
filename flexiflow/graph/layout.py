"""Where everything in a picture goes: boxes are measured here, Graphviz places them.

What Graphviz gets holds no text at all: boxes have fixed sizes, and a label is a run of ``x`` of
the label's size. So nothing that a user named can become DOT, fonts make no difference, and the
places depend on states and transitions alone. Every label has room for a count, whether it has
one or not, so that nothing moves when counts, visits or the current state change.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flexiflow.graph.dot import WIDEST, Direction
from flexiflow.graph.labels import WIDEST_COUNT, short, text_width
from flexiflow.graph.lines import Line, lines_of
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.neighbourhood import MOST_LABELS

NAME_SIZE, LABEL_SIZE, GROUP_SIZE = 12.0, 10.5, 11.0
ROW = 13.0  # from one stacked label to the next
MARK = 13.0  # the room that the ✕ of a failure takes before its label
BOX_HEIGHT = 31.7  # 0.44 inches
RIM = 4.0  # between the two borders of a final state
DOT = 10.0
_GAP = 4.0  # between a label and its line
_COURIER = 0.6  # the width of its letters in ems; Graphviz knows it without the font
_NEWLINE = r"\n"  # as DOT spells it
_COUNT_WIDTH = text_width(WIDEST_COUNT, LABEL_SIZE)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its middle; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Route:
    """How a line runs: Bézier points, the tip of its arrow, and the middle of its label."""

    points: tuple[Point, ...]
    tip: Point
    label: Point


@dataclass(frozen=True, slots=True)
class Layout:
    """A placed picture: its size, and boxes and routes in the order of `Plan`'s."""

    width: float
    height: float
    dot: Point | None
    start: Route | None
    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
    groups: tuple[Box, ...]


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
class Plan:
    """What is to be placed: a graph's states, packs and lines, with their sizes."""

    graph: Graph
    lines: tuple[Line, ...]
    groups: tuple[str, ...]

    @classmethod
    def of(cls, graph: Graph) -> Plan:
        """The plan for a graph whose transitions all lead from and to its states."""
        groups = dict.fromkeys(state.group for state in graph.states if state.group is not None)
        return cls(graph, lines_of(graph), tuple(groups))


def rows_of(line: Line) -> tuple[Row, ...]:
    """The rows of a line's label, at most `MOST_LABELS`."""
    return tuple(Row(place, edge, _text(edge)) for place, edge in line.edges[:MOST_LABELS])


def more_text(line: Line) -> str:
    """What stands for the rows that are too many, or nothing."""
    left_out = len(line.edges) - MOST_LABELS
    return f"+{left_out:,} more" if left_out > 0 else ""


def label_size(line: Line) -> tuple[float, float]:
    """Width and height of a line's label, with room for counts."""
    rows = rows_of(line)
    count = len(rows) + bool(more_text(line))
    return max(row.width for row in rows) + _COUNT_WIDTH, count * ROW


def box_size(state: StateNode) -> tuple[float, float]:
    """Width and height of a state's box, its rim included."""
    rim = 2 * RIM if state.final else 0.0
    width = text_width(short(state.name), NAME_SIZE, bold=True) + 28
    return max(width, 56.0) + rim, BOX_HEIGHT + rim


def lay_out(plan: Plan, graphviz: Callable[[str], str]) -> tuple[Layout, Direction]:
    """Place a plan: from left to right, or from top to bottom where that would be too wide.

    Args:
        plan: what to place.
        graphviz: makes Graphviz's ``json0`` of a DOT source.
    """
    layout = read_layout(plan, graphviz(layout_dot(plan, "LR")))
    if layout.width <= WIDEST * layout.height:
        return layout, "LR"
    return read_layout(plan, graphviz(layout_dot(plan, "TB"))), "TB"


def layout_dot(plan: Plan, direction: Direction) -> str:
    """The DOT of a plan, without any of its texts."""
    graph = plan.graph
    ids = {state.name: f"n{place}" for place, state in enumerate(graph.states)}
    text = [
        f"digraph{{graph[rankdir={direction},nodesep=.3,ranksep=.3]"
        'node[shape=box,fixedsize=true,label=""]'
        "edge[fontname=Courier,arrowsize=.7]"
    ]
    if graph.start in ids:
        text.append(f"s[shape=circle,width={DOT / 72:.3f},height={DOT / 72:.3f}]")
    for state in graph.states:
        width, height = box_size(state)
        text.append(f"{ids[state.name]}[width={width / 72:.3f},height={height / 72:.3f}]")
    for place, group in enumerate(plan.groups):
        members = ";".join(ids[state.name] for state in graph.states if state.group == group)
        label = _run(text_width(group_text(group), GROUP_SIZE) + 8, GROUP_SIZE + 3)
        text.append(f"subgraph cluster_{place}{{graph[{label},fontname=Courier]{members}}}")
    if graph.start in ids:
        text.append(f"s->{ids[graph.start]}[weight=4,id=s]")
    for place, line in enumerate(plan.lines):
        width, height = label_size(line)
        label = _run(width + 2 * _GAP, height + 2 * _GAP, round(height / ROW))
        text.append(f"{ids[line.source]}->{ids[line.target]}[{label},id=e{place}]")
    return "\n".join(text) + "}"


def group_text(group: str) -> str:
    """The caption of a pack."""
    return f"pack: {short(group)}"


def read_layout(plan: Plan, placed: str) -> Layout:
    """What Graphviz made of `layout_dot`."""
    found: dict[str, Any] = json.loads(placed)
    _, _, width, height = _numbers(found["bb"])
    objects = {each["name"]: each for each in found["objects"]} if "objects" in found else {}

    def point(x: float, y: float) -> Point:
        return x, height - y

    def box(place: int, state: StateNode) -> Box:
        x, y = point(*_numbers(objects[f"n{place}"]["pos"]))
        return Box(x, y, *box_size(state))

    def group(place: int) -> Box:
        left, low, right, high = _numbers(objects[f"cluster_{place}"]["bb"])
        return Box(*point((left + right) / 2, (low + high) / 2), right - left, high - low)

    def route(edge: dict[str, Any]) -> Route:
        ends, *pairs = edge["pos"].split(" ")
        points = tuple(point(*_numbers(pair)) for pair in pairs)
        label = point(*_numbers(edge["lp"])) if "lp" in edge else points[0]
        return Route(points, point(*_numbers(ends.removeprefix("e,"))), label)

    routes = {edge["id"]: route(edge) for edge in found.get("edges", ())}
    dot = objects.get("s")
    return Layout(
        width,
        height,
        None if dot is None else point(*_numbers(dot["pos"])),
        routes.get("s"),
        tuple(box(place, state) for place, state in enumerate(plan.graph.states)),
        tuple(routes[f"e{place}"] for place in range(len(plan.lines))),
        tuple(group(place) for place in range(len(plan.groups))),
    )


def _text(edge: Edge) -> str:
    guard = f" [{short(edge.guard)}]" if edge.guard else ""
    error = f" · {short(edge.error)}" if edge.error else ""
    return short(edge.message) + guard + error


def _run(width: float, height: float, rows: int = 1) -> str:
    """A label of that size, in that many rows of ``x``."""
    size = height / rows / 1.2  # Graphviz's line height is 1.2 of the font size
    row = "x" * max(math.ceil(width / (_COURIER * size)), 1)
    return f'label="{_NEWLINE.join([row] * rows)}",fontsize={size:.2f}'


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]
