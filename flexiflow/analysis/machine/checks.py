"""Checking a machine against a history: a gate for continuous integration.

`check` compares, and gives a `CheckReport`, which can be written down.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import TYPE_CHECKING

from flexiflow.analysis.base import words
from flexiflow.analysis.machine.check_report import Check, CheckReport, details_of
from flexiflow.analysis.machine.dwell_limits import DwellLimit, dwell_limit
from flexiflow.analysis.machine.observed import Selection, observe_selected, selection_for
from flexiflow.analysis.reading.visits import Visit, visits_of
from flexiflow.arguments import require
from flexiflow.errors import InvalidValue, bounded_repr, state_not_found
from flexiflow.graph.findings import Coverage, Finding, coverage, findings
from flexiflow.graph.model import Graph
from flexiflow.graph.overlay import without_observed
from flexiflow.graph.wording import edge_sentence

if TYPE_CHECKING:
    from flexiflow.analysis.history import History


def check(
    graph: Graph,
    history: History,
    *,
    component: str | None = None,
    min_coverage: float | None = None,
    fail_undeclared: bool = False,
    max_dwell: Iterable[str] = (),
) -> CheckReport:
    """Compare a machine with what happened.

    Errors among the machine's findings always fail. A stay that lasts counts up to the newest
    record.

    Args:
        graph: the machine; what was observed on it before is left aside.
        history: what happened.
        component: only this one's part of the history; else that of all components that have
            this machine, see `selection_for`.
        min_coverage: percent of the known transitions that must have been taken, 0 to 100.
        fail_undeclared: whether states and transitions that only history knows fail. Those that
            leave a state whose handler could not be read are not judged.
        max_dwell: limits such as ``"Paying<5s"``: no stay in that state may be longer.

    Raises:
        ComponentNotFound: (a KeyError) for an unknown component.
        InvalidValue: (a ValueError) for a share or a limit that can't be read.
        InvalidType: (a TypeError) where `history` is none, or `max_dwell` no limits.
        StateError: for a limit on a state that neither machine nor history knows.
    """
    _check_share(min_coverage)
    require(
        hasattr(history, "sources"),
        "history",
        history,
        "an opened history",
        'Write graph.check(open_history("state.db")).',
    )
    require(
        isinstance(max_dwell, Iterable),
        "max_dwell",
        max_dwell,
        "limits on stays",
        'Pass max_dwell=["Paying<5s"].',
    )
    written = [max_dwell] if isinstance(max_dwell, str) else max_dwell
    limits = [dwell_limit(each) for each in written]
    history.require(component)
    declared = without_observed(graph)
    chosen = selection_for(declared, history) if component is None else Selection(component)
    observed = observe_selected(declared, history, chosen)
    found = findings(observed)
    covered = coverage(observed)
    checks = [_findings(found), _coverage(covered, min_coverage)]
    if fail_undeclared:
        checks.append(_undeclared(found))
    if limits:
        stays = [
            visit
            for visit in visits_of(history.sources, chosen.component)
            if chosen.fingerprint in (None, visit.fingerprint)
        ]
        known = {state.name for state in observed.states} | {stay.state for stay in stays}
        checks += [_dwell(limit, stays, known) for limit in limits]
    notes = (*observed.notes, *_not_judged(observed))
    return CheckReport(observed.name, tuple(checks), covered, observed, notes)


def _check_share(min_coverage: float | None) -> None:
    if min_coverage is None:
        return
    # NaN is neither above 0 nor below 100.
    if not (isinstance(min_coverage, Real) and 0 <= min_coverage <= 100):
        raise InvalidValue(
            f"min_coverage is not a share in percent: {bounded_repr(min_coverage, 80)}.",
            why="Coverage goes from 0 to 100.",
            fix="Pass e.g. min_coverage=80.",
            context={"min_coverage": min_coverage},
        )


def _findings(found: Sequence[Finding]) -> Check:
    errors = [each for each in found if each.severity == "error"]
    if not errors:
        return Check("findings", True, "The machine has no errors.")
    return Check(
        "findings",
        False,
        f"The machine has {words.plural(len(errors), 'error')}.",
        details_of(f"{each.what} {each.fix}" for each in errors),
        "Mend what is listed.",
    )


def _coverage(covered: Coverage, least: float | None) -> Check:
    if not covered.declared:
        what = "No transition is declared or read from code, so that none can be covered."
        fix = "Compare with a config, or with a history whose machine is declared."
        return Check("coverage", not least, what, fix=fix if least else None)
    # Rounded down: 79.96 % must not read as 80.0 % where it fails.
    percent = math.floor(covered.percent * 10) / 10
    of = words.count(covered.declared)
    what = f"Transitions taken: {words.count(covered.taken)} of {of}, {percent:.1f} %"
    missed = details_of(edge_sentence(edge).splitlines()[0] for edge in covered.untaken)
    if least is None:
        return Check("coverage", True, f"{what}.", missed)
    passed = covered.taken * 100 >= least * covered.declared
    return Check(
        "coverage",
        passed,
        f"{what}; at least {least:g} % are asked for.",
        missed,
        None if passed else "Send the messages that are listed in a test, or ask for less.",
    )


def _undeclared(found: Sequence[Finding]) -> Check:
    kinds = ("undeclared state", "undeclared transition")
    seen = [each for each in found if each.kind in kinds and each.severity != "error"]
    if not seen:
        return Check("undeclared", True, "Nothing happened that is not declared.")
    return Check(
        "undeclared",
        False,
        f"{words.plural(len(seen), 'thing')} happened that the machine does not declare.",
        details_of(each.what for each in seen),
        "Declare the transitions that are listed, or find out what took them.",
    )


def _not_judged(observed: Graph) -> tuple[str, ...]:
    unread = {state.name for state in observed.states if state.classic and not state.read}
    count = sum(edge.undeclared and edge.source in unread for edge in observed.edges)
    if not count:
        return ()
    kinds = words.plural(count, "observed transition")
    return (f"Not judged: {kinds} from states whose handle_message could not be read.",)


def _dwell(limit: DwellLimit, stays: Sequence[Visit], known: set[str]) -> Check:
    if limit.state not in known:
        raise state_not_found(limit.state, sorted(known))
    name = f"dwell {limit.text}"
    here = [stay for stay in stays if stay.state == limit.state]
    state = words.name(limit.state)
    if not here:
        return Check(name, True, f"Nothing ever was in {state}.")
    unknown = sum(stay.dwell_us is None for stay in here)
    untold = f" How long {words.plural(unknown, 'stay')} took is not known." if unknown else ""
    timed = sorted((stay for stay in here if stay.dwell_us is not None), key=_longest_first)
    over = [stay for stay in timed if not limit.holds(stay.dwell_us or 0)]
    if not over:
        longest = f", the longest {words.duration(timed[0].dwell_us)}" if timed else ""
        return Check(name, True, f"{words.plural(len(here), 'stay')} in {state}{longest}.{untold}")
    return Check(
        name,
        False,
        f"{words.count(len(over))} of {words.plural(len(here), 'stay')} in {state} took too long, "
        f"the longest {words.duration(timed[0].dwell_us)}.{untold}",
        details_of(_stay(each) for each in over),
        "Find out with `flexiflow why` what kept them.",
    )


def _longest_first(stay: Visit) -> int:
    return -(stay.dwell_us or 0)


def _stay(stay: Visit) -> str:
    lasts = ", and still does" if stay.lasts else ""
    since = words.clock(stay.entered_us)
    took = words.duration(stay.dwell_us)
    return f"{words.name(stay.component)} stayed {took} from {since}{lasts}."
