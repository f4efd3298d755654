"""The patterns of a ``match`` statement: on which ways they match, and on which they don't."""

from __future__ import annotations

import ast

from flexiflow.graph.handlers.about import type_kind
from flexiflow.graph.handlers.conditions import compared, opaque
from flexiflow.graph.handlers.expressions import label
from flexiflow.graph.handlers.meaning import Meaning
from flexiflow.graph.handlers.paths import Path, Split
from flexiflow.graph.handlers.roles import MESSAGE, Unknown, is_role, mentions


class Patterns:
    """Matches subjects of one function.

    Args:
        meaning: of its expressions.
    """

    def __init__(self, meaning: Meaning) -> None:
        self.meaning = meaning
        self.scope = meaning.scope

    def matched(self, subject: ast.expr, pattern: ast.pattern, path: Path) -> Split:
        """The ways on which a subject matches, and those on which it does not."""
        line = pattern.lineno
        match pattern:
            case ast.MatchValue(value=value):
                test = ast.Compare(subject, [ast.Eq()], [value])
                return compared(test, path, line, self.scope)
            case ast.MatchSingleton(value=single):
                test = ast.Compare(subject, [ast.Is()], [ast.Constant(single)])
                return compared(test, path, line, self.scope)
            case ast.MatchOr(patterns=patterns):
                yes, no = list[Path](), [path]
                for each in patterns:
                    yes, no = self._either(yes, no, subject, each)
                return yes, no
            case ast.MatchAs(pattern=None, name=name):
                return [path if name is None else path.bound(name, subject)], []
            case ast.MatchAs(pattern=ast.pattern() as inner, name=name):
                yes, no = self.matched(subject, inner, path)
                return [each.bound(name or "_", subject) for each in yes], no
            case ast.MatchMapping() if is_role(subject, MESSAGE):
                return self._mapping(subject, pattern, path)
            case ast.MatchSequence(patterns=patterns) if isinstance(subject, ast.Tuple) and len(
                patterns
            ) == len(subject.elts):
                parts = list(zip(subject.elts, patterns, strict=True))
                return self._every(parts, path)
            case ast.MatchClass(cls=ast.Name(id="str"), patterns=inside, kwd_patterns=[]) if (
                type_kind(subject, self.scope)
            ):
                return self._every([(subject, each) for each in inside], path)
        text = f"{label(subject)} matches {ast.unparse(pattern)}"
        yes, no = opaque(Unknown(text), path, line, about_type=mentions(subject))
        captured = [each.name for each in ast.walk(pattern) if isinstance(each, ast.MatchAs)]
        for name in filter(None, captured):
            yes = [each.bound(name, Unknown(name)) for each in yes]
        return yes, no

    def _either(self, yes: list[Path], no: list[Path], subject: ast.expr, pattern: ast.pattern
                ) -> Split:  # fmt: skip
        missed: list[Path] = []
        for each in no:
            more, left = self.matched(subject, pattern, each)
            yes = yes + more
            missed += left
        return yes, missed

    def _mapping(self, subject: ast.expr, pattern: ast.MatchMapping, path: Path) -> Split:
        yes, no = [path], list[Path]()
        for key, inner in zip(pattern.keys, pattern.patterns, strict=True):
            part = ast.Subscript(subject, key, ast.Load())
            if not type_kind(part, self.scope) and isinstance(inner, ast.MatchAs):
                there = ast.Compare(key, [ast.In()], [subject])
                yes, missed = self.meaning.split_pairs(there, yes, pattern.lineno)
                no += missed
            results = [self.matched(part, inner, each) for each in yes]
            yes = [each for more, _ in results for each in more]
            no += [each for _, left in results for each in left]
        if pattern.rest is not None:
            yes = [each.bound(pattern.rest, Unknown(pattern.rest)) for each in yes]
        return yes, no

    def _every(self, parts: list[tuple[ast.expr, ast.pattern]], path: Path) -> Split:
        yes, no = [path], list[Path]()
        for subject, pattern in parts:
            results = [self.matched(subject, pattern, each) for each in yes]
            yes = [each for more, _ in results for each in more]
            no += [each for _, left in results for each in left]
        return yes, no
