"""Following all ways through a handler's syntax tree. Nothing of it is run.

What a condition says about the message type narrows the types that take a way; what else it says
becomes a guard. Functions that get the message are followed too, as long as their source is there.
"""

from __future__ import annotations

import ast
import enum
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import FunctionType

from flexiflow.graph.expressions import (
    COMPONENT,
    MESSAGE,
    MISSING,
    SELF,
    Role,
    Scope,
    Unknown,
    Value,
    label,
    replaced,
    substituted,
)
from flexiflow.graph.handler_source import FunctionNode, function_node
from flexiflow.graph.paths import Path, merged
from flexiflow.states import State

_MOST_STEPS = 20_000  # statements times ways; takes about a second
_DEEPEST = 4  # functions that call each other
_LONGEST_TABLE = 50
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

# The handler of a state without a classic one: it runs what is declared.
DECLARED = vars(State)["handle_message"]

Split = tuple[list[Path], list[Path]]


class TooManyWays(Exception):
    """The function is too large to be followed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One ``return``: on which way, what, and at which line of its file."""

    path: Path
    value: ast.expr
    line: int
    function: Following

    @property
    def scope(self) -> Scope:
        """Where its global names are looked up."""
        return self.function.scope

    def ways_of(self, value: ast.expr, path: Path) -> list[tuple[ast.expr, Path]]:
        """What a part of the answer comes to, by the way on which it does."""
        return list(self.function.resolved(value, path, self.line))

    def ways_where(self, condition: ast.expr, path: Path) -> list[Path]:
        """The ways on which a part of the answer is true."""
        return self.function.divided(condition, path, self.line)[0]


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

    def follow(self, function: FunctionType, arguments: list[ast.expr], path: Path,
               depth: int = 0) -> list[Answer] | str:  # fmt: skip
        """All answers of a call, or why they can't be told."""
        node = function_node(function)
        if isinstance(node, str):
            return node
        if any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node)):
            return f"{function.__name__} is a generator"
        names = _parameters(function, node, arguments)
        if names is None:
            return f"{function.__name__} takes its arguments in a way that is not followed"
        inner = Following(self, Scope(function, self.state_class), depth)
        return inner.answers(node, replace(path, names=names, jump=None))


def _parameters(
    function: FunctionType, node: FunctionNode, arguments: list[ast.expr]
) -> dict[str, ast.expr] | None:
    places = [*node.args.posonlyargs, *node.args.args]
    if len(arguments) > len(places):
        return None
    # Also those that get their value later: before that, a global of the same name is not meant.
    local = (*function.__code__.co_varnames, *function.__code__.co_cellvars)
    names: dict[str, ast.expr] = {name: Unknown(name) for name in local}
    return names | {place.arg: value for place, value in zip(places, arguments, strict=False)}


