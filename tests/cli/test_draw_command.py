"""Pictures of a config's machine, and of the one that a database stores."""

import json
from xml.etree import ElementTree

import machines
import pytest


@pytest.fixture
def config(write):
    """A config whose code can be imported."""
    return write("order.yaml", machines.CONFIG)


def test_a_config_is_drawn_as_lines(run_cli, config):
    """In a pipe; what was read from code is among them."""
    result = run_cli("draw", config)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "order: 3 states and 3 transitions, starting in Open.",
        "Open (start) → submit → Review",
        "Review (handle_message read from code) → decide [content == 'yes'] → Closed; "
        "read from code",
        "Review → decide [content != 'yes'] → Open; read from code",
        "Closed (final): no transitions",
    ]


def test_a_terminal_gets_a_tree(run_cli, config, terminal):
    """A branch a state, and on it what leads on."""
    from flexiflow.cli import cli

    stream = terminal(100)
    cli.main(["draw", config], standalone_mode=False)
    lines = stream.getvalue().splitlines()
    assert any("├──" in line and "Open" in line for line in lines)
    assert any("└──" in line and "submit" in line for line in lines)


def test_a_database_is_drawn_with_what_happened(run_cli, recorded):
    """Without the code: one component's steps on its stored machine."""
    out = run_cli("draw", recorded.db, "order-9").stdout
    assert out.startswith("order-9: 3 states and 3 transitions, starting in Draft, now in Paying.")
    assert "Draft (start, visited once) → submit [<lambda>] → Paying; taken once" in out


@pytest.mark.parametrize(
    ("ending", "begins"),
    [
        (".svg", "<svg"),
        (".dot", "digraph machine {"),
        (".mmd", "flowchart LR"),
        (".md", "| from | message |"),
        (".txt", "order: 3 states"),
        (".SVG", "<svg"),
    ],
)
def test_the_ending_says_as_what(run_cli, config, tmp_path, ending, begins):
    """Each form is written to its file, with a newline at its end."""
    file = tmp_path / f"machine{ending}"
    result = run_cli("draw", config, "-o", str(file))
    assert (result.exit_code, result.stdout) == (0, f"Wrote {file}.\n")
    text = file.read_text(encoding="utf-8")
    assert text.startswith(begins)
    assert text.endswith("\n")


def test_an_unknown_ending_is_an_error(run_cli, config, tmp_path):
    """It lists the endings, and writes nothing."""
    result = run_cli("draw", config, "-o", str(tmp_path / "machine.png"))
    assert result.exit_code == 1
    assert "Why: A graph is written as .svg, .dot, .mmd, .md or .txt" in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["order.yaml"]


def test_a_folder_that_is_not_there_is_an_error(run_cli, config, tmp_path):
    """In four parts."""
    result = run_cli("draw", config, "-o", str(tmp_path / "nowhere" / "machine.svg"))
    assert result.exit_code == 1
    assert "can't be written." in result.stderr


@pytest.mark.parametrize("name", ["nowhere.yaml", "nowhere.db", "nowhere*.db"])
def test_what_is_not_there_is_an_error(run_cli, tmp_path, name):
    """A config as well as a database."""
    result = run_cli("draw", str(tmp_path / name))
    assert result.exit_code == 1
    assert "not found" in result.stderr


def test_a_config_has_one_component(run_cli, config):
    """Another name is an error that names the nearest."""
    assert run_cli("draw", config, "order").exit_code == 0
    result = run_cli("draw", config, "ordr")
    assert result.exit_code == 1
    assert "Did you mean 'order'?" in result.stderr


def test_a_machine_as_json(run_cli, config):
    """States and transitions as the frames have them."""
    document = json.loads(run_cli("draw", config, "--json").stdout)
    assert (document["name"], document["start"]) == ("order", "Open")
    assert [state["state"] for state in document["states"]] == ["Open", "Review", "Closed"]
    assert [edge["inferred"] for edge in document["transitions"]] == [False, True, True]


def test_names_can_not_break_out(run_cli, hostile, tmp_path):
    """Lines stay lines, and the SVG stays XML, whatever a component is called."""
    for place, name in enumerate(hostile.names):
        out = run_cli("draw", hostile.db, "--", name).stdout
        assert all(line.isprintable() for line in out.splitlines())
        file = tmp_path / f"{place}.svg"
        assert run_cli("draw", hostile.db, "-o", str(file), "--", name).exit_code == 0
        assert ElementTree.fromstring(file.read_text(encoding="utf-8")).tag.endswith("svg")
