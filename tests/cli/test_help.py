"""Help texts: every option and every key of JSON is documented where it is offered."""

import json
import re

import click
import pytest

from flexiflow import __version__
from flexiflow.cli import cli

COMMANDS = sorted(cli.commands)


def test_all_commands_are_there():
    """Those of 1.x, and the new ones."""
    assert COMMANDS == [
        "backup",
        "check",
        "demo",
        "diagnose",
        "draw",
        "errors",
        "explain",
        "handle",
        "history",
        "lessons",
        "prune",
        "register",
        "trace",
        "tutorial",
        "update_rules",
        "verify",
        "why",
    ]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_alone_it_prints_the_help(run_cli, arguments):
    """With every command in one line that is not cut, and the exit codes."""
    result = run_cli(*arguments)
    assert result.exit_code == 0
    assert all(re.search(rf"^  {name} +[A-Z].*[^.]\.$", result.stdout, re.M) for name in COMMANDS)
    for code in ("0", "1", "2", "3", "130"):
        assert re.search(rf"^ +{code} +\S", result.stdout, re.M)


def test_the_version(run_cli):
    """The package's."""
    assert run_cli("--version").stdout == f"flexiflow {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_documents_its_options(run_cli, name):
    """Each with a text of its own, and an example of the whole."""
    command = cli.commands[name]
    text = run_cli(name, "--help").stdout
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert options
    assert all(each.help and each.opts[0] in text for each in options)
    assert re.search(rf"Example:\n +flexiflow {name}", text)
    assert "--debug" in text


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)])
def test_help_is_ascii(run_cli, arguments):
    """The library that prints it writes UTF-8, also where the stream asks for ASCII."""
    assert run_cli(*arguments, "--help").stdout.isascii()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_speaks_json(name):
    """And says which keys it has."""
    command = cli.commands[name]
    assert any("--json" in parameter.opts for parameter in command.params)
    assert "JSON" in (command.help or "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("why", "DB"),
        ("why", "DB", "order-9"),
        ("history", "DB"),
        ("history", "DB", "order-9"),
        ("history", "DB", "order-9", "--snapshots"),
        ("trace", "LOG"),
        ("trace", "LOG", "ID"),
        ("diagnose",),
        ("explain", "CONFIG"),
        ("register", "--config", "CONFIG", "--start"),
        ("handle", "--config", "CONFIG", "start"),
        ("update_rules", "--config", "CONFIG", "RULES"),
    ],
)
def test_every_key_of_json_is_documented(run_cli, recorded, write, arguments):
    """In the help of the command that prints it, or of the one that the help names."""
    words = {
        "DB": recorded.db,
        "LOG": recorded.log,
        "CONFIG": write("c.yaml", "name: order-1\nstates: {A: 'nowhere:A'}\npack: x\n"),
        "RULES": write("r.yaml", "- a\n"),
    }
    if "ID" in arguments:
        traces = json.loads(run_cli("trace", recorded.log, "--json").stdout)["traces"]
        words["ID"] = traces[0]["correlation_id"]
    if arguments[0] in ("register", "handle", "update_rules"):
        words["CONFIG"] = write("good.yaml", "name: order-1\n")
    document = json.loads(run_cli(*(words.get(each, each) for each in arguments), "--json").stdout)
    texts = run_cli(arguments[0], "--help").stdout
    for other in re.findall(r"`flexiflow (\w+)\s+--json`", texts):
        texts += run_cli(other, "--help").stdout
    documented = set(re.findall(r"\w+", texts))
    assert keys_of(document) <= documented


USERS_OWN = """
context error_parts guards kinds message_fields snapshot state_providers
"""


def keys_of(value, depth=0):
    """The keys of a document, down to those of its rows; a user's own data is deeper."""
    if isinstance(value, list):
        return set().union(*(keys_of(each, depth) for each in value), set())
    if not isinstance(value, dict) or depth == 2:
        return set()
    ours = [key for key in value if key not in USERS_OWN.split()]
    return set(value).union(*(keys_of(value[key], depth + 1) for key in ours))
