"""The browser tests share one browser and one JupyterLab, in one process."""

from __future__ import annotations

import os


async def test_the_group_of_the_browser_tests_is_kept(request):
    """Else each process starts its own, and both take longer than all of them together."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        assert request.node.nodeid.endswith("@browser")
