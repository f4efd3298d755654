"""What the history keeps of a step."""

from __future__ import annotations

from typing import Any

from flexiflow.guards import GuardCheck
from flexiflow.persistence import tagged
from flexiflow.persistence.history_file import Row
from flexiflow.redaction import Redaction
from flexiflow.step import Step
from flexiflow.tracing.records import encode_valid, error_record


def step_row(
    step: Step, run_id: int, fingerprint: str | None, redaction: Redaction | None = None
) -> Row:
    """The values of `STEP_COLUMNS` for a step."""
    guards = [_guard(check) for check in step.guards]
    error, reason = step.error, step.reason
    return (
        step.component,
        step.correlation_id,
        run_id,
        step.started_us,
        step.duration_us,
        step.message_type,
        step.message_json,
        step.from_state,
        step.to_state,
        step.outcome,
        step.span_id,
        step.sender_span or step.parent_id,  # a step's parent is a step; the log knows handlers
        step.sender,
        step.tries,
        tagged.encode(guards, redaction=redaction).decode() if guards else None,
        None if error is None else encode_valid(error_record(error, redaction)).decode(),
        reason if reason is None or redaction is None else redaction.mask(reason),
        fingerprint,
    )


def _guard(check: GuardCheck) -> dict[str, Any]:
    found: dict[str, Any] = {"name": check.name, "passed": check.passed}
    if check.values:
        found["values"] = dict(check.values)
    if check.children:
        found["children"] = [_guard(child) for child in check.children]
    return found
