"""All benchmarks, one process each, and the page: ``python -m benchmarks [NAME…]``."""

from __future__ import annotations

import subprocess
import sys

from benchmarks import report
from benchmarks.harness import ROOT

_NOT_SCRIPTS = {"__init__", "__main__", "harness", "report"}


def scripts() -> list[str]:
    """Every script's name: the modules here that end in ``bench.main()``."""
    found = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - _NOT_SCRIPTS
    return sorted(name for name in found if not name.startswith("_"))


def main() -> None:
    """Run what is asked for, all unless anything is, and write the page."""
    for name in sys.argv[1:] or scripts():
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", "--save"], check=True, cwd=ROOT)
    report.main()


if __name__ == "__main__":
    main()
