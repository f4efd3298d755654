"""What `import flexiflow` costs a process."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile

from benchmarks.harness import ROOT, Benchmark, Measure

bench = Benchmark(
    "imports",
    "Importing",
    unit="ms a process",
    note="A whole new process each, from its start to its end; six to a round. Modules are "
    "compiled already, as `pip install` leaves them.",
)

_PROCESSES = 6

# Where a checkout's compiled modules are kept, whatever the environment says of writing them.
_compiled = tempfile.mkdtemp()
atexit.register(shutil.rmtree, _compiled, ignore_errors=True)
_ENVIRONMENT = {**os.environ, "PYTHONPYCACHEPREFIX": _compiled, "PYTHONDONTWRITEBYTECODE": ""}


def _processes(name: str, code: str) -> None:
    @bench.candidate(name, per=_PROCESSES)
    def run(measure: Measure) -> None:
        with measure:
            for _ in range(_PROCESSES):
                subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=_ENVIRONMENT)


_processes("import flexiflow", "import flexiflow")
_processes(
    "limit: asyncio, yaml, json, sqlite3, logging", "import asyncio, yaml, json, sqlite3, logging"
)
_processes("an interpreter that imports nothing", "pass")
_processes("import transitions", "import transitions.extensions.asyncio")
_processes("import statemachine", "import statemachine")
_processes("import pandas", "import pandas")

bench.compare("import flexiflow", "limit: asyncio, yaml, json, sqlite3, logging", target=1.35)
bench.compare("import flexiflow", "import transitions")
bench.compare("import flexiflow", "import statemachine")

if __name__ == "__main__":
    bench.main()
