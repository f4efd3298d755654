"""What all widgets share: strict arguments, a static picture, a selection, and an offline file."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from flexiflow.errors import (
    FlexiFlowError,
    InvalidType,
    InvalidValue,
    bounded,
    bounded_repr,
    class_and_text,
    suggestion,
)
from flexiflow.notebook.widgets import modules
from flexiflow.notebook.widgets.page import offline_page
from flexiflow.persistence.atomic import write_atomically

if TYPE_CHECKING:
    import pandas as pd

_WIDGET = "application/vnd.jupyter.widget-view+json"
_LONGEST_ERROR = 2_000
_OF_JUPYTER = frozenset({"layout", "tabbable", "tooltip"})


class Widget(anywidget.AnyWidget):
    """The base of every widget here.

    A subclass sets ``_esm = modules.script("name.js")``, declares its traits (those that users
    may give are tagged ``argument=True``), and gives `static_html`, `static_text` and `rows`. It
    is shown as two outputs: the static picture, and the widget, which hides that picture once it
    is mounted. Where the kernel is gone, or no script runs, the picture stays.

    Args:
        **traits: values by name; a name that is none is refused.

    Raises:
        InvalidType: (a TypeError) for a name that the widget does not have.
    """

    _css = modules.style()

    height = traitlets.Int(560, min=200, max=4000, help="pixels").tag(sync=True, argument=True)
    selection = traitlets.Dict(help="what is selected; empty where nothing is").tag(
        sync=True, argument=True
    )
    _picture = traitlets.Unicode(help="marks the static picture that is to be hidden").tag(
        sync=True
    )

    def __init__(self, **traits: Any) -> None:
        self._refuse_unknown(traits)
        super().__init__(**traits, _picture=secrets.token_hex(8))

    def rows(self) -> pd.DataFrame:
        """The rows that the selection is about; all that the widget shows without one."""
        raise NotImplementedError

    def static_html(self) -> str:
        """What is shown where no script runs."""
        raise NotImplementedError

    def static_text(self) -> str:
        """The same in words, one or a few lines."""
        raise NotImplementedError

    def save_html(self, path: str | Path) -> Path:
        """Write the widget as one file that works in any browser and makes no request.

        Args:
            path: the file; replaced as a whole, or left as it was where that fails.

        Raises:
            PersistenceError: where it can't be written.
        """
        page = offline_page(
            self.static_text().partition("\n")[0],
            f"Saved {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC. What needs Python is left out.",
            str(self._esm),
            str(self._css),
            self._values(),
            self.static_html(),
        )
        file = Path(path)
        write_atomically(file, page.encode("utf-8", "backslashreplace"))
        return file

    def _values(self) -> dict[str, Any]:
        """The synced values of this widget's own, by name."""
        names = set(self.traits(sync=True)) - set(anywidget.AnyWidget.class_traits(sync=True))
        own = {name for name in names if not name.startswith("_") or name == "_picture"}
        return {name: getattr(self, name) for name in own}

    @traitlets.validate("selection")
    def _checked_selection(self, proposal: Any) -> dict[str, Any]:
        chosen: dict[str, Any] = proposal["value"]
        self.check_selection(chosen)
        return chosen

    def check_selection(self, chosen: Mapping[str, Any]) -> None:
        """Raise `InvalidValue` where a selection is none; a subclass knows what it may be."""

    def _refuse_unknown(self, traits: Mapping[str, Any]) -> None:
        known = _OF_JUPYTER.union(self.traits(argument=True))
        for name in traits:
            if name not in known:
                raise InvalidType(
                    f"{type(self).__name__} has no argument {name!r}.",
                    why=f"It takes {', '.join(sorted(known))}.",
                    fix=suggestion(name, sorted(known)) or "Leave it out.",
                    context={"argument": name, "value": traits[name]},
                )

    # -- how it is shown ------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"{self.static_text()}\nas of {_now()}; re-run this cell to make it live"

    def _ipython_display_(self) -> None:
        from IPython import get_ipython
        from IPython.display import display

        if not hasattr(get_ipython(), "kernel"):  # a terminal shows the text, once
            print(repr(self), file=sys.stdout)
            return
        display(self._static_bundle(), raw=True)  # type: ignore[no-untyped-call]
        widget = {_WIDGET: self._view(), "text/plain": repr(self)}
        display(widget, raw=True)  # type: ignore[no-untyped-call]

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {**self._static_bundle(), _WIDGET: self._view()}, {}

    def _static_bundle(self) -> dict[str, Any]:
        marked = f'<div data-flexiflow-picture="{self._picture}">{self.static_html()}</div>'
        return {"text/html": marked, "text/plain": repr(self)}

    def _view(self) -> dict[str, Any]:
        return {"version_major": 2, "version_minor": 0, "model_id": self.model_id}


def unknown_selection(what: str, value: Any, known: list[str]) -> InvalidValue:
    """A selection names something that the widget does not show."""
    return InvalidValue(
        f"There is no {what} {bounded_repr(value, 80)} to select.",
        why=f"The widget does not show such a {what}.",
        fix=suggestion(str(value), known) or "Set selection to {} to clear it.",
        context={what: value, "known": known[:20]},
    )


def error_words(exc: Exception) -> str:
    """An error as the answer to a person who asked: all parts of one of ours, or its class."""
    text = str(exc) if isinstance(exc, FlexiFlowError) else class_and_text(exc, _LONGEST_ERROR)
    return bounded(text, _LONGEST_ERROR)


def _now() -> str:
    return f"{datetime.now(UTC):%H:%M:%S} UTC"
