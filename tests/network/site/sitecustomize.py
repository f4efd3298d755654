"""Put first on the path of the processes that `test_no_network` starts, and of those they start."""

import os

import network_audit


def _note(use: str) -> None:
    with open(os.environ["NETWORK_USES"], "a", encoding="utf-8") as file:
        file.write(use + "\n")


network_audit.audit(_note)
