"""The SVG: read back by an XML parser."""

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.graph.labels import WIDEST_COUNT, text_width, visible
from flexiflow.graph.lines import lines_of
from flexiflow.graph.measures import LABEL_SIZE, label_size
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.overlay import with_observed
from flexiflow.graph.render import to_svg
from flexiflow.graph.wording import times

NAMESPACE = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>",
    "</title></desc>]]>",
    "<!-- -->",
    "&amp;&#60;",
    "a\nb\tc",
    "\x00\x1b",
    "\ud800\ufffe",
    "",
    " ",
    "שלום",
    "👩\u200d🚀",
    "x" * 3_000,
]
names = st.sampled_from(HOSTILE) | st.text(st.characters(), max_size=20)


def parsed(graph, **options):
    return ElementTree.fromstring(to_svg(graph, **options))


def tag(element):
    return element.tag.removeprefix(NAMESPACE)


def nodes(root):
    return {
        each.get("data-state"): each for each in root.iter() if each.get("data-state") is not None
    }


def lines(root):
    return [each for each in root.iter(f"{NAMESPACE}g") if "ff-edge" in classes(each)]


def classes(element):
    return (element.get("class") or "").split()


def texts(element):
    return ["".join(each.itertext()) for each in element.iter(f"{NAMESPACE}text")]


def part(element, name):
    return next(each for each in element.iter() if name in classes(each))


def places(root):
    """Where everything is, without how it is painted."""
    kept = ("x", "y", "cx", "cy", "width", "height", "d", "points")
    shapes = [
        (tag(each), *(each.get(key) for key in kept))
        for each in root.iter()
        if tag(each) in ("rect", "circle") or "ff-hit" in classes(each)
    ]
    return (root.get("viewBox"), shapes)


def test_every_state_and_transition_is_there(order):
    """A group a state, a group a line, with the names as data."""
    root = parsed(order)
    assert list(nodes(root)) == [state.name for state in order.states]
    assert [
        (line.get("data-source"), line.get("data-target"), line.get("data-message"))
        for line in lines(root)
    ] == [(edge.source, edge.target, edge.message) for edge in order.edges]
    assert [line.get("data-edge") for line in lines(root)] == list("0123456")


def test_labels_are_drawn(order):
    """A state shows its name, a line its message and guard."""
    root = parsed(order)
    assert texts(nodes(root)["Draft"]) == ["Draft"]
    assert texts(lines(root)[0]) == ["submit [has_items]"]


def test_counts_are_drawn(observed):
    """A taken transition shows how often; one never taken shows no count."""
    found = [texts(line) for line in lines(parsed(observed))]
    assert found[0] == ["submit [has_items] ×128"]
    assert found[3] == ["reject"]


def test_states_say_what_they_are(observed):
    """Current, visited, never visited, final and start are classes."""
    found = {name: set(classes(node)) for name, node in nodes(parsed(observed)).items()}
    assert found["InReview"] == {"ff-node", "ff-current", "ff-visited"}
    assert found["Draft"] == {"ff-node", "ff-start", "ff-visited"}
    assert found["Archived"] == {"ff-node", "ff-final", "ff-unvisited"}


def test_without_observations_nothing_is_called_unvisited(order):
    """Where nobody looked, nothing is greyed."""
    found = {name for each in parsed(order).iter() for name in classes(each)}
    assert found.isdisjoint({"ff-unvisited", "ff-visited", "ff-taken", "ff-untaken"})


def test_final_state_has_two_borders(order):
    """Its rim stands around its box."""
    archived = nodes(parsed(order))["Archived"]
    rim, box = part(archived, "ff-rim"), part(archived, "ff-box")
    assert float(rim.get("width")) == pytest.approx(float(box.get("width")) + 8, abs=0.2)


def test_current_state_is_solid_with_white_text(observed):
    """Also where the style sheet is gone."""
    current = nodes(parsed(observed))["InReview"]
    assert part(current, "ff-box").get("fill") == "#3a63e6"
    assert part(current, "ff-name").get("fill") == "#ffffff"


def test_state_named_rejected_is_not_red(observed):
    """Red is for failures, not for names."""
    found = nodes(parsed(observed))
    paints = [
        {key: part(found[name], "ff-box").get(key) for key in ("fill", "stroke")}
        for name in ("Rejected", "Archived")
    ]
    assert paints[0] == paints[1]


