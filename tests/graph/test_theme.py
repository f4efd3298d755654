"""Colours: readable on light and on dark pages, and the same in attributes and style sheet."""

import re

import pytest
from contrast import contrast

from flexiflow.graph.theme import (
    ACCENTS,
    FIXED,
    MIXES,
    NEUTRALS,
    RULES,
    light,
    mixed,
    paint,
    style_sheet,
)

LIGHT_PAGE = NEUTRALS
DARK_PAGES = ({"bg": "#111111", "fg": "#ffffff"}, {"bg": "#1e1e1e", "fg": "#cccccc"})


def colour(name, page, night):
    """What the style sheet computes on a page."""
    if name in MIXES:
        first, share, rest = MIXES[name]
        return mixed(colour(first, page, night), colour(rest, page, night), share)
    if name in ACCENTS:
        return ACCENTS[name][night]
    return page.get(name) or FIXED[name]


PAGES = [(LIGHT_PAGE, 0), *((page, 1) for page in DARK_PAGES)]


@pytest.mark.parametrize(("page", "night"), PAGES)
@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("fg", "bg"),
        ("fg", "card"),
        ("fg", "tint"),
        ("muted", "bg"),
        ("muted", "card"),
        ("accent", "bg"),
        ("failure", "bg"),
        ("caution", "bg"),
        ("on-solid", "solid"),
    ],
)
def test_texts_pass_wcag_aa(text, behind, page, night):
    """Every text has a contrast of 4.5 to what is behind it."""
    assert contrast(colour(text, page, night), colour(behind, page, night)) >= 4.5


@pytest.mark.parametrize(("page", "night"), PAGES)
@pytest.mark.parametrize("line", ["line", "border", "tint-border", "failure-border", "caution"])
def test_lines_can_be_seen(line, page, night):
    """Lines and borders that carry meaning have a contrast of 3."""
    assert contrast(colour(line, page, night), colour("bg", page, night)) >= 3


def test_current_state_stands_out_of_a_dark_page():
    """The one solid box can be told from the page without its glow."""
    assert contrast(FIXED["solid"], "#111111") >= 3


def test_attributes_are_the_light_colours():
    """A viewer without style sheets shows a light picture."""
    assert paint("ff-box", "ff-visited") == {
        "fill": light("tint"),
        "stroke": light("tint-border"),
    }
    assert paint("ff-box", "ff-current", "ff-visited")["fill"] == "#3a63e6"


def test_style_sheet_says_what_the_attributes_say():
    """Each rule of the table is in the style sheet, under the same classes."""
    sheet = style_sheet()
    for needed, part, values in RULES:
        selector = f".ff-graph {f'.{needed} ' if needed else ''}.{part}"
        (body,) = re.findall(re.escape(selector) + r"\{([^}]*)\}", sheet)[:1]
        assert {pair.split(":")[0] for pair in body.split(";")} == set(values)


def test_style_sheet_touches_nothing_else_on_the_page():
    """Every selector begins at the picture."""
    inner = style_sheet().partition("{")[2].removesuffix("}")
    selectors = [each for rule in re.findall(r"([^{}]+)\{", inner) for each in rule.split(",")]
    assert selectors
    assert all(each.startswith(".ff-graph") for each in selectors)


def test_style_sheet_fetches_nothing():
    """No address, no import, no font to load."""
    assert not re.search(r"url|@import|@font-face|https?:|//", style_sheet())


def test_mixing():
    """Mixing is what color-mix in sRGB does."""
    assert mixed("#000000", "#ffffff", 25) == "#bfbfbf"
    assert mixed("#3a63e6", "#ffffff", 100) == "#3a63e6"


def test_every_colour_has_a_value():
    """A misspelt colour would reach the attributes as it is."""
    for _, _, values in RULES:
        for key, value in values.items():
            if key in ("fill", "stroke"):
                assert re.fullmatch("#[0-9a-f]{6}|none", light(value))
