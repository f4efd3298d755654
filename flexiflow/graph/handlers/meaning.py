"""What the expressions of one function mean: values and conditions, way by way.

What a condition says about the message type narrows the types that take a way; what else it says
becomes a guard. An expression may come to different things for different messages.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Protocol

from flexiflow.graph.handlers.about import type_kind
from flexiflow.graph.handlers.calls import function_of, in_places, is_own
from flexiflow.graph.handlers.conditions import compared, condition_of, opaque
from flexiflow.graph.handlers.expressions import Scope, substituted
from flexiflow.graph.handlers.paths import Condition, Path, Split, merged
from flexiflow.graph.handlers.roles import COMPONENT, MESSAGE, SELF, Value, is_role, mentions
from flexiflow.graph.handlers.source import function_node
from flexiflow.graph.handlers.tables import looked_up
from flexiflow.states import State

# The handler of a state without a classic one: it runs what is declared.
DECLARED = vars(State)["handle_message"]

_DEEPEST = 4  # functions that call each other

Ways = list[tuple[ast.expr, Path]]
"""What an expression comes to, by the way on which it does."""


class Follower(Protocol):
    """What follows functions; see `flexiflow.graph.handlers.walker`."""

    def count(self, steps: int) -> None:
        """Account for work, which is bounded."""

    def note(self, line: int, text: str) -> None:
        """Say that something could not be read."""

    def follow(
        self, function: FunctionType, arguments: list[ast.expr], path: Path, depth: int = 0
    ) -> list[Answer] | str:
        """All answers of a call, or why they can't be told."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One ``return``: on which way, what, and at which line of its file."""

    path: Path
    value: ast.expr
    line: int
    meaning: Meaning

    @property
    def scope(self) -> Scope:
        """Where its global names are looked up."""
        return self.meaning.scope

    def ways_of(self, value: ast.expr, path: Path) -> Ways:
        """What a part of the answer comes to, by the way on which it does."""
        return list(self.meaning.resolved(value, path, self.line))

    def divided(self, condition: ast.expr, path: Path) -> Split:
        """The ways on which a part of the answer is true, and those on which it is not."""
        return self.meaning.divided(condition, path, self.line)


