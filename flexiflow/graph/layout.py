"""Where everything in a picture goes: Graphviz places boxes of which it knows only the size.

What Graphviz gets holds no text at all: boxes have fixed sizes, and a label is a run of ``x`` of
the label's size. So nothing that a user named can become DOT, and fonts make no difference.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from flexiflow.graph.dot import NEVER_WIDE, WIDEST, Direction
from flexiflow.graph.measures import GROUP_SIZE, Measures

MARGIN = 16.0  # around the picture
WIDEST_PX = 1200.0  # what fits a notebook's column and can still be read there
DOT = 10.0  # the start's
_SPACING: dict[Direction, float] = {"LR": 0.5, "TB": 0.35}  # inches between neighbours
_GAP = 4.0  # between a label and its line
_COURIER = 0.6  # the width of its letters in ems; Graphviz knows it without the font
_NEWLINE = r"\n"  # as DOT spells it

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its middle; y grows downwards."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Box, gap: float = 0.0) -> bool:
        """Whether the two touch, or are nearer than `gap`."""
        apart_x = abs(self.x - other.x) - (self.width + other.width) / 2
        apart_y = abs(self.y - other.y) - (self.height + other.height) / 2
        return max(apart_x, apart_y) < gap

    def moved(self, x: float, y: float) -> Box:
        """The same box, moved by that much."""
        return replace(self, x=self.x + x, y=self.y + y)


@dataclass(frozen=True, slots=True)
class Route:
    """How a line runs: Bézier points, the tip of its arrow, and the box of its label."""

    points: tuple[Point, ...]
    tip: Point
    label: Box


@dataclass(frozen=True, slots=True)
class Layout:
    """A placed picture: its size, and boxes, routes and groups in the order of the measures."""

    direction: Direction
    width: float
    height: float
    dot: Point | None
    start: Route | None
    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
    groups: tuple[Box, ...]


def lay_out(measures: Measures, graphviz: Callable[[str], str]) -> Layout:
    """Place everything: from left to right, or downwards where that would be too wide.

    Too wide is more than `WIDEST` times the height; or so wide that it would be shrunk until it
    can't be read, where the other way is narrower. A small picture is never too wide.

    Args:
        measures: what to place.
        graphviz: makes Graphviz's ``json0`` of a DOT source.
    """
    across = read_layout(measures, graphviz(layout_dot(measures, "LR")), "LR")
    width, height = across.width + 2 * MARGIN, across.height + 2 * MARGIN
    flat = width > max(WIDEST * height, NEVER_WIDE)
    if not flat and width <= WIDEST_PX:
        return across
    down = read_layout(measures, graphviz(layout_dot(measures, "TB")), "TB")
    return down if flat or down.width < across.width else across


def layout_dot(measures: Measures, direction: Direction) -> str:
    """The DOT that Graphviz lays out."""
    text = [
        f"digraph{{graph[rankdir={direction},nodesep={_SPACING[direction]},ranksep=.2]"
        'node[shape=box,fixedsize=true,label=""]'
        "edge[fontname=Courier,arrowsize=.7]"
    ]
    if measures.start is not None:
        text.append(f"s[shape=circle,width={DOT / 72:.3f},height={DOT / 72:.3f}]")
    for place, (width, height) in enumerate(measures.boxes):
        text.append(f"n{place}[width={width / 72:.3f},height={height / 72:.3f}]")
    for place, group in enumerate(measures.groups):
        caption = _label(group.caption + 8, GROUP_SIZE + 3)
        members = ";".join(f"n{member}" for member in group.members)
        text.append(f"subgraph cluster_{place}{{graph[{caption},fontname=Courier]{members}}}")
    if measures.start is not None:
        text.append(f"s->n{measures.start}[weight=4,id=s]")
    for place, line in enumerate(measures.lines):
        width, height = line.label
        label = _label(width + 2 * _GAP, height + 2 * _GAP, line.rows)
        text.append(f"n{line.source}->n{line.target}[{label},id=e{place}]")
    return "\n".join(text) + "}"


def read_layout(measures: Measures, placed: str, direction: Direction) -> Layout:
    """What Graphviz made of `layout_dot`."""
    found: dict[str, Any] = json.loads(placed)
    _, _, width, height = _numbers(found["bb"])
    objects = {each["name"]: each for each in found.get("objects", ())}
    edges = {each["id"]: each for each in found.get("edges", ())}

    def point(text: str) -> Point:
        x, y = _numbers(text)
        return x, height - y

    def group(place: int) -> Box:
        left, low, right, high = _numbers(objects[f"cluster_{place}"]["bb"])
        return Box((left + right) / 2, height - (low + high) / 2, right - left, high - low)

    def route(name: str, label: tuple[float, float]) -> Route:
        tip, *points = edges[name]["pos"].split(" ")
        middle = point(edges[name].get("lp") or points[0])
        return Route(tuple(map(point, points)), point(tip.removeprefix("e,")), Box(*middle, *label))

    return Layout(
        direction,
        width,
        height,
        None if measures.start is None else point(objects["s"]["pos"]),
        None if measures.start is None else route("s", (0.0, 0.0)),
        tuple(Box(*point(objects[f"n{i}"]["pos"]), *size) for i, size in enumerate(measures.boxes)),
        tuple(route(f"e{place}", line.label) for place, line in enumerate(measures.lines)),
        tuple(group(place) for place in range(len(measures.groups))),
    )


def _label(width: float, height: float, rows: int = 1) -> str:
    """A label of that size, in that many rows of ``x``."""
    size = height / rows / 1.2  # Graphviz's line height is 1.2 of the font size
    row = "x" * max(math.ceil(width / (_COURIER * size)), 1)
    return f'label="{_NEWLINE.join([row] * rows)}",fontsize={size:.2f}'


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]
