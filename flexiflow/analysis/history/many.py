"""Questions to a history in which components are judged beside others of their kind."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from flexiflow.analysis.history.asked import Asked, asked_despite_damage

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.questions.variants import Variants


class ManyQuestions(Asked):
    """Which components are not like the rest."""

    @asked_despite_damage
    def stuck(
        self,
        *,
        factor: float = 3.0,
        min_departures: int = 5,
        min_dwell: timedelta | str | int = "100ms",
    ) -> pd.DataFrame:
        """Components that should have moved on, the worst first.

        A component is stuck when it is in a state that is not final for longer than `factor`
        times the 95th percentile of its siblings' stays: other components in the same state of
        the same machine. With fewer than `min_departures` of those it is listed as unknown. Which
        states are final is what the file's own machine says, and which are ``resting=True``:
        nobody is stuck there.

        Args:
            factor: how many times p95, which is a stay that was really seen (nearest rank).
            min_departures: how many stays of others it takes to judge.
            min_dwell: a shorter stay is not stuck, however short those of its siblings are: a
                timedelta, text such as ``"2s"``, or 0.

        Returns:
            a DataFrame with the columns of `shapes.STUCK`: the stuck ones by `ratio`, then the
            unknown ones by `dwell`.

        Raises:
            InvalidValue: (a ValueError) where an argument makes no sense.
        """
        from flexiflow.analysis.base.moments import duration_us
        from flexiflow.analysis.questions.stuck import stuck_frame

        shortest_us = duration_us("min_dwell", min_dwell)
        return stuck_frame(self.sources, factor, min_departures, shortest_us)

    @asked_despite_damage
    def outliers(
        self,
        of: Literal["stays", "steps"] = "stays",
        *,
        factor: float = 3.0,
        min_siblings: int = 5,
        min_took: timedelta | str | int = "10ms",
    ) -> pd.DataFrame:
        """What took far longer than is usual, also where it ended; the most time lost first.

        A stay is compared with those in the same state of the same machine; a step with those of
        the same message there. Usual is their median, of those that ended.

        Args:
            of: the stays in states, or the steps.
            factor: how many times the usual time.
            min_siblings: how many must have ended, to compare with.
            min_took: what took less is no outlier: a timedelta, text such as ``"2s"``, or 0.

        Returns:
            a DataFrame with the columns of `shapes.OUTLIERS`.

        Raises:
            InvalidValue: (a ValueError) where an argument makes no sense.
        """
        from flexiflow.analysis.base.moments import duration_us
        from flexiflow.analysis.questions.outliers import outliers_frame

        shortest_us = duration_us("min_took", min_took)
        return outliers_frame(self.sources, of, factor, min_siblings, shortest_us)

    @asked_despite_damage
    def variants(self) -> Variants:
        """The different paths through states that components took, and how many took each.

        A component that has not come to an end counts with the path that it took so far.

        Returns:
            a `Variants`: ``frame`` (the columns of `shapes.VARIANTS`), ``paths``, and
            ``rows(0)``, the components that took the first one.
        """
        from flexiflow.analysis.questions.variants import variants

        return variants(self.sources)