def test_failure_has_a_colour_and_a_mark():
    """A declared exception's way is red, and crossed."""
    graph = Graph("g", tuple(map(StateNode, "AB")), (Edge("A", "B", "pay", error="PaymentError"),))
    (line,) = lines(parsed(graph))
    assert "ff-failure" in classes(line)
    assert part(line, "ff-mark").get("stroke") == "#c62a31"
    assert texts(line) == ["pay · PaymentError"]


def test_what_was_tried_and_led_nowhere_says_so_and_moves_nothing(order):
    """Failures are red, refusals are counted; what was taken as well says how often that was."""
    counts = {("Submitted", "InReview", "assign"): 2}
    unmoved = {
        ("Draft", "submit", "failed"): 3,
        ("Draft", "submit", "refused"): 1,
        ("Submitted", "assign", "failed"): 1,
        ("InReview", "approve", "refused"): 2,
    }
    untried = lines(parsed(with_observed(order, counts)))
    submit, *others = lines(parsed(with_observed(order, counts, unmoved=unmoved)))
    labels = [texts(line) for line in (submit, *others[:3])]
    assert labels == [["submit [has_items] ✕3"], ["assign ×2 ✕1"], ["approve ◇2"], ["reject"]]
    assert "ff-stopped" in classes(submit)
    assert [line for line in others if "ff-stopped" in classes(line)] == []
    assert part(submit, "ff-label").get("fill") == "#c62a31"
    assert part(submit, "ff-path").get("d") == part(untried[0], "ff-path").get("d")
    words = submit.find(f"{NAMESPACE}title").text
    assert words.endswith("; never taken; failed 3 times; refused once")


@pytest.mark.parametrize(
    ("told", "label", "part_of_it", "colour"),
    [
        ({"failed": 3, "refused": 1}, "pay ×12 ✕3", "ff-count-failed", "#c62a31"),
        ({"refused": 1}, "pay ×12 ◇1", "ff-count-refused", "#8a5a00"),
    ],
)
def test_what_was_taken_and_failed_as_well_says_both(told, label, part_of_it, colour):
    """The worse of it in its colour behind the count; all of it in the hover text."""
    graph = Graph("g", tuple(map(StateNode, "AB")), (Edge("A", "B", "pay", count=12, **told),))
    (line,) = lines(parsed(graph))
    assert texts(line) == [label]
    trouble = line.find(f".//{NAMESPACE}tspan[@class='{part_of_it}']")
    assert trouble.get("fill") == colour
    assert "ff-stopped" not in classes(line)
    for outcome, count in told.items():
        assert f"; {outcome} {times(count)}" in line.find(f"{NAMESPACE}title").text


def test_undeclared_transition_is_dashed_and_marked(observed):
    """What only history knows has a look of its own."""
    line = lines(parsed(observed))[-1]
    assert "ff-undeclared" in classes(line)
    assert part(line, "ff-path").get("stroke-dasharray")
    assert part(line, "ff-mark") is not None


def test_what_was_never_taken_is_dashed(observed):
    """And what was taken is not, whichever of both a script makes it."""
    dashes = {
        line.get("data-message"): part(line, "ff-path").get("stroke-dasharray")
        for line in lines(parsed(observed))
    }
    assert (dashes["submit"], dashes["archive"]) == ("none", "7 4")


def test_a_measure_stands_in_place_of_the_count():
    """Behind the label, in a room that is wide enough for it."""
    edges = (Edge("A", "B", "go", count=3, measure="p95 1.8 s"), Edge("B", "A", "back", count=3))
    graph = Graph("g", tuple(map(StateNode, "AB")), edges)
    assert [texts(line) for line in lines(parsed(graph))] == [["go p95 1.8 s"], ["back ×3"]]
    measured, counted = (label_size(line)[0] for line in lines_of(graph))
    assert measured >= text_width("go p95 1.8 s", LABEL_SIZE)
    assert counted == text_width("back", LABEL_SIZE) + text_width(WIDEST_COUNT, LABEL_SIZE)


def test_unknown_state_is_dashed():
    """A state that nobody defines is no usual box."""
    root = parsed(Graph("g", (StateNode("A"),), (Edge("A", "B", "go"),)))
    assert "ff-unknown" in classes(nodes(root)["B"])
    assert part(nodes(root)["B"], "ff-box").get("stroke-dasharray")
    assert part(nodes(root)["A"], "ff-box").get("stroke-dasharray") is None


