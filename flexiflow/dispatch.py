"""Running one message against one state: guards, then a handler, then a decision.

Nothing here changes a component: the decision is committed and assigned by whoever asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeGuard

from flexiflow.correlation import current_span
from flexiflow.declarations import Declaration, before_classic
from flexiflow.errors import FlexiFlowError, StateError, bounded, bounded_repr
from flexiflow.guards import GuardCheck
from flexiflow.hooks import NO_HOOKS, is_awaitable, observed_call
from flexiflow.step import Outcome

if TYPE_CHECKING:
    from flexiflow.states import State


class Decision:
    """What a message comes to, before anything is changed.

    Attributes:
        outcome: moved, stayed, refused, failed or cancelled.
        next_state: the state to assign; None for the present one.
        guards: what the guards that were asked answered.
        reason: why it was refused, in words.
        error: the exception that was raised, declared or not.
    """

    __slots__ = ("error", "guards", "next_state", "outcome", "reason")

    def __init__(
        self,
        outcome: Outcome,
        next_state: State | None = None,
        guards: tuple[GuardCheck, ...] = (),
        reason: str | None = None,
        error: BaseException | None = None,
    ) -> None:
        self.outcome = outcome
        self.next_state = next_state
        self.guards = guards
        self.reason = reason
        self.error = error

    @property
    def proceeds(self) -> bool:
        """The classic first half of a state's answer."""
        return self.outcome in ("moved", "stayed")


def decide(state: State, message: dict[str, Any], component: Any) -> Coroutine[Any, Any, Decision]:
    """Ask a state: its declarations first, then its classic ``handle_message``.

    An exception becomes part of the decision, a cancellation too, so that it can be recorded
    before it reaches the caller.
    """
    declarations, has_classic = before_classic(type(state))
    if has_classic:
        return _decide_classic(state, message, component, declarations)
    return run_declared(state, message, component, declarations)


async def _decide_classic(
    state: State,
    message: dict[str, Any],
    component: Any,
    declarations: tuple[Declaration, ...],
) -> Decision:
    decision = await run_declared(state, message, component, declarations)
    if decision.outcome == "refused":
        return await _run_classic(state, message, component, decision.guards)
    return decision


async def decide_by_override(machine: Any, message: dict[str, Any], component: Any) -> Decision:
    """Ask a StateMachine subclass, written for 1.x, that handles messages itself."""
    before = machine.current_state
    try:
        proceeds = await machine.handle_message(message, component)
    except GeneratorExit:
        raise
    except BaseException as exc:
        return raised(exc)
    if proceeds or machine.current_state is not before:
        return Decision("stayed")
    answer = bounded_repr(proceeds, 80)
    return Decision(
        "refused", None, (), f"{type(machine).__name__}.handle_message returned {answer}"
    )


async def run_declared(
    state: State,
    message: dict[str, Any],
    component: Any,
    declarations: tuple[Declaration, ...],
) -> Decision:
    """Run the first of `declarations` that is for this message and whose guard passes."""
    declaration, checks, error = _choose(message, component, declarations)
    if error is not None:
        return Decision("failed", None, checks, None, error)
    if declaration is None:
        why = refusal(state, message.get("type"), declarations, checks)
        return Decision("refused", None, checks, why)
    target = declaration.to
    try:
        method = declaration.method
        answer = _call(getattr(state, method), method, state, message, component)
        if is_awaitable(answer):
            answer = await answer
        if answer is not None:
            _check_declared_answer(answer, state, declaration)
    except GeneratorExit:
        raise
    except BaseException as exc:
        target, error = declaration.target_of(exc), exc
        if target is None:
            return raised(exc, checks)
    if target is None:
        return Decision("stayed", None, checks)
    try:
        following = state.follow(target, component)
    except FlexiFlowError as exc:
        return Decision("failed", None, checks, None, exc)
    return Decision("moved", following, checks, None, error)


