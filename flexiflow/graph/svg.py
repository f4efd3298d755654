"""Drawing a placed graph as SVG.

What a script or a style may rely on:

- ``svg.ff-graph`` is the picture; its ``<title>`` and ``<desc>`` say it in words.
- ``g.ff-node[data-state]``: one a state. Classes: ``ff-current``, ``ff-visited``,
  ``ff-unvisited``, ``ff-final``, ``ff-start``, ``ff-classic``, ``ff-unknown``,
  ``ff-undeclared``. Parts: ``ff-box``, ``ff-rim`` (the second border of a final state),
  ``ff-name``.
- ``g.ff-edge[data-edge][data-source][data-target]``: one a line. ``data-edge`` holds the places
  in `Graph.edges` of its transitions, separated by spaces; ``data-message`` where it is one. A
  line of several holds a ``g.ff-row`` with ``data-edge`` and ``data-message`` for each.
  Classes: ``ff-taken``, ``ff-untaken``, ``ff-failure`` (a declared exception leads over it),
  ``ff-stopped`` (never taken: its message failed), ``ff-inferred`` (dotted: read from code),
  ``ff-undeclared``. Parts: ``ff-hit`` (the wide target for a pointer), ``ff-path``,
  ``ff-head``, ``ff-label`` (and in it ``ff-count-failed`` or ``ff-count-refused``), ``ff-mark``.

There are no ids, since several pictures share a page. Names in ``data-*`` are whole, except that
what XML can't hold is written as an escape, and that they end after 1,000 characters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape

from flexiflow.graph.dot import Direction, pen_width
from flexiflow.graph.labels import short, text_width, visible
from flexiflow.graph.layout import MARGIN, Box, Layout, Point, Route
from flexiflow.graph.lines import Line
from flexiflow.graph.measures import (
    GROUP_SIZE,
    LABEL_SIZE,
    MARK,
    NAME_SIZE,
    RIM,
    ROW,
    Plan,
    Row,
    group_text,
    more_text,
    rows_of,
)
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.table import to_text
from flexiflow.graph.theme import FONT, paint, style_sheet
from flexiflow.graph.wording import edge_sentence, measured, state_sentence, summary, troubled

_NOTE_ROW = 15.0
_MOST_NOTES = 4
_NARROWEST_NOTE = 280.0
_LINES_DESCRIBED = 40
_LONGEST_DATA = 1_000
_HARMLESS = re.compile(r"[\w #%.,:;()=+/→-]*")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MIDDLE = 0.36  # from the middle of a text to its baseline, in ems

Attributes = Mapping[str, str | float]


def draw(plan: Plan, layout: Layout, *, panel: bool = True) -> str:
    """The SVG of a placed graph.

    Args:
        plan: the graph and its lines.
        layout: where they go.
        panel: whether to draw the background and its frame.
    """
    graph = plan.graph
    inner_width = max(layout.width, _NARROWEST_NOTE if graph.notes or not graph.states else 0.0)
    notes = list(_note_lines(graph, inner_width))
    width = inner_width + 2 * MARGIN
    height = layout.height + 2 * MARGIN + _NOTE_ROW * len(notes)
    frame = Box(width / 2, height / 2, width - 1, height - 1)
    return _element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "class": "ff-graph",
            "role": "img",
            "aria-label": summary(graph),
            "viewBox": f"0 0 {width:.0f} {height:.0f}",
            "width": f"{width:.0f}",
            "height": f"{height:.0f}",
            "style": "max-width:100%;height:auto",
        },
        _element("title", {}, _text(summary(graph))),
        _element("desc", {}, _text(to_text(graph, _LINES_DESCRIBED))),
        _element("style", {}, style_sheet()),
        _rectangle("ff-panel", frame, 8) if panel else "",
        _element(
            "g",
            {"transform": f"translate({MARGIN:g} {MARGIN:g})", "font-family": FONT},
            *_groups(plan, layout),
            *_start(layout),
            *_lines(plan, layout),
            *_nodes(plan, layout),
            *_notes(notes, layout),
        ),
    )


def _groups(plan: Plan, layout: Layout) -> Iterator[str]:
    for name, box in zip(plan.groups, layout.groups, strict=True):
        left, top = box.x - box.width / 2, box.y - box.height / 2
        caption = _writing("ff-note", group_text(name), left + 8, top + 11, GROUP_SIZE)
        yield _element("g", {"class": "ff-group"}, _rectangle("ff-pack", box, 10), caption)


def _lines(plan: Plan, layout: Layout) -> Iterator[str]:
    most = max((line.count or 0 for line in plan.lines), default=0)
    lines = zip(plan.lines, layout.routes, strict=True)
    drawn = [_line(line, route, layout.direction, most) for line, route in lines]
    yield _element("g", {"fill": "none", "font-size": LABEL_SIZE}, *drawn)


def _nodes(plan: Plan, layout: Layout) -> Iterator[str]:
    nodes = zip(plan.graph.states, layout.boxes, strict=True)
    drawn = [_node(plan.graph, state, box) for state, box in nodes]
    style: Attributes = {"font-size": NAME_SIZE, "font-weight": "bold", "text-anchor": "middle"}
    yield _element("g", style, *drawn)


def _notes(notes: list[str], layout: Layout) -> Iterator[str]:
    for place, note in enumerate(notes):
        y = layout.height + MARGIN / 2 + _NOTE_ROW * (place + 0.5)
        yield _writing("ff-note", note, 0, y, LABEL_SIZE)


def _start(layout: Layout) -> Iterator[str]:
    if layout.dot is not None and layout.start is not None:
        x, y = layout.dot
        yield _element("circle", {"class": "ff-dot", "cx": x, "cy": y, "r": 5, **paint("ff-dot")})
        yield _path(layout.start, (), 1.2)


def _node(graph: Graph, state: StateNode, box: Box) -> str:
    classes = _node_classes(graph, state)
    parts = [_element("title", {}, _text(state_sentence(graph, state)))]
    inner = box
    if state.final:
        inner = Box(box.x, box.y, box.width - 2 * RIM, box.height - 2 * RIM)
        parts.append(_rectangle("ff-rim", box, 12, classes))
    parts.append(_rectangle("ff-box", inner, 9, classes))
    baseline = box.y + _MIDDLE * NAME_SIZE
    parts.append(_inherited("ff-name", short(state.name), box.x, baseline, {}, classes))
    if state.classic and not state.read:
        parts.append(_three_dots(inner, classes))
    if state.undeclared:
        corner = inner.x + inner.width / 2 - 3, inner.y - inner.height / 2 + 2
        parts.append(_warning(*corner, classes))
    return _element("g", {"class": " ".join(classes), "data-state": _data(state.name)}, *parts)


def _node_classes(graph: Graph, state: StateNode) -> list[str]:
    possible = {
        "ff-start": state.name == graph.start,
        "ff-final": state.final,
        "ff-classic": state.classic,
        "ff-unknown": not state.known,
        "ff-undeclared": state.undeclared,
        "ff-visited": bool(state.visits),
        "ff-unvisited": state.visits == 0,
        "ff-current": state.name == graph.current,
    }
    return ["ff-node", *(name for name, holds in possible.items() if holds)]


def _line(line: Line, route: Route, direction: Direction, most: int) -> str:
    edges = [edge for _, edge in line.edges]
    classes = ["ff-edge", *_edge_classes(edges)]
    attributes: dict[str, str | float] = {
        "class": " ".join(classes),
        "data-edge": " ".join(str(place) for place, _ in line.edges),
        "data-source": _data(line.source),
        "data-target": _data(line.target),
    }
    rows = rows_of(line)
    parts = [
        _element("title", {}, _text("\n".join(edge_sentence(row.edge) for row in rows))),
        # Painted with nothing, it is still a target for pointers, in every viewer.
        _element("path", {"class": "ff-hit", "d": _curve(route.points, route.tip),
                          "stroke-width": 14, "pointer-events": "stroke"}),
        _path(route, classes, pen_width(line.count, most)),
    ]  # fmt: skip
    if len(edges) == 1:
        attributes["data-message"] = _data(edges[0].message)
    box = route.label
    left, top = box.x - box.width / 2, box.y - box.height / 2
    for place, row in enumerate(rows):
        label = _label(row, (left, box.width, top + ROW * (place + 0.5)), direction, classes)
        parts.append(label if len(edges) == 1 else _row_group(row, label))
    if more_text(line):
        spot = (left, box.width, top + box.height - ROW / 2)
        parts.append(_label_text(more_text(line), spot, direction, 0, classes))
    return _element("g", attributes, *parts)


def _edge_classes(edges: list[Edge]) -> list[str]:
    possible = {
        "ff-taken": any(edge.count for edge in edges),
        "ff-untaken": all(edge.count == 0 for edge in edges),
        "ff-failure": all(edge.error for edge in edges),
        "ff-stopped": all(edge.stopped for edge in edges),
        "ff-inferred": all(edge.inferred for edge in edges),
        "ff-undeclared": all(edge.undeclared for edge in edges),
    }
    return [name for name, holds in possible.items() if holds]


def _row_group(row: Row, label: str) -> str:
    title = _element("title", {}, _text(edge_sentence(row.edge)))
    attributes = {
        "class": " ".join(["ff-row", *_edge_classes([row.edge])]),
        "data-edge": str(row.place),
        "data-source": _data(row.edge.source),
        "data-target": _data(row.edge.target),
        "data-message": _data(row.edge.message),
    }
    return _element("g", attributes, title, label)


Spot = tuple[float, float, float]  # left edge, width, and middle of a row


def _label(row: Row, spot: Spot, direction: Direction, classes: Iterable[str]) -> str:
    classes = [*classes, *_edge_classes([row.edge])]
    count, trouble = measured(row.edge), troubled(row.edge)
    indent = MARK if row.marked else 0.0
    text = _label_text(row.text + count, spot, direction, indent, classes, _trouble(row.edge))
    if not row.marked:
        return text
    left, width, y = spot
    if direction == "LR":
        left += (width - row.width - text_width(count + trouble, LABEL_SIZE)) / 2
    mark = _cross if row.edge.error is not None else _warning
    return mark(left + MARK / 2 - 1.5, y, classes) + text


def _trouble(edge: Edge) -> str:
    """How often a transition's message led nowhere, in its colour; nothing where it never did."""
    text = troubled(edge)
    part = "ff-count-failed" if edge.failed else "ff-count-refused"
    return _element("tspan", {"class": part, **paint(part)}, _text(text)) if text else ""