def test_undeclared_state_is_dashed_and_marked(order):
    """A state that only history names has the mark of its transitions."""
    limbo = nodes(parsed(with_observed(order, {("Draft", "Limbo", "zap"): 1})))["Limbo"]
    assert "ff-undeclared" in classes(limbo)
    assert part(limbo, "ff-box").get("stroke-dasharray")
    assert part(limbo, "ff-mark").get("stroke") == "#8a5a00"


def test_rows_beyond_the_twelfth_are_counted():
    """A line of many transitions says how many are not shown."""
    edges = tuple(Edge("A", "B", f"m{n}") for n in range(20))
    (line,) = lines(parsed(Graph("g", tuple(map(StateNode, "AB")), edges)))
    assert texts(line)[-2:] == ["m11", "+8 more"]


def test_classic_state_is_marked():
    """A state that takes more than is known shows three dots."""
    root = parsed(Graph("g", (StateNode("A", classic=True), StateNode("B"))))
    assert len(list(nodes(root)["A"])) == len(list(nodes(root)["B"])) + 1
    assert "handle_message" in nodes(root)["A"].find(f"{NAMESPACE}title").text


def test_line_is_wider_where_it_was_taken_more_often(observed):
    """From 1.2 to 3."""
    widths = [float(part(line, "ff-path").get("stroke-width")) for line in lines(parsed(observed))]
    assert widths[0] == 3.0
    assert widths[3] == 1.2
    assert widths[0] > widths[2] > widths[3]


def test_every_line_has_a_wide_target(order):
    """A pointer need not hit a line of one pixel; the target is painted with nothing."""
    for line in lines(parsed(order)):
        hit = part(line, "ff-hit")
        assert hit.get("stroke-width") == "14"
        assert hit.get("pointer-events") == "stroke"
        assert hit.get("stroke") is None
    assert all(
        group.get("fill") == "none"
        for group in parsed(order).iter(f"{NAMESPACE}g")
        if any("ff-edge" in classes(each) for each in group)
    )


def test_transitions_of_one_line_are_told_apart():
    """Stacked labels are groups of their own, with the numbers of their transitions."""
    edges = tuple(Edge("A", "B", f"m{n}", count=n) for n in range(5))
    (line,) = lines(parsed(Graph("g", tuple(map(StateNode, "AB")), edges)))
    rows = [each for each in line if "ff-row" in classes(each)]
    assert line.get("data-edge") == "0 1 2 3 4"
    assert line.get("data-message") is None
    assert [(row.get("data-edge"), row.get("data-message")) for row in rows] == [
        (str(n), f"m{n}") for n in range(5)
    ]
    assert ["ff-untaken" in classes(row) for row in rows] == [True, False, False, False, False]


def test_packs_are_framed():
    """A pack has a frame and a caption."""
    root = parsed(Graph("g", (StateNode("A", group="auth"), StateNode("B"))))
    (group,) = (each for each in root.iter() if "ff-group" in classes(each))
    assert texts(group) == ["pack: auth"]


def test_picture_is_described_in_words(observed):
    """Title, label and description say what is drawn."""
    root = parsed(observed)
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.find(f"{NAMESPACE}title").text
    assert "now in InReview" in root.get("aria-label")
    assert "taken 128 times" in root.find(f"{NAMESPACE}desc").text


def test_picture_stands_alone_and_inline(observed):
    """No declaration, no doctype, no comment, no id: two pictures may share a page."""
    svg = to_svg(observed)
    assert svg.startswith("<svg ")
    assert "<!" not in svg
    assert "<?" not in svg
    assert not any("id" in each.attrib for each in ElementTree.fromstring(svg).iter())


