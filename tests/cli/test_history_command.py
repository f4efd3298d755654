"""What was recorded."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flexiflow.engine import FlexiFlowEngine
from flexiflow.recording import record

STEP_KEYS = """
id time duration_us component message from_state to_state outcome reason error tries sender
correlation_id span_id parent_id run fingerprint message_fields guards error_parts source
"""


def test_history_lists_the_components(run_cli, recorded):
    """Those that have not ended first."""
    result = run_cli("history", recorded.db)
    header, first, second, third, *_ = result.stdout.splitlines()
    assert result.exit_code == 0
    assert header.split("  ")[0] == "component"
    assert first.startswith("order-9")
    assert "✕ failed" in first
    assert "◇ refused" in second
    assert "Paid (final)" in third


def test_history_of_a_component_shows_its_steps(run_cli, recorded):
    """Message, transition, and how it ended."""
    out = run_cli("history", recorded.db, "order-9").stdout
    header, submit, pay, note = out.splitlines()
    assert header.split() == ["step", "time", "message", "took", "outcome"]
    assert submit.split()[2] == "submit"
    assert submit.endswith("Draft → Paying")
    assert pay.endswith("✕ failed in Paying: ValueError: the card was declined")
    assert note.startswith("Times are UTC, ")


def test_a_refused_step_says_why(run_cli, recorded):
    """It has the mark of a refusal and its reason."""
    out = run_cli("history", recorded.db, "parcel-1").stdout
    assert "◇ refused in Packed: " in out


def test_history_shows_snapshots(run_cli, recorded):
    """State and data after each step that changed something."""
    out = run_cli("history", recorded.db, "order-9", "--snapshots").stdout
    header, draft, paying, *_ = out.splitlines()
    assert header.split() == ["snapshot", "time", "state", "step", "data"]
    assert "Draft" in draft
    assert "Paying" in paying
    assert paying.endswith('{"items": 9}')


def test_history_as_json(run_cli, recorded):
    """Components; the keys are documented."""
    document = json.loads(run_cli("history", recorded.db, "--json").stdout)
    assert [row["component"] for row in document["components"]] == [
        *(f"order-{number}" for number in range(1, 8)),
        "order-9",
        "parcel-1",
    ]
    assert document["components"][0]["final"] is True


def test_steps_as_json(run_cli, recorded):
    """With the message's fields and the guards as values."""
    document = json.loads(run_cli("history", recorded.db, "order-9", "--json").stdout)
    submit, pay = document["steps"]
    assert list(submit) == STEP_KEYS.split()
    assert submit["time"].endswith("Z")
    assert submit["duration_us"] >= 0
    assert pay["message_fields"] == {"content": "card"}
    assert submit["guards"][0]["passed"] is True


def test_snapshots_as_json(run_cli, recorded):
    """With the snapshot as a value."""
    document = json.loads(
        run_cli("history", recorded.db, "order-9", "--snapshots", "--json").stdout
    )
    assert document["snapshots"][-1]["snapshot"] == {
        "name": "order-9",
        "current_state": "Paying",
        "rules": [],
        "metadata": {"items": 9},
    }


def test_large_parts_are_put_back_into_json(run_cli, tmp_path):
    """A part that is stored once and referred to is shown whole."""
    path, engine = tmp_path / "large.db", FlexiFlowEngine()
    with record(engine, path):
        engine.add("a", "InitialState", data={"large": "x" * 5_000})
    document = json.loads(run_cli("history", str(path), "a", "--snapshots", "--json").stdout)
    assert document["snapshots"][0]["snapshot"]["metadata"] == {"large": "x" * 5_000}


def test_a_part_that_is_gone_is_said_to_be_missing(run_cli, tmp_path):
    """A placeholder stands in its place."""
    path, engine = tmp_path / "large.db", FlexiFlowEngine()
    with record(engine, path):
        engine.add("a", "InitialState", data={"large": "x" * 5_000})
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("DELETE FROM flexiflow_parts")
    document = json.loads(run_cli("history", str(path), "a", "--snapshots", "--json").stdout)
    assert list(document["snapshots"][0]["snapshot"]["metadata"]["large"]) == ["$object"]


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (["--limit", "1"], ["pay"]),
        (["--state", "Draft"], ["submit"]),
        (["--state", "Draft", "--state", "Paying"], ["submit", "pay"]),
        (["--since", "-1h"], ["submit", "pay"]),
        (["--until=-1d"], []),
        (["--since", "2020-01-01", "--limit", "9"], ["submit", "pay"]),
    ],
)
def test_steps_can_be_chosen(run_cli, recorded, options, messages):
    """By time, by state, by number."""
    document = json.loads(run_cli("history", recorded.db, "order-9", "--json", *options).stdout)
    assert [step["message"] for step in document["steps"]] == messages