class Following:
    """One function that is followed."""

    def __init__(self, walker: Walker, scope: Scope, depth: int) -> None:
        self.walker = walker
        self.scope = scope
        self.depth = depth
        self.found: list[Answer] = []
        self.raising: list[list[Path]] = []  # one a try: the ways on which something may be raised

    def answers(self, node: FunctionNode, path: Path) -> list[Answer]:
        """Every answer that it gives on a way."""
        for left in self.block(node.body, [path]):
            self.found.append(Answer(left, ast.Constant(None), node.lineno, self))
        return self.found

    def block(self, body: Iterable[ast.stmt], paths: list[Path]) -> list[Path]:
        """The ways that are left after some statements."""
        jumped: list[Path] = []
        for statement in body:
            if not paths:
                break
            self._count(len(paths) * (1 + len(paths[0].names) // 16))
            following = [each for path in paths for each in self.statement(statement, path)]
            jumped += [each for each in following if each.jump]
            paths = merged([each for each in following if not each.jump])
        return jumped + paths

    def _count(self, steps: int) -> None:
        self.walker.steps += steps
        if self.walker.steps > _MOST_STEPS:
            raise TooManyWays

    def statement(self, node: ast.stmt, path: Path) -> list[Path]:
        """The ways that are left after one statement."""
        if self.raising and _may_raise(node):
            self.raising[-1].append(path)
        match node:
            case ast.Return(value=value):
                self._return(value or ast.Constant(None), path, node.lineno)
                return []
            case ast.Raise():
                return []
            case ast.If():
                return self._if(node, path)
            case ast.Match():
                return self._match(node, path)
            case ast.Assign(targets=targets, value=value):
                return [
                    self._assigned(targets, each, after) for each, after in self.values(value, path)
                ]
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                return [
                    self._assigned([target], each, after)
                    for each, after in self.values(value, path)
                ]
            case ast.Expr(value=value):
                return [self._walruses(value, path)]
            case ast.Assert(test=test):
                return self.split(test, path)[0]
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._loop(node, path)
            case ast.Try() | ast.TryStar():
                return self._try(node, path)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                inside = self.block(body, [_forgotten(path, node.items)])
                hides = any("suppress" in ast.dump(each.context_expr) for each in items)
                return [*inside, _forgotten(path, [node])] if hides else inside
            case ast.Break():
                return [replace(path, jump="break")]
            case ast.Continue():
                return [replace(path, jump="continue")]
            case ast.Import() | ast.ImportFrom():
                return [self._imported(node, path)]
        return [_forgotten(path, [node])]

    def _return(self, value: ast.expr, path: Path, line: int) -> None:
        for each, after in self.values(value, path):
            self.found.append(Answer(after, each, line, self))

    def _if(self, node: ast.If, path: Path) -> list[Path]:
        left: list[Path] = []
        paths = [path]
        while True:  # a chain of elifs, however long
            yes, no = self._split_all(node.test, paths)
            left += self.block(node.body, yes)
            self._count(len(no))
            if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If) and no:
                node, paths = node.orelse[0], no
                continue
            return left + self.block(node.orelse, no)

    def _match(self, node: ast.Match, path: Path) -> list[Path]:
        left: list[Path] = []
        waiting = [(subject, after) for subject, after in self.values(node.subject, path)]
        for case in node.cases:
            missed: list[tuple[ast.expr, Path]] = []
            taken: list[Path] = []
            for subject, before in waiting:
                yes, no = self._pattern(subject, case.pattern, before)
                if case.guard is not None:
                    yes, refused = self._split_all(case.guard, yes)
                    no = no + refused
                taken += yes
                missed += [(subject, each) for each in no]
            left += self.block(case.body, taken)
            self._count(len(missed))
            waiting = missed
        return left + [each for _, each in waiting]

    def _pattern(self, subject: ast.expr, pattern: ast.pattern, path: Path) -> Split:
        line = pattern.lineno
        match pattern:
            case ast.MatchValue(value=value):
                test = ast.Compare(subject, [ast.Eq()], [value])
                return self._compared(test, path, line)
            case ast.MatchSingleton(value=single):
                test = ast.Compare(subject, [ast.Is()], [ast.Constant(single)])
                return self._compared(test, path, line)
            case ast.MatchOr(patterns=patterns):
                yes, no = list[Path](), [path]
                for each in patterns:
                    yes, no = self._either(yes, no, subject, each)
                return yes, no
            case ast.MatchAs(pattern=None, name=name):
                return [path if name is None else path.bound(name, subject)], []
            case ast.MatchAs(pattern=ast.pattern() as inner, name=name):
                yes, no = self._pattern(subject, inner, path)
                return [each.bound(name or "_", subject) for each in yes], no
            case ast.MatchMapping() if _is_role(subject, MESSAGE):
                return self._mapping(subject, pattern, path)
            case ast.MatchSequence(patterns=patterns) if isinstance(subject, ast.Tuple) and len(
                patterns
            ) == len(subject.elts):
                parts = list(zip(subject.elts, patterns, strict=True))
                return self._every(parts, path)
            case ast.MatchClass(cls=ast.Name(id="str"), patterns=inside, kwd_patterns=[]) if (
                self._type_kind(subject)
            ):
                return self._every([(subject, each) for each in inside], path)
        text = f"{label(subject)} matches {ast.unparse(pattern)}"
        yes, no = self._opaque(Unknown(text), path, line, about_type=_mentions(subject))
        captured = [each.name for each in ast.walk(pattern) if isinstance(each, ast.MatchAs)]
        for name in filter(None, captured):
            yes = [each.bound(name, Unknown(name)) for each in yes]
        return yes, no

    def _either(self, yes: list[Path], no: list[Path], subject: ast.expr, pattern: ast.pattern
                ) -> Split:  # fmt: skip
        missed: list[Path] = []
        for each in no:
            more, left = self._pattern(subject, pattern, each)
            yes = yes + more
            missed += left
        return yes, missed

    def _mapping(self, subject: ast.expr, pattern: ast.MatchMapping, path: Path) -> Split:
        yes, no = [path], list[Path]()
        for key, inner in zip(pattern.keys, pattern.patterns, strict=True):
            part = ast.Subscript(subject, key, ast.Load())
            if not self._type_kind(part) and isinstance(inner, ast.MatchAs):
                there = ast.Compare(key, [ast.In()], [subject])
                yes, missed = self._split_pairs(there, yes, pattern.lineno)
                no += missed
            results = [self._pattern(part, inner, each) for each in yes]
            yes = [each for more, _ in results for each in more]
            no += [each for _, left in results for each in left]
        if pattern.rest is not None:
            yes = [each.bound(pattern.rest, Unknown(pattern.rest)) for each in yes]
        return yes, no

    def _every(self, parts: list[tuple[ast.expr, ast.pattern]], path: Path) -> Split:
        yes, no = [path], list[Path]()
        for subject, pattern in parts:
            results = [self._pattern(subject, pattern, each) for each in yes]
            yes = [each for more, _ in results for each in more]
            no += [each for _, left in results for each in left]
        return yes, no

    def _assigned(self, targets: list[ast.expr], value: ast.expr, path: Path) -> Path:
        for target in targets:
            path = self._bound(target, value, path)
        return path

    def _bound(self, target: ast.expr, value: ast.expr, path: Path) -> Path:
        match target:
            case ast.Name(id=name):
                return path.bound(name, value)
            case ast.Tuple(elts=names) | ast.List(elts=names):
                values: list[ast.expr] = [Unknown(ast.unparse(each)) for each in names]
                if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(names):
                    values = value.elts
                for each, part in zip(names, values, strict=True):
                    path = self._bound(each, part, path)
                return path
            case ast.Starred(value=inner):
                return self._bound(inner, Unknown(ast.unparse(inner)), path)
        if self._type_kind(substituted(target, path.names)):
            return replace(path, types=None, excluded=(), fuzzy=target.lineno)
        return path

    def _imported(self, node: ast.Import | ast.ImportFrom, path: Path) -> Path:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            path = path.bound(name, self._import(node, alias, name))
        return path

    def _import(self, node: ast.Import | ast.ImportFrom, alias: ast.alias, name: str) -> ast.expr:
        """What an import inside the function brings, if its module is there already."""
        if isinstance(node, ast.Import):
            module = sys.modules.get(alias.name if alias.asname else name)
            return Unknown(name) if module is None else Value(module, name)
        package = str(self.scope.function.__globals__.get("__package__") or "").split(".")
        base = package[: len(package) - node.level + 1] if node.level else []
        source = sys.modules.get(".".join([*base, *filter(None, [node.module])]))
        found = vars(source).get(alias.name, MISSING) if source is not None else MISSING
        return ast.Name(alias.name, ast.Load()) if found is MISSING else Value(found, name)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, path: Path) -> list[Path]:
        rows = self._rows(node, path)
        if rows is not None and isinstance(node, ast.For):
            return self._unrolled(node, rows, path)
        before = _forgotten(path, [node])
        inside, after = [before], [before]
        if isinstance(node, ast.While):
            inside, after = self.split(node.test, before)
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
                return rows if len(rows) <= _LONGEST_TABLE else None
            case ast.Call(func=ast.Attribute(value=table, attr="items"), args=[]):
                pairs = self._table(table)
                return None if pairs is None else [
                    ast.Tuple([ast.Constant(key), value], ast.Load()) for key, value in pairs
                ]  # fmt: skip
        return None

    def _unrolled(self, node: ast.For, rows: list[ast.expr], path: Path) -> list[Path]:
        paths, broken = [path], list[Path]()
        for row in rows:
            paths = self.block(node.body, [self._bound(node.target, row, each) for each in paths])
            broken += [replace(each, jump=None) for each in paths if each.jump == "break"]
            paths = merged([replace(p, jump=None) for p in paths if p.jump != "break"])
        return merged(broken + self.block(node.orelse, paths))

    def _try(self, node: ast.Try | ast.TryStar, path: Path) -> list[Path]:
        raised: list[Path] = []
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
            caught = merged([replace(_forgotten(each, node.body), error=name) for each in raised])
            if handler.name is not None:
                caught = [each.bound(handler.name, Unknown(handler.name)) for each in caught]
            # The exception is behind them once they leave the handler.
            left += [replace(each, error=path.error) for each in self.block(handler.body, caught)]
        if any(isinstance(each, ast.Return) for part in node.finalbody for each in ast.walk(part)):
            self.walker.note(node.lineno, "a return in finally overrides the others")
        jumps = [each for each in left if each.jump]
        return jumps + self.block(node.finalbody, merged([e for e in left if not e.jump]))

    # Values: an expression may mean different things to different messages.

    def values(self, node: ast.expr, path: Path) -> list[tuple[ast.expr, Path]]:
        """What an expression comes to, by the way on which it does."""
        path = self._walruses(node, path)
        return list(self.resolved(substituted(node, path.names), path, node.lineno))

    def resolved(self, node: ast.expr, path: Path, line: int) -> Iterator[tuple[ast.expr, Path]]:
        """What an expression without local names comes to, by the way on which it does."""
        self._count(1)
        if isinstance(node, ast.Await):
            yield from self.resolved(node.value, path, line)
            return
        if isinstance(node, ast.IfExp):
            yes, no = self.divided(node.test, path, line)
            for part, paths in ((node.body, yes), (node.orelse, no)):
                for each in paths:
                    yield from self.resolved(part, each, line)
            return
        choice = self._lookup(node, path, line)
        if choice is not None:
            for value, after in choice:
                yield from self.resolved(value, after, line)
            return
        called = self._called(node, path, line)
        if called is not None:
            yield from called
        else:
            yield node, path

    def _lookup(self, node: ast.expr, path: Path, line: int
                ) -> list[tuple[ast.expr, Path]] | None:  # fmt: skip
        """The first look-up of the message type in a table, taken apart."""
        for part in ast.walk(node):
            default: ast.expr | None = None
            match part:
                case ast.Subscript(value=table, slice=key):
                    pass
                case ast.Call(func=ast.Attribute(value=table, attr="get"), args=[key, *rest]):
                    default = rest[0] if rest else ast.Constant(None)
                case _:
                    continue
            kind = self._type_kind(key)
            pairs = self._table(table) if kind else None
            if pairs is None:
                continue
            assert isinstance(part, ast.expr)
            found = []
            others: Path | None = path
            for text, value in pairs:
                mine = path.only([text])
                if mine is not None:
                    found.append((replaced(node, part, value), mine))
            others = path.without([text for text, _ in pairs])
            if default is not None and others is not None:
                found.append((replaced(node, part, default), others))
            return found
        return None

    def _table(self, node: ast.expr) -> list[tuple[str, ast.expr]] | None:
        """A dict of the code, or one that is found under a name, by message type."""
        if isinstance(node, ast.Dict):
            keys = [None if key is None else self.scope.strings_of(key, True) for key in node.keys]
            if len(keys) > _LONGEST_TABLE or not all(key and len(key) == 1 for key in keys):
                return None
            return [(key[0], value) for key, value in zip(keys, node.values, strict=True) if key]
        table = self.scope.value_of(node)
        if type(table) is not dict or len(table) > _LONGEST_TABLE:
            return None
        pairs: list[tuple[str, ast.expr]] = []
        for key, value in table.items():
            text = self.scope.strings_of(Value(key, "key"), True)
            if text is None or len(text) != 1:
                return None
            plain = isinstance(value, str | bool | int | float | None)
            name = getattr(value, "__name__", "value") if isinstance(value, type) else "value"
            pairs.append((text[0], ast.Constant(value) if plain else Value(value, name)))
        return pairs

    def _called(self, node: ast.expr, path: Path, line: int
                ) -> list[tuple[ast.expr, Path]] | None:  # fmt: skip
        """What a function of the user's own comes to, where it can be followed."""
        if not isinstance(node, ast.Call):
            return None
        function, arguments = self._function(node)
        if function is None or any(each.arg is None for each in node.keywords):
            return None
        named = {each.arg: each.value for each in node.keywords}
        places = function.__code__.co_varnames[len(arguments) : function.__code__.co_argcount]
        for place in places:
            if place not in named:
                break
            arguments = [*arguments, named[place]]
        if function is DECLARED:
            return [(Value(DECLARED, "super().handle_message"), path)]
        if self.depth >= _DEEPEST or not self._is_own(function):
            return None
        answers = self.walker.follow(function, arguments, path, self.depth + 1)
        if isinstance(answers, str):
            return None
        return [
            (each.scope.closed(each.value), replace(each.path, names=path.names, jump=path.jump))
            for each in answers
        ]

    def _is_own(self, function: FunctionType) -> bool:
        """Whether a function belongs to the code of the state, and not to a library."""
        packages = {
            each.__module__.partition(".")[0]
            for each in (self.scope.function, self.walker.state_class)
        }
        return function.__module__.partition(".")[0] in packages

    def _function(self, node: ast.Call) -> tuple[FunctionType | None, list[ast.expr]]:
        """The function that is called, and all its arguments."""
        arguments = list(node.args)
        match node.func:
            case ast.Attribute(value=Role(role="self") as own, attr=name):
                found = self.scope.value_of(ast.Attribute(own, name, ast.Load()))
            case ast.Call(func=ast.Name(id="getattr"), args=[Role(role="self") as own,
                          ast.Constant(value=str(name)), *_]):  # fmt: skip
                found = self.scope.value_of(ast.Attribute(own, name, ast.Load()))
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name):
                own = Role(SELF)
                found = self._inherited(name)
            case func:
                found = self.scope.value_of(func)
                return (found if isinstance(found, FunctionType) else None), arguments
        if isinstance(found, staticmethod):
            inner = found.__func__
            return (inner if isinstance(inner, FunctionType) else None), arguments
        return (found if isinstance(found, FunctionType) else None), [own, *arguments]

    def _inherited(self, name: str) -> object:
        """What ``super()`` finds in the class after the one that this function is written in."""
        after = False
        for cls in self.walker.state_class.__mro__:
            if after and name in vars(cls):
                return vars(cls)[name]
            after = after or any(each is self.scope.function for each in vars(cls).values())
        return MISSING

    # Conditions: those on the type narrow, the others become guards.

    def split(self, node: ast.expr, path: Path) -> Split:
        """The ways on which a condition holds, and those on which it does not."""
        return self._split_all(node, [path])

    def _split_all(self, node: ast.expr, paths: list[Path]) -> Split:
        yes: list[Path] = []
        no: list[Path] = []
        for path in paths:
            after = self._walruses(node, path)
            more, left = self.divided(substituted(node, after.names), after, node.lineno)
            yes += more
            no += left
        return merged(yes), merged(no)

    def _split_pairs(self, node: ast.expr, paths: list[Path], line: int) -> Split:
        results = [self.divided(node, each, line) for each in paths]
        return [e for yes, _ in results for e in yes], [e for _, no in results for e in no]

    def divided(self, node: ast.expr, path: Path, line: int) -> Split:
        """As `split`, of a condition without local names."""
        self._count(1)
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                yes, no = self.divided(inner, path, line)
                return no, yes
            case ast.BoolOp(op=ast.And(), values=parts) if not self._type_kind(node):
                return self._all(parts, path, line)
            case ast.BoolOp(op=ast.Or(), values=parts) if not self._type_kind(node):
                negated: list[ast.expr] = [ast.UnaryOp(ast.Not(), each) for each in parts]
                no, yes = self._all(negated, path, line)
                return yes, no
            case ast.Compare(ops=[_]):
                return self._compared(node, path, line)
            case ast.IfExp() | ast.Await():
                return self._of_values(self.resolved(node, path, line), path, line)
        if self._type_kind(node):
            return [path], []  # every message has a type
        if _is_role(node, SELF) or _is_role(node, MESSAGE) or _is_role(node, COMPONENT):
            return [path], []
        value = self.scope.value_of(node)
        if value is None or isinstance(value, bool | int | str | FunctionType | type):
            return ([path], []) if value else ([], [path])
        choice = self._lookup(node, path, line)
        if choice is not None:
            return self._of_values(iter(choice), path, line)
        if isinstance(node, ast.Call) and _mentions(node):
            plain = self._plain(node, path, line)
            if plain is not None:
                return self.divided(plain, path, line)
        return self._opaque(node, path, line, about_type=_mentions(node))

    def _all(self, parts: list[ast.expr], path: Path, line: int) -> Split:
        yes, no = [path], list[Path]()
        for part in parts:
            yes, missed = self._split_pairs(part, yes, line)
            no += missed
        return yes, no

    def _of_values(self, values: Iterable[tuple[ast.expr, Path]], path: Path, line: int) -> Split:
        results = []
        for value, after in values:
            if isinstance(value, ast.Await | ast.IfExp):
                results.append(self._opaque(value, after, line, about_type=_mentions(value)))
            else:
                results.append(self.divided(value, after, line))
        return [e for yes, _ in results for e in yes], [e for _, no in results for e in no]

    def _plain(self, node: ast.Call, path: Path, line: int) -> ast.expr | None:
        """What a function with a single ``return`` says, as if it stood here."""
        function, _ = self._function(node)
        if function is None:
            return None
        tree = function_node(function)
        if isinstance(tree, str) or not isinstance(tree.body[-1], ast.Return):
            return None
        if [e for e in tree.body[:-1] if not (isinstance(e, ast.Expr) and _is_text(e.value))]:
            return None
        answers = self._called(node, path, line)
        return answers[0][0] if answers is not None and len(answers) == 1 else None

    def _compared(self, node: ast.Compare, path: Path, line: int) -> Split:
        subject, operator, other = node.left, node.ops[0], node.comparators[0]
        single = isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot)
        if single and not self._type_kind(subject) and self._type_kind(other):
            subject, other = other, subject
        kind = self._type_kind(subject)
        if kind is None:
            decided = self._constant(node)
            if decided is not None:
                return ([path], []) if decided else ([], [path])
            return self._opaque(node, path, line, about_type=_mentions(node))
        turned = isinstance(operator, ast.NotEq | ast.NotIn | ast.IsNot)
        if single and self.scope.value_of(other) is None:
            texts: tuple[str, ...] | None = ()  # no message has None for a type
        elif single or isinstance(operator, ast.In | ast.NotIn):
            texts = self.scope.strings_of(other, kind == "enum")
            if single and texts is not None and not self._is_one(other, kind):
                texts = None
            if not single and isinstance(self.scope.value_of(other), str):
                texts = None  # a part of a string
        else:
            texts = None
        if texts is None:
            return self._opaque(node, path, line, about_type=True)
        yes = [each for each in [path.only(texts)] if each is not None]
        no = [each for each in [path.without(texts)] if each is not None]
        return (no, yes) if turned else (yes, no)

    def _is_one(self, node: ast.expr, kind: str) -> bool:
        value = self.scope.value_of(node)
        return isinstance(value, str) or (kind == "enum" and isinstance(value, enum.Enum))

    def _constant(self, node: ast.Compare) -> bool | None:
        """What a comparison of two constants says, such as ``handler is None``."""
        if not isinstance(node.ops[0], ast.Is | ast.IsNot | ast.Eq | ast.NotEq):
            return None
        positive = isinstance(node.ops[0], ast.Is | ast.Eq)
        other = node.comparators[0]
        values = [self.scope.value_of(each) for each in (node.left, other)]
        if values[1] is None and isinstance(node.left, Role):
            return not positive
        if any(value is MISSING for value in values):
            made = isinstance(node.left, ast.Call) and isinstance(
                self.scope.value_of(node.left.func), type
            )
            # A method of self, or an object that was just made, is not None.
            return not positive if values[1] is None and made else None
        plain = (str, int, bool, float, type(None))
        if all(isinstance(value, plain) for value in values):
            return bool((values[0] == values[1]) is positive)
        return not positive if values[1] is None or values[0] is None else None

    def _opaque(self, node: ast.expr, path: Path, line: int, *, about_type: bool) -> Split:
        if about_type and path.types is None:
            path = replace(path, fuzzy=line)
        yes, no = label(node), label(node, negated=True)
        # Only messages are sure to be the same when they are asked again.
        if _is_about_message(node):
            if yes in path.guards:
                return [path], []
            if no in path.guards:
                return [], [path]
        return [path.guarded(yes)], [path.guarded(no)]

    def _type_kind(self, node: ast.expr) -> str | None:
        """Whether an expression is the message's type, as a string or as a member of an enum."""
        match node:
            case ast.Subscript(value=Role(role="message"), slice=ast.Constant(value="type")):
                return "text"
            case ast.Call(
                func=ast.Attribute(value=Role(role="message"), attr="get" | "pop"),
                args=[ast.Constant(value="type"), *_],
            ):
                return "text"
            case ast.Call(func=ast.Name(id="str"), args=[inner]):
                return self._type_kind(inner)
            case ast.BoolOp(op=ast.Or(), values=[inner, ast.Constant()]):
                return self._type_kind(inner)
            case ast.Call(func=func, args=[inner], keywords=[]) if self._type_kind(inner):
                return "enum" if isinstance(self.scope.value_of(func), enum.EnumMeta) else None
        return None

    def _walruses(self, node: ast.AST, path: Path) -> Path:
        for each in ast.walk(node):
            if isinstance(each, ast.NamedExpr):
                path = path.bound(each.target.id, substituted(each.value, path.names))
        return path


