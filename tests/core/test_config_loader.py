"""Loading configurations from YAML."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flexiflow import yaml_file
from flexiflow.config_loader import ComponentConfig, ConfigLoader
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import ConfigError, FlexiFlowError, ImportError_, InvalidType, StateError
from flexiflow.explain import explain
from flexiflow.state_machine import DEFAULT_REGISTRY, State
from flexiflow.state_machine import InitialState as BuiltInInitial
from flexiflow.statepack import StateSpec, TransitionSpec

pytestmark = pytest.mark.usefixtures("clean_registry")


class LoadedDraft(State):
    """A state of the application."""


class LoadedPaid(State):
    """Another."""


class InitialState(State):
    """A state that is named as a built-in one."""


class elsewhere:
    """Holds a class with the same name as one at the top."""

    class LoadedDraft(State):
        """Another state of that name."""


OtherDraft = elsewhere.LoadedDraft


class OrderPack:
    """A pack."""

    name = "orders"

    def provides(self):
        return {"Draft": StateSpec(LoadedDraft), "InitialState": StateSpec(LoadedPaid)}

    def transitions(self):
        return [TransitionSpec("Draft", "pay", "InitialState", "has_items")]

    def depends_on(self):
        return set()


class CustomLoader(ConfigLoader):
    """A loader that reads its mapping from elsewhere."""

    @staticmethod
    def load_yaml(path):
        return {"name": f"from {path}"}


def path_of(symbol):
    return f"{__name__}:{symbol}"


def load(**fields):
    return ConfigLoader.load_component_config({"name": "order-1", **fields})


def failure(call, *arguments, kind=ConfigError):
    with pytest.raises(kind) as caught:
        call(*arguments)
    error = caught.value
    assert error.why
    assert error.fix
    assert error.context_items
    return error


# -- reading YAML -------------------------------------------------------------------------


@pytest.mark.parametrize("loader", [ConfigLoader, ConfigLoader()])
def test_the_loader_works_as_a_class_and_as_an_instance(loader, write_config):
    """1.x code makes an instance, and 1.x code does not."""
    path = write_config("{name: a, rules: [1]}")
    assert loader.load_yaml(path) == {"name": "a", "rules": [1]}
    assert loader.load_component_config(path) == ComponentConfig("a", [1], "InitialState")
    assert loader.load_rules(path) == [1]


def test_a_path_may_be_a_string(write_config):
    """A string names a file as a Path does."""
    assert ConfigLoader.load_yaml(str(write_config("name: a"))) == {"name": "a"}


@pytest.mark.parametrize(
    "method", [ConfigLoader.load_yaml, ConfigLoader.load_component_config, ConfigLoader.load_rules]
)
@pytest.mark.parametrize("kind", [ConfigError, FileNotFoundError])
def test_a_missing_file_is_a_config_error_and_a_file_not_found(method, kind, tmp_path):
    """Both kinds of caller catch it."""
    error = failure(method, tmp_path / "none.yaml", kind=kind)
    assert "not found" in str(error)
    assert "none.yaml" in str(error)


def test_an_empty_file_is_refused(write_config):
    """An empty document lacks every required field."""
    error = failure(ConfigLoader.load_yaml, write_config("# nothing\n"))
    assert "missing required field 'name'" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "name: [unclosed",
        "name: a\n\tb: c",
        "a: 1\n---\nb: 2",
        "name: !!python/object/apply:os.getcwd []",
        "name: !!bool nonsense",
        "name: !!timestamp nonsense",
        "? [a, b]\n: c\n? {d: e}\n: f",
        "date: 2024-13-45",
        "name: *nowhere",
        "[" * 5000,
        "name: \x00",
    ],
)
def test_invalid_yaml_is_refused_with_its_cause(text, write_config):
    """Whatever the parser raises becomes a config error."""
    error = failure(ConfigLoader.load_yaml, write_config(text))
    assert "Invalid YAML" in error.what
    assert error.__cause__ is not None


def test_a_file_in_no_unicode_encoding_is_refused(tmp_path):
    """Bytes that are no text are invalid YAML."""
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"name: \xff\xfe\xfa")
    assert "Invalid YAML" in failure(ConfigLoader.load_yaml, path).what


@pytest.mark.parametrize("text", ["- a\n- b", "just text", "5"])
def test_a_document_that_is_no_mapping_has_the_wrong_type(text, write_config):
    """A config is a mapping."""
    assert "wrong type" in str(failure(ConfigLoader.load_yaml, write_config(text)))


@pytest.mark.parametrize("text", ["on: a", "5: a", "name: a\nno: b", "null: a"])
def test_a_field_that_is_no_string_is_refused(text, write_config):
    """YAML reads some bare words as other types, and the error says so."""
    assert "is not a string" in failure(ConfigLoader.load_yaml, write_config(text)).what


def test_a_folder_can_not_be_read(tmp_path):
    """What is there but is no readable file is a config error with its cause."""
    error = failure(ConfigLoader.load_yaml, tmp_path)
    assert "can't be read" in error.what
    assert isinstance(error.__cause__, OSError)


def test_a_null_character_in_a_path_is_a_config_error():
    """A path that no system takes is reported like one that can't be read."""
    assert "can't be read" in failure(ConfigLoader.load_yaml, "a\0b").what


