"""What every group of a history's questions stands on: its databases, and whom they know.

`History` inherits its questions from `rows`, `row`, `component` and `many` beside this module. They
ask `sources` alone and never each other, so none of them needs to know
`History`; a question that does has its place there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Concatenate, ParamSpec, TypeVar

from flexiflow.analysis.reading.source import Source, despite_damage
from flexiflow.errors import InvalidType, bounded_repr, listed

P = ParamSpec("P")
Answer = TypeVar("Answer")
SomeAsked = TypeVar("SomeAsked", bound="Asked")


def asked_despite_damage(
    question: Callable[Concatenate[SomeAsked, P], Answer],
) -> Callable[Concatenate[SomeAsked, P], Answer]:
    """A question that is asked again of what can be read, where it meets damage in a file."""

    @wraps(question)
    def asked(self: SomeAsked, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        return despite_damage(self.sources, partial(question, self, *args, **kwargs))

    return asked


class Asked:
    """One or several databases that are asked."""

    sources: list[Source]

    @asked_despite_damage
    def names(self) -> list[str]:
        """The names of all components, sorted."""
        from flexiflow.analysis.reading.components import component_names

        return component_names(self.sources)

    @asked_despite_damage
    def require(self, component: str | None) -> str | None:
        """The name under which a component is stored: lone surrogates in it are spelt out.

        Raises:
            ComponentNotFound: (a KeyError) with the nearest names, where nobody recorded it.
        """
        from flexiflow.analysis.reading.components import require_component

        return None if component is None else require_component(self.sources, component)

    def _require_one(self, question: str, component: str | None) -> str:
        """The name under which a component is stored: the only one, where none is named.

        Raises:
            ComponentNotFound: (a KeyError) where nobody recorded it.
            InvalidType: (a TypeError) where none is named, and one is not all there is.
        """
        from flexiflow.analysis.reading.components import require_component

        if component is None:
            return only_one(question, self.names())
        if not isinstance(component, str):
            raise InvalidType(
                f"{question}() needs a component's name, not {bounded_repr(component, 80)}.",
                why="The answer is about one component.",
                fix=f'Write history.{question}("order-1042"); history.names() lists them.',
                context={"component": component},
            )
        return require_component(self.sources, component)


def only_one(question: str, names: Sequence[str], are: str = "recorded") -> str:
    """The only name there is, for a question to which none was given.

    Args:
        question: what was asked.
        names: those who may be meant, the likeliest first.
        are: what they have in common.

    Raises:
        InvalidType: (a TypeError) where it is not clear who is meant.
    """
    if len(names) == 1:
        return names[0]
    known = f"{len(names):,} are {are}: {listed(list(names))}" if names else f"none is {are}"
    meant = f"Write history.{question}({bounded_repr(names[0], 80)})." if names else None
    raise InvalidType(
        f"{question}() needs a component's name.",
        why=f"The answer is about one component, and {known}.",
        fix=meant or "Record something first, or correct the path.",
        context={"component": None, "components": len(names)},
    )
