"""A Sphinx extension: the pages that are made from other files of the project.

The notebooks are run, as anybody would run them, and become the tutorial; README, SECURITY and
CHANGELOG become pages beside ours. Nothing that is made here is kept in git.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
from sphinx.application import Sphinx

from flexiflow.notebook.execute import executed, reachable

DOCS = Path(__file__).parent
NOTEBOOKS = DOCS.parent / "notebooks"
TUTORIAL = DOCS / "tutorial"
PROJECT = DOCS / "project"
FILES = ("README", "SECURITY", "CHANGELOG", "CONTRIBUTING")


def run_notebooks(app: Sphinx) -> None:
    """Put each notebook with its outputs into ``tutorial/``, where it or the package is newer."""
    changed = max(each.stat().st_mtime for each in (DOCS.parent / "flexiflow").rglob("*.*"))
    TUTORIAL.mkdir(exist_ok=True)
    work = Path(app.outdir).parent / "work" / "notebooks"
    shutil.rmtree(work.parent, ignore_errors=True)
    shutil.copytree(NOTEBOOKS, work, ignore=shutil.ignore_patterns(".*"))
    for notebook in sorted(work.glob("*.ipynb")):
        page = TUTORIAL / notebook.name
        source = NOTEBOOKS / notebook.name
        is_new = page.exists() and page.stat().st_mtime > max(changed, source.stat().st_mtime)
        if is_new and (was_run(page) or not app.config.run_notebooks):
            continue
        if not app.config.run_notebooks:
            shutil.copy(source, page)
            continue
        data = work.parent / "demo-data"
        if not data.exists():
            demo = [sys.executable, "-m", "flexiflow", "demo", str(data)]
            subprocess.run(demo, check=True, capture_output=True)
        nbformat.write(executed(notebook), page)


def was_run(notebook: Path) -> bool:
    """Whether it has outputs: a build that runs none has put it there without them."""
    cells = nbformat.read(notebook, as_version=4).cells
    return any(cell.get("outputs") for cell in cells)


def copy_project_files(app: Sphinx) -> None:
    """Put the files of the top folder into ``project/``, their links mended for there."""
    PROJECT.mkdir(exist_ok=True)
    for name in FILES:
        text = (DOCS.parent / f"{name}.md").read_text(encoding="utf-8")
        text = re.sub(r"\]\(docs/", "](../", text)
        text = text.replace("](notebooks/", "](../tutorial/")
        text = re.sub(r'src(set)?="docs/', r'src\1="../', text)
        (PROJECT / f"{name}.md").write_text(text, encoding="utf-8")


def mend_links(app: Sphinx, page: str, source: list[str]) -> None:
    """Let a link to a file of the top folder lead to its page."""
    if page.startswith("project/"):
        return
    up = "../" * page.count("/")
    for name in FILES:
        source[0] = source[0].replace(f"]({up}../{name}.md", f"]({up}project/{name}.md")


def mend_html(app: Sphinx, exception: Exception | None) -> None:
    """Give what the theme leaves out to those who can't see the page, or use no mouse."""
    if exception is not None or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        mended = text.replace('role="heading">', 'role="heading" aria-level="2">')
        mended = reachable(mended)
        if mended != text:
            page.write_text(mended, encoding="utf-8")


def name_fields_together(
    app: Sphinx, what: str, name: str, obj: Any, opts: Any, lines: list[str]
) -> None:
    """Let ``a, b: what both are`` stay one field: Sphinx takes the first names for a type."""
    for at, line in enumerate(lines):
        field = re.match(r"(:(?:ivar|param) )([\w*\\]+(?:, [\w*\\]+)+)(:.*)", line)
        if field:
            lines[at] = field[1] + field[2].replace(", ", "/") + field[3]


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_config_value("run_notebooks", True, "env", bool)
    app.connect("builder-inited", run_notebooks)
    app.connect("builder-inited", copy_project_files)
    app.connect("source-read", mend_links)
    app.connect("autodoc-process-docstring", name_fields_together, priority=900)  # after napoleon
    app.connect("build-finished", mend_html)
    return {"parallel_read_safe": True}
