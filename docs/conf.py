"""How Sphinx builds these pages: `make docs`; warnings are errors, no page asks other hosts."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from flexiflow import __version__

project = "FlexiFlow"
author = "FlexiFlow contributors"
copyright = f"2026, {author}"
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "site_pages",
]
exclude_patterns = ["_build", "images/*.py"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

nb_execution_mode = "off"  # site_pages runs the notebooks as `make demo` does, sockets in a folder
nb_ipywidgets_js = {}  # the default is a script of another host

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
default_role = "code"
nitpicky = False

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["frames.css"]
html_title = f"FlexiFlow {version}"
html_show_sphinx = False
html_copy_source = False
