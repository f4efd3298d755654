"""Commands that work with one configuration."""

import json
import sys

import pytest

from flexiflow.states import DEFAULT_REGISTRY

MODULE = """
from flexiflow import State

class CliFailing(State):
    async def handle_message(self, message, component):
        raise ValueError("no luck")
"""


@pytest.fixture
def config(write):
    return write("order.yaml", "name: order-1\nrules: [a, b]\n")


@pytest.fixture
def failing(write, tmp_path, monkeypatch):
    """A config whose state is in a module beside which the command is typed."""
    write("cli_failing_states.py", MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield write(
        "failing.yaml",
        'name: order-2\nstates: {CliFailing: "cli_failing_states:CliFailing"}\n'
        "initial_state: CliFailing\n",
    )
    DEFAULT_REGISTRY.unregister("CliFailing")
    sys.modules.pop("cli_failing_states", None)


def test_register_says_what_it_made(run_cli, config):
    """The component, its state and how many rules it has."""
    result = run_cli("register", "--config", config)
    assert result.exit_code == 0
    assert result.stdout == "Registered order-1 in InitialState; rules: 2.\n"


def test_register_can_start_the_component(run_cli, config):
    """With --start it is sent a start message, and the step is printed."""
    result = run_cli("register", "--config", config, "--start")
    assert result.exit_code == 0
    assert "order-1: 'start' moved InitialState → AwaitingConfirmation" in result.stdout


def test_register_as_json(run_cli, config):
    """The same facts, with the step."""
    document = json.loads(run_cli("register", "--config", config, "--start", "--json").stdout)
    assert document["step"].pop("duration_us") >= 0
    assert len(document["step"].pop("correlation_id")) == 32
    assert document == {
        "component": "order-1",
        "state": "InitialState",
        "rules": 2,
        "step": {
            "component": "order-1",
            "message": "start",
            "outcome": "moved",
            "from_state": "InitialState",
            "to_state": "AwaitingConfirmation",
            "reason": None,
            "error": None,
            "tries": 1,
        },
    }


def test_handle_prints_the_step(run_cli, config):
    """As a sentence."""
    result = run_cli("handle", "--config", config, "start")
    assert result.exit_code == 0
    assert result.stdout.startswith("order-1: 'start' moved InitialState → AwaitingConfirmation")


def test_a_refused_message_is_a_bad_answer(run_cli, config):
    """It exits with 3, and says why."""
    result = run_cli("handle", "--config", config, "confirm")
    assert result.exit_code == 3
    assert result.stdout.startswith("◇ order-1: 'confirm' was refused in InitialState: ")


@pytest.mark.parametrize(("content", "code"), [("confirmed", 0), ("no", 3), (None, 3)])
def test_content_reaches_the_handler(run_cli, write, content, code):
    """The message's content decides where it leads."""
    config = write("waiting.yaml", "name: order-1\ninitial_state: AwaitingConfirmation\n")
    option = [] if content is None else ["--content", content]
    assert run_cli("handle", "--config", config, "confirm", *option).exit_code == code


def test_a_failing_handler_is_an_error(run_cli, failing):
    """It exits with 1, in four parts and without a traceback."""
    result = run_cli("handle", "--config", failing, "go")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: order-2: 'go' failed in CliFailing.",
        "Why: Its handler raised ValueError: no luck",
        "Fix: Mend the handler; --debug shows the traceback.",
        "Context:",
        "  component='order-2'",
        "  message='go'",
        "  state='CliFailing'",
    ]


def test_a_handlers_own_four_parts_are_kept(run_cli, write, failing):
    """What it raises as a FlexiFlowError is shown as it is."""
    raised = 'FlexiFlowError("It is late.", why="Night.", fix="Sleep.", context={"hour": 3})'
    write(
        "cli_failing_states.py",
        MODULE.replace('ValueError("no luck")', raised).replace(
            "import State", "import FlexiFlowError, State"
        ),
    )
    result = run_cli("handle", "--config", failing, "go")
    assert result.exit_code == 1
    assert result.stderr == ("Error: It is late.\nWhy: Night.\nFix: Sleep.\nContext:\n  hour=3\n")


def test_the_traceback_leads_to_the_handler(run_cli, failing):
    """With --debug it shows the line that raised."""
    result = run_cli("handle", "--config", failing, "go", "--debug")
    assert 'raise ValueError("no luck")' in result.stderr


def test_modules_beside_the_command_are_found(run_cli, failing):
    """As with python -m, whose path begins with the folder in which it is typed."""
    assert run_cli("register", "--config", failing).exit_code == 0


