"""Which code a configuration may name: an allow-list, from the call or from the environment."""

from __future__ import annotations

import sys

import pytest

from flexiflow.config_loader import ConfigLoader
from flexiflow.errors import ConfigError, ImportError_, InvalidType, InvalidValue
from flexiflow.explain import explain
from flexiflow.imports import ALLOW_VARIABLE, AllowList, load_symbol
from flexiflow.pack_loader import load_packs

STATES = {"name": "a", "states": {"A": "allowed_shop.states:Draft"}, "initial_state": "A"}
PACK = {"name": "a", "packs": ["allowed_shop.packs:make"], "initial_state": "A"}
INITIAL = {"name": "a", "initial_state": "allowed_shop.states:Draft"}


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    """A package that must not be imported unless that is allowed."""
    folder = tmp_path / "allowed_shop"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "states.py").write_text(
        "from flexiflow.state_machine import State\nclass Draft(State): pass\n"
    )
    (folder / "packs.py").write_text(
        "from flexiflow.statepack import MappingPack\nfrom allowed_shop.states import Draft\n"
        "def make(): return MappingPack({'A': Draft})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [each for each in sys.modules if each.startswith("allowed_shop")]:
        del sys.modules[name]


@pytest.mark.parametrize("config", [STATES, PACK, INITIAL])
@pytest.mark.parametrize("allow", [["allowed_shop"], "allowed_shop.states,allowed_shop.packs"])
def test_an_allowed_module_is_imported(config, allow):
    """With all that is beneath it."""
    assert ConfigLoader.load_component_config(config, allow=allow).initial_state == "Draft"


@pytest.mark.parametrize("config", [STATES, PACK, INITIAL])
@pytest.mark.parametrize("allow", [[], "", ["allowed"], ["allowed_shop.states:Other"], ["os"]])
def test_another_module_is_refused_before_it_is_imported(config, allow):
    """By every way in which a config names code."""
    with pytest.raises(ImportError_, match="is not allowed"):
        ConfigLoader.load_component_config(config, allow=allow)
    assert "allowed_shop" not in sys.modules


@pytest.mark.parametrize("config", [STATES, PACK, INITIAL])
def test_explaining_imports_no_more_than_loading(config):
    """The error says so, and nothing else is wrong."""
    explanation = explain(config, allow=["shop"])
    assert [each.what.partition(" '")[0] for each in explanation.errors] == ["Dotted path"]
    assert "allowed_shop" not in sys.modules


def test_one_symbol_can_be_allowed():
    """And no other one of its module."""
    allow = AllowList(["allowed_shop.states:Draft"])
    assert load_symbol("allowed_shop.states:Draft", allow).__name__ == "Draft"
    with pytest.raises(ImportError_, match="is not allowed"):
        load_symbol("allowed_shop.states:State", allow)


def test_the_environment_allows(monkeypatch):
    """Wherever no list is given."""
    monkeypatch.setenv(ALLOW_VARIABLE, "shop, allowed_shop.packs")
    assert [pack.name for pack in load_packs(packs=["allowed_shop.packs:make"])] == ["mapping"]
    with pytest.raises(ImportError_, match=r"may name: shop, allowed_shop\.packs"):
        load_packs(states={"A": "allowed_shop.states:Draft"})


def test_an_empty_variable_allows_nothing(monkeypatch):
    """Whoever sets it means something by it."""
    monkeypatch.setenv(ALLOW_VARIABLE, "")
    assert not explain(STATES).is_valid


def test_a_list_in_the_code_replaces_the_environment(monkeypatch):
    """It is trusted more."""
    monkeypatch.setenv(ALLOW_VARIABLE, "nothing")
    assert explain(STATES, allow=["allowed_shop"]).is_valid


def test_without_a_list_everything_is_allowed(monkeypatch):
    """As in 1.x."""
    monkeypatch.delenv(ALLOW_VARIABLE, raising=False)
    assert explain(STATES).is_valid


def test_built_in_states_need_no_list():
    """They are no paths."""
    assert explain({"name": "a", "initial_state": "InitialState"}, allow=[]).is_valid


@pytest.mark.parametrize("allow", [5, b"shop", {"shop": 1}, [5], [None]])
def test_a_list_of_a_wrong_type_is_refused(allow):
    """Rather than allowing or refusing everything."""
    with pytest.raises(InvalidType, match="allow can't hold"):
        explain(STATES, allow=allow)


@pytest.mark.parametrize("entry", ["", "shop.*", "shop:", "a b", ".shop", "shop/states", "a:b:c"])
def test_an_entry_that_names_nothing_is_refused(entry):
    """A pattern would allow nothing, and look as if it did."""
    with pytest.raises(InvalidValue, match="allow can't hold"):
        AllowList([entry])


@pytest.mark.parametrize("path", ["os:abort", "os:fork", "sys:exit", "gc:collect", "asyncio:run"])
def test_pythons_own_functions_are_not_called_as_makers_of_packs(path):
    """Some take no argument, and would end the process."""
    with pytest.raises(ConfigError, match="Not a StatePack"):
        load_packs(packs=[path])


@pytest.mark.parametrize("where", ["states", "initial_state"])
def test_a_config_that_points_at_os_system_is_refused(where):
    """It is looked at, and never called."""
    config = {"name": "a", where: {"A": "os:system"} if where == "states" else "os:system"}
    with pytest.raises(ImportError_, match="Not a State subclass"):
        ConfigLoader.load_component_config(config)
