"""Commands that work with one configuration: ``register handle update_rules explain``.

They run once, in a process of their own: a component is made, asked, and gone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from flexiflow.cli.boundary import Command, answer
from flexiflow.cli.json_text import print_json
from flexiflow.cli.opening import find_modules_here
from flexiflow.cli.output import FAILED, REFUSED, say
from flexiflow.config_loader import ConfigLoader
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import ConfigError, FlexiFlowError, bounded_repr, class_and_text

if TYPE_CHECKING:
    from flexiflow.component import AsyncComponent
    from flexiflow.explain import ConfigExplanation, Diagnostic
    from flexiflow.step import Step

CONFIG_VARIABLE = "FLEXIFLOW_CONFIG"

config_option = click.option(
    "--config",
    metavar="C",
    envvar=CONFIG_VARIABLE,
    show_envvar=True,
    help="The component's YAML file. The code that it names is run.",
)
allow_option = click.option(
    "--allow",
    metavar="MODULE",
    multiple=True,
    help="A module, or module:Symbol, that the config may name; repeatable. Without it, those "
    "in FLEXIFLOW_ALLOW (commas between), or any.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.command(cls=Command)
@config_option
@allow_option
@click.option("--start", is_flag=True, help='Send it the message "start" as well.')
@json_option
def register(config: str | None, allow: tuple[str, ...], start: bool, as_json: bool) -> None:
    """Make the component that a config describes.

    It is registered with an engine and, with --start, sent the message "start".

    \b
    Example:
      flexiflow register --config order.yaml --start

    \b
    Exit code: 3 where "start" is refused.
    JSON: {"component", "state", "rules", "step": as in `flexiflow handle
      --json`, or null}
    """
    engine, component = _component(config, allow)
    began, rules = component.state, len(component.rules)
    step = _send(engine, component, "start", {}) if start else None
    if as_json:
        document = None if step is None else step_document(step)
        print_json({"component": component.name, "state": began, "rules": rules, "step": document})
    else:
        say(f"Registered {component.name} in {began}; rules: {rules}.")
        if step is not None:
            _print_step(step)
    answer(bad=step is not None and step.outcome == "refused")


@click.command(cls=Command)
@config_option
@allow_option
@click.argument("message_type", metavar="TYPE")
@click.option("--content", metavar="S", help="The message's content, a text.")
@json_option
def handle(
    config: str | None,
    allow: tuple[str, ...],
    message_type: str,
    content: str | None,
    as_json: bool,
) -> None:
    """Send one message to a component, and say what came of it.

    The component is new, and in the initial state of its config.

    \b
    Example:
      flexiflow handle --config order.yaml confirm --content confirmed

    \b
    Exit code: 3 where the message is refused, 1 where its handler fails.
    JSON: {"component", "message", "outcome", "from_state", "to_state",
      "reason", "error", "tries", "duration_us", "correlation_id"}
    """
    engine, component = _component(config, allow)
    fields = {} if content is None else {"content": content}
    step = _send(engine, component, message_type, fields)
    if as_json:
        print_json(step_document(step))
    else:
        _print_step(step)
    answer(bad=step.outcome == "refused")


@click.command("update_rules", cls=Command)
@config_option
@allow_option
@click.argument("rules")
@json_option
def update_rules(config: str | None, allow: tuple[str, ...], rules: str, as_json: bool) -> None:
    """Add rules from a file to a component's, and count them.

    RULES is a YAML file: a list, or a mapping with the list under `rules`.

    \b
    Example:
      flexiflow update_rules --config order.yaml more-rules.yaml

    \b
    JSON: {"component", "added", "rules"}
    """
    _, component = _component(config, allow)
    more = ConfigLoader.load_rules(rules)
    asyncio.run(component.update_rules(more))
    count = len(component.rules)
    if as_json:
        print_json({"component": component.name, "added": len(more), "rules": count})
    else:
        say(f"{component.name}: rules added: {len(more)}, now {count}.")


@click.command(cls=Command)
@click.argument("config")
@allow_option
@json_option
def explain(config: str, allow: tuple[str, ...], as_json: bool) -> None:
    """Say what a config means, and all that is wrong with it.

    It registers nothing. The modules that CONFIG names are imported, and so their code is run.

    \b
    Example:
      flexiflow explain order.yaml

    \b
    Exit code: 3 where the config is invalid.
    JSON: {"valid", "config_path", "name", "initial_state", "rules_count",
      "states": [{key, dotted_path, resolved, is_state_subclass, error}],
      "builtin_states", "packs": [{name, provided_keys, transitions:
      [{from_state, on_message, to_state, guard, description}],
      depends_on}], "state_providers", "pack_order",
      "initial_state_resolution", "warnings" and "errors":
      [{level, what, why, fix, context}]}
    """
    from flexiflow.explain import explain as explain_config

    find_modules_here()
    explanation = explain_config(config, allow or None)
    if as_json:
        print_json(explanation_document(explanation))
    else:
        for line in explanation.format().splitlines():
            say(line)
    answer(bad=not explanation.is_valid)


def _component(
    config: str | None, allow: tuple[str, ...]
) -> tuple[FlexiFlowEngine, AsyncComponent]:
    if config is None:
        raise ConfigError(
            "No config provided.",
            why=f"Neither --config nor the environment variable {CONFIG_VARIABLE} names a file.",
            fix="Add --config component.yaml to the command.",
            context={"option": "--config", "variable": CONFIG_VARIABLE},
        )
    find_modules_here()
    loaded = ConfigLoader.load_component_config(config, allow or None)
    engine = FlexiFlowEngine()
    return engine, engine.create_component(loaded)


def _send(
    engine: FlexiFlowEngine, component: AsyncComponent, kind: str, fields: dict[str, str]
) -> Step:
    """Send one message; an exception of the user's own becomes an error in four parts."""
    before = component.state
    try:
        return asyncio.run(engine.handle_message(component.name, kind, **fields))
    except FlexiFlowError:
        raise
    except Exception as exc:
        raise FlexiFlowError(
            f"{component.name}: {bounded_repr(kind, 80)} failed in {before}.",
            why=f"Its handler raised {class_and_text(exc, 300)}",
            fix="Mend the handler; --debug shows the traceback.",
            context={"component": component.name, "message": kind, "state": component.state},
        ) from exc


