"""The gate: what passes, what fails, and what is written down."""

import asyncio
import json
from dataclasses import replace
from xml.etree import ElementTree

import machines
import pytest

from flexiflow.analysis.machine.machine_graph import machine_graph
from flexiflow.config_loader import ConfigLoader
from flexiflow.engine import FlexiFlowEngine
from flexiflow.recording import record


@pytest.fixture
def config(write):
    """A config whose code can be imported."""
    return write("order.yaml", machines.CONFIG)


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """An order that was closed, one that was sent back, and one that waits in Review."""
    path = tmp_path_factory.mktemp("checked") / "state.db"
    engine = FlexiFlowEngine()

    async def run():
        for name, content in (("order-1", "yes"), ("order-2", "no")):
            component = engine.add(name, machines.Open)
            await component.send("submit")
            await component.send("decide", content=content)
        await engine.add("order-3", machines.Open).send("submit")

    with record(engine, path):
        asyncio.run(run())
    return str(path)


def test_without_limits_it_tells_and_passes(run_cli, config, history):
    """All components with this machine count, whatever they are called."""
    result = run_cli("check", config, history)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "✓ findings: The machine has no errors.",
        "✓ coverage: Transitions taken: 3 of 3, 100.0 %.",
    ]


def test_coverage_that_is_too_low_fails(run_cli, config, history):
    """One component alone took fewer; what it did not take is listed."""
    result = run_cli("check", config, history, "--component", "order-3", "--min-coverage", "80")
    assert result.exit_code == 3
    assert "✕ coverage: Transitions taken: 1 of 3, 33.3 %; at least 80 % are" in result.stdout
    assert "    Review → decide [content == 'yes'] → Closed; read from code" in result.stdout


def test_exactly_enough_passes(run_cli, config, history):
    """The share is compared as it is, not as it is printed."""
    share = ["--component", "order-3", "--min-coverage"]
    assert run_cli("check", config, history, *share, "33.3333").exit_code == 0
    assert run_cli("check", config, history, *share, "33.34").exit_code == 3


@pytest.mark.parametrize("share", ["101", "-1", "nan", "inf"])
def test_a_share_that_makes_no_sense_is_an_error(run_cli, config, history, share):
    """It is no answer."""
    result = run_cli("check", config, history, f"--min-coverage={share}")
    assert result.exit_code == 1
    assert "Error: --min-coverage is not a share in percent" in result.stderr


def test_nothing_declared_covers_nothing(run_cli, old_database):
    """A database of 1.x declares nothing: its coverage is no hundred percent."""
    assert run_cli("check", old_database, old_database).exit_code == 0
    result = run_cli("check", old_database, old_database, "--min-coverage", "1")
    assert result.exit_code == 3
    assert "✕ coverage: No transition is declared or read from code" in result.stdout


def test_what_is_not_declared_fails_on_request(run_cli, recorded, write):
    """Draft and Paying are nothing that this config knows."""
    config = write("order-1.yaml", machines.CONFIG.replace("name: order", "name: order-1"))
    assert run_cli("check", config, recorded.db).exit_code == 0
    result = run_cli("check", config, recorded.db, "--fail-undeclared")
    assert result.exit_code == 3
    assert "    Draft went to Paying by submit, which is not declared." in result.stdout
    assert "what order-1 did in it is counted." in result.stdout


def test_what_a_pack_describes_is_recorded_and_counted_for_all(run_cli, write, tmp_path):
    """The database draws it without code; each component of the config has this very machine."""
    config = write("order.yaml", machines.PACKED)
    loaded = ConfigLoader.load_component_config(config)
    engine, db = FlexiFlowEngine(), str(tmp_path / "packed.db")

    async def run():
        for name in ("order", "other"):
            component = engine.create_component(replace(loaded, name=name))
            await component.send("decide", content="yes")

    with record(engine, db) as recording:
        asyncio.run(run())
        [edge] = recording.history.graph().model.edges
        taken = machine_graph(engine.get("other"), recording.history).model.edges
    assert (edge.source, edge.message, edge.guard) == ("Review", "decide", "is_yes")
    assert (edge.target, edge.count, edge.undeclared) == ("Closed", 2, False)
    counts = {(each.source, each.target): each.count for each in taken}
    assert counts == {("Review", "Closed"): 1, ("Review", "Open"): 0, ("Open", "Review"): 0}
    result = run_cli("check", config, db, "--fail-undeclared")
    assert result.exit_code == 0
    assert "Note" not in result.stdout


