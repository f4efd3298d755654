"""What errors say in a terminal: what is typed there, and not what Python takes."""

import re
from pathlib import Path

import pytest

from flexiflow.cli.typed import SAID, as_typed
from flexiflow.errors import FlexiFlowError

PACKAGE = Path(__file__).parents[2] / "flexiflow"
OF_PYTHON = re.compile(r"datetime|timedelta|\bhistory\.\w|\blog\.\w|open_\w|\b[a-z_]+=|\b\w+\(")

SLIPS = [
    (("history", "DB", "--since", "banana"), "--since is not a time", "Type how long before"),
    (("history", "DB", "--until", "2026-13-01"), "--until is not a time", "such as -1h"),
    (("history", "DB", "--since", "1h"), "--since is not a time", "Did you mean '-1h'?"),
    (("trace", "LOG", "--since", "banana"), "--since is not a time", "Type how long before"),
    (("history", "DB", "--state", "Zzz"), "Unknown state", "or leave --state out"),
    (("history", "DB", "order-9", "--blame", "zzz"), "Unknown field", "--blame '*' lists all"),
    (("trace", "LOG", "zzzz"), "No trace", "`flexiflow trace LOG`"),
    (("trace", "LOG", "--field", "a=b"), "A record has no field", "--field correlation_id=trace"),
    (("trace", "DB"), "is not a trace log", "`flexiflow history "),
    (("history", "LOG"), "is not a database", "`flexiflow trace "),
    (("verify", "DB", "--head", "x"), "This is no head", "`flexiflow verify DB` gave"),
    (("check", "DB", "DB", "--min-coverage", "120"), "--min-coverage is", "--min-coverage 80"),
    (("prune", "DB"), "needs either --keep or", "--older-than 30d"),
    (("prune", "DB", "--keep", "0"), "--keep 0 would", "--keep 1"),
    (("prune", "DB", "--keep", "-1"), "--keep must be", "--keep 10"),
    (("prune", "DB", "--older-than", "x"), "--older-than is no", "e.g. --older-than 30d"),
    (("draw", "nowhere.yaml"), "Config file not found", "in which the command is typed"),
]


@pytest.mark.parametrize(("words", "what", "fix"), SLIPS, ids=lambda each: " ".join(each)[:40])
def test_a_slip_is_answered_with_what_can_be_typed(run_cli, recorded, words, what, fix):
    """The error's name for the option, and no call or keyword of Python."""
    files = {"DB": recorded.db, "LOG": recorded.log}
    result = run_cli(*(files.get(word, word) for word in words))
    assert result.exit_code == 1
    said, _, _ = result.stderr.partition("Context:")
    assert what in said.splitlines()[0]
    assert fix in next(line for line in said.splitlines() if line.startswith("Fix: "))
    assert not OF_PYTHON.search(said.replace("correlation_id=", "").replace("ts=", ""))


def test_each_of_the_words_is_still_said_by_the_library():
    """Else what is put in their place is never seen."""
    modules = [each for each in PACKAGE.rglob("*.py") if each.name != "typed.py"]
    source = "".join(each.read_text("utf-8") for each in modules)
    # Named as they are made: by an argument's name, and over the end of a line.
    source = re.sub(r'"\n\s*f?"', "", source)
    for argument in ("since", "until", "keep"):
        source += f"{argument} is not a time {argument} must be Pass {argument}=10, or 0 for none."
    source += 'Pass --older-than="100ms" (us, ms, s, m, h, d, w), or 0.'
    assert [each for each in SAID if each not in source] == []


def test_an_error_of_what_alone():
    """Parts that are absent stay so."""
    error = as_typed(FlexiFlowError("keep=0 would do."))
    assert (error.what, error.why, error.fix) == ("--keep 0 would do.", None, None)
