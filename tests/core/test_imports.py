"""Dotted paths."""

import os

import pytest

from flexiflow.errors import FlexiFlowError, ImportError_
from flexiflow.imports import dotted_path_of, load_state_class, load_symbol, split_dotted_path
from flexiflow.state_machine import InitialState, State


def failure(dotted_path):
    with pytest.raises(ImportError_) as caught:
        load_symbol(dotted_path)
    error = caught.value
    assert error.why
    assert error.fix
    assert error.context_items["dotted_path"] == dotted_path
    return error


def test_a_symbol_is_loaded_from_its_module():
    """A dotted path leads to the object itself, whatever it is."""
    assert load_symbol("flexiflow.state_machine:InitialState") is InitialState


def test_a_module_that_was_just_written_is_found(make_module, tmp_path):
    """A module may be written moments after it was looked for, while the folder looks unchanged."""
    make_module("", "neighbour")
    failure("written_a_moment_ago:ANSWER")
    seen = tmp_path.stat()
    (tmp_path / "written_a_moment_ago.py").write_text("ANSWER = 42")
    os.utime(tmp_path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert load_symbol("written_a_moment_ago:ANSWER") == 42


def test_a_symbol_that_is_none_is_loaded(make_module):
    """A symbol whose value is None exists."""
    assert load_symbol(f"{make_module('NOTHING = None')}:NOTHING") is None


@pytest.mark.parametrize(
    "path",
    [
        "no_colon",
        "",
        ":",
        "module:",
        ":Symbol",
        "a:b:c",
        ".relative:Symbol",
        "a..b:Symbol",
        "a.:Symbol",
        "a b:Symbol",
        "a:B\n",
        None,
        5,
    ],
)
def test_a_malformed_path_is_named_as_such(path):
    """Anything that is not module, colon, symbol is an invalid dotted path."""
    assert "Invalid dotted path" in str(failure(path))


@pytest.mark.parametrize(
    "path", ["no_such_module_anywhere:X", "no_such_parent.child:X", "json.no_such_child:X"]
)
def test_a_missing_module_or_parent_is_not_found(path):
    """The module, or a package above it, does not exist."""
    error = failure(path)
    assert "Module not found" in str(error)
    assert isinstance(error.__cause__, ModuleNotFoundError)


def test_a_missing_symbol_is_not_found():
    """The module exists and the symbol does not."""
    error = failure("json:no_such_symbol")
    assert "not found" in str(error)
    assert "Module not found" not in str(error)


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("1 / 0", ZeroDivisionError),
        ("import no_such_module_anywhere", ModuleNotFoundError),
        ("from json import no_such_symbol", ImportError),
        ("def broken(:", SyntaxError),
        ("raise ModuleNotFoundError('no name in it')", ModuleNotFoundError),
        ("import sys; sys.exit(3)", SystemExit),
    ],
)
def test_a_failure_inside_the_module_is_told_from_its_absence(make_module, source, cause):
    """What the user's module raised stays the cause, and the module is not called missing."""
    error = failure(f"{make_module(source)}:X")
    assert "failed to import" in error.what
    assert "not found" not in error.what
    assert isinstance(error.__cause__, cause)


def test_a_missing_submodule_of_the_module_itself_is_a_failure_inside_it(make_module):
    """`states` that imports `states.missing` exists, and fails."""
    name = make_module("", "inside_out")
    make_module(f"import {name}.missing", name)
    assert "failed to import" in failure(f"{name}:X").what


def test_a_package_that_fails_is_a_failure_of_the_module_in_it(make_module):
    """A parent's __init__ that can't import something has not made the module missing."""
    make_module("X = 1", "outer_package.inner")
    make_module("import no_such_module_anywhere", "outer_package.__init__")
    assert "failed to import" in failure("outer_package.inner:X").what


def test_a_failing_module_getattr_keeps_its_cause(make_module):
    """A module's own __getattr__ may raise anything."""
    name = make_module("def __getattr__(name): raise OSError(name)")
    assert isinstance(failure(f"{name}:X").__cause__, OSError)


def test_an_error_of_flexiflow_inside_the_module_stays_the_cause(make_module):
    """A module that fails by one of our own errors is reported as failing, too."""
    name = make_module(
        "from flexiflow.state_machine import StateMachine; StateMachine.from_name('?')"
    )
    error = failure(f"{name}:X")
    assert "failed to import" in error.what
    assert isinstance(error.__cause__, FlexiFlowError)


def test_an_interrupt_during_an_import_is_not_swallowed(make_module):
    """Ctrl-C stops the program, not only the import."""
    name = make_module("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_symbol(f"{name}:X")


def test_a_state_class_is_loaded():
    """A path to a state leads to its class."""
    assert load_state_class("flexiflow.state_machine:InitialState") is InitialState


@pytest.mark.parametrize("path", ["json:dumps", "json:JSONDecoder", "json:__name__"])
def test_what_is_no_state_is_refused(path):
    """A function, another class or a value is not a State subclass."""
    with pytest.raises(ImportError_, match="Not a State subclass"):
        load_state_class(path)


def test_the_path_of_a_class_leads_back_to_it():
    """`dotted_path_of` and `load_symbol` are inverse for classes at the top level."""
    assert load_symbol(dotted_path_of(State)) is State


def test_a_path_is_split_at_its_colon():
    """The parts are the module and the symbol."""
    assert split_dotted_path("a.b:C") == ("a.b", "C")
