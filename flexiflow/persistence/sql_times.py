"""SQL expressions for the times in stored rows, whatever wrote them."""

from __future__ import annotations

# What a clock of 64 bits can say in nanoseconds, years 1678 to 2261: other tools can convert it.
LATEST = (2**63 - 1) // 1000


def is_time(column: str) -> str:
    """An expression for whether a column holds microseconds since 1970."""
    return f"(typeof({column}) = 'integer' AND {column} BETWEEN {-LATEST} AND {LATEST})"


def time_of_text(text: str) -> str:
    """ISO 8601 text as microseconds. SQLite rounds to milliseconds: the fraction is read apart."""
    dot = f"instr({text}, '.')"
    whole = f"""CASE {dot} WHEN 0 THEN {text} ELSE substr({text}, 1, {dot} - 1)
        || ltrim(substr({text}, {dot} + 1), '0123456789') END"""
    fraction = f"""CASE {dot} WHEN 0 THEN 0 ELSE
        CAST(round(1e6 * CAST('0.' || substr({text}, {dot} + 1, 6) AS REAL)) AS INTEGER) END"""
    # Without this 'now' would be a time too.
    is_date = f"{text} GLOB '[12][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'"
    return f"""CASE WHEN {is_date} AND substr({text}, 1, 4) BETWEEN '1678' AND '2261'
        THEN CAST(strftime('%s', {whole}) AS INTEGER) * 1000000 + {fraction} END"""
