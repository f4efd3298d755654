"""The notebooks: where they are, and copying them to where they can be written in."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from flexiflow.arguments import checked_path
from flexiflow.errors import FlexiFlowError, PersistenceError

FIRST = "00_tour.ipynb"


@dataclass(frozen=True, slots=True)
class Copied:
    """What `copy_notebooks` did.

    Attributes:
        folder: where the notebooks are.
        copied: names of the notebooks that were copied.
        kept: names of those that were there already, and were left as they are.
    """

    folder: Path
    copied: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def first(self) -> Path:
        """The notebook to begin with."""
        return self.folder / FIRST


def notebooks() -> list[Path]:
    """The notebooks of this version, in order.

    Raises:
        FlexiFlowError: where the installation has none.
    """
    # A wheel has them in the package, a checkout beside it.
    packaged = Path(__file__).parent / "notebook_files"
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "notebooks"
    found = sorted(folder.glob("[0-9]*.ipynb"))
    if not found:
        raise FlexiFlowError(
            "The notebooks are not in this installation.",
            why=f"There is none in {folder}.",
            fix="Install FlexiFlow from its wheel or from a clone.",
            context={"folder": str(folder)},
        )
    return found


def copy_notebooks(folder: str | os.PathLike[str]) -> Copied:
    """Copy the notebooks into a folder. What is there already is left as it is.

    Args:
        folder: where to; made if it is not there.

    Raises:
        PersistenceError: where they can't be written.
        InvalidValue: (a ValueError) where no folder can be called so.
    """
    where = Path(checked_path(folder, "folder")).absolute()
    copied, kept = [], []
    try:
        where.mkdir(parents=True, exist_ok=True)
        for source in notebooks():
            target = where / source.name
            if os.path.lexists(target):
                kept.append(source.name)
                continue
            _copy(source, target)
            copied.append(source.name)
    except OSError as exc:
        raise PersistenceError(
            f"The notebooks can't be copied to {where}.",
            why=f"{type(exc).__name__}: {exc.strerror or exc}.",
            fix="Name a folder that you may write to; it is made if it is not there.",
            context={"folder": str(where), "copied": copied},
        ) from exc
    return Copied(where, tuple(copied), tuple(kept))


def _copy(source: Path, target: Path) -> None:
    """Copy as a whole or not at all: half a notebook would be kept the next time."""
    unfinished = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(source, unfinished)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
