"""Text logging for people: standard `logging`, with the correlation id on every line.

The trace log that programs read is written by `flexiflow.tracing`, not through `logging`.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from flexiflow.arguments import require
from flexiflow.correlation import current_correlation_id, current_span, set_correlation_id
from flexiflow.errors import InvalidType, InvalidValue, bounded_repr

__all__ = ["CorrelationIdFilter", "add_correlation_id", "get_logger", "set_correlation_id"]

_FORMAT = "%(asctime)s %(levelname)s %(name)s cid=%(correlation_id)s %(message)s"


class CorrelationIdFilter(logging.Filter):
    """Sets ``record.correlation_id`` to the current id, or ``-`` where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Set the attribute, and let every record pass."""
        record.correlation_id = current_correlation_id() or "-"
        return True


def add_correlation_id(logger: Any, method: str, event: MutableMapping[str, Any]) -> Any:
    """A structlog processor: adds ``correlation_id`` and ``span_id`` to an application's lines.

    `open_log` reads lines that structlog renders as JSON with a timestamp, and a trace shows them
    where they were written. Values that are there already stay; outside a message none is added.

    Args:
        logger, method: as structlog passes them; not used.
        event: what is to be logged; it is changed and returned.
    """
    span = current_span.get()
    if span is not None:
        event.setdefault("correlation_id", span.correlation_id)
        if span.span_id is not None:
            event.setdefault("span_id", span.span_id)
    return event


def get_logger(name: str = "flexiflow", level: int | str = logging.INFO) -> logging.Logger:
    """A logger that writes text lines with ``cid=<correlation id>`` to standard error.

    Calling it again never adds a second handler; it sets the level.

    Args:
        name: the logger's name.
        level: the lowest level that is written, a number or a name such as ``"DEBUG"``.
    """
    require(isinstance(name, str), "name", name, "a string", 'Leave it out for "flexiflow".')
    logger = logging.getLogger(name)
    try:
        logger.setLevel(level)
    except Exception as exc:  # logging puts the level into its error, and that may fail
        kind = InvalidValue if isinstance(exc, ValueError) else InvalidType
        raise kind(
            f"level can't be {bounded_repr(level, 80)}.",
            why="A level is a number, or a name that logging knows.",
            fix='Pass logging.INFO, or "DEBUG".',
            context={"level": level},
        ) from exc
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(_FORMAT))
        handler.addFilter(CorrelationIdFilter())
        logger.addHandler(handler)
    return logger
