"""How well two colours can be told apart, for the tests of pictures and cards."""

from __future__ import annotations


def luminance(value: str) -> float:
    """How light a colour such as ``#3a63e6`` is, 0 to 1, as WCAG 2.2 reckons."""
    parts = [int(value[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """The contrast ratio of WCAG 2.2."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)