def test_a_filter_without_a_component_means_all(run_cli, recorded):
    """The steps of every component, with its name."""
    out = run_cli("history", recorded.db, "--state", "Draft").stdout
    assert out.splitlines()[0].split()[:3] == ["step", "time", "component"]
    assert sum("submit" in line for line in out.splitlines()) == 8


def test_what_is_left_out_is_said(run_cli, recorded):
    """With the number of all rows where no filter makes it unknown."""
    out = run_cli("history", recorded.db, "order-9", "--limit", "1").stdout
    assert "Only the newest 1 of 2 are shown; --limit N shows more." in out
    out = run_cli("history", recorded.db, "order-9", "--limit", "1", "--since", "-1d").stdout
    assert "Only the newest 1 are shown; --limit N shows more." in out
    out = run_cli("history", recorded.db, "--limit", "2").stdout
    assert "2 of 9 are shown" in out


def test_nothing_that_matches_is_said(run_cli, recorded):
    """It is an answer, not an error."""
    result = run_cli("history", recorded.db, "order-9", "--until", "2020-01-01")
    assert (result.exit_code, result.stdout) == (0, "No steps match.\n")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--since", "yesterday", "not a time"), ("--state", "Payng", "Unknown state 'Payng'")],
)
def test_a_filter_that_cannot_be_read_is_an_error(run_cli, recorded, option, value, said):
    """In four parts."""
    result = run_cli("history", recorded.db, "order-9", option, value)
    assert result.exit_code == 1
    assert said in result.stderr


def test_history_of_an_empty_history(run_cli, empty_database):
    """It says so."""
    assert run_cli("history", empty_database).stdout == "Nothing is recorded.\n"


def test_history_of_a_database_of_1x(run_cli, old_database):
    """Its snapshots are there, and its steps are not."""
    assert "Paying" in run_cli("history", old_database).stdout
    said = run_cli("history", old_database, "order-1").stdout
    assert said == "No steps are recorded; --snapshots shows the snapshots: 2.\n"
    out = run_cli("history", old_database, "order-1", "--snapshots").stdout
    assert "2025-01-01" in out


def test_a_broken_row_is_shown_as_broken(run_cli, old_database):
    """And hides nothing around it."""
    with closing(sqlite3.connect(old_database)) as conn, conn:
        conn.execute("UPDATE flexiflow_snapshots SET snapshot_json = '{oh no' WHERE id = 1")
    result = run_cli("history", old_database, "order-1", "--snapshots")
    assert "✕ the snapshot is not JSON" in result.stdout
    assert "Paying" in result.stdout
    document = json.loads(
        run_cli("history", old_database, "order-1", "--snapshots", "--json").stdout
    )
    assert document["snapshots"][0]["snapshot"] == "{oh no"


@pytest.mark.parametrize("options", [[], ["--snapshots"], ["--state", "Angry"]])
def test_hostile_names_are_spelt_out(run_cli, hostile, options):
    """No control character and no turn of direction reaches the pipe, and no row is forged."""
    out = run_cli("history", hostile.db, *options).stdout
    assert not {each for each in out if not each.isprintable()} - {"\n"}
    assert r"\x1b[31mred" in out
    assert r"two\nlines" in out
    assert r"\u202edlrow" in out
    assert "[bold]x[/bold]" in out


def test_hostile_names_are_exact_in_json(run_cli, hostile):
    """JSON escapes them, and gives them back as they are."""
    document = json.loads(run_cli("history", hostile.db, "--json").stdout)
    assert {row["component"] for row in document["components"]} == set(hostile.names)


def test_a_pattern_means_several_databases(run_cli, recorded, old_database, tmp_path):
    """They are one history."""
    document = json.loads(run_cli("history", str(tmp_path / "*.db"), "--json").stdout)
    assert [row["component"] for row in document["components"]] == ["order-1"]


def test_blame(run_cli, recorded):
    """What changed a field, from the beginning on."""
    out = run_cli("history", recorded.db, "order-9", "--blame", "state").stdout
    header, first, last, note = out.splitlines()
    assert header.split() == ["step", "time", "old", "→", "new", "message"]
    assert first.endswith("nothing → 'Draft'")
    assert last.endswith("'Draft' → 'Paying'  submit")
    # The last is an hour before the others: after midnight, of the day before.
    days = {line.split()[1] for line in (first, last) if "-" in line.split()[1]}
    assert note == "Times are UTC." if days else note.startswith("Times are UTC, ")