def test_update_rules_counts(run_cli, config, write):
    """How many were added, and how many there are now."""
    rules = write("rules.yaml", "- c\n- d\n- e\n")
    result = run_cli("update_rules", "--config", config, rules)
    assert result.exit_code == 0
    assert result.stdout == "order-1: rules added: 3, now 5.\n"


def test_update_rules_as_json(run_cli, config, write):
    """The same numbers."""
    rules = write("rules.yaml", "rules: [c]\n")
    document = json.loads(run_cli("update_rules", "--config", config, rules, "--json").stdout)
    assert document == {"component": "order-1", "added": 1, "rules": 3}


@pytest.mark.parametrize("command", [("register",), ("handle", "start"), ("update_rules", "r")])
def test_without_a_config_every_command_says_so(run_cli, command):
    """No config provided: exit 1, and how to give one."""
    result = run_cli(*command, env={"FLEXIFLOW_CONFIG": None})
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: No config provided.\nWhy: ")
    assert "Fix: Add --config component.yaml" in result.stderr


def test_the_variable_stands_in_for_the_option(run_cli, config):
    """FLEXIFLOW_CONFIG names the config."""
    result = run_cli("register", env={"FLEXIFLOW_CONFIG": config})
    assert "order-1" in result.stdout


def test_the_option_wins_over_the_variable(run_cli, config):
    """What is typed counts."""
    result = run_cli("register", "--config", config, env={"FLEXIFLOW_CONFIG": "nowhere.yaml"})
    assert result.exit_code == 0


def test_a_missing_config_is_an_error(run_cli):
    """In four parts, and exit 1."""
    result = run_cli("register", "--config", "nowhere.yaml")
    assert result.exit_code == 1
    assert "not found" in result.stderr.splitlines()[0]


def test_explain_says_what_a_config_means(run_cli, config):
    """A valid one exits with 0."""
    result = run_cli("explain", config)
    assert result.exit_code == 0
    assert result.stdout.startswith("Component: order-1\n")
    assert result.stdout.endswith("Status: Valid\n")


def test_explain_of_an_invalid_config_is_a_bad_answer(run_cli, write):
    """It exits with 3, and lists what is wrong on standard output."""
    result = run_cli("explain", write("bad.yaml", "rules: []\n"))
    assert result.exit_code == 3
    assert "[ERROR] Config is missing required field 'name'." in result.stdout
    assert result.stdout.endswith("Status: Invalid\n")


def test_explain_as_json(run_cli, write):
    """Every error with its parts."""
    path = write("bad.yaml", 'name: order-1\nstates: {A: "nowhere_at_all:A"}\n')
    result = run_cli("explain", path, "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 3
    assert document["valid"] is False
    assert document["states"][0]["key"] == "A"
    assert document["errors"][0]["what"] == "Module not found: 'nowhere_at_all'."
    assert all(document["errors"][0][part] for part in ("why", "fix", "context"))


def test_a_hostile_name_in_a_config_is_spelt_out(run_cli, write):
    """By every command that prints it."""
    config = write("evil.yaml", 'name: "\\e[31mx\\n\\u202e[bold]"\n')
    for command in ("register", "explain"):
        option = ["--config"] if command == "register" else []
        out = run_cli(command, *option, config).stdout
        assert r"\x1b[31mx\n\u202e[bold]" in out
        assert "\x1b" not in out


@pytest.mark.parametrize("command", [["register", "--config"], ["handle", "go", "--config"]])
def test_a_config_may_name_only_what_is_allowed(run_cli, failing, command):
    """Nothing else is imported."""
    result = run_cli(*command, failing, "--allow", "shop", "--allow", "shop.states:Draft")
    assert result.exit_code == 1
    assert "Error: Dotted path 'cli_failing_states:CliFailing' is not allowed." in result.stderr
    assert "cli_failing_states" not in sys.modules


def test_an_allowed_config_is_loaded(run_cli, failing):
    """The module that is named is enough."""
    result = run_cli("register", "--config", failing, "--allow", "cli_failing_states")
    assert result.stdout == "Registered order-2 in CliFailing; rules: 0.\n"


def test_explaining_says_what_is_not_allowed(run_cli, failing, monkeypatch):
    """By the environment too."""
    monkeypatch.setenv("FLEXIFLOW_ALLOW", "shop")
    result = run_cli("explain", failing)
    assert result.exit_code == 3
    assert "is not allowed" in result.stdout
    assert "cli_failing_states" not in sys.modules
