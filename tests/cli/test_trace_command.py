"""Questions to a trace log."""

import gzip
import json
import shlex
from pathlib import Path

import pytest

SPAN_KEYS = """
span_id parent_id depth kind component label start duration_us outcome from_state to_state detail
snapshots
"""


@pytest.fixture
def traces(run_cli, recorded):
    """The traces of the recorded log, as JSON has them."""
    return json.loads(run_cli("trace", recorded.log, "--json").stdout)["traces"]


def test_traces_are_listed_troubled_first(traces):
    """A failure, then a refusal, then the others, the newest first."""
    assert (traces[0]["first_component"], traces[0]["failed"]) == ("order-9", 1)
    assert (traces[1]["first_component"], traces[1]["refused"]) == ("parcel-1", 1)
    starts = [each["start"] for each in traces[2:]]
    assert starts == sorted(starts, reverse=True)


def test_the_list_is_a_table(run_cli, recorded, traces):
    """Ids whole, marks for trouble, and a command to type next that works."""
    result = run_cli("trace", recorded.log)
    header, failed, refused, *_ = result.stdout.splitlines()
    assert result.exit_code == 0
    assert header.split()[:2] == ["id", "start"]
    assert failed.startswith(traces[0]["correlation_id"])
    assert failed.endswith("✕ 1")
    assert refused.endswith("◇ 1")
    command = shlex.split(result.stdout.splitlines()[-1])
    assert command[0] == "flexiflow"
    assert run_cli(*command[1:]).exit_code == 0


def test_a_trace_is_a_tree(run_cli, recorded, traces):
    """What caused what, indented, with marks and durations."""
    result = run_cli("trace", recorded.log, traces[0]["correlation_id"])
    title, step, handler = result.stdout.splitlines()
    assert result.exit_code == 0
    assert title == f"trace {traces[0]['correlation_id']}"
    assert step.startswith("  ✕ order-9: pay  failed  (ValueError: the card was declined)")
    assert handler.startswith("    ✕ order-9: Paying.pay  failed")
    assert handler.split()[-1] in ("µs", "ms")


def test_an_id_may_be_cut(run_cli, recorded, traces):
    """To a beginning that no other trace has."""
    whole = traces[0]["correlation_id"]
    assert run_cli("trace", recorded.log, whole[:12]).stdout.startswith(f"trace {whole}\n")


def test_an_unknown_id_is_an_error(run_cli, recorded):
    """In four parts."""
    result = run_cli("trace", recorded.log, "no-such-id")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: No trace 'no-such-id'.\nWhy: ")


def test_a_trace_as_json(run_cli, recorded, traces):
    """Spans depth first, each with its parent."""
    document = json.loads(
        run_cli("trace", recorded.log, traces[0]["correlation_id"], "--json").stdout
    )
    step, handler = document["spans"]
    assert document["correlation_id"] == traces[0]["correlation_id"]
    assert document["missing"] == []
    assert list(step) == SPAN_KEYS.split()
    assert (step["depth"], step["parent_id"]) == (0, None)
    assert (handler["depth"], handler["parent_id"]) == (1, step["span_id"])
    assert step["start"].endswith("Z")
    assert handler["duration_us"] >= 0


def test_what_is_left_out_is_said(run_cli, recorded, traces):
    """Of the list, and of a tree."""
    out = run_cli("trace", recorded.log, "--limit", "2").stdout
    assert f"Only the first 2 of {len(traces)} are shown; --limit N shows more." in out
    out = run_cli("trace", recorded.log, traces[0]["correlation_id"], "--limit", "1").stdout
    assert "Only the first 1 of 2 are shown" in out


def test_what_a_log_does_not_say_is_said(run_cli, recorded, traces, tmp_path):
    """A span whose end is missing is counted below the tree."""
    lines = [
        line
        for line in Path(recorded.log).read_text(encoding="utf-8").splitlines(keepends=True)
        if traces[0]["correlation_id"] in line and '"message.failed"' not in line
    ]
    log = tmp_path / "cut.jsonl"
    log.write_text("".join(lines), encoding="utf-8")
    out = run_cli("trace", str(log), traces[0]["correlation_id"]).stdout
    assert out.splitlines()[-1].startswith("! ")


def test_a_pattern_means_several_logs(run_cli, recorded, tmp_path):
    """Packed ones too."""
    whole = Path(recorded.log).read_bytes()
    (tmp_path / "b.jsonl").write_bytes(whole)
    with gzip.open(tmp_path / "a.jsonl.gz", "wb") as file:
        file.write(whole)
    once = json.loads(run_cli("trace", recorded.log, "--json").stdout)["traces"]
    twice = json.loads(run_cli("trace", str(tmp_path / "*.jsonl*"), "--json").stdout)["traces"]
    assert sum(each["records"] for each in twice) == 2 * sum(each["records"] for each in once)


def test_a_missing_log_is_an_error(run_cli):
    """It is said with its path."""
    result = run_cli("trace", "nowhere.jsonl")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Log not found: nowhere.jsonl.")


def test_a_database_in_place_of_a_log(run_cli, recorded):
    """The error says so, and gives the command for a database."""
    result = run_cli("trace", recorded.db)
    assert result.exit_code == 1
    assert "it is a SQLite database" in result.stderr
    assert shlex.join(["flexiflow", "history", recorded.db]) in result.stderr


def test_an_empty_log_has_no_traces(run_cli, write):
    """It is an answer, not an error."""
    result = run_cli("trace", write("empty.jsonl", ""))
    assert result.exit_code == 0
    assert result.stdout.startswith("No traces are in ")


def test_hostile_names_are_spelt_out(run_cli, hostile):
    """In the list and in every tree: nothing invisible, and no line is forged."""
    listed = run_cli("trace", hostile.log).stdout
    traces = json.loads(run_cli("trace", hostile.log, "--json").stdout)["traces"]
    assert len(traces) == len(hostile.names)
    trees = [run_cli("trace", hostile.log, each["correlation_id"]).stdout for each in traces]
    for out in (listed, *trees):
        assert not {each for each in out if not each.isprintable()} - {"\n"}
    assert all(len(tree.splitlines()) == 3 for tree in trees)
    assert r"two\nlines: two\nlines" in listed
