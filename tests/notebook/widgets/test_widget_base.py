"""What all widgets share: strict arguments, two outputs, an offline file."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from html import unescape

import pandas as pd
import pytest
import traitlets

from flexiflow.errors import InvalidType, PersistenceError
from flexiflow.notebook.widgets.base import Widget
from flexiflow.notebook.widgets.modules import joined
from flexiflow.notebook.widgets.page import offline_page


class Plain(Widget):
    """The least that a widget is."""

    _esm = joined("a.js", {"a.js": "export default { render() {} };\n"})
    text = traitlets.Unicode().tag(sync=True)
    raw = traitlets.Bytes().tag(sync=True)

    def rows(self):
        return pd.DataFrame()

    def static_html(self):
        return "<b>picture</b>"

    def static_text(self):
        return "one line"


def test_a_misspelt_argument_is_refused_with_the_nearest_name():
    """A typo must not vanish into nothing."""
    with pytest.raises(InvalidType) as caught:
        Plain(hight=300)
    assert caught.value.fix == "Did you mean 'height'?"


def test_what_the_widget_computes_is_no_argument():
    """Only what users may give is one."""
    with pytest.raises(InvalidType, match="no argument 'text'"):
        Plain(text="x")


@pytest.mark.parametrize("height", [100, "tall"])
def test_a_height_that_is_none_is_refused(height):
    """Traits are strict."""
    with pytest.raises(traitlets.TraitError):
        Plain(height=height)


def test_a_kernel_gets_the_picture_and_then_the_widget(monkeypatch):
    """Two outputs: where the widget's model is gone, the first one stays."""
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    monkeypatch.setattr("IPython.get_ipython", lambda: type("Shell", (), {"kernel": 1})())
    widget = Plain()
    widget._ipython_display_()
    picture, view = shown
    assert f'data-flexiflow-picture="{widget._picture}"' in picture["text/html"]
    assert view["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id


def test_a_terminal_gets_the_text_once(monkeypatch, capsys):
    """Two lines, the second with the time."""
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    Plain()._ipython_display_()
    printed = capsys.readouterr().out
    assert re.fullmatch(
        r"one line\nas of \d\d:\d\d:\d\d UTC; re-run this cell to make it live\n", printed
    )


def test_a_bundle_has_every_form():
    """A viewer that picks one form finds the one that it knows."""
    bundle, _ = Plain()._repr_mimebundle_()
    assert sorted(bundle) == [
        "application/vnd.jupyter.widget-view+json",
        "text/html",
        "text/plain",
    ]


def test_the_offline_file_allows_its_own_script_only(tmp_path):
    """The policy names the digest of the script, and forbids the rest."""
    page = Plain().save_html(tmp_path / "w.html").read_text("utf-8")
    policy = unescape(re.search(r'Policy" content="([^"]*)"', page)[1])
    code = re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL)[1]
    digest = b64encode(hashlib.sha256(code.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}'; ")


def test_values_cannot_leave_their_block():
    """Neither the end of a script nor a comment in a value changes the page."""
    page = offline_page("t", "n", "export default 1;", "", {"a": "</script><!--<b>"}, "")
    assert page.count("</script>") == 2
    assert '{"a": "\\u003c/script>\\u003c!--\\u003cb>"}' in page


def test_bytes_are_kept_in_the_offline_file():
    """A browser gets them back as a DataView."""
    page = offline_page("t", "n", "export default 1;", "", {"raw": b"\x00\xff"}, "")
    assert '{"raw": {"$bytes": "AP8="}}' in page


def test_a_file_that_cannot_be_written_is_an_error(tmp_path):
    """And says which."""
    with pytest.raises(PersistenceError, match="can't be written"):
        Plain().save_html(tmp_path / "gone" / "w.html")


def test_the_offline_file_says_when_it_was_saved(tmp_path):
    """A bug report is read on another day."""
    page = Plain().save_html(tmp_path / "w.html").read_text("utf-8")
    assert re.search(r"<footer>Saved \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\.", page)
