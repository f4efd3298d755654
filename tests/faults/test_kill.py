"""SIGKILL at random moments, in a process of its own, and the next start on the same files."""

from __future__ import annotations

from checking import acknowledged, ask, check_history, check_log, kept, kept_numbers, lines_of
from children import running

KILLS = 10
SOAK_KILLS = 220


def killed_service(dice, db, log, kill, **options):
    """Start the service, kill it at a random moment of its work, and return what it had said."""
    with running(
        db=db, log=log, first=kill * 10**6, seed=dice.randrange(2**32), **options
    ) as child:
        child.listen(at="recording")  # what comes before has a test of its own
        child.listen_for(dice.randrange(60), dice.random() * 0.02)
        return child.kill()


def received(log):
    """Component and number of each message whose receipt is in the log."""
    return {
        (line["component"], line["data"]["n"])
        for line in lines_of(log)[0]
        if line["event"] == "message.received"
    }


def test_always_loses_no_acknowledged_step(dice, soak, db, log):
    """Whatever send() returned for is in the history and in the log, kill after kill."""
    told = set()
    for kill in range(SOAK_KILLS if soak else KILLS):
        told |= acknowledged(killed_service(dice, db, log, kill, durability="always"))
        assert told - kept(db) == set()
    check_history(db)
    check_log(log, db, kill + 1)
    assert told - received(log) == set()


def test_grouped_loses_at_most_the_unflushed_group(dice, soak, db, log):
    """All that was flushed is there, and of the rest a beginning, never every other step."""
    for kill in range(SOAK_KILLS if soak else KILLS):
        said = killed_service(dice, db, log, kill, durability="grouped", flush_every=20)
        numbers = kept_numbers(db)
        for name in "abc":
            own = [n for n in numbers.get(name, []) if n >= kill * 10**6]
            flushed = max(
                (
                    each["flushed"]
                    for each in said
                    if each.get("name") == name and "flushed" in each
                ),
                default=kill * 10**6 - 1,
            )
            assert own == list(range(kill * 10**6, kill * 10**6 + len(own)))
            assert flushed < kill * 10**6 + len(own)
    check_history(db)
    check_log(log, db, kill + 1)


def test_a_kill_while_recording_begins_leaves_a_file_that_opens(dice, soak, tmp_path):
    """At whatever point tables are made, the next start makes or finds them, and goes on."""
    for kill in range(SOAK_KILLS if soak else KILLS // 2):
        db, log = tmp_path / f"{kill}.db", tmp_path / f"{kill}.jsonl"
        with running(db=db, log=log) as child:
            child.listen(at="start")
            child.listen_for(0, dice.random() * 0.015)
            child.kill()
        with running(db=db, log=log, first=10**6, count=3) as child:
            told = acknowledged(child.finish())
        assert len(told) == 9
        assert told - kept(db) == set()
        check_history(db)


def test_two_writers_and_one_killed(dice, soak, db, log):
    """The one that goes on loses nothing and waits for nobody."""
    for kill in range(SOAK_KILLS // 10 if soak else 2):
        both = {"db": db, "log": log, "first": kill * 10**6, "seed": dice.randrange(2**32)}
        with (
            running(**both, names=["x"]) as doomed,
            running(**both, names=["y"], count=60) as other,
        ):
            doomed.listen_for(dice.randrange(1, 40), dice.random() * 0.01)
            told = acknowledged(doomed.kill()) | acknowledged(other.finish())
        assert told - kept(db) == set()
        assert told - received(log) == set()
    check_history(db)
    check_log(log, db, kill + 1)
    ended = ask(db, "SELECT count(*), count(end_us) FROM flexiflow_runs")
    assert ended == [(2 * (kill + 1), kill + 1)]