@pytest.mark.parametrize("path", [None, 5, ["a"]])
def test_what_is_no_path_is_a_type_error(path):
    """A number is not a file."""
    failure(ConfigLoader.load_yaml, path, kind=InvalidType)


def test_a_file_past_the_limit_is_refused(tmp_path):
    """A config is small."""
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (yaml_file.LARGEST_FILE + 1))
    assert "too large" in failure(ConfigLoader.load_yaml, path).what


def bomb(join):
    lines = ["a0: &a0 {x: 1}" if join == "<<: " else "a0: &a0 [x, x]"]
    for level in range(1, 30):
        aliases = ", ".join(f"*a{level - 1}" for _ in range(10))
        body = f"{{<<: [{aliases}]}}" if join == "<<: " else f"[{aliases}]"
        lines.append(f"a{level}: &a{level} {body}")
    return "\n".join(lines)


@pytest.mark.parametrize("join", ["", "<<: "])
def test_an_alias_bomb_is_refused_before_it_is_built(join, write_config):
    """A few lines that stand for 10**30 values are counted, not expanded."""
    error = failure(ConfigLoader.load_yaml, write_config(bomb(join)))
    assert "too many values" in error.what
    assert error.context_items["limit"] == yaml_file.MOST_VALUES


def test_an_alias_of_what_holds_it_is_refused(write_config):
    """A list that holds itself has no end."""
    error = failure(ConfigLoader.load_yaml, write_config("name: a\nrules: &r [*r]"))
    assert "too many values" in error.what


def test_ordinary_aliases_are_understood(write_config):
    """Anchors, aliases and merges in a reasonable number mean what they say."""
    path = write_config("base: &b {x: 1}\nrules: [{<<: *b, y: 2}, *b]")
    assert ConfigLoader.load_rules(path) == [{"x": 1, "y": 2}, {"x": 1}]


yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(value=yaml_values)
def test_what_a_file_repeats_by_aliases_is_read_back(value, tmp_path_factory):
    """PyYAML writes a repeated value as an anchor and aliases, and it is read as it was."""
    mapping = {"name": value, "rules": [value, value]}
    path = tmp_path_factory.mktemp("yaml") / "config.yaml"
    path.write_text(yaml.safe_dump(mapping), encoding="utf-8")
    assert ConfigLoader.load_yaml(path) == mapping


# -- rules --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("- a\n- b", ["a", "b"]),
        ("rules: [a, {b: 1}]", ["a", {"b": 1}]),
        ("name: x\nrules: [a]", ["a"]),
        ("[]", []),
        ("rules:", []),
    ],
)
def test_rules_are_a_list_or_under_rules(text, rules, write_config):
    """Both forms of a rules file are read."""
    assert ConfigLoader.load_rules(write_config(text)) == rules


def test_a_mapping_without_rules_lacks_a_field(write_config):
    """A rules file says which of its fields are the rules."""
    error = failure(ConfigLoader.load_rules, write_config("name: x"))
    assert "missing required field 'rules'" in str(error)


@pytest.mark.parametrize("text", ["", "just text", "rules: text", "rules: {a: 1}"])
def test_rules_of_another_type_are_refused(text, write_config):
    """Rules are a list."""
    assert "wrong type" in str(failure(ConfigLoader.load_rules, write_config(text)))


# -- component configs --------------------------------------------------------------------


def test_a_config_has_defaults():
    """Only the name is required."""
    assert load() == ComponentConfig("order-1", [], "InitialState")
    assert load(rules=None, initial_state=None, states=None) == load()


def test_the_fields_of_a_component_config_are_positional():
    """1.x code builds configs by hand."""
    config = ComponentConfig("a", ["r"], "ErrorHandling")
    assert (config.name, config.rules, config.initial_state) == ("a", ["r"], "ErrorHandling")


