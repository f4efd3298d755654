"""Moving labels off lines: Graphviz keeps them apart, except where a picture is crowded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from flexiflow.graph.layout import Box, Layout, Point, Route

_STEPS = [place / 12 for place in range(12)]  # points looked at on each Bézier segment
# How much each of its four points counts at each step.
_WEIGHTS = [((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3) for t in _STEPS]
_CLEAR = 2.0  # px between a label and a line
_BESIDE = 5.0  # px between a line and a label that was moved along it
_FAR = 3  # steps of a quarter of its width, or half of its height

Trace = tuple[Box, tuple[Point, ...]]  # the points of a line, and the box around them


def with_clear_labels(layout: Layout) -> Layout:
    """`layout` with each label that touches a line, a box or a label moved to a free spot nearby.

    A label for which there is none stays where it is.
    """
    traces = [_trace(route) for route in layout.routes]
    labels = [route.label for route in layout.routes]
    for place, label in enumerate(labels):
        others = list(layout.boxes) + labels[:place] + labels[place + 1 :]
        if _is_free(label, traces, others):
            continue
        for spot in _spots(label, traces[place][1]):
            if _is_inside(spot, layout) and _is_free(spot, traces, others):
                labels[place] = spot
                break
    routes = zip(layout.routes, labels, strict=True)
    return replace(layout, routes=tuple(replace(route, label=label) for route, label in routes))


def points_of(route: Route) -> Iterator[Point]:
    """Points along a line, close enough to each other that no label fits in between."""
    points = route.points
    for start in range(0, len(points) - 1, 3):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = points[start : start + 4]
        for a, b, c, d in _WEIGHTS:
            yield a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy
    yield points[-1]
    yield route.tip


def _trace(route: Route) -> Trace:
    points = tuple(points_of(route))
    across, down = zip(*points, strict=True)
    left, right, top, bottom = min(across), max(across), min(down), max(down)
    return Box((left + right) / 2, (top + bottom) / 2, right - left, bottom - top), points


def _is_free(label: Box, traces: list[Trace], others: list[Box]) -> bool:
    if any(label.overlaps(other) for other in others):
        return False
    reach_x, reach_y = label.width / 2 + _CLEAR, label.height / 2 + _CLEAR
    return not any(
        abs(x - label.x) < reach_x and abs(y - label.y) < reach_y
        for around, points in traces
        if label.overlaps(around, _CLEAR)
        for x, y in points
    )


def _spots(label: Box, points: tuple[Point, ...]) -> list[Box]:
    """Places around a label and on both sides of its line, the nearest first."""
    step_x, step_y = label.width / 4, label.height / 2
    steps = range(-_FAR, _FAR + 1)
    around = [label.moved(x * step_x, y * step_y) for x in steps for y in steps]
    along = [
        replace(label, x=x + side * away_x, y=y + side * away_y)
        for (x, y), (away_x, away_y) in zip(points[1:], _aways(label, points), strict=True)
        for side in (1, -1)
    ]
    return sorted(
        [*around, *along], key=lambda spot: math.hypot(spot.x - label.x, spot.y - label.y)
    )


def _aways(label: Box, points: tuple[Point, ...]) -> Iterator[Point]:
    """From each step of a line to the middle of a label that stands just beside it."""
    for (x, y), (next_x, next_y) in pairwise(points):
        length = math.hypot(next_x - x, next_y - y) or 1.0
        across_x, across_y = (y - next_y) / length, (next_x - x) / length
        reach = abs(across_x) * label.width / 2 + abs(across_y) * label.height / 2 + _BESIDE
        yield across_x * reach, across_y * reach


def _is_inside(label: Box, layout: Layout) -> bool:
    middle = Box(layout.width / 2, layout.height / 2, layout.width, layout.height)
    return (
        abs(label.x - middle.x) <= (middle.width - label.width) / 2
        and abs(label.y - middle.y) <= (middle.height - label.height) / 2
    )
