"""Graphs as text."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.table import to_markdown, to_table, to_text

names = st.text(st.characters(), max_size=20) | st.sampled_from(["a|b", "a\nb", "| --- |", "\\|"])


def test_listing_says_everything(observed):
    """The text twin: what each state is, where it leads, and how often."""
    assert to_text(observed).splitlines() == [
        "order-1042: 6 states and 8 transitions, starting in Draft, now in InReview.",
        "Draft (start, visited 2 times) → submit [has_items] → Submitted; taken 128 times",
        "Submitted (visited 128 times) → assign → InReview; taken 121 times",
        "InReview (current, visited 121 times) → approve → Approved; taken 84 times",
        "InReview → reject → Rejected; never taken",
        "InReview → reset → Draft; taken 2 times; undeclared: only history knows it",
        "Approved (visited 84 times) → archive → Archived; never taken",
        "Rejected (never visited) → revise → Draft; never taken",
        "Rejected → give up → Archived; never taken",
        "Archived (final, never visited): no transitions",
    ]


def test_listing_of_special_states():
    """Unknown, classic and staying are said in words."""
    states = (StateNode("A", classic=True), StateNode("B", known=False))
    edges = (Edge("A", "A", "ping"), Edge("A", "B", "pay", error="PaymentError"))
    assert to_text(Graph("g", states, edges, "A", notes=("Cut.",))).splitlines() == [
        "g: 2 states and 2 transitions, starting in A.",
        "A (start, takes further messages in handle_message) → ping → stays",
        "A → pay ✕ PaymentError → B",
        "B (unknown: nobody defines it): no transitions",
        "Note: Cut.",
    ]


def test_table_is_aligned(order):
    """Columns line up, and columns without an entry are left out."""
    short = replace(order, edges=order.edges[:2])
    assert to_table(short).splitlines() == [
        "order-1042: 6 states and 2 transitions, starting in Draft.",
        "from       message  guard      to",
        "─────────  ───────  ─────────  ─────────",
        "Draft      submit   has_items  Submitted",
        "Submitted  assign              InReview",
    ]


def test_table_aligns_wide_letters():
    """A Chinese letter takes two columns of a terminal."""
    edges = (Edge("漢字", "B", "go"), Edge("B", "abcd", "go"))
    rows = to_table(Graph("g", (), edges)).splitlines()[3:]
    assert rows == ["漢字  go       B", "B     go       abcd"]


def test_markdown(observed):
    """Counts and sources are columns where there are any."""
    assert to_markdown(replace(observed, edges=observed.edges[-2:])) == "\n".join(
        [
            "| from | message | to | count | known from |",
            "| --- | --- | --- | --- | --- |",
            "| Rejected | give up | Archived | 0 |  |",
            "| InReview | reset | Draft | 2 | observed |",
        ]
    )


@given(names, names, names)
def test_no_name_breaks_a_table(state, message, guard):
    """A table has a row a transition and the same cells in each."""
    edges = (Edge(state, "B", message, guard), Edge("B", state, "go"))
    graph = Graph("g", (), edges)
    rows = to_markdown(graph).split("\n")
    cells = [row.replace("\\\\", "").replace("\\|", "").count("|") for row in rows]
    assert len(rows) == 4
    assert len(set(cells)) == 1
    assert len(to_table(graph).split("\n")) == 5
    assert len(to_text(Graph(state, (StateNode(state),))).split("\n")) == 2


def test_html_in_names_is_text_in_markdown():
    """Markdown passes HTML on, so that it is escaped."""
    assert "<b>" not in to_markdown(Graph("g", (), (Edge("<b>", "B", "go"),)))


def test_long_tables_say_what_is_left_out(order):
    """A bounded table ends with how many are missing."""
    assert to_table(order, most=2).endswith("… and 5 transitions more")
    assert to_markdown(order, most=2).endswith("… and 5 transitions more")
    assert to_text(order, most=2).endswith("… and 6 lines more")
