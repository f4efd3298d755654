"""Writing an answer down: the whole file or nothing."""

from __future__ import annotations

import os
from pathlib import Path

from flexiflow.persistence.atomic import write_atomically


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write text to a file in UTF-8, with one newline at its end.

    Raises:
        PersistenceError: where that fails; the old file is then as it was.
    """
    # A name may hold half of a surrogate pair, which UTF-8 has no place for.
    content = (text.rstrip("\n") + "\n").encode("utf-8", "backslashreplace")
    write_atomically(Path(path), content)