def _is_role(node: ast.AST, role: str) -> bool:
    return isinstance(node, Role) and node.role == role


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def _mentions(node: ast.AST) -> bool:
    """Whether the type, or the whole message, has a part in an expression."""
    match node:
        case ast.Subscript(value=Role(role="message"), slice=ast.Constant(value=key)):
            return key == "type"
        case ast.Call(
            func=ast.Attribute(value=Role(role="message"), attr="get" | "pop"),
            args=[ast.Constant(value=key), *rest],
        ):
            return key == "type" or any(map(_mentions, rest))
        case ast.Compare(left=ast.Constant(), ops=[ast.In() | ast.NotIn()],
                         comparators=[Role(role="message")]):  # fmt: skip
            return False
    if _is_role(node, MESSAGE):
        return True
    return any(map(_mentions, ast.iter_child_nodes(node)))


def _is_about_message(node: ast.AST) -> bool:
    parts = [each for each in ast.walk(node) if isinstance(each, Role)]
    return bool(parts) and all(each.role == MESSAGE for each in parts)


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


def _forgotten(path: Path, nodes: Iterable[ast.AST]) -> Path:
    """The way without what it knows of names that these statements may give a value."""
    names = dict(path.names)
    for node in nodes:
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store | ast.Del):
                names[each.id] = Unknown(each.id)
            elif isinstance(each, _SCOPES):
                names[each.name] = Unknown(each.name)
    return replace(path, names=names)