def _label_text(
    text: str,
    spot: Spot,
    direction: Direction,
    indent: float,
    classes: Iterable[str],
    behind: str = "",
) -> str:
    left, width, y = spot
    baseline = y + _MIDDLE * LABEL_SIZE
    if direction == "TB":
        return _inherited("ff-label", text, left + indent, baseline, {}, classes, behind)
    x = left + (width + indent) / 2
    return _inherited("ff-label", text, x, baseline, {"text-anchor": "middle"}, classes, behind)


def _path(route: Route, classes: Iterable[str], width: float) -> str:
    base, sides = _arrow(route, 3.0 + width / 2)
    head = " ".join(_point(each) for each in (route.tip, sides[0], sides[1]))
    classes = list(classes)
    return _element(
        "path",
        {
            "class": "ff-path",
            "d": _curve(route.points, base),
            "stroke-width": width,
            **paint("ff-path", *classes),
        },
    ) + _element("polygon", {"class": "ff-head", "points": head, **paint("ff-head", *classes)})


def _arrow(route: Route, half: float) -> tuple[Point, tuple[Point, Point]]:
    """Where a line ends within its arrow, and the two back corners of the arrow."""
    (x, y), (tip_x, tip_y) = route.points[-1], route.tip
    length = math.hypot(tip_x - x, tip_y - y) or 1.0
    step_x, step_y = (tip_x - x) / length, (tip_y - y) / length
    sides = (x - step_y * half, y + step_x * half), (x + step_y * half, y - step_x * half)
    return (x + step_x, y + step_y), sides


