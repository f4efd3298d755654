"""Files that are whole or not there: a crash leaves the old file or the new one."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flexiflow.errors import PersistenceError

_ANYBODYS, _MINE = 0o666, 0o600  # before the umask


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file by way of a synced temporary one beside it.

    Raises:
        PersistenceError: where that fails; the old file is then as it was.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: Path, *, mode: int | None = None, force: bool = True) -> Iterator[Path]:
    """Give an empty temporary file beside `path`; filled, it is synced and takes its name.

    Args:
        path: the file; a link is followed, not replaced.
        mode: its permissions; those of the old file, or of any new file, unless given.
        force: whether a file that is there may be replaced.

    Raises:
        PersistenceError: where that fails; then `path` is as it was.
    """
    target = Path(os.path.realpath(path))
    temporary = target.parent / f".{target.name[:40]}.{secrets.token_hex(8)}.tmp"
    try:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        os.close(os.open(temporary, flags, _ANYBODYS if mode is None else _MINE))
        yield temporary
        _sync(temporary, os.O_RDWR)
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temporary, target.stat().st_mode & 0o777 if mode is None else mode)
        _give_name(temporary, target, force)
        if os.name != "nt":  # folders can't be opened there; the rename itself is durable enough
            _sync(target.parent, os.O_RDONLY)
    except BaseException as exc:
        for ending in ("", "-journal"):  # SQLite may have begun one
            with contextlib.suppress(OSError):
                Path(f"{temporary}{ending}").unlink()
        if isinstance(exc, OSError) and not isinstance(exc, PersistenceError):
            raise _unwritable(path, exc) from exc
        raise


def taken(path: Path) -> PersistenceError:
    """A file that may not be replaced is there."""
    return PersistenceError(
        f"{path} is there already.",
        why="It is a folder." if path.is_dir() else "Nothing is replaced unasked.",
        fix="Name another file, or pass force=True (--force).",
        context={"path": str(path)},
    )


def _give_name(temporary: Path, target: Path, force: bool) -> None:
    if not force:
        try:
            os.link(temporary, target)  # which never replaces a file
        except FileExistsError:
            raise taken(target) from None
        except OSError:  # a file system without links
            if target.exists():
                raise taken(target) from None
        else:
            temporary.unlink()
            return
    os.replace(temporary, target)


def _sync(path: Path, how: int) -> None:
    handle = os.open(path, how)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, exc: OSError) -> PersistenceError:
    return PersistenceError(
        f"{path} can't be written.",
        why=f"The system says: {exc.strerror or exc}.",
        fix="Check that the folder exists, has room, and that you may use it.",
        context={"path": str(path), "errno": exc.errno},
    )