def test_what_could_not_be_read_is_not_judged(run_cli, history):
    """A database stores no code: what happened in classic states is only counted."""
    result = run_cli("check", history, history, "--fail-undeclared")
    assert result.exit_code == 0
    assert "✓ undeclared: Nothing happened that is not declared." in result.stdout
    assert "Note: Not judged: 2 observed transitions from states whose" in result.stdout


def test_a_stay_that_is_too_long_fails(run_cli, recorded):
    """The order that is still there counts, up to the newest record."""
    dwell = ["--max-dwell", "Paying<5s", "--max-dwell", "Draft<=1h"]
    result = run_cli("check", recorded.db, recorded.db, *dwell)
    assert result.exit_code == 3
    assert "✕ dwell Paying<5s: 1 of 8 stays in Paying took too long, the longest 1 h 0 min." in (
        result.stdout
    )
    assert "    order-9 stayed 1 h 0 min from " in result.stdout
    assert ", and still does." in result.stdout
    assert "✓ dwell Draft<=1h: " in result.stdout


def test_a_limit_on_an_unknown_state_is_an_error(run_cli, recorded):
    """It names the nearest one, rather than passing."""
    result = run_cli("check", recorded.db, recorded.db, "--max-dwell", "Payin<5s")
    assert result.exit_code == 1
    assert "Did you mean 'Paying'" in result.stderr


def test_an_invalid_config_fails(run_cli, history, write):
    """What is wrong with it is the first check."""
    broken = machines.CONFIG.replace("machines:Closed", "machines:Nirvana")
    result = run_cli("check", write("broken.yaml", broken), history)
    assert result.exit_code == 3
    assert result.stdout.startswith("✕ config: The config is invalid; errors: 1.\n")
    assert "flexiflow explain" in result.stdout


def test_the_report_as_junit(run_cli, config, history, tmp_path):
    """One test case a check, a failure where it failed; written although it failed."""
    file = tmp_path / "check.xml"
    options = ["--component", "order-3", "--min-coverage", "80", "--max-dwell", "Review<1h"]
    assert run_cli("check", config, history, *options, "--junit", str(file)).exit_code == 3
    suites = ElementTree.fromstring(file.read_bytes())
    cases = suites.findall("testsuite/testcase")
    assert suites.attrib == {"tests": "3", "failures": "1", "errors": "0"}
    failed = {case.get("name"): case.find("failure") is not None for case in cases}
    assert failed == {"findings": False, "coverage": True, "dwell Review<1h": False}


def test_the_report_as_markdown(run_cli, config, history, tmp_path):
    """A table of the checks, and what stands behind them."""
    file = tmp_path / "check.md"
    assert run_cli("check", config, history, "--markdown", str(file)).exit_code == 0
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Check of order: passed"
    assert "| ✓ | coverage | Transitions taken: 3 of 3, 100.0 %. |" in lines


def test_a_report_that_can_not_be_written_is_an_error(run_cli, config, history, tmp_path):
    """It is no answer."""
    result = run_cli("check", config, history, "--junit", str(tmp_path / "no" / "check.xml"))
    assert result.exit_code == 1
    assert "can't be written" in result.stderr


def test_the_report_as_json(run_cli, config, history):
    """Checks, coverage and findings."""
    result = run_cli("check", config, history, "--json")
    document = json.loads(result.stdout)
    assert (document["passed"], document["machine"]) == (True, "order")
    assert document["coverage"] == {"declared": 3, "taken": 3, "percent": 100.0}
    assert [each["name"] for each in document["checks"]] == ["findings", "coverage"]