def _print_step(step: Step) -> None:
    say(repr(step), REFUSED if step.outcome == "refused" else FAILED if step.error else "")


def step_document(step: Step) -> dict[str, Any]:
    """A step as JSON has it."""
    error = step.error
    return {
        "component": step.component,
        "message": step.message_type,
        "outcome": step.outcome,
        "from_state": step.from_state,
        "to_state": step.to_state,
        "reason": step.reason,
        "error": None if error is None else class_and_text(error, 10_000),
        "tries": step.tries,
        "duration_us": step.duration_us,
        "correlation_id": step.correlation_id,
    }


def explanation_document(explanation: ConfigExplanation) -> dict[str, Any]:
    """An explanation as JSON has it."""
    from dataclasses import asdict

    return {
        "valid": explanation.is_valid,
        "config_path": explanation.config_path,
        "name": explanation.name,
        "initial_state": explanation.initial_state,
        "rules_count": explanation.rules_count,
        "states": [asdict(state) for state in explanation.states.values()],
        "builtin_states": list(explanation.builtin_states),
        "packs": [
            {
                "name": pack.name,
                "provided_keys": list(pack.provided_keys),
                "transitions": [asdict(each) for each in pack.transitions],
                "depends_on": sorted(pack.depends_on),
            }
            for pack in explanation.packs.values()
        ],
        "state_providers": dict(explanation.state_providers),
        "pack_order": list(explanation.pack_order),
        "initial_state_resolution": list(explanation.initial_state_resolution),
        "warnings": [_diagnostic(each) for each in explanation.warnings],
        "errors": [_diagnostic(each) for each in explanation.errors],
    }


def _diagnostic(found: Diagnostic) -> dict[str, Any]:
    return {
        "level": found.level,
        "what": found.what,
        "why": found.why,
        "fix": found.fix,
        # Values may be of any type; as in the text form, they are shown by their repr.
        "context": {str(key): bounded_repr(value) for key, value in found.context.items()},
    }
