"""Text logging for people: standard `logging`, with the correlation id on every line.

The trace log that programs read is written by `flexiflow.tracing`, not through `logging`.
"""

from __future__ import annotations

import logging

from flexiflow.correlation import current_correlation_id, set_correlation_id

__all__ = ["CorrelationIdFilter", "get_logger", "set_correlation_id"]

_FORMAT = "%(asctime)s %(levelname)s %(name)s cid=%(correlation_id)s %(message)s"


class CorrelationIdFilter(logging.Filter):
    """Sets ``record.correlation_id`` to the current id, or ``-`` where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Set the attribute, and let every record pass."""
        record.correlation_id = current_correlation_id() or "-"
        return True


def get_logger(name: str = "flexiflow", level: int | str = logging.INFO) -> logging.Logger:
    """A logger that writes text lines with ``cid=<correlation id>`` to standard error.

    Calling it again never adds a second handler; it sets the level.

    Args:
        name: the logger's name.
        level: the lowest level that is written, a number or a name such as ``"DEBUG"``.
    """
    logger = logging.getLogger(name)
    logger.setLevel(level)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(_FORMAT))
        handler.addFilter(CorrelationIdFilter())
        logger.addHandler(handler)
    return logger
