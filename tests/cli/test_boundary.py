"""Where errors end."""

import click
import pytest
from click.testing import CliRunner

from flexiflow.cli.boundary import Group, answer, four_parts
from flexiflow.errors import FlexiFlowError, StateError


class Odd(Exception):
    """Something that nobody expects."""


@pytest.fixture
def run():
    """Run a command that does what a function does, inside a boundary."""

    def make(behave, *arguments):
        group = Group("flexiflow", add_help_option=False)

        @group.command("act")
        def act():
            behave()

        return CliRunner().invoke(group, [*arguments] or ["act"])

    return make


def raising(error):
    def behave():
        raise error

    return behave


def test_an_error_is_shown_in_its_parts(run):
    """On standard error, in this order, and without a traceback."""
    error = FlexiFlowError("It broke.", why="Reasons.", fix="Mend it.", context={"path": "x"})
    result = run(raising(error))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "Error: It broke.",
        "Why: Reasons.",
        "Fix: Mend it.",
        "Context:",
        "  path='x'",
    ]


def test_an_error_leads_to_its_page(run):
    """Where its kind has one that says more than its parts."""
    result = run(raising(StateError("It broke.")))
    assert result.stderr == "Error: It broke.\nMore: flexiflow errors StateError\n"


@pytest.mark.parametrize("arguments", [["--debug", "act"], ["act", "--debug"]])
def test_debug_shows_the_traceback(run, arguments):
    """Before or after the command's name."""
    result = run(raising(FlexiFlowError("It broke.")), *arguments)
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert result.stderr.endswith("Error: It broke.\n")


def test_an_unexpected_error_says_how_to_see_more(run):
    """In the same parts."""
    result = run(raising(Odd("what now")))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Something unexpected happened: Odd: what now\nWhy: ")
    assert "Fix: Run `flexiflow --debug act …` to see the traceback" in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback_of_an_unexpected_error(run):
    """With its cause."""
    assert "Odd: what now" in run(raising(Odd("what now")), "act", "--debug").stderr


def test_a_bad_answer_is_no_error(run):
    """It exits with 3, and says nothing more."""
    result = run(lambda: answer(bad=True))
    assert (result.exit_code, result.output) == (3, "")


def test_an_interruption_has_its_code(run):
    """As shells expect it."""
    result = run(raising(KeyboardInterrupt()))
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


def test_a_closed_pipe_is_quiet(run):
    """Whoever closed it has read enough."""
    result = run(raising(BrokenPipeError()))
    assert (result.exit_code, result.output) == (0, "")


def test_wrong_usage_has_its_code(run):
    """Which is the library's own."""
    assert run(lambda: None, "act", "--no-such-option").exit_code == 2
    assert run(raising(click.UsageError("no"))).exit_code == 2


def test_an_error_cannot_forge_a_part():
    """Further lines of a part are indented, and nothing invisible gets out."""
    error = FlexiFlowError("a\nFix: rm\x1b[2J", why="b\r\n\nWhy: c", context={"k\u202e": "\x1b"})
    assert list(four_parts(error)) == [
        "Error: a",
        r"  Fix: rm\x1b[2J",
        "Why: b\\r",
        "  Why: c",
        "Context:",
        r"  k\u202e='\x1b'",
    ]


def test_colours_leave_the_words_alone():
    """Taken away, the lines are the plain ones."""
    error = FlexiFlowError("It broke.", why="Reasons.", context={"path": "x"})
    coloured = list(four_parts(error, coloured=True))
    assert "\x1b[31m" in coloured[0]
    assert [click.unstyle(line) for line in coloured] == list(four_parts(error))
