"""The pages about errors, without a network: ``errors``."""

from __future__ import annotations

from pathlib import Path

import click

import flexiflow
from flexiflow.cli.boundary import Command
from flexiflow.cli.json_text import print_json
from flexiflow.cli.output import say
from flexiflow.errors import InvalidValue, bounded_repr, suggestion

_PACKAGE = Path(flexiflow.__file__).parent


@click.command(cls=Command)
@click.argument("name", required=False, default="FlexiFlowError")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def errors(name: str, as_json: bool) -> None:
    """Show the page about an error: when it comes, and what to do.

    Without a name: what all errors have in common, and which there are.

    \b
    Example:
      flexiflow errors StateError

    JSON: {"name", "page", "others"}
    """
    pages = _pages()
    if name not in pages:
        raise InvalidValue(
            f"No error is called {bounded_repr(name, 80)}.",
            why=f"There are: {', '.join(pages)}.",
            fix=suggestion(name, pages) or "Run `flexiflow errors` to see what there is.",
            context={"name": name},
        )
    page = pages[name].read_text(encoding="utf-8")
    others = [each for each in pages if each != name]
    if as_json:
        print_json({"name": name, "page": page, "others": others})
        return
    for line in page.splitlines():
        say(line, wrap=False)
    if name == "FlexiFlowError":
        say()
        say(f"There are: {', '.join(others)}.")


def _pages() -> dict[str, Path]:
    """The pages by name; a wheel has them in the package, a checkout in its docs."""
    folder = _PACKAGE / "error_pages"
    if not folder.exists():
        folder = _PACKAGE.parent / "docs" / "errors"
    return {path.stem: path for path in sorted(folder.glob("*.md")) if path.stem != "index"}
