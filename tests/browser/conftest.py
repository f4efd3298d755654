"""One JupyterLab and one Chromium for all browser tests; each test gets a page of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import pytest_asyncio
from jupyter_page import FLAGS, Lab, Watched, running_lab
from playwright.async_api import async_playwright

FOLDER = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """All of them in one process and in one event loop, where the browser is."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser():
    """Chromium of the system: playwright's own would have to be downloaded."""
    path = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    assert path is not None, "No Chromium: run `make test`, which installs what the tests need."
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory):
    """The address and the folder of a JupyterLab."""
    folder = tmp_path_factory.mktemp("lab")
    with running_lab(folder) as url:
        yield url, folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab_page(browser, lab_server):
    """A page with JupyterLab: loading it takes longer than most tests."""
    page = await Lab.open(browser)
    await page.start(*lab_server)
    yield page
    await page.close()


@pytest_asyncio.fixture(loop_scope="session")
async def lab(lab_page):
    """JupyterLab without notebooks. In the end nothing was asked for outside, and no error said."""
    yield lab_page
    outside, errors = lab_page.taken_records()
    await lab_page.clear()
    lab_page.taken_records()  # JupyterLab's own, of closing without a question
    assert (outside, errors) == ([], [])


@pytest_asyncio.fixture(loop_scope="session")
async def browser_tab(browser):
    """Opens pages without JupyterLab, with options of the browser's contexts."""
    opened = []

    async def open_tab(**options):
        opened.append(await Watched.open(browser, **options))
        return opened[-1]

    yield open_tab
    for each in opened:
        await each.close()
    assert [(each.outside, each.errors) for each in opened] == [([], [])] * len(opened)


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser_tab):
    """A page without JupyterLab."""
    return await browser_tab()
