"""The command line: thin. A command parses, calls one question of the library, and prints.

The rooms, lowest first: `text` (names made harmless), `typed` (errors put as they are typed),
`json_text` and `output` (answers as JSON, tables, trees), `steps` (their columns), `boundary`
(errors and exit codes), `opening` (databases and logs), one module a family of commands, and this
one, which puts them together. pandas and rich are imported inside the commands that need them, so
that ``--help`` comes at once.
"""

from __future__ import annotations

import sys

import click

from flexiflow._version import __version__
from flexiflow.cli import (
    check_command,
    config_commands,
    demo_command,
    diagnose,
    draw_command,
    errors_command,
    history_command,
    lessons_commands,
    trace_command,
    upkeep_commands,
    verify_command,
    why_command,
)
from flexiflow.cli.boundary import Group
from flexiflow.cli.text import adapt

__all__ = ["cli", "run"]


@click.group(
    "flexiflow",
    cls=Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="flexiflow", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """State machines that you can see, rewind and explain.

    Begin with `flexiflow demo`: it records a shop in which one order gets stuck, and says how to
    find out why. Every command that prints data takes --json.

    \b
    Exit codes:
      0    fine
      1    an error; it says what, why, how to mend it, and with which values
      2    wrong usage
      3    the answer is bad: something is stuck, a config is invalid, a
           message is refused, a check failed, a required part of the
           environment is missing
      130  interrupted
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


for _command in (
    demo_command.demo,
    why_command.why,
    history_command.history,
    trace_command.trace,
    draw_command.draw,
    check_command.check,
    verify_command.verify,
    upkeep_commands.backup,
    upkeep_commands.prune,
    config_commands.explain,
    config_commands.register,
    config_commands.handle,
    config_commands.update_rules,
    errors_command.errors,
    diagnose.diagnose,
    lessons_commands.tutorial,
    lessons_commands.lessons,
):
    cli.add_command(_command)


def run(arguments: list[str] | None = None) -> None:
    """Run the command line in this process, and end it with an exit code.

    Args:
        arguments: without the program's name; those of the process unless given.
    """
    adapt(sys.stdout, sys.stderr)
    # Patterns are expanded by the commands themselves, the same on every system.
    cli.main(arguments, prog_name="flexiflow", windows_expand_args=False)