def _choose(
    message: dict[str, Any], component: Any, declarations: tuple[Declaration, ...]
) -> tuple[Declaration | None, tuple[GuardCheck, ...], BaseException | None]:
    """The declaration for a message, what the guards said that were asked, and a guard's error."""
    checks: tuple[GuardCheck, ...] = ()
    message_type = message.get("type")
    if not isinstance(message_type, str):
        return None, checks, None
    for declaration in declarations:
        if declaration.message_type != message_type:
            continue
        if declaration.guard is None:
            return declaration, checks, None
        try:
            check = declaration.guard.check(message, component)
        except Exception as exc:
            return None, (*checks, GuardCheck(declaration.guard.name, None, {})), exc
        checks += (check,)
        if check.passed:
            return declaration, checks, None
    return None, checks, None


async def _run_classic(
    state: State, message: dict[str, Any], component: Any, checks: tuple[GuardCheck, ...]
) -> Decision:
    try:
        answer = _call(state.handle_message, "handle_message", state, message, component)
        if is_awaitable(answer):
            answer = await answer
        proceed, following = _checked_answer(answer, state)
    except GeneratorExit:
        raise
    except BaseException as exc:
        return raised(exc, checks)
    if not proceed:
        what = f"{type(state).__name__}.handle_message returned False"
        return Decision("refused", None, checks, what)
    if following is state:
        return Decision("stayed", None, checks)
    return Decision("moved", following, checks)


def _call(
    handler: Callable[..., Any],
    name: str,
    state: State,
    message: dict[str, Any],
    component: Any,
) -> Any:
    """Call a handler, as a span of its own where somebody observes; its answer may be awaitable."""
    observer = getattr(component, "_hooks", NO_HOOKS).observer
    step = current_span.get()
    if observer is None or step is None:
        return handler(message, component)
    label = f"{type(state).__name__}.{name}"
    return observed_call(observer, step, component.name, label, handler, message, component)


def refusal(
    state: State,
    message_type: Any,
    declarations: tuple[Declaration, ...],
    checks: tuple[GuardCheck, ...],
) -> str:
    """Why nothing was found for a message, in words."""
    here = type(state).__name__
    if checks:
        asked = [each.guard for each in declarations if each.message_type == message_type]
        failed = [each.name for each in asked if each is not None][-1]
        read = ", ".join(
            f"{key}={bounded_repr(value, 80)}" for key, value in checks[-1].all_values().items()
        )
        return f"guard {bounded(failed, 200)} said no" + (f": {read}" if read else "")
    if getattr(type(state), "final", False):
        return f"{here} is final"
    known = list(dict.fromkeys(each.message_type for each in declarations))
    if not known:
        return f"{here} declares no messages"
    return f"{here} does not take {bounded_repr(message_type, 80)}, only {', '.join(known)}"


def raised(exc: BaseException, checks: tuple[GuardCheck, ...] = ()) -> Decision:
    """The decision that an exception in a handler comes to."""
    if isinstance(exc, asyncio.CancelledError):
        return Decision("cancelled", None, checks, "cancelled while it was handled", exc)
    return Decision("failed", None, checks, None, exc)


def _check_declared_answer(answer: object, state: State, declaration: Declaration) -> None:
    if isinstance(answer, tuple) and len(answer) == 2 and _is_state(answer[1]):
        raise StateError(
            f"{type(state).__name__}.{declaration.method} returned a next state.",
            why="A declared method's target is the to= of its @on; a returned one is not used.",
            fix="Return nothing, or write a classic handle_message without @on.",
            context={"message_type": declaration.message_type, "to": declaration.to},
        )


def _is_state(value: object) -> TypeGuard[State]:
    # By its parts: State stands above this module, and code written for 1.x has states that are
    # none of its subclasses. A component handles messages too.
    handler = getattr(type(value), "handle_message", None)
    return callable(handler) and not hasattr(value, "state_machine")


def _checked_answer(answer: object, state: State) -> tuple[bool, State]:
    if isinstance(answer, tuple | list) and len(answer) == 2:
        proceed, following = answer
        if not proceed:
            return False, state
        if _is_state(following):
            return True, following
    raise StateError(
        f"{type(state).__name__}.handle_message returned {bounded_repr(answer, 80)}.",
        why="A classic handler returns (proceed, next_state): a bool and a State.",
        fix="Return (True, NextState()) to move, (True, self) to stay, (False, self) to refuse.",
        context={"state": type(state).__name__, "returned": answer},
    )
