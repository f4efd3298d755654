"""Cards and pictures: escaped, with a text twin, bounded in size."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from contrast import contrast

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.machine.machine_graph import MachineGraph
from flexiflow.analysis.questions.why import Verdict
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.theme import mixed
from flexiflow.notebook.cards import graph_bundle, verdict_card
from flexiflow.notebook.html import ACCENTS, colour

HOSTILE = '<script>alert(1)</script>"&\u202e\x1b[31m\n\u2066'
VOID = {"img", "br"}


class Tags(HTMLParser):
    """Collects the elements of a page, and whether they are closed as they were opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def step(**fields):
    """One row of a frame of steps."""
    row = dict.fromkeys(shapes.STEPS)
    row |= {"id": 1574, "time": 0, "duration": 1500, "tries": 1, "from_state": "A"}
    return tuple((row | {"to_state": "A", "outcome": "failed"} | fields).values())


def verdict(component="order-1", rows=(), **fields):
    """A verdict about nothing in particular."""
    given = {
        "kind": "stuck",
        "state": "Paying",
        "headline": f"{component}: stuck.",
        "sentences": (),
    }
    return Verdict(component=component, rows=frames.frame(shapes.STEPS, rows), **given | fields)


def test_a_card_says_all_of_the_verdict():
    """Headline, sentences, last steps and next cell are in the text of the card."""
    given = verdict(
        rows=[step(message="pay")], sentences=("Last: `pay`.",), next_cell="history.steps()"
    )
    text = Tags(verdict_card(given)).text
    for part in (
        "order-1: stuck.",
        "Last: `pay`.",
        "1,574",
        "✕ failed",
        "1.5 ms",
        "history.steps()",
    ):
        assert part in text


def test_a_card_without_steps_has_no_table():
    """Where nothing is recorded, nothing is shown."""
    assert "table" not in Tags(verdict_card(verdict())).seen


def test_a_message_without_a_type_is_an_empty_cell():
    """A missing value of pandas is not shown as one."""
    page = Tags(verdict_card(verdict(rows=[step(message=None)])))
    assert "nan" not in page.text
    assert "None" not in page.text


def test_a_step_whose_time_cannot_be_read_is_shown_without_one():
    """A damaged row hides neither the steps around it nor itself."""
    rows = [step(message="pay", time=None, duration=None), step(message="ship")]
    page = Tags(verdict_card(verdict(rows=rows)))
    assert "1,574pay✕ failedAunknown" in page.text
    assert "1,57400:00:00.000ship" in page.text


def test_names_in_a_card_cannot_become_markup():
    """Markup, quotes, control characters and bidi overrides are shown as what they are."""
    given = verdict(
        HOSTILE,
        [step(message=HOSTILE, component=HOSTILE)],
        sentences=(HOSTILE,),
        next_cell=HOSTILE,
    )
    page = Tags(verdict_card(given))
    assert page.open == []
    assert "script" not in page.seen
    assert [bad for bad in ("\u202e", "\x1b", "\u2066") if bad in page.text] == []
    assert "<script>alert(1)</script>" in page.text


def test_a_card_is_bounded():
    """A name of a megabyte does not make a page of a megabyte."""
    huge = "x" * 1_000_000
    given = verdict(huge, [step(message=huge)] * 10, sentences=(huge,), next_cell=huge)
    assert len(verdict_card(given)) < 60_000


GRAPH = Graph(
    HOSTILE,
    (StateNode(HOSTILE), StateNode("B", final=True)),
    (Edge(HOSTILE, "B", HOSTILE, HOSTILE),),
    start=HOSTILE,
    current="B",
)


def test_a_graph_has_a_picture_a_page_and_words():
    """Every kind of viewer finds something that it can show."""
    bundle = graph_bundle(MachineGraph(GRAPH))
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml"}
    ET.fromstring(bundle["image/svg+xml"])


def test_a_graph_in_a_page_cannot_become_markup():
    """The picture is an image with a description, and the words are escaped."""
    page = Tags(graph_bundle(MachineGraph(GRAPH))["text/html"])
    assert page.open == []
    assert set(page.seen) == {"figure", "img", "details", "summary", "pre"}


def test_a_graph_without_a_renderer_is_shown_in_words(monkeypatch):
    """Where nothing can draw, the page has the words and the reason."""
    from flexiflow.errors import FlexiFlowError
    from flexiflow.notebook import cards

    def broken(*args, **kwargs):
        raise FlexiFlowError("Nothing can draw.", why="none", fix="install", context={"a": 1})

    monkeypatch.setattr(cards, "to_svg", broken)
    bundle = graph_bundle(MachineGraph(Graph("m", (StateNode("A"),), start="A")))
    assert "image/svg+xml" not in bundle
    assert "Nothing can draw." in bundle["text/html"]


@pytest.mark.parametrize("kind", ["stuck", "waiting", "finished", "unknown"])
def test_every_kind_of_verdict_has_a_mark_in_words(kind):
    """Colour is never the only mark."""
    assert kind in Tags(verdict_card(verdict(kind=kind))).text.lower()


PAGES = [
    ("#ffffff", "#212121"),
    ("#ffffff", "#000000"),
    ("#111111", "#ffffff"),
    ("#212121", "#ffffff"),
]


@pytest.mark.parametrize(("behind", "text"), PAGES)
@pytest.mark.parametrize("accent", ACCENTS)
def test_accents_can_be_read_on_light_and_on_dark(accent, behind, text):
    """WCAG AA, without knowing which of the two the page is."""
    style = colour(accent)
    assert f"color-mix(in srgb, {ACCENTS[accent]} 65%, " in style
    assert contrast(mixed(ACCENTS[accent], text, 65), behind) >= 4.5
