"""One component in one JSON file."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexiflow.component import AsyncComponent
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import PersistenceError, StateFileNotFound
from flexiflow.hooks import snapshot_listeners
from flexiflow.persistence import json_store
from flexiflow.persistence.json_store import load_snapshot, save_component
from flexiflow.persistence.snapshot import ComponentSnapshot, restore_component


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.json"


def component(name="order", **data):
    return AsyncComponent(name, ["r"], data=data)


# -- round trips --------------------------------------------------------------------------


@pytest.mark.parametrize("as_text", [True, False])
def test_save_load_restore(path, as_text):
    """A path may be text or a Path."""
    where = str(path) if as_text else path
    save_component(component(total=5), where)
    snapshot = load_snapshot(where)
    assert snapshot == ComponentSnapshot("order", "InitialState", ["r"], {"total": 5})
    assert restore_component(snapshot, FlexiFlowEngine()).data == {"total": 5}


def test_metadata_is_merged_over_the_data(path):
    """By position or by keyword, as in 1.x."""
    save_component(component(a=1, b=1), path, {"b": 2})
    assert load_snapshot(path).metadata == {"a": 1, "b": 2}
    save_component(component(a=1), path, metadata={"c": 3})
    assert load_snapshot(path).metadata == {"a": 1, "c": 3}


values = st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(), max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from(["$ref", "$"]), inner, max_size=3)
        | st.dictionaries(st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
)
def test_any_data_comes_back(path, value):
    """And what is in the file is strict JSON."""
    save_component(component(value=value), path)
    assert load_snapshot(path).metadata == {"value": value}

    def refuse(constant):
        raise AssertionError(constant)

    json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


@given(st.text(st.characters(), min_size=1, max_size=20))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=30,
)
def test_any_name_comes_back(path, name):
    """Newlines, NUL and lone surrogates included."""
    save_component(component(name), path)
    assert load_snapshot(path).name == name


def test_the_file_says_its_format(path):
    """So that a `$` in a file of 1.x is not taken for a tag."""
    save_component(component(), path)
    assert json.loads(path.read_bytes())["format"] == json_store.FORMAT == 2
    assert path.read_bytes().endswith(b"}\n")


def test_too_deep_data_is_an_error_and_leaves_the_old_file(path):
    """An explicit save is all or nothing."""
    save_component(component(a=1), path)
    before = path.read_bytes()
    value = []
    for _ in range(300):
        value = [value]
    with pytest.raises(PersistenceError, match="nested too deeply"):
        save_component(component(a=value), path)
    assert path.read_bytes() == before


# -- files of 1.x -------------------------------------------------------------------------


def test_a_file_of_1_x_is_read_as_it_is(path):
    """NaN as Python wrote it, and keys with a dollar that mean nothing."""
    path.write_text(
        '{"name": "order", "current_state": "Paying", "rules": [1],'
        ' "metadata": {"a": NaN, "b": {"$tuple": [1]}, "$float": "nan"}}'
    )
    snapshot = load_snapshot(path)
    assert (snapshot.name, snapshot.current_state, snapshot.rules) == ("order", "Paying", [1])
    assert repr(snapshot.metadata) == "{'a': nan, 'b': {'$tuple': [1]}, '$float': 'nan'}"


def test_a_file_of_1_x_without_metadata(path):
    """It is empty then."""
    path.write_text('{"name": "order", "current_state": "Paying", "rules": []}')
    assert load_snapshot(path).metadata == {}


# -- what can go wrong --------------------------------------------------------------------


def test_a_file_that_is_not_there(path):
    """A FileNotFoundError with all four parts."""
    with pytest.raises(StateFileNotFound, match="State file not found") as caught:
        load_snapshot(path)
    assert isinstance(caught.value, FileNotFoundError)
    assert isinstance(caught.value, PersistenceError)
    assert caught.value.why
    assert caught.value.fix
    assert caught.value.context_items["path"] == str(path)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("text", ["", "{", "not json", '{"format": 2,', "[" * 100_000])
def test_a_file_that_is_no_json(path, text):
    """With the words that existing code matches, and the cause."""
    path.write_text(text)
    with pytest.raises(PersistenceError, match="Invalid JSON") as caught:
        load_snapshot(path)
    assert caught.value.__cause__ is not None


def test_a_file_that_lacks_a_field(path):
    """It says which."""
    path.write_text('{"name": "x", "rules": []}')
    with pytest.raises(PersistenceError, match="missing required field 'current_state'"):
        load_snapshot(path)


def test_a_folder_can_not_be_read_or_written(tmp_path):
    """As little as anything else that the system refuses."""
    with pytest.raises(PersistenceError, match="can't be read"):
        load_snapshot(tmp_path)
    with pytest.raises(PersistenceError, match="can't be written"):
        save_component(component(), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert [each for each in tmp_path.parent.iterdir() if each.name.endswith(".tmp")] == []


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    """The path is more likely wrong."""
    with pytest.raises(PersistenceError, match="can't be written") as caught:
        save_component(component(), tmp_path / "missing" / "state.json")
    assert "folder exists" in caught.value.fix
    assert not (tmp_path / "missing").exists()


# -- the hook -----------------------------------------------------------------------------


def test_whoever_listens_hears_of_a_save(path):
    """With the path and the state; after the file is there."""
    heard = []

    def listener(name, facts):
        heard.append((name, facts, path.exists()))

    snapshot_listeners.append(listener)
    try:
        save_component(component(), path)
    finally:
        snapshot_listeners.remove(listener)
    assert heard == [("order", {"path": str(path), "state": "InitialState"}, True)]
