"""Cards in a browser: readable on light and on dark pages, by eye and by screen reader."""

from __future__ import annotations

import pytest

from flexiflow.answers import WhyNot
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import InvalidValue
from flexiflow.explain import explain
from flexiflow.notebook import answer_cards, live_cards
from flexiflow.notebook.error_card import UserFrame, error_card
from flexiflow.notebook.html import ACCENTS, card
from flexiflow.state_machine import InitialState

PAGE = """<!doctype html><html lang=en><title>t</title>
<style>body {{ color-scheme: light dark; background: Canvas; color: CanvasText }}</style>
<body><main>{}</main></body>"""


def all_cards() -> str:
    """One of each kind that is made without a history, and one of each colour."""
    engine = FlexiFlowEngine()
    component = engine.add("order-1", InitialState, data={"items": 3})
    error = InvalidValue("No.", why="So.", fix="Do.", context={"a": 1})
    return "".join(
        [
            live_cards.component(component),
            live_cards.engine(engine),
            live_cards.why_not(WhyNot("order-1", "Draft", "pay", False, "it is no")),
            answer_cards.explanation(explain({"name": "c", "states": {"A": "nowhere:B"}})),
            error_card(error, [UserFrame("Cell In[1], line 1", "ask", "ask()")]),
            *(card("<strong>●</strong> x", "text", accent, accent) for accent in ACCENTS),
        ]
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(browser_tab, scheme):
    """Contrast, names and structure."""
    tab = await browser_tab(color_scheme=scheme)
    await tab.page.set_content(PAGE.format(all_cards()))
    assert await tab.violations("main") == []
