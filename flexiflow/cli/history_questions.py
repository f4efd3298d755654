"""Questions to a history that ``history`` has options for: blame, when, story."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flexiflow.analysis.questions.blame import arrow
from flexiflow.cli.json_text import print_json, records_of
from flexiflow.cli.output import FAINT, STRONG, Column, left_out, print_table, say, table_of
from flexiflow.cli.steps import id_text, missing
from flexiflow.errors import listed

if TYPE_CHECKING:
    from flexiflow.analysis.history import History

_MORE = "--limit N shows more"


def require_one_question(questions: dict[str, object], filters: dict[str, object]) -> None:
    """Refuse two questions at once, and a filter that the question would not heed.

    Args:
        questions: options and their values, of those that ask a question of their own.
        filters: those that choose rows.
    """
    asked = [option for option, value in questions.items() if value]
    given = [option for option, value in filters.items() if value]
    if len(asked) > 1:
        raise click.UsageError(f"{asked[0]} and {asked[1]} are two questions: ask them one by one.")
    if asked and given:
        raise click.UsageError(f"{asked[0]} is asked of the whole history: leave {given[0]} out.")


def require_component(history: History, component: str | None, option: str) -> str:
    """The component, which this question can't do without: the only one, where none is named."""
    if component is not None:
        return component
    names = history.names()
    if len(names) == 1:
        return names[0]
    raise click.UsageError(
        f"{option} is about one component: name it after the database, which has {listed(names)}."
    )


def show_blame(history: History, component: str, field: str, most: int, as_json: bool) -> None:
    """Print what changed a field; ``*`` means all of them."""
    frame = history.blame(component, None if field == "*" else field)
    if as_json:
        print_json({"blame": records_of(frame)})
        return
    if frame.empty:
        say("No snapshot of it can be read.")
        return
    table = table_of(
        frame.tail(most),
        [
            Column("step", lambda row: id_text(row.step_id), FAINT, right=True),
            Column("time", "time"),
            *([Column("field", "field", STRONG)] if field == "*" else []),
            Column("old → new", lambda row: arrow(row.old, row.new), STRONG, folds=True),
            Column("message", "message"),
            Column("from", "sender", FAINT, optional=True),
            Column("unsure", lambda row: "rows lost" if row.unsure else "", optional=True),
            *_files(history),
        ],
    )
    table.notes += left_out(min(most, len(frame)), len(frame), "the newest", _MORE)
    print_table(table)


def show_when(
    history: History, component: str | None, condition: str, most: int, as_json: bool
) -> None:
    """Print when a condition held."""
    found = history.when(component, condition)
    if as_json:
        told = {"condition": found.condition, "components": found.asked, "text": found.text}
        print_json({"when": {**told, "intervals": records_of(found.frame)}})
        return
    say(found.text)
    if not len(found):
        return
    table = table_of(
        found.frame.head(most),
        [
            *([Column("component", "component", STRONG)] if component is None else []),
            Column("start", "start"),
            Column("end", lambda row: "still" if missing(row.end) else row.end),
            Column("for", "dwell", STRONG, right=True),
            Column("first step", lambda row: id_text(row.first_step), FAINT, right=True),
            Column("last step", lambda row: id_text(row.last_step), FAINT, right=True),
            Column("snapshots", "snapshots", right=True, spare=True),
            *_files(history),
        ],
    )
    table.notes += left_out(min(most, len(found)), len(found), "the first", _MORE)
    print_table(table)


def show_story(history: History, component: str, limit: int | None, as_json: bool) -> None:
    """Print a component's history in sentences."""
    story = history.story(component) if limit is None else history.story(component, limit=limit)
    if as_json:
        print_json({"story": records_of(story.frame), "left_out": story.left_out})
        return
    for sentence in story.sentences:
        say(sentence)


def _files(history: History) -> list[Column]:
    """Which file a row's ids are of, where there are several."""
    return [Column("file", "source")] if len(history.sources) > 1 else []
