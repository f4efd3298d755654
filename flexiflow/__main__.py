"""``python -m flexiflow``, and the console script ``flexiflow``."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from flexiflow.cli import run

    run()


if __name__ == "__main__":
    main()
