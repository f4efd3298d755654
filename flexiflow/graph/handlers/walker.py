"""Following all ways through a handler's syntax tree. Nothing of it is run.

Functions that get the message are followed too, as long as their source is there.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from types import FunctionType

from flexiflow.graph.handlers.calls import parameters
from flexiflow.graph.handlers.expressions import Scope
from flexiflow.graph.handlers.meaning import Answer, Meaning
from flexiflow.graph.handlers.paths import Path
from flexiflow.graph.handlers.source import function_node
from flexiflow.graph.handlers.statements import Following

_MOST_STEPS = 20_000  # statements times ways; takes about a second


class TooManyWays(Exception):
    """The function is too large to be followed."""


class Walker:
    """Follows functions, and collects what could not be read.

    Args:
        state_class: what ``self`` is.
    """

    def __init__(self, state_class: type) -> None:
        self.state_class = state_class
        self.notes: dict[str, None] = {}
        self.steps = 0

    def note(self, line: int, text: str) -> None:
        """Say that something could not be read."""
        self.notes[f"line {line}: {text}"] = None

    def count(self, steps: int) -> None:
        """Account for work, which is bounded.

        Raises:
            TooManyWays: where it is too much.
        """
        self.steps += steps
        if self.steps > _MOST_STEPS:
            raise TooManyWays

    def follow(self, function: FunctionType, arguments: list[ast.expr], path: Path,
               depth: int = 0) -> list[Answer] | str:  # fmt: skip
        """All answers of a call, or why they can't be told."""
        node = function_node(function)
        if isinstance(node, str):
            return node
        if any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node)):
            return f"{function.__name__} is a generator"
        names = parameters(function, node, arguments)
        if names is None:
            return f"{function.__name__} takes its arguments in a way that is not followed"
        meaning = Meaning(self, Scope(function, self.state_class), depth)
        return Following(self, meaning).answers(node, replace(path, names=names, jump=None))
