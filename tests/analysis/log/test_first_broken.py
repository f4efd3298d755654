"""first_broken(): the line by which a log that can't be read is understood."""

from flexiflow import open_log


def test_the_first_line_that_is_none(tmp_path):
    """With its place, and what to write."""
    path = tmp_path / "theirs.jsonl"
    path.write_text('{"time": "2026-01-31", "msg": "x"}\n{"on": 1}\nplain\n', encoding="utf-8")
    found = open_log(path).first_broken()
    assert (found.path, found.offset, found.text) == (str(path), 35, '{"on": 1}')
    assert 'fields={"ts": …}' in found.why


def test_there_is_none(tmp_path):
    """None, not an error."""
    path = tmp_path / "theirs.jsonl"
    path.write_text('{"time": "2026-01-31", "msg": "x"}\n', encoding="utf-8")
    assert open_log(path).first_broken() is None