class Meaning:
    """The expressions of one function that is followed.

    Args:
        follower: asked for the answers of functions that it calls.
        scope: where its global names are looked up.
        depth: how many functions led to it.
    """

    def __init__(self, follower: Follower, scope: Scope, depth: int) -> None:
        self.follower = follower
        self.scope = scope
        self.depth = depth

    def values(self, node: ast.expr, path: Path) -> Ways:
        """What an expression comes to, by the way on which it does."""
        path = self.walruses(node, path)
        return list(self.resolved(substituted(node, path.names), path, node.lineno))

    def resolved(self, node: ast.expr, path: Path, line: int) -> Iterator[tuple[ast.expr, Path]]:
        """What an expression without local names comes to, by the way on which it does."""
        self.follower.count(1)
        if isinstance(node, ast.Await):
            yield from self.resolved(node.value, path, line)
            return
        if isinstance(node, ast.IfExp):
            yes, no = self.divided(node.test, path, line)
            for part, paths in ((node.body, yes), (node.orelse, no)):
                for each in paths:
                    yield from self.resolved(part, each, line)
            return
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Tuple):
            element = _element(node.value, self.scope.value_of(node.slice))
            if element is not None:
                yield from self.resolved(element, path, line)
                return
        choice = looked_up(node, path, self.scope)
        if choice is not None:
            for value, after in choice:
                yield from self.resolved(value, after, line)
            return
        called = self._called(node, path, line)
        if called is not None:
            yield from called
        else:
            yield node, path

    def _called(self, node: ast.expr, path: Path, line: int) -> Ways | None:
        """What a function of the user's own comes to, where it can be followed."""
        if not isinstance(node, ast.Call):
            return None
        function, arguments = function_of(node, self.scope)
        named = {each.arg: each.value for each in node.keywords if each.arg is not None}
        if function is None or len(named) < len(node.keywords):
            return None
        arguments = in_places(function, arguments, named)
        if function is DECLARED:
            return [(Value(DECLARED, "super().handle_message"), path)]
        if self.depth >= _DEEPEST or not is_own(function, self.scope):
            return None
        answers = self.follower.follow(function, arguments, path, self.depth + 1)
        if isinstance(answers, str):
            return None
        return [
            (each.scope.closed(each.value), replace(each.path, names=path.names, jump=path.jump))
            for each in answers
        ]

    def split(self, node: ast.expr, path: Path) -> Split:
        """The ways on which a condition holds, and those on which it does not."""
        return self.split_all(node, [path])

    def split_all(self, node: ast.expr, paths: list[Path]) -> Split:
        """As `split`, on several ways."""
        yes: list[Path] = []
        no: list[Path] = []
        for path in paths:
            after = self.walruses(node, path)
            more, left = self.divided(substituted(node, after.names), after, node.lineno)
            yes += more
            no += left
        return merged(yes), merged(no)

    def split_pairs(self, node: ast.expr, paths: list[Path], line: int) -> Split:
        """As `divided`, on several ways."""
        results = [self.divided(node, each, line) for each in paths]
        return [e for yes, _ in results for e in yes], [e for _, no in results for e in no]

    def divided(self, node: ast.expr, path: Path, line: int) -> Split:
        """As `split`, of a condition without local names."""
        self.follower.count(1)
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                yes, no = self.divided(inner, path, line)
                return no, yes
            case ast.BoolOp(op=ast.And(), values=parts) if not type_kind(node, self.scope):
                yes, no = self._all(parts, path, line)
                return yes, _as_one(no, path, condition_of(node, negated=True))
            case ast.BoolOp(op=ast.Or(), values=parts) if not type_kind(node, self.scope):
                negated: list[ast.expr] = [ast.UnaryOp(ast.Not(), each) for each in parts]
                no, yes = self._all(negated, path, line)
                return _as_one(yes, path, condition_of(node)), no
            case ast.Compare(ops=[_]):
                found = looked_up(node, path, self.scope)
                if found is not None:
                    return self._of_values(iter(found), path, line)
                return compared(node, path, line, self.scope)
            case ast.Subscript(value=ast.Tuple() as parts, slice=place):
                element = _element(parts, self.scope.value_of(place))
                if element is not None:
                    return self.divided(element, path, line)
            case ast.IfExp() | ast.Await():
                return self._of_values(self.resolved(node, path, line), path, line)
        if type_kind(node, self.scope):
            return [path], []  # every message has a type
        if is_role(node, SELF) or is_role(node, MESSAGE) or is_role(node, COMPONENT):
            return [path], []
        value = self.scope.value_of(node)
        if value is None or isinstance(value, bool | int | str | FunctionType | type):
            return ([path], []) if value else ([], [path])
        choice = looked_up(node, path, self.scope)
        if choice is not None:
            return self._of_values(iter(choice), path, line)
        if isinstance(node, ast.Call) and mentions(node):
            plain = self._plain(node, path, line)
            if plain is not None:
                return self.divided(plain, path, line)
        return opaque(node, path, line, about_type=mentions(node))

    def _all(self, parts: list[ast.expr], path: Path, line: int) -> Split:
        yes, no = [path], list[Path]()
        for part in parts:
            yes, missed = self.split_pairs(part, yes, line)
            no += missed
        return yes, no

    def _of_values(self, values: Iterable[tuple[ast.expr, Path]], path: Path, line: int) -> Split:
        results = []
        for value, after in values:
            if isinstance(value, ast.Await | ast.IfExp):
                results.append(opaque(value, after, line, about_type=mentions(value)))
            else:
                results.append(self.divided(value, after, line))
        return [e for yes, _ in results for e in yes], [e for _, no in results for e in no]

    def _plain(self, node: ast.Call, path: Path, line: int) -> ast.expr | None:
        """What a function with a single ``return`` says, as if it stood here."""
        function, _ = function_of(node, self.scope)
        if function is None:
            return None
        tree = function_node(function)
        if isinstance(tree, str) or not isinstance(tree.body[-1], ast.Return):
            return None
        texts = [each for each in tree.body[:-1] if _is_docstring(each)]
        if len(texts) < len(tree.body) - 1:
            return None
        answers = self._called(node, path, line)
        return answers[0][0] if answers is not None and len(answers) == 1 else None

    def walruses(self, node: ast.AST, path: Path) -> Path:
        """The way after the ``name := value`` of an expression."""
        for each in ast.walk(node):
            if isinstance(each, ast.NamedExpr):
                path = path.bound(each.target.id, substituted(each.value, path.names))
        return path


def _as_one(paths: list[Path], path: Path, condition: Condition) -> list[Path]:
    """One way for several that only have more conditions than the one that they come from."""
    only_guards = all(replace(each, guards=path.guards) == path for each in paths)
    return [path.guarded(condition)] if len(paths) > 1 and only_guards else paths


def _element(parts: ast.Tuple, place: object) -> ast.expr | None:
    """The part of a tuple at a place that is written out."""
    if type(place) is not int or any(isinstance(each, ast.Starred) for each in parts.elts):
        return None
    return parts.elts[place] if -len(parts.elts) <= place < len(parts.elts) else None


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
