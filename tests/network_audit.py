"""Notes every use of the network by this process; what stays on this machine is none.

Kernels talk over Unix sockets or 127.0.0.1, an event loop wakes itself over a socket pair.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable
from typing import Any

_ADDRESS_AT = {"socket.connect": 1, "socket.bind": 1, "socket.sendto": 1, "socket.sendmsg": 1}
_NAME_AT = {
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
    "socket.getnameinfo": 0,
}
_LOCAL_NAMES = (None, "", b"", "localhost", b"localhost")


def audit(note: Callable[[str], None]) -> None:
    """Call `note` with each use of the network from now on; there is no end to it."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not event.startswith("socket."):
            return
        place = _ADDRESS_AT.get(event, _NAME_AT.get(event))
        if place is not None and not is_local(arguments[place]):
            note(f"{event} {arguments[place]!r}")

    sys.addaudithook(hook)


def is_local(address: Any) -> bool:
    """Whether a socket's address, or a host's name, is this machine."""
    if isinstance(address, tuple) and address:
        address = address[0]
    elif isinstance(address, str) and "/" in address:
        return True  # a Unix socket
    if address in _LOCAL_NAMES or (isinstance(address, bytes) and address[:1] in (b"/", b"\0")):
        return True
    if isinstance(address, bytes):
        address = address.decode("ascii", "replace")
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
