"""Variants: the different paths that components took through their states."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes, words
from flexiflow.analysis.base.quantiles import quantiles
from flexiflow.analysis.reading.moves import moves_frame
from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.stays import Stays, stays_of
from flexiflow.errors import InvalidValue, bounded_repr

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 12
"""States at each end of a path's text; those between are counted."""


@dataclass(frozen=True, slots=True, repr=False)
class Variants:
    """Paths, and who took them.

    Attributes:
        frame: one row a path, the most taken first; the columns of `shapes.VARIANTS`.
        paths: the states of each row's path, whole.
    """

    frame: pd.DataFrame
    paths: list[tuple[str, ...]]
    _followed: list[list[tuple[Any, ...]]]

    def rows(self, place: int) -> pd.DataFrame:
        """The components that took a path, by name.

        Args:
            place: the path's row in `frame`.

        Returns:
            a DataFrame with the columns of `shapes.FOLLOWED`.

        Raises:
            InvalidValue: (a ValueError) where there is no such row.
        """
        if isinstance(place, int) and 0 <= place < len(self._followed):
            return frames.frame(shapes.FOLLOWED, self._followed[place])
        raise InvalidValue(
            f"There is no variant {bounded_repr(place, 40)}.",
            why=f"There are {len(self.paths)}, counted from 0.",
            fix="Take the number of a row of .frame.",
            context={"place": place, "variants": len(self.paths)},
        )

    def __repr__(self) -> str:
        head = f"{words.plural(len(self.paths), 'variant')}."
        total = sum(map(len, self._followed))
        lines = [
            f"{words.plural(len(components), 'component')} ({len(components) / total:.0%}): "
            f"{words.name(_text(path), 400)}"
            for path, components in zip(self.paths[:10], self._followed, strict=False)
        ]
        more = len(self.paths) - len(lines)
        return "\n".join([head, *lines, *([f"… and {words.count(more)} more"] if more else [])])


def variants(sources: Sequence[Source]) -> Variants:
    """The paths that components took; see `History.variants`."""
    stays = stays_of(moves_frame(sources))
    followed = _by_path(stays)
    total = sum(map(len, followed.values()))
    ordered = sorted(followed.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = [_row(path, components, total) for path, components in ordered]
    return Variants(
        frames.frame(shapes.VARIANTS, rows),
        [path for path, _ in ordered],
        [components for _, components in ordered],
    )


def _by_path(stays: Stays) -> dict[tuple[str, ...], list[tuple[Any, ...]]]:
    """By path (component, start, end, took) of each that took it, times in microseconds."""
    import numpy as np

    (last,) = np.nonzero(~stays.goes_on)
    first = np.append(0, last[:-1] + 1)[: len(last)]
    # As bytes a long path is compared at once; its names are looked up once a path.
    found: dict[bytes, list[tuple[Any, ...]]] = defaultdict(list)
    for start, end in zip(first.tolist(), last.tolist(), strict=True):
        path = stays.state[start : end + 1].tobytes()
        began, ended = (_time(stays.entered_us[place]) for place in (start, end))
        took = None if began is None or ended is None else max(ended - began, 0)
        found[path].append((stays.components[stays.component[start]], began, ended, took))
    dtype = stays.state.dtype
    return {
        tuple(stays.states[code] for code in np.frombuffer(path, dtype)): components
        for path, components in found.items()
    }


def _time(time_us: Any) -> int | None:
    return None if time_us == frames.NO_NUMBER else int(time_us)


def _row(path: tuple[str, ...], components: list[tuple[Any, ...]], total: int) -> tuple[Any, ...]:
    import numpy as np

    known = [took for *_, took in components if took is not None]
    took = quantiles(np.array(known, dtype=np.int64)) or (None, None)
    count = len(components)
    return (_text(path), len(path), count, count / total, *took[:2], components[0][0])


def _text(path: tuple[str, ...]) -> str:
    left_out = len(path) - 2 * _SHOWN
    if left_out <= 1:
        return " → ".join(path)
    between = f"… {words.count(left_out)} more …"
    return " → ".join([*path[:_SHOWN], between, *path[-_SHOWN:]])