@pytest.mark.parametrize("fields", [{}, {"name": None}, {"name": ""}, {"name": "  "}])
def test_a_config_without_a_name_is_refused(fields):
    """The name is the one required field."""
    error = failure(ConfigLoader.load_component_config, fields)
    assert "missing required field 'name'" in str(error)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 5),
        ("name", ["a"]),
        ("rules", "text"),
        ("rules", {"a": 1}),
        ("initial_state", 5),
        ("initial_state", ["A"]),
        ("states", ["a:B"]),
        ("packs", "a:B"),
        ("initial_state_resolution", "packs"),
        ("initial_state_resolution", ["packs"]),
        ("initial_state_resolution", ["packs", "other"]),
        ("initial_state_resolution", ["packs", "builtin", "packs"]),
        ("initial_state_resolution", {"packs": 1, "builtin": 2}),
    ],
)
def test_a_field_of_the_wrong_type_is_refused(field, value):
    """Each field has one type, and the error names the field."""
    error = failure(ConfigLoader.load_component_config, {"name": "a", field: value})
    assert "wrong type" in str(error)
    assert repr(field) in error.what


def test_an_error_names_the_file(write_config):
    """Whatever is wrong with a file's contents, its path is in the context."""
    path = write_config("name: a\nstates: {A: 'no_such_module_anywhere:A'}")
    error = failure(ConfigLoader.load_component_config, path, kind=ImportError_)
    assert error.context_items["path"] == str(path)


def test_unknown_fields_are_left_alone():
    """People keep notes in their configs."""
    assert load(description="first", version=2).name == "order-1"


def test_a_subclass_may_read_its_own_way():
    """`load_component_config` asks the class that it is called on for the mapping."""
    assert CustomLoader.load_component_config("there").name == "from there"


# -- states and the initial one -----------------------------------------------------------


def test_states_are_registered_under_their_class_names():
    """The key is the config's, the class name is the registry's."""
    load(states={"Draft": path_of("LoadedDraft"), "Paid": path_of("LoadedPaid")})
    assert DEFAULT_REGISTRY.find("LoadedDraft") is LoadedDraft
    assert DEFAULT_REGISTRY.find("LoadedPaid") is LoadedPaid


def test_states_of_a_pack_are_registered_under_their_class_names():
    """Packs do as mappings do."""
    load(packs=[path_of("OrderPack")])
    assert DEFAULT_REGISTRY.find("LoadedDraft") is LoadedDraft


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"states": {"Draft": path_of("LoadedDraft")}, "initial_state": "Draft"}, LoadedDraft),
        ({"packs": [path_of("OrderPack")], "initial_state": "Draft"}, LoadedDraft),
        ({"initial_state": path_of("LoadedDraft")}, LoadedDraft),
        (
            {"states": {"Paid": path_of("LoadedPaid")}, "initial_state": path_of("LoadedDraft")},
            LoadedDraft,
        ),
        ({"initial_state": "ErrorHandling"}, DEFAULT_REGISTRY.find("ErrorHandling")),
        ({"states": {"Draft": path_of("LoadedDraft")}}, BuiltInInitial),
        ({"packs": [path_of("OrderPack")]}, LoadedPaid),
        (
            {"packs": [path_of("OrderPack")], "initial_state_resolution": ["packs", "builtin"]},
            LoadedPaid,
        ),
        (
            {"packs": [path_of("OrderPack")], "initial_state_resolution": ["builtin", "packs"]},
            BuiltInInitial,
        ),
        (
            {
                "packs": [path_of("OrderPack")],
                "initial_state": "Draft",
                "initial_state_resolution": ["builtin", "packs"],
            },
            LoadedDraft,
        ),
    ],
)
def test_the_initial_state_of_a_config_is_where_its_component_begins(fields, expected):
    """A key, a registered name and a dotted path lead to the right class, through the engine."""
    component = FlexiFlowEngine().create_component(load(**fields))
    assert type(component.state_machine.current_state) is expected


def test_what_packs_describe_goes_by_the_registered_names():
    """Their keys mean nothing outside of the config."""
    config = load(packs=[path_of("OrderPack")], initial_state="Draft")
    expected = TransitionSpec("LoadedDraft", "pay", "LoadedPaid", "has_items")
    assert config.transitions == (expected,)


def test_the_initial_state_is_given_by_its_class_name():
    """1.x code finds the class name in the config, whatever the key was."""
    config = load(states={"Draft": path_of("LoadedDraft")}, initial_state="Draft")
    assert config.initial_state == "LoadedDraft"
    assert load(initial_state=path_of("LoadedPaid")).initial_state == "LoadedPaid"


def test_a_name_that_the_program_registered_is_an_initial_state():
    """A state that is registered by default needs no entry in the config."""
    DEFAULT_REGISTRY.register("Mine", LoadedDraft)
    config = load(states={"Paid": path_of("LoadedPaid")}, initial_state="Mine")
    assert config.initial_state == "Mine"


