"""The service forks in the middle of a recording; run as ``python forking.py '{"db": …}'``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import warnings

from service import engine_of, say

from flexiflow.recording import record


def main(db: str, log: str) -> None:
    engine = engine_of(("a",))
    worker = engine.get("a")
    recording = record(engine, db, log=log)
    for n in range(10):
        asyncio.run(worker.send("work", n=n))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        child = os.fork()
    if child == 0:
        for n in (100, 101, 102):
            asyncio.run(worker.send("work", n=n))
            say(who="child", n=worker.data["n"])
        sys.exit()
    os.waitpid(child, 0)
    for n in range(10, 20):
        asyncio.run(worker.send("work", n=n))
    recording.close()


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
