"""What the environment offers."""

import json
import os
import platform

import pytest

from flexiflow import __version__
from flexiflow.cli import diagnose


def test_everything_that_is_required_is_there(run_cli):
    """The environment in which the tests run is a good one."""
    result = run_cli("diagnose")
    assert result.exit_code == 0
    assert result.stdout.startswith("FlexiFlow environment:\n")
    assert "✓  python.version" in result.stdout
    assert result.stdout.endswith("Everything that is required works.\n")


def test_checks_as_json(run_cli):
    """`ok`, and the checks by name."""
    document = json.loads(run_cli("diagnose", "--json").stdout)
    checks = {check["name"]: check for check in document["checks"]}
    assert list(document) == ["ok", "checks"]
    assert document["ok"] is True
    assert checks["python.version"]["value"] == platform.python_version()
    assert checks["package.version"]["value"] == __version__
    assert checks["sqlite.json"]["ok"] is True
    assert checks["sqlite.wal"]["value"] == "possible in this folder"
    assert checks["picture"]["ok"] is True
    assert list(checks["package.pandas"]) == ["name", "ok", "required", "value", "fix"]


def test_it_leaves_nothing_behind(run_cli, tmp_path, monkeypatch):
    """The probe of the folder is taken away."""
    monkeypatch.chdir(tmp_path)
    run_cli("diagnose")
    assert os.listdir(tmp_path) == []


def test_a_package_that_is_not_there_comes_with_its_pip_line():
    """An optional one names its extra, and is no failure."""
    check = diagnose._package("no-such-package", required=False, extra="lab")
    assert (check.ok, check.required) == (False, False)
    assert check.fix == "pip install 'flexiflow[lab]'"


def test_a_required_package_that_is_not_there_is_a_bad_answer(run_cli, monkeypatch):
    """It exits with 3, and says what to type."""
    monkeypatch.setattr(diagnose, "_NEEDED", ("no-such-package",))
    result = run_cli("diagnose")
    assert result.exit_code == 3
    assert "✕  package.no-such-package" in result.stdout
    assert "pip install no-such-package" in result.stdout
    assert result.stdout.endswith("Something that is required is missing.\n")
    assert json.loads(run_cli("diagnose", "--json").stdout)["ok"] is False


def test_a_required_package_that_is_broken_is_found(monkeypatch):
    """Being installed is not enough."""
    monkeypatch.setitem(diagnose._MODULES, "click", "flexiflow.no_such_module")
    check = diagnose._package("click", required=True, extra=None)
    assert check.ok is False
    assert "can't be imported: ModuleNotFoundError" in check.value


@pytest.mark.parametrize("message", ["one\ntwo", ""])
def test_what_a_check_raises_is_what_it_found(message):
    """In one line."""

    def look():
        raise OSError(message)

    check = diagnose._outcome("name", look, required=False, fix="do this")
    assert (check.ok, check.fix) == (False, "do this")
    assert check.value == f"OSError: {message.partition(chr(10))[0]}"
