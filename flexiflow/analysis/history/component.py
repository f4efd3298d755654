"""Questions to a history about what became of one component."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexiflow.analysis.history.asked import Asked, asked_despite_damage
from flexiflow.errors import InvalidType, bounded_repr

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.questions.story import Story
    from flexiflow.analysis.questions.when import Intervals


class ComponentQuestions(Asked):
    """Which step changed what, when something held, and how it all went."""

    @asked_despite_damage
    def blame(self, component: str | None = None, field: str | None = None) -> pd.DataFrame:
        """What changed a component's fields, in the order of the history: the last row is the last.

        A change that was made outside of any step shows at the step after it.

        Args:
            component: the component; the only one that there is unless given.
            field: ``total``, ``items[0].price``, ``state`` or ``rules``; ``metadata.state`` is a
                field of that name. All unless given.

        Returns:
            a DataFrame with the columns of `shapes.BLAME`.

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            InvalidType: (a TypeError) where none is named, and there are several.
            InvalidValue: (a ValueError) for a field that was never recorded.
        """
        from flexiflow.analysis.questions.blame import blame_frame

        component = self._require_one("blame", component)
        return blame_frame(self.sources, component, field)

    @asked_despite_damage
    def when(self, component: str | None = None, condition: str | None = None) -> Intervals:
        """When a condition on recorded fields held, e.g. ``"attempts > 2 and state == 'Paying'"``.

        Nothing is evaluated by Python itself. A field that is not there is None, as null is.

        Args:
            component: one component; None for all that have any of the condition's fields.
            condition: fields as in `blame`, constants (``true false null``), lists,
                ``== != < <= > >= in``, ``and or not``, ``+ - * / // %``, ``changed(field)``,
                ``exists(field)``, ``len(value)``.

        Returns:
            intervals, one after the other, with ``first``, ``last``, ``longest``, ``text``, and
            ``frame`` (the columns of `shapes.WHEN`).

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            InvalidType: (a TypeError) where there is no condition.
            InvalidValue: (a ValueError) where the condition can't be read, or asks for a field
                that was never recorded.
        """
        from flexiflow.analysis.questions.when import intervals

        if condition is None:
            raise _no_condition(component)
        component = self.require(component)
        return intervals(self.sources, component, condition)

    @asked_despite_damage
    def story(self, component: str | None = None, *, limit: int = 30) -> Story:
        """A component's history in plain sentences.

        Args:
            component: the component; the only one that there is unless given.
            limit: about how many sentences; what is left out is said where it is missing.

        Returns:
            a `Story` with ``text``, ``sentences``, ``left_out`` and ``frame`` (the columns of
            `shapes.STORY`).

        Raises:
            ComponentNotFound: (a KeyError) for an unknown component.
            InvalidType: (a TypeError) where none is named, and there are several.
            InvalidValue: (a ValueError) where the limit is no number.
        """
        from flexiflow.analysis.questions.story import story_of
        from flexiflow.analysis.reading.rows import row_count

        component = self._require_one("story", component)
        return story_of(self.sources, component, row_count(limit))


def _no_condition(component: object) -> InvalidType:
    # Who has only a condition to say writes it first.
    condition = component if isinstance(component, str) and " " in component else "attempts > 2"
    return InvalidType(
        "when() needs a condition.",
        why="It says when a condition on recorded fields held, of one component or of all (None).",
        fix=f"Write history.when(None, {bounded_repr(condition, 200)}).",
        context={"component": component, "condition": None},
    )
