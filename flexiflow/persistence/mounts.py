"""Which file systems SQLite's write-ahead log can't be trusted on."""

from __future__ import annotations

import os
import re
from pathlib import Path

_NETWORK = frozenset(
    {"afs", "beegfs", "ceph", "cifs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4"}
    | {"fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "smb3", "smbfs"}
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def network_mount(path: Path, table: str = "/proc/mounts") -> str | None:
    """The type of the network file system that `path` is on, or None.

    Args:
        path: a file or folder; it need not exist.
        table: the system's list of mounts; where there is none, nothing is known.
    """
    try:
        lines = Path(table).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    target = os.path.realpath(path)
    best, kind = "", None
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        # The kernel writes a blank as \040.
        mounted = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[1])
        if len(mounted) >= len(best) and _is_below(target, mounted):
            best, kind = mounted, fields[2]
    return kind if kind in _NETWORK else None


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
