"""The README's pictures, made from the demo's data: ``python docs/images/make.py demo-data``."""

from __future__ import annotations

import sys
from pathlib import Path

from flexiflow import open_history

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """Draw the stuck order's machine with what happened on it."""
    history = open_history(folder / "state.db")
    (HERE / "order-1042.svg").write_text(history.graph("order-1042").to_svg(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