def _curve(points: tuple[Point, ...], end: Point) -> str:
    start, *rest = points
    return f"M{_point(start)}C{' '.join(_point(each) for each in rest)}L{_point(end)}"


def _cross(x: float, y: float, classes: Iterable[str]) -> str:
    d = f"M{_point((x - 3, y - 3))}l6,6m0,-6l-6,6"
    return _mark(d, 1.7, classes)


def _warning(x: float, y: float, classes: Iterable[str]) -> str:
    d = f"M{_point((x, y - 4.5))}l4.8,8.4h-9.6zm0,3v2.4m0,1.2v.6"
    return _mark(d, 1.2, classes)


def _mark(d: str, width: float, classes: Iterable[str]) -> str:
    colours = paint("ff-mark", *classes)
    return _element("path", {"class": "ff-mark", "d": d, "stroke-width": width, **colours})


def _three_dots(box: Box, classes: Iterable[str]) -> str:
    """The sign of a state that takes more messages than are known."""
    colours = paint("ff-name", *classes)
    y = box.y + box.height / 2 - 4
    starts = (_point((box.x + shift - 1, y)) for shift in (-4, 0, 4))
    d = "".join(f"M{start}a1,1 0 1 0 2,0a1,1 0 1 0 -2,0" for start in starts)
    return _element("path", {"class": "ff-name", "d": d, **colours})


