"""The pages about errors, without a network: ``errors``."""

from __future__ import annotations

from pathlib import Path

import click

import flexiflow
from flexiflow.cli.boundary import Command
from flexiflow.cli.output import say
from flexiflow.errors import InvalidValue, bounded_repr, suggestion

_PACKAGE = Path(flexiflow.__file__).parent


@click.command(cls=Command)
@click.argument("name", required=False, default="FlexiFlowError")
def errors(name: str) -> None:
    """Show the page about an error: when it comes, and what to do.

    Without a name: what all errors have in common, and which there are.

    \b
    Example:
      flexiflow errors StateError
    """
    pages = _pages()
    if name not in pages:
        raise InvalidValue(
            f"No error is called {bounded_repr(name, 80)}.",
            why=f"There are: {', '.join(pages)}.",
            fix=suggestion(name, pages) or "Run `flexiflow errors` to see what there is.",
            context={"name": name},
        )
    for line in pages[name].read_text(encoding="utf-8").splitlines():
        say(line, wrap=False)
    if name == "FlexiFlowError":
        say()
        say("There are: " + ", ".join(each for each in pages if each != name) + ".")


def _pages() -> dict[str, Path]:
    """The pages by name; a wheel has them in the package, a checkout in its docs."""
    folder = _PACKAGE / "error_pages"
    if not folder.exists():
        folder = _PACKAGE.parent / "docs" / "errors"
    return {path.stem: path for path in sorted(folder.glob("*.md")) if path.stem != "index"}
