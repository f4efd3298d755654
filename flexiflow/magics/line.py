"""``%flexiflow QUESTION …``: parsed by the commands of the command line themselves."""

from __future__ import annotations

import shlex
import sys
from inspect import getdoc
from typing import Any

import click
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from flexiflow.analysis.history import History
from flexiflow.cli import cli
from flexiflow.cli.typed import as_typed
from flexiflow.errors import FlexiFlowError, InvalidValue, listed, suggestion
from flexiflow.magics.answers import ANSWERS
from flexiflow.magics.cell import CellMagic
from flexiflow.magics.subjects import completed
from flexiflow.notebook.error_card import shows_html

_COMMANDS = {"graph": "draw"}
_NAMES = {command: name for name, command in _COMMANDS.items()}
ANSWERED = [_NAMES.get(command, command) for command in ANSWERS]
"""What is answered with cards and pictures; any other command as the command line does."""
OWN = ["tb", "cell"]
"""What only a notebook has."""


class LineMagic:
    """What ``%flexiflow`` does in one shell.

    Args:
        shell: the shell.
        cell: what follows the engines while a cell runs.
    """

    def __init__(self, shell: InteractiveShell, cell: CellMagic) -> None:
        self._shell = shell
        self._cell = cell

    def run(self, line: str) -> None:
        """Ask FlexiFlow.

          %flexiflow why [DB] [COMPONENT]    what a component waits for, or what is stuck
          %flexiflow history …, trace …      as on the command line
          %flexiflow graph …                 a machine's picture
          %flexiflow tb                      the traceback of the last error
          %flexiflow cell [ENGINE]           show the steps of the rest of this cell, as
                                             %%flexiflow [ENGINE] in its first line does
          %flexiflow COMMAND --help          what a command takes

        In place of a file the line may name a variable: a recording, a history, a log, an engine
        that is recorded, a component. Where the notebook has one recording, it may be left out.
        """
        name, *words = _split(line) or [""]
        match name:
            case "":
                print(getdoc(self.run))
            case "tb":
                self._show_traceback()
            case "cell":
                self._cell.begin(words)
            case _:
                self._ask(name, words)

    def _show_traceback(self) -> None:
        error = getattr(sys, "last_value", None)
        if error is None:
            raise InvalidValue(
                "There is no traceback to show.",
                why="No error has happened yet.",
                fix="Type it after a cell that failed.",
                context={"line": "tb"},
            )
        handler = self._shell.InteractiveTB
        lines = handler.structured_traceback(type(error), error, error.__traceback__, tb_offset=1)
        print(handler.stb2text(lines))

    def _ask(self, name: str, words: list[str]) -> None:
        command_name = _COMMANDS.get(name, name)
        command = cli.commands.get(command_name)
        if command is None:
            known = [*cli.commands, *_COMMANDS, *OWN]
            raise InvalidValue(
                f"%flexiflow has no command {name!r}.",
                why=f"Its commands are {listed(sorted(known))}.",
                fix=suggestion(name, known) or "%flexiflow alone says what each is for.",
                context={"command": name},
            )
        answer = ANSWERS.get(command_name)
        names = self._shell.user_ns
        asks_notebook = answer is not None and not {"--json", "--help", "-h"} & set(words)
        given = completed(words, names) if asks_notebook else words
        try:
            with command.make_context(f"%flexiflow {name}", given) as context:
                if answer is None or not asks_notebook:
                    command.invoke(context)
                else:
                    self._show(answer(context.params, names))
        except click.UsageError as exc:
            raise InvalidValue(
                exc.format_message(),
                why="" if exc.ctx is None else exc.ctx.get_usage(),
                fix=f"%flexiflow {name} --help says what it takes.",
                context={"command": name, "words": words},
            ) from None
        except FlexiFlowError as exc:
            as_typed(exc)
            raise
        except click.exceptions.Exit:  # help, or a bad answer, which has been printed
            return

    def _show(self, answer: Any) -> None:
        if isinstance(answer, History) and not shows_html(self._shell):
            answer = answer.stuck()  # of a history itself, a terminal shows the name alone
        display(answer)  # type: ignore[no-untyped-call]


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as exc:
        raise InvalidValue(
            "The line can't be read.",
            why=f"It is split as in a shell: {exc}.",
            fix="Close each quote, and put words with spaces into quotes.",
            context={"line": line},
        ) from None