def test_blame_of_all_fields(run_cli, recorded):
    """The star stands for them all."""
    out = run_cli("history", recorded.db, "order-9", "--blame", "*", "--limit", "2").stdout
    assert "field" in out.splitlines()[0]
    assert "Only the newest 2 of 4 are shown" in out


def test_when(run_cli, recorded):
    """The answer in words, and the intervals."""
    out = run_cli("history", recorded.db, "--when", "state == 'Paying'").stdout
    assert out.startswith("`state == 'Paying'` held 8 times, in 8 of 9 components.")
    assert out.splitlines()[1].split()[:4] == ["component", "start", "end", "for"]
    assert any("order-9" in line and "still" in line for line in out.splitlines())


def test_story(run_cli, recorded):
    """Sentences, one a line."""
    lines = run_cli("history", recorded.db, "order-9", "--story").stdout.splitlines()
    assert lines[0].startswith("order-9 began in Draft, at ")
    assert "`pay` failed, ValueError: the card was declined" in lines[2]
    assert lines[-1].startswith("At the newest record it is in Paying, for ")


@pytest.mark.parametrize("option", [("--story",), ("--blame", "state")])
def test_a_question_about_one_component_without_its_name(run_cli, recorded, old_database, option):
    """Where there is one, it is meant; else they are listed."""
    assert run_cli("history", old_database, *option).exit_code == 0
    result = run_cli("history", recorded.db, *option)
    assert result.exit_code == 2
    assert (
        f"{option[0]} is about one component: name it after the database, which has "
        in result.stderr
    )
    assert "order-1, order-2" in result.stderr


@pytest.mark.parametrize(
    "question", [[], ["--snapshots"], ["--blame", "state"], ["--when", "state == 'Paying'"]]
)
def test_rows_of_several_files_name_their_own(run_cli, recorded, old_database, question):
    """Ids of two files may be the same; of one file there is nothing to name."""
    shutil.copy(recorded.db, Path(old_database).with_name("new.db"))
    both = str(Path(old_database).with_name("*.db"))
    assert "new.db" in run_cli("history", both, "order-1", *question).stdout
    assert "state.db" not in run_cli("history", recorded.db, "order-1", *question).stdout


def test_the_questions_as_json(run_cli, recorded):
    """With the keys of their frames; durations in microseconds."""
    blame = json.loads(
        run_cli("history", recorded.db, "order-9", "--blame", "items", "--json").stdout
    )
    when = json.loads(run_cli("history", recorded.db, "--when", "items > 8", "--json").stdout)
    story = json.loads(run_cli("history", recorded.db, "order-9", "--story", "--json").stdout)
    assert [(row["old"], row["new"]) for row in blame["blame"]] == [(None, "9")]
    assert when["when"]["components"] == 8
    assert [row["component"] for row in when["when"]["intervals"]] == ["order-9"]
    assert when["when"]["intervals"][0]["dwell_us"] > 0
    assert [row["steps"] for row in story["story"]] == [0, 1, 1, 0]
    assert story["left_out"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--blame", "x"], "name it after the database"),
        (["--story"], "name it after the database"),
        (["order-9", "--blame", "x", "--story"], "two questions"),
        (["order-9", "--when", "x > 1", "--snapshots"], "leave --snapshots out"),
    ],
)
def test_questions_that_do_not_go_together(run_cli, recorded, arguments, said):
    """Wrong usage, before anything is read."""
    result = run_cli("history", recorded.db, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_condition_that_cannot_be_read(run_cli, recorded):
    """An error with its four parts."""
    result = run_cli("history", recorded.db, "--when", "state = 1")
    assert result.exit_code == 1
    assert "Fix: Write == to compare." in result.stderr


def test_a_damaged_file_is_said_beside_what_can_be_read(run_cli, recorded, tmp_path):
    """On standard error, after the answer."""
    content = Path(recorded.db).read_bytes()
    cut = tmp_path / "cut.db"
    cut.write_bytes(content[:-4096])
    result = run_cli("history", str(cut))
    assert result.exit_code == 0
    assert "order-9" in result.stdout
    assert "Note: cut.db is cut off: 4,096 bytes are missing from its end." in result.stderr
