"""Statements of a handler: which ways are left after each, and what it answers on them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from flexiflow.graph.handlers.bindings import assigned, bound, forgotten, imported
from flexiflow.graph.handlers.effects import Effect, effects, of_target
from flexiflow.graph.handlers.expressions import substituted
from flexiflow.graph.handlers.meaning import Answer, Follower, Meaning
from flexiflow.graph.handlers.paths import Path, merged
from flexiflow.graph.handlers.patterns import Patterns
from flexiflow.graph.handlers.roles import Unknown
from flexiflow.graph.handlers.source import FunctionNode
from flexiflow.graph.handlers.tables import LONGEST_TABLE, table_of


class Following:
    """One function that is followed.

    Args:
        follower: what follows it, and is told what can't be read.
        meaning: of its expressions.
    """

    def __init__(self, follower: Follower, meaning: Meaning) -> None:
        self.follower = follower
        self.meaning = meaning
        self.scope = meaning.scope
        self.patterns = Patterns(meaning)
        self.found: list[Answer] = []
        self.raising: list[list[Path]] = []  # one a try: the ways on which something may be raised

    def answers(self, node: FunctionNode, path: Path) -> list[Answer]:
        """Every answer that it gives on a way."""
        for left in self.block(node.body, [path]):
            self.found.append(Answer(left, ast.Constant(None), node.lineno, self.meaning))
        return self.found

    def block(self, body: Iterable[ast.stmt], paths: list[Path]) -> list[Path]:
        """The ways that are left after some statements."""
        jumped: list[Path] = []
        for statement in body:
            if not paths:
                break
            self.follower.count(len(paths) * (1 + len(paths[0].names) // 16))
            following = [each for path in paths for each in self.statement(statement, path)]
            jumped += [each for each in following if each.jump]
            paths = merged([each for each in following if not each.jump])
        return jumped + paths

    def statement(self, node: ast.stmt, path: Path) -> list[Path]:
        """The ways that are left after one statement."""
        if self.raising and _may_raise(node):
            self.raising[-1].append(path)
        match node:
            case ast.Return(value=value):
                self._return(value, path, node.lineno)
                return []
            case ast.Raise():
                if self.meaning.depth == 0 and not self.raising:
                    self._return(None, path, node.lineno)
                return []
            case ast.If():
                return self._if(node, path)
            case ast.Match():
                return self._match(node, path)
            case ast.Assign(targets=targets, value=value):
                return self._assigned(targets, value, path)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                return self._assigned([target], value, path)
            case ast.Expr() | ast.Delete():
                return self._done(node, path)
            case ast.Assert(test=test):
                return self.meaning.split(test, path)[0]
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._loop(node, path)
            case ast.Try() | ast.TryStar():
                return self._try(node, path)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                inside = self.block(body, [forgotten(path, node.items)])
                hides = any("suppress" in ast.dump(each.context_expr) for each in items)
                return [*inside, forgotten(path, [node])] if hides else inside
            case ast.Break():
                return [replace(path, jump="break")]
            case ast.Continue():
                return [replace(path, jump="continue")]
            case ast.Import() | ast.ImportFrom():
                return [imported(node, path, self.scope)]
        return [forgotten(path, [node])]

    def _assigned(self, targets: list[ast.expr], value: ast.expr, path: Path) -> list[Path]:
        found = {effect for each in targets for effect in of_target(each, path, self.scope)}
        if found:
            return self._gives_up(found, value.lineno)
        values = self.meaning.values(value, path)
        return [assigned(targets, each, after) for each, after in values]

    def _done(self, node: ast.Expr | ast.Delete, path: Path) -> list[Path]:
        done = effects(node, path, self.scope)
        if done:
            return self._gives_up(done, node.lineno)
        if isinstance(node, ast.Delete):
            return [forgotten(path, [node])]
        return [self.meaning.walruses(node.value, path)]

    def _gives_up(self, found: Iterable[Effect], line: int) -> list[Path]:
        for effect in sorted(found):
            self.follower.note(line, f"it {effect}")
        return []

    def _return(self, value: ast.expr | None, path: Path, line: int) -> None:
        if value is None:
            self.found.append(Answer(path, ast.Constant(None), line, self.meaning))
            return
        for each, after in self.meaning.values(value, path):
            self.found.append(Answer(after, each, line, self.meaning))

    def _if(self, node: ast.If, path: Path) -> list[Path]:
        left: list[Path] = []
        paths = [path]
        while True:  # a chain of elifs, however long
            yes, no = self.meaning.split_all(node.test, paths)
            left += self.block(node.body, yes)
            self.follower.count(len(no))
            if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If) and no:
                node, paths = node.orelse[0], no
                continue
            return left + self.block(node.orelse, no)

    def _match(self, node: ast.Match, path: Path) -> list[Path]:
        left: list[Path] = []
        waiting = [(subject, after) for subject, after in self.meaning.values(node.subject, path)]
        for case in node.cases:
            missed: list[tuple[ast.expr, Path]] = []
            taken: list[Path] = []
            for subject, before in waiting:
                yes, no = self.patterns.matched(subject, case.pattern, before)
                if case.guard is not None:
                    yes, refused = self.meaning.split_all(case.guard, yes)
                    no = no + refused
                taken += yes
                missed += [(subject, each) for each in no]
            left += self.block(case.body, taken)
            self.follower.count(len(missed))
            waiting = missed
        return left + [each for _, each in waiting]

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, path: Path) -> list[Path]:
        rows = self._rows(node, path)
        if rows is not None and isinstance(node, ast.For):
            return self._unrolled(node, rows, path)
        before = forgotten(path, [node])
        inside, after = [before], [before]
        if isinstance(node, ast.While):
            inside, after = self.meaning.split(node.test, before)
        left = self.block(node.body, inside)
        broken = [replace(each, jump=None) for each in left if each.jump == "break"]
        if not after:
            return merged(broken)  # while True
        after = [before] if isinstance(node, ast.While) else after
        return merged([*after, *self.block(node.orelse, after)] if node.orelse else after)

    def _rows(self, node: ast.stmt, path: Path) -> list[ast.expr] | None:
        """The rows of a table that is written out in the code, for a loop over it."""
        if not isinstance(node, ast.For):
            return None
        match substituted(node.iter, path.names):
            case ast.Tuple(elts=rows) | ast.List(elts=rows):
                return rows if len(rows) <= LONGEST_TABLE else None
            case ast.Call(func=ast.Attribute(value=table, attr="items"), args=[]):
                pairs = table_of(table, self.scope)
                return None if pairs is None else [
                    ast.Tuple([ast.Constant(key), value], ast.Load()) for key, value in pairs
                ]  # fmt: skip
        return None

    def _unrolled(self, node: ast.For, rows: list[ast.expr], path: Path) -> list[Path]:
        paths, broken = [path], list[Path]()
        for row in rows:
            begun = [bound(node.target, row, each) for each in paths]
            paths = self.block(node.body, begun)
            broken += [replace(each, jump=None) for each in paths if each.jump == "break"]
            paths = merged([replace(p, jump=None) for p in paths if p.jump != "break"])
        return merged(broken + self.block(node.orelse, paths))

    def _try(self, node: ast.Try | ast.TryStar, path: Path) -> list[Path]:
        raised: list[Path] = []
        answered = len(self.found)
        self.raising.append(raised)
        left = self.block(node.body, [path])
        self.raising.pop()
        if self.raising:
            self.raising[-1].extend(raised)
        left = [e for e in left if e.jump] + self.block(
            node.orelse, [e for e in left if not e.jump]
        )
        for handler in node.handlers:
            name = "Exception" if handler.type is None else ast.unparse(handler.type).strip("()")
            caught = merged([replace(forgotten(each, node.body), error=name) for each in raised])
            if handler.name is not None:
                caught = [each.bound(handler.name, Unknown(handler.name)) for each in caught]
            # The exception is behind them once they leave the handler.
            left += [replace(each, error=path.error) for each in self.block(handler.body, caught)]
        if any(isinstance(each, ast.Return) for part in node.finalbody for each in ast.walk(part)):
            self.follower.note(node.lineno, "a return in finally overrides the others")
            del self.found[answered:]
        jumps = [each for each in left if each.jump]
        return jumps + self.block(node.finalbody, merged([e for e in left if not e.jump]))


def _may_raise(node: ast.stmt) -> bool:
    """Whether an exception of it is worth a way of its own."""
    if isinstance(node, ast.Raise | ast.Assert):
        return True
    if isinstance(node, ast.If | ast.While):
        return any(isinstance(each, ast.Await) for each in ast.walk(node.test))
    if isinstance(node, ast.Return):
        return any(isinstance(each, ast.Await) for each in ast.walk(node))
    if isinstance(node, ast.Match | ast.Try | ast.TryStar | ast.With):
        return False
    if isinstance(node, ast.For):
        return any(isinstance(each, ast.Call) for each in ast.walk(node.iter))
    return any(isinstance(each, ast.Call | ast.Await) for each in ast.walk(node))