def _rectangle(part: str, box: Box, radius: float, classes: Iterable[str] = ()) -> str:
    return _element(
        "rect",
        {
            "class": part,
            "x": box.x - box.width / 2,
            "y": box.y - box.height / 2,
            "width": box.width,
            "height": box.height,
            "rx": radius,
            **paint(part, *classes),
        },
    )


def _writing(part: str, text: str, x: float, middle: float, size: float) -> str:
    return _inherited(part, text, x, middle + _MIDDLE * size, {"font-size": size}, ())


def _inherited(
    part: str,
    text: str,
    x: float,
    y: float,
    style: Attributes,
    classes: Iterable[str],
    behind: str = "",
) -> str:
    """A text that takes what `style` does not say, such as its size, from its group.

    Args:
        behind: an element that the text ends with.
    """
    place: Attributes = {"class": part, "x": x, "y": y}
    return _element("text", {**place, **style, **paint(part, *classes)}, _text(text), behind)


def _note_lines(graph: Graph, width: float) -> Iterator[str]:
    room = max(int(width / (LABEL_SIZE * 0.52)), 24)
    for note in graph.notes[:_MOST_NOTES] if graph.states else ("There are no states.",):
        line = ""
        for word in visible(note).split(" "):
            if line and len(line) + len(word) >= room:
                yield line
                line = ""
            line = f"{line} {word}" if line else word[:room]
        yield line


def _element(tag: str, attributes: Attributes, *content: str) -> str:
    written = "".join(f' {name}="{_value(value)}"' for name, value in attributes.items())
    inner = "".join(content)
    return f"<{tag}{written}>{inner}</{tag}>" if inner else f"<{tag}{written}/>"


def _value(value: str | float) -> str:
    if not isinstance(value, str):
        return _number(value)
    # As references, or an XML parser makes spaces of them.
    return _text(value).replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")


def _text(text: str) -> str:
    if _HARMLESS.fullmatch(text):  # nearly all: numbers, colours, names of classes and states
        return text
    legal = _NOT_XML.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
    return escape(legal)


def _data(name: str) -> str:
    return name[:_LONGEST_DATA]


def _point(point: Point) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _number(value: float) -> str:
    """With one decimal at most; two do not show, and make the picture larger."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
