"""Running a notebook to a page that needs nothing else: ``python -m flexiflow.notebook.execute``.

nbconvert's own page asks other hosts for scripts. This one holds the cells, the outputs and the
styles, and its content security policy forbids every request.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import os
import re
import tempfile
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from flexiflow.errors import FlexiFlowError, StateFileNotFound, bounded_repr

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:"

_SECONDS_A_CELL = 45
_SECONDS_A_CELL_AT_MOST = 600

_WIDGET = "application/vnd.jupyter.widget-view+json"
_WIDGET_NOTE = "<p class='live'>A live widget is here when the notebook runs.</p>"

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body><main>
{body}
</main></body>
</html>
"""

_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, CanvasText 16%, Canvas); }
body { margin: 0; font: 15px/1.6 system-ui, sans-serif; background: Canvas; color: CanvasText; }
main { max-width: 1000px; margin: 0 auto; padding: 24px; }
pre, code { font-family: ui-monospace, monospace; font-size: 12.5px; }
pre { overflow-x: auto; line-height: 1.5; }
.prompt, .anchor-link { display: none; }
.input_area { border: 1px solid var(--line); border-radius: 8px; padding: 4px 12px;
  margin: 12px 0 4px; background: color-mix(in srgb, CanvasText 4%, Canvas); }
.output_subarea { margin: 8px 0 20px; overflow-x: auto; }
table.dataframe { border-collapse: collapse; border: 0; font-size: 12.5px;
  font-variant-numeric: tabular-nums; }
.dataframe th, .dataframe td { padding: 2px 12px 2px 0; border: 0;
  border-bottom: 1px solid var(--line); text-align: left !important; }
img { max-width: 100%; }
.live { padding: 8px 12px; border: 1px dashed var(--line); border-radius: 8px; }
"""


def execute_notebook(notebook: Path, page: Path) -> None:
    """Run a notebook in its folder, and save it with its outputs as one HTML file.

    Args:
        notebook: the ``.ipynb``; it is not changed.
        page: the HTML file to write.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where the notebook is not there.
        FlexiFlowError: where the packages that run notebooks are not installed.
        nbclient.exceptions.CellExecutionError: where a cell fails.
    """
    cells = executed(notebook)
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="basic")  # type: ignore[no-untyped-call]
    body, _ = exporter.from_notebook_node(cells)
    page.write_text(
        _PAGE.format(
            policy=html.escape(POLICY, quote=True),
            title=html.escape(_title(cells, notebook)),
            style=_STYLE,
            body=reachable(body),
        ),
        encoding="utf-8",
    )


def reachable(page: str) -> str:
    """HTML in which the keyboard gets to what may scroll: code, texts and tables of outputs."""
    page = re.sub(r"<pre(?=[ >])(?![^>]*tabindex)", '<pre tabindex="0"', page)
    output = r'<div (?=class="output(?:_html | text_html"))'
    return re.sub(output, '<div tabindex="0" role="group" aria-label="Output" ', page)


def executed(notebook: Path) -> Any:
    """Run a notebook; return its cells with their outputs, a sentence where a widget would be.

    Args and errors are those of `execute_notebook`.
    """
    try:
        import nbclient  # noqa: F401
        import nbconvert  # noqa: F401
    except ImportError as exc:
        raise FlexiFlowError(
            "Notebooks can't be run here.",
            why=f"The package {exc.name} is not installed.",
            fix='Install the extra: pip install "flexiflow[lab]".',
            context={"notebook": str(notebook)},
        ) from exc
    if not notebook.exists():
        raise StateFileNotFound(
            f"Notebook not found: {bounded_repr(str(notebook), 300)}.",
            why="There is no such file.",
            fix="Run this in the project's folder, or correct the path.",
            context={"path": str(notebook)},
        )
    cells = _run(notebook, str(notebook.parent.absolute()))
    _replace_widgets(cells)
    return cells


def _run(notebook: Path, where: str) -> Any:
    """Run all cells in a new kernel; once more in another where a cell does not come back.

    A kernel's reply can go unnoticed (ipykernel's issues 1471 and 1554, nbclient's 312), about once
    in a hundred runs; then the cell would never end.
    """
    from nbclient.exceptions import CellTimeoutError

    try:
        return _run_once(notebook, where, _SECONDS_A_CELL)
    except CellTimeoutError:
        return _run_once(notebook, where, _SECONDS_A_CELL_AT_MOST)


def _run_once(notebook: Path, where: str, seconds: int) -> Any:
    import nbformat
    from nbclient import NotebookClient

    cells: Any = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory(prefix="flexiflow-") as sockets:
        options = _private_transport(sockets)
        resources = {"metadata": {"path": where}}
        client = NotebookClient(cells, timeout=seconds, resources=resources, **options)
        _to_its_end(client.async_execute())
    return cells


def _to_its_end(job: Coroutine[Any, Any, Any]) -> None:
    """Run it in an event loop that is closed afterwards, which nbclient's own never is.

    Where a loop runs in this thread already, as in a notebook, that is in another thread.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(job)
    else:
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(asyncio.run, job).result()


def _private_transport(folder: str) -> dict[str, Any]:
    """Sockets in the file system where there are any: a kernel needs no network then."""
    if os.name == "nt":
        return {}
    from traitlets.config import Config

    sockets = {"transport": "ipc", "ip": os.path.join(folder, "kernel")}
    return {"config": Config({"KernelManager": sockets})}


def _replace_widgets(cells: Any) -> None:
    """Say where a widget is: without a kernel it could only be an empty box and a script."""
    for cell in cells.cells:
        for output in cell.get("outputs", ()):
            if _WIDGET in output.get("data", {}):
                output["data"] = {"text/html": _WIDGET_NOTE}
    cells.metadata.pop("widgets", None)


def _title(cells: Any, notebook: Path) -> str:
    for cell in cells.cells:
        first = cell.source.partition("\n")[0]
        if cell.cell_type == "markdown" and first.startswith("# "):
            return str(first[2:])
    return notebook.stem


def main() -> None:
    """Run one notebook from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m flexiflow.notebook.execute", description=__doc__
    )
    parser.add_argument("notebook", type=Path, help="the notebook to run")
    parser.add_argument("page", type=Path, help="the HTML file to write")
    arguments = parser.parse_args()
    execute_notebook(arguments.notebook, arguments.page)
    print(f"{arguments.page} ({arguments.page.stat().st_size // 1024} kB) needs no network.")


if __name__ == "__main__":
    main()