def test_picture_fetches_nothing(observed):
    """The one address is the name of the language."""
    svg = to_svg(observed).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|url\(|href|@import|//", svg)


def test_everything_is_painted_without_the_style_sheet(observed):
    """A viewer that strips style sheets shows every part in the light colours."""
    for each in parsed(observed).iter():
        if tag(each) in ("rect", "circle", "polygon", "text"):
            assert re.fullmatch("#[0-9a-f]{6}|none", each.get("fill"))
        if tag(each) == "path" and "ff-hit" not in classes(each):
            assert each.get("fill") or each.get("stroke")


def test_panel_can_be_left_out(order):
    """A widget brings its own background."""
    with_panel, without = (
        [name for each in parsed(order, panel=panel).iter() for name in classes(each)]
        for panel in (True, False)
    )
    assert with_panel.count("ff-panel") == 1
    assert "ff-panel" not in without


def test_nothing_moves_when_more_is_observed(order):
    """Pictures of one machine at different times can be exchanged for each other."""
    later = with_observed(
        order,
        {(edge.source, edge.target, edge.message): 4_321 for edge in order.edges},
        current="Rejected",
    )
    assert places(parsed(later)) == places(parsed(order))


def test_failures_beside_a_count_make_room_once(order):
    """None while both are small; then for any, so that more of them move nothing."""

    def after(count, failed):
        counts = {("Draft", "Submitted", "submit"): count}
        return with_observed(order, counts, unmoved={("Draft", "submit", "failed"): failed})

    assert places(parsed(after(4, 2))) == places(parsed(order))
    many = places(parsed(after(9_999, 12)))
    assert many != places(parsed(order))
    assert places(parsed(after(12_345, 98_765))) == many


def test_same_graph_gives_the_same_bytes(observed, order):
    """Also after other pictures were drawn."""
    before = to_svg(observed)
    to_svg(replace(order, start=None))
    assert to_svg(observed) == before


def test_notes_are_part_of_the_picture(order):
    """What people should know is written below, wrapped and bounded."""
    small = Graph("g", (StateNode("A"),), notes=("One two three. " * 20, "Second."))
    root = parsed(small)
    written = ["".join(each.itertext()) for each in root.iter() if "ff-note" in classes(each)]
    assert len(written) > 2
    assert written[-1] == "Second."
    lowest = max(float(each.get("y")) for each in root.iter() if "ff-note" in classes(each))
    assert lowest + 16 < float(root.get("height"))


def test_empty_graph_says_so():
    """Nothing to draw is a picture that says it."""
    root = parsed(Graph("nothing"))
    assert texts(root) == ["There are no states."]


@given(st.lists(names, min_size=1, max_size=4, unique=True), names, names)
def test_no_name_becomes_markup(found, message, guard):
    """Whatever things are called, the picture has our elements and attributes, and no others."""
    states = tuple(StateNode(name, group=guard, description=message) for name in found)
    edges = (*(Edge(found[0], name, message, guard, message) for name in found),)
    root = parsed(Graph(message, states, edges, found[0], found[-1], notes=(guard,)))
    counted = Counter(map(tag, root.iter()))
    assert counted.keys() == {
        "svg", "title", "desc", "style", "g", "rect", "circle", "path", "polygon", "text"
    }  # fmt: skip
    assert counted["rect"] == len(found) + 2
    assert len(lines(root)) == len(edges)
    allowed = {
        "class", "role", "aria-label", "viewBox", "width", "height", "style", "transform",
        "font-family", "font-size", "font-weight", "text-anchor", "x", "y", "rx", "cx", "cy", "r",
        "d", "points", "fill", "stroke", "stroke-width", "stroke-dasharray", "pointer-events",
        "data-state", "data-edge", "data-source", "data-target", "data-message",
    }  # fmt: skip
    assert {key for each in root.iter() for key in each.attrib} <= allowed


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=40))
def test_names_in_data_are_exact(name):
    """A script finds a state by the name that the program uses."""
    assert list(nodes(parsed(Graph("g", (StateNode(name),))))) == [name]


@pytest.mark.parametrize("name", ["a\nb", "tab\tbed", " padded ", "two  spaces"])
def test_white_space_in_data_is_exact(name):
    """An XML parser would make single spaces of it."""
    root = parsed(Graph("g", (StateNode(name),)))
    assert list(nodes(root)) == [name]
    assert texts(root) == [visible(name)]


@pytest.mark.parametrize("name", HOSTILE)
def test_page_around_a_picture_is_safe(name):
    """An HTML parser, which is laxer, sees no other elements either."""

    found = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.add(tag)
            assert not any(key.startswith("on") for key, _ in attrs)

    Reader().feed(to_svg(Graph(name, (StateNode(name),), (Edge(name, name, name, name),), name)))
    assert found <= {
        "svg", "title", "desc", "style", "g", "rect", "circle", "path", "polygon", "text"
    }  # fmt: skip


def test_size_is_bounded():
    """Names of any length make a picture of bounded size."""
    states = tuple(StateNode(f"{n}" + "x" * 100_000, description="y" * 100_000) for n in range(5))
    edges = tuple(Edge(a.name, b.name, "m" * 100_000) for a in states for b in states)
    assert len(to_svg(Graph("g" * 100_000, states, edges))) < 250_000


def test_ten_states_fit_a_notebook(order):
    """The picture of a usual machine is small."""
    assert len(to_svg(order)) < 16_000
