"""Labels that keep off lines."""

import random

import pytest

from flexiflow.graph.layout import Box, Layout, Route
from flexiflow.graph.measures import Plan
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.placement import points_of, with_clear_labels
from flexiflow.graph.render import laid_out


def straight(start, end, label):
    """A straight line as a Bézier curve, with its label."""
    third = tuple((2 * a + b) / 3 for a, b in zip(start, end, strict=True))
    two_thirds = tuple((a + 2 * b) / 3 for a, b in zip(start, end, strict=True))
    return Route((start, third, two_thirds, end), end, label)


def layout_of(*routes):
    return Layout("LR", 400, 400, None, None, (), routes, ())


def touches(label, route):
    return any(
        abs(x - label.x) < label.width / 2 and abs(y - label.y) < label.height / 2
        for x, y in points_of(route)
    )


def test_clear_label_stays():
    """A label that touches nothing is not moved."""
    layout = layout_of(straight((0, 100), (400, 100), Box(200, 80, 60, 12)))
    assert with_clear_labels(layout) == layout


def test_label_on_its_own_line_is_moved_beside_it():
    """It ends near to where it was, and clear of the line."""
    (route,) = with_clear_labels(
        layout_of(straight((0, 100), (400, 100), Box(200, 100, 60, 12)))
    ).routes
    assert not touches(route.label, route)
    assert abs(route.label.y - 100) < 20


def test_label_crossed_by_another_line_is_moved():
    """Neither line touches it afterwards."""
    layout = layout_of(
        straight((0, 100), (400, 100), Box(200, 85, 60, 12)),
        straight((200, 0), (200, 400), Box(230, 300, 40, 12)),
    )
    moved = with_clear_labels(layout)
    assert not any(touches(moved.routes[0].label, route) for route in moved.routes)


def test_labels_on_top_of_each_other_are_parted():
    """Two labels never share a spot."""
    layout = layout_of(
        straight((0, 100), (400, 100), Box(200, 85, 60, 12)),
        straight((0, 300), (400, 300), Box(200, 85, 60, 12)),
    )
    first, second = (route.label for route in with_clear_labels(layout).routes)
    assert not first.overlaps(second)


def test_label_without_any_room_stays():
    """A picture too crowded is drawn as it is; the halo has to do."""
    label = Box(5, 5, 10, 10)
    crowded = Layout("LR", 10, 10, None, None, (), (straight((0, 5), (10, 5), label),), ())
    assert with_clear_labels(crowded).routes[0].label == label


@pytest.mark.parametrize("seed", range(6))
def test_no_label_of_a_real_machine_touches_a_line(seed):
    """In machines of a size that people draw, every label is clear of lines, boxes and labels."""
    chosen = random.Random(seed)
    names = [f"State{n}" for n in range(12)]
    edges = [Edge(names[chosen.randrange(n)], names[n], "proceed") for n in range(1, 12)]
    edges += [Edge(*chosen.sample(names, 2), "go", "is_ready") for _ in range(8)]
    graph = Graph("g", tuple(map(StateNode, names)), tuple(edges), names[0])
    layout = laid_out(Plan.of(graph).measures())
    labels = [route.label for route in layout.routes]
    assert not any(touches(label, route) for label in labels for route in layout.routes)
    assert not any(label.overlaps(box) for label in labels for box in layout.boxes)
    assert not any(a.overlaps(b) for n, a in enumerate(labels) for b in labels[:n])
