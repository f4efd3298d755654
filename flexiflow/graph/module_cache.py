"""Files of our own in the user's cache folder, for a compiled module.

A compiled module is code: whoever can write the file runs code as this user. So folder and file
must belong to this user and be writable by nobody else, or they are not used. A digest in the file
tells damage from content. Whatever goes wrong here, the caller just has no cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path

_DIGEST = hashlib.sha256
_DIGEST_SIZE = _DIGEST().digest_size
_LARGEST = 64 * 1024 * 1024
_MOST_FILES = 4  # versions beside each other, e.g. of several virtual environments
_SUFFIX = ".module"


def cache_folder() -> Path | None:
    """Where cached files belong on this platform; None where there is no home."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):  # the specification has relative paths ignored
        return Path(given) / "flexiflow"
    try:
        if sys.platform == "win32":
            local = os.environ.get("LOCALAPPDATA")
            base = Path(local) if local else Path.home() / "AppData" / "Local"
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path.home() / ".cache"
    except RuntimeError:
        return None
    return base / "flexiflow"


def load(name: str) -> bytes | None:
    """The content stored under `name`; None where there is none that can be trusted."""
    folder = cache_folder()
    if folder is None or not _is_ours(folder):
        return None
    try:
        content = _read(folder / f"{name}{_SUFFIX}")
    except OSError:
        return None
    if content is None:
        return None
    digest, payload = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    return payload if _DIGEST(payload).digest() == digest else None


def store(name: str, payload: bytes) -> bool:
    """Store a content under `name`, and drop the oldest of too many.

    Returns:
        whether it was stored.
    """
    folder = cache_folder()
    try:
        if folder is None or not _make(folder):
            return False
        _write(folder / f"{name}{_SUFFIX}", _DIGEST(payload).digest() + payload)
    except OSError:
        return False
    _drop_oldest(folder)
    return True


def _read(path: Path) -> bytes | None:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        # Asked of the open file, which nobody can exchange for another one in between.
        about = os.fstat(file.fileno())
        if not (stat.S_ISREG(about.st_mode) and _is_private(about) and about.st_size <= _LARGEST):
            return None
        return file.read()


def _write(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # made with 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _make(folder: Path) -> bool:
    """Have the folder, made where it is missing; False where it can't be trusted."""
    if not os.path.lexists(folder):
        if not _owned_above(folder.parent):
            return False  # e.g. root with a user's home: leave no folder there that they can't use
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # another process was faster
            folder.mkdir(mode=0o700)
    return _is_ours(folder)


def _owned_above(folder: Path) -> bool:
    """Whether the nearest folder that exists, from `folder` upwards, belongs to this user."""
    for each in (folder, *folder.parents):
        if each.exists():
            return _is_owned(each.stat())
    return False


def _is_ours(folder: Path) -> bool:
    try:
        about = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(about.st_mode) and _is_private(about)


def _is_private(about: os.stat_result) -> bool:
    if sys.platform == "win32":  # the folder is the user's by its access list; modes say nothing
        return True
    return _is_owned(about) and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_owned(about: os.stat_result) -> bool:
    return sys.platform == "win32" or about.st_uid == os.geteuid()


def _drop_oldest(folder: Path) -> None:
    with contextlib.suppress(OSError):
        files = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-_MOST_FILES]:
            path.unlink()