def test_an_initial_state_may_be_registered_after_loading():
    """A config without states of its own leaves the name to the program."""
    config = load(initial_state="Later")
    DEFAULT_REGISTRY.register("Later", LoadedDraft)
    component = FlexiFlowEngine().create_component(config)
    assert component.state == "Later"


def test_a_config_that_names_states_must_begin_in_a_known_one():
    """A misspelt key is found when the config is loaded, and the nearest key is named."""
    fields = {"name": "a", "states": {"Draft": path_of("LoadedDraft")}, "initial_state": "Drfat"}
    error = failure(ConfigLoader.load_component_config, fields, kind=StateError)
    assert "Unknown state" in str(error)
    assert "'Draft'" in str(error)


def test_nothing_is_registered_where_anything_is_wrong():
    """A config is taken in as a whole or not at all."""
    before = DEFAULT_REGISTRY.names()
    with pytest.raises(FlexiFlowError):
        load(states={"Draft": path_of("LoadedDraft"), "Gone": path_of("Nowhere")})
    assert DEFAULT_REGISTRY.names() == before


def test_loading_twice_changes_nothing():
    """The same config loads again without a warning."""
    fields = {"states": {"Draft": path_of("LoadedDraft")}, "initial_state": "Draft"}
    assert load(**fields) == load(**fields)


def test_two_classes_of_one_name_in_a_config_are_kept_apart():
    """The second is registered under its path, and either can be the initial state."""
    states = {"First": path_of("LoadedDraft"), "Second": path_of("OtherDraft")}
    for key, expected in (("First", LoadedDraft), ("Second", OtherDraft)):
        config = load(states=states, initial_state=key)
        assert DEFAULT_REGISTRY.find(config.initial_state) is expected


def test_a_class_named_as_a_builtin_state_takes_its_name_with_a_warning():
    """Where packs come first the built-in name changes its meaning, and that is said."""
    with pytest.warns(UserWarning, match="InitialState"):
        config = load(states={"InitialState": path_of("InitialState")})
    assert config.initial_state == "InitialState"
    assert DEFAULT_REGISTRY.find("InitialState") is InitialState


def test_a_class_named_as_a_builtin_state_steps_back_where_builtin_comes_first():
    """Where built-in states come first the name stays theirs, and the class is still reachable."""
    fields = {
        "states": {"Mine": path_of("InitialState")},
        "initial_state_resolution": ["builtin", "packs"],
    }
    assert load(**fields).initial_state == "InitialState"
    assert DEFAULT_REGISTRY.find("InitialState") is BuiltInInitial
    config = load(**fields, initial_state="Mine")
    assert DEFAULT_REGISTRY.find(config.initial_state) is InitialState


def test_what_the_yaml_parser_says_names_the_file(tmp_path):
    """It was given bytes, and calls them so."""
    (tmp_path / "order.yaml").write_text("name: [1\nb: 2")
    with pytest.raises(ConfigError, match=r"in 'order\.yaml', line 2, column 2"):
        ConfigLoader.load_yaml(tmp_path / "order.yaml")


def test_an_initial_state_is_checked_beside_a_state_that_can_not_be_imported():
    """All keys are known, whatever their classes are."""
    config = {"name": "a", "states": {"A": "no_such_module:A"}, "initial_state": "B"}
    found = [each.what for each in explain(config).errors]
    assert found == ["Module not found: 'no_such_module'.", "Unknown state 'B'."]


@pytest.mark.parametrize("text", ["[" * 5_000, "- " * 5_000, '{"a":' * 5_000, "? " * 5_000])
def test_a_yaml_file_that_is_nested_too_deeply_is_refused(tmp_path, text):
    """Before the parser, which takes ever longer, comes to its end."""
    (tmp_path / "order.yaml").write_text(text)
    with pytest.raises(ConfigError, match="it is nested more than 100 levels deep"):
        ConfigLoader.load_yaml(tmp_path / "order.yaml")


def test_a_yaml_file_of_too_many_values_is_refused(tmp_path, monkeypatch):
    """A megabyte of them took the parser twelve seconds."""
    monkeypatch.setattr(yaml_file, "MOST_VALUES", 50)
    (tmp_path / "order.yaml").write_text("[" + "a," * 50 + "]")
    with pytest.raises(ConfigError, match="stands for too many values"):
        ConfigLoader.load_yaml(tmp_path / "order.yaml")


@pytest.mark.parametrize(
    "number", [":".join(["59"] * 5_000), "0x" + "f" * 5_000, "1." + "0" * 5_000]
)
def test_a_number_without_end_is_refused(write_config, number):
    """In base 60 a megabyte took the parser minutes, and in base 16 Python can't show it."""
    path = write_config(f"name: a\nrules: [{number}]")
    with pytest.raises(ConfigError, match="a number in it has"):
        ConfigLoader.load_component_config(path)
