"""Questions to a trace log."""

import gzip
import json
import shlex
from pathlib import Path

import pytest
from logs import changed, line, received
from logs import write as write_log

from flexiflow.cli import following
from flexiflow.tracing.records import encode_record

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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--story"], "Without ID the traces are listed: leave --story out."),
        (["abcd", "--since", "-1h"], "With ID one trace is shown: leave --since out."),
        (["abcd", "--story", "--errors"], "--story tells one trace whole: leave --errors out."),
        (["--follow", "--since", "-1h"], "as it comes: leave --since out."),
        (["--follow", "--limit", "3"], "as it comes: leave --limit out."),
    ],
)
def test_an_option_that_would_not_be_heeded_is_refused(run_cli, recorded, words, said):
    """Else the answer looks as if it were of what was asked."""
    result = run_cli("trace", recorded.log, *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_link_to_nothing_among_logs_is_told(run_cli, recorded, tmp_path):
    """On standard error, since the answer is of the others."""
    (tmp_path / "a.jsonl").write_bytes(Path(recorded.log).read_bytes())
    (tmp_path / "b.jsonl").symlink_to(tmp_path / "gone.jsonl")
    result = run_cli("trace", str(tmp_path / "[ab].jsonl"), "--json")
    assert len(json.loads(result.stdout)["traces"])
    (note,) = result.stderr.splitlines()
    assert note.startswith(f"Note: {tmp_path}/b.jsonl is left out. It is a link to ")


def test_a_missing_log_is_an_error(run_cli):
    """It is said with its path."""
    result = run_cli("trace", "nowhere.jsonl")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Log not found: 'nowhere.jsonl'.")


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


# -- only trouble, in sentences, as it grows ----------------------------------------------------


def test_only_errors_are_listed(run_cli, recorded):
    """The failed and the refused trace; as JSON too."""
    listed = run_cli("trace", recorded.log, "--errors").stdout
    assert sum("order" in line or "parcel" in line for line in listed.splitlines()) == 2
    found = json.loads(run_cli("trace", recorded.log, "--errors", "--json").stdout)
    assert [each["outcome"] for each in found["traces"]] == ["failed", "refused"]


def test_only_the_spans_in_trouble(run_cli, tmp_path):
    """With what caused them; what went well is left out."""
    records = [
        received(0, "s1"),
        received(1, "s2", "s1", component="fine"),
        changed(2, "s2", "s1", component="fine"),
        received(3, "s3", "s1", component="bad"),
        line("message.failed", 4, "s3", "s1", component="bad", outcome="failed"),
        changed(5, "s1"),
    ]
    log = str(write_log(tmp_path / "run.jsonl", *records))
    out = run_cli("trace", log, "trace-1", "--errors").stdout
    assert [each.split(":")[0].split()[-1] for each in out.splitlines()[1:]] == ["order", "bad"]
    found = json.loads(run_cli("trace", log, "trace-1", "--errors", "--json").stdout)
    assert [each["span_id"] for each in found["spans"]] == ["s1", "s3"]
    assert found["spans"][1]["parent_id"] == "s1"
    assert found["headline"].startswith("Failed in bad.")


def test_no_errors_is_an_answer(run_cli, tmp_path):
    """And it names the log."""
    log = str(write_log(tmp_path / "run.jsonl", received(0, "s1")))
    assert run_cli("trace", log, "--errors").stdout == f"No traces with an error are in {log}.\n"


def test_a_trace_in_sentences(run_cli, recorded, traces):
    """The answer first."""
    asked = ("trace", recorded.log, traces[0]["correlation_id"], "--story")
    told = run_cli(*asked).stdout.splitlines()
    assert told[0] == "Failed in order-9: ValueError: the card was declined."
    document = json.loads(run_cli(*asked, "--json").stdout)
    assert [each["sentence"] for each in document["sentences"]] == told


def test_traces_since_a_time(run_cli, recorded):
    """Before the newest record, or ISO 8601."""
    found = json.loads(run_cli("trace", recorded.log, "--since", "2100-01-01", "--json").stdout)
    assert found["traces"] == []
    result = run_cli("trace", recorded.log, "--since", "soon")
    assert (result.exit_code, "since is not a time" in result.stderr) == (1, True)


def test_broken_lines_are_counted(run_cli, tmp_path):
    """Below the list, and in the document."""
    log = str(write_log(tmp_path / "run.jsonl", received(0, "s1"), b"{oops\n", b"no\n"))
    assert run_cli("trace", log).stdout.splitlines()[-1] == f"! 2 lines of {log} can't be read."
    assert json.loads(run_cli("trace", log, "--json").stdout)["broken"] == 2


@pytest.fixture
def theirs(tmp_path):
    """Lines of another program, whose id stands in an object."""
    lines = (
        json.dumps({"time": f"2026-01-31T12:00:0{at}Z", "msg": "paid", "request": {"id": "abc123"}})
        for at in range(2)
    )
    path = tmp_path / "theirs.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_records_without_an_id_are_no_empty_log(run_cli, theirs):
    """The list says so, and how to say where the id stands; the document counts them."""
    told = run_cli("trace", theirs).stdout
    assert "2 records" in told
    assert "--field correlation_id=PLACE" in told
    assert json.loads(run_cli("trace", theirs, "--json").stdout)["without_id"] == 2
    asked = run_cli("trace", theirs, "abc123").stderr
    assert "2 of them that have no id" in asked
    assert "Fix: Say where the id stands: --field correlation_id=trace.id." in asked


def test_fields_of_other_people(run_cli, theirs):
    """Said on the command line, as in Python."""
    field = "--field", "correlation_id=request.id"
    found = json.loads(run_cli("trace", theirs, *field, "--json").stdout)["traces"]
    assert [(each["correlation_id"], each["records"]) for each in found] == [("abc123", 2)]
    assert "paid" in run_cli("trace", theirs, "abc123", *field).stdout


@pytest.mark.parametrize("given", ["request.id", "nonsense=request.id"])
def test_a_field_that_is_none(run_cli, theirs, given):
    """What it must look like, or which there are."""
    result = run_cli("trace", theirs, "--field", given)
    assert result.exit_code != 0
    assert "correlation_id" in result.stderr


def test_an_index_is_kept_where_it_is_asked_for(run_cli, recorded, traces, tmp_path):
    """Beside the log, and the trace is the same."""
    log = tmp_path / "run.jsonl"
    log.write_bytes(Path(recorded.log).read_bytes())
    asked = ("trace", str(log), traces[0]["correlation_id"])
    without = run_cli(*asked).stdout
    assert [each.name for each in tmp_path.iterdir()] == ["run.jsonl"]
    assert run_cli(*asked, "--index").stdout == without
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run.jsonl", "run.jsonl.ffindex"]


@pytest.fixture
def follow(run_cli, tmp_path, monkeypatch):
    """Follow a log to which lines come while it is followed; what is printed of them."""

    def follow(*options, raw):
        log = tmp_path / "run.jsonl"
        log.write_bytes(encode_record(received(0, "s0", message_type="old")))
        pauses = iter([lambda: log.write_bytes(log.read_bytes() + raw), _interrupt])
        monkeypatch.setattr(following.time, "sleep", lambda seconds: next(pauses)())
        result = run_cli("trace", str(log), "--follow", *options)
        assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")
        return result.stdout.splitlines()

    return follow


def _interrupt():
    raise KeyboardInterrupt


GROWING = [
    received(0, "s1", message_type="pay"),
    line("message.failed", 1, "s1", error=("E", "bad"), duration_us=1_500, message_type="pay"),
    changed(2, "s2", correlation_id="other"),
]


def test_a_log_is_followed(follow):
    """A line a record, from now on, until the user interrupts."""
    told = follow(raw=b"".join(map(encode_record, GROWING)) + b"{oops\n")
    assert told[0] == "22:13:20.000  ·  trace-1  order:  message.received  `pay`"
    assert told[1].split("  ")[1:] == [
        "✕",
        "trace-1",
        "order:",
        "message.failed",
        "`pay`",
        "(E: bad)",
        "1.5 ms",
    ]
    assert told[2].endswith("state.changed  `go`  A → B")
    assert told[3].startswith("! ")
    assert len(told) == 4


def test_only_one_trace_or_only_errors_are_followed(follow):
    """By the beginning of the id; errors with the lines that can't be read."""
    raw = b"".join(map(encode_record, GROWING)) + b"{oops\n"
    assert [each.split("  ")[2] for each in follow("oth", raw=raw)] == ["other"]
    assert len(follow("--errors", raw=raw)) == 2


def test_a_log_is_followed_as_json(follow):
    """One object a line, as in the log; a line that is none says so."""
    told = follow("--json", raw=encode_record(GROWING[0]) + b"{oops\n")
    assert json.loads(told[0])["message_type"] == "pay"
    assert json.loads(told[1])["text"] == "{oops"


def test_hostile_lines_are_followed_harmlessly(follow):
    """No escape reaches the terminal, and no name makes a line."""
    nasty = "x\n22:13:20  forged\x1b[31m\u202e[bold]"
    records = [
        received(0, "s1", component=nasty, message_type=nasty, correlation_id=nasty),
        line(nasty, 1, "s1", error=(nasty, nasty)),
    ]
    told = follow(raw=b"".join(map(encode_record, records)))
    assert len(told) == 2
    assert not {letter for each in told for letter in each if not letter.isprintable()}


def test_what_helps_is_said_as_it_is_typed(run_cli, theirs):
    """In a terminal nobody writes Python."""
    assert (
        "fields={" not in run_cli("trace", theirs, "--field", "nonsense=id").stderr.split("Con")[0]
    )
    assert "`flexiflow trace LOG`" in run_cli("trace", theirs, "zzzz").stderr


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b'{"when": 1, "what": "x"}\n', "--field ts=PLACE"),
        ('{"ts": "x"}\n'.encode("utf-16"), "UTF-16"),
        (b"hello\n", "invalid character"),
    ],
)
def test_a_log_of_which_nothing_can_be_read(run_cli, tmp_path, raw, why):
    """Why, by its first line, and what may help."""
    (tmp_path / "theirs.jsonl").write_bytes(raw)
    told = " ".join(run_cli("trace", str(tmp_path / "theirs.jsonl")).stdout.split())
    assert "can't be read. The first:" in told
    assert why in told


@pytest.mark.parametrize("options", [(), ("--follow",)])
def test_a_folder_in_place_of_a_log(run_cli, tmp_path, options):
    """Is an error in four parts, also where it is followed."""
    result = run_cli("trace", str(tmp_path), *options)
    assert result.exit_code == 1
    assert f"Error: {tmp_path} is not a trace log; it is a folder." in " ".join(
        result.stderr.split()
    )
