"""The demo's files, and what may be done to a folder that has some already."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from flexiflow.errors import PersistenceError, bounded_repr

FOLDER = "demo-data"
DATABASE = "state.db"
LOG = "run.jsonl"
MARKER = "flexiflow-demo.json"

_MADE_BY = "flexiflow demo"


def prepare_folder(where: str | os.PathLike[str], orders: int, seed: int) -> Path:
    """Make room for a run: a folder with the marker of a demo, and none of its files.

    Returns:
        the folder's absolute path.

    Raises:
        PersistenceError: where the folder holds files of these names that no demo made, or can't
            be written.
    """
    folder = Path(where).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = [path for path in _paths(folder) if path.exists() or path.is_symlink()]
        if found and not _is_marked(folder):
            raise _not_ours(folder, found)
        # The marker comes first: a run that is broken off leaves files that the next may replace.
        marker = {"made_by": _MADE_BY, "orders": orders, "seed": seed, "files": [DATABASE, LOG]}
        (folder / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
        for path in found:
            if path.name != MARKER:
                path.unlink()
    except OSError as exc:
        raise PersistenceError(
            f"The demo can't write into {bounded_repr(str(folder), 200)}.",
            why=f"{type(exc).__name__}: {exc.strerror or exc}.",
            fix="Name a folder that you may write to; it is made if it is not there.",
            context={"folder": str(folder)},
        ) from exc
    return folder


def mark_finished(folder: Path) -> None:
    """Note that the files are whole, so that nobody needs to run the demo again for them."""
    marker = folder / MARKER
    facts = json.loads(marker.read_text(encoding="utf-8"))
    marker.write_text(json.dumps({**facts, "finished": True}, indent=2) + "\n", encoding="utf-8")


def finished_folder(where: str | os.PathLike[str]) -> Path | None:
    """The absolute path of a folder that holds the whole files of an earlier run, else None."""
    folder = Path(where).absolute()
    whole = all((folder / name).exists() for name in (DATABASE, LOG))
    return folder if whole and _marker(folder).get("finished") is True else None


def nearest_folder() -> Path:
    """Where the demo's files are looked for when nobody says: the nearest folder above that has
    them, else ``demo-data`` here."""
    here = Path.cwd()
    found = (finished_folder(each / FOLDER) for each in (here, *here.parents))
    return next((folder for folder in found if folder is not None), here / FOLDER)


def _paths(folder: Path) -> list[Path]:
    beside = (DATABASE + ending for ending in ("-wal", "-shm", "-journal"))
    return [folder / name for name in (DATABASE, *beside, LOG, MARKER)]


def _is_marked(folder: Path) -> bool:
    return _marker(folder).get("made_by") == _MADE_BY


def _marker(folder: Path) -> dict[str, Any]:
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return marker if isinstance(marker, dict) else {}


def _not_ours(folder: Path, found: list[Path]) -> PersistenceError:
    names = " and ".join(path.name for path in found)
    return PersistenceError(
        f"The demo would overwrite {names} in {bounded_repr(str(folder), 200)}.",
        why=f"No {MARKER} of the demo lies beside them, so something else made them.",
        fix="Name another folder, or move these files away.",
        context={"folder": str(folder), "found": [path.name for path in found]},
    )
