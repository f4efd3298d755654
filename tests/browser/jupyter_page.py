"""A JupyterLab of its own: its folders are temporary, and nothing but 127.0.0.1 is reachable."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from playwright.async_api import Browser, ConsoleMessage, Page, Route

from flexiflow.notebook.widgets.modules import STATIC, joined, style

AXE = Path(__file__).parents[2] / ".browser" / "package" / "axe.min.js"
THEMES = ("JupyterLab Light", "JupyterLab Dark")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--force-color-profile=srgb",
]  # fmt: skip
_NO_MODEL = "widget model not found"
_HERE = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "file:", "about:")


@contextmanager
def running_lab(folder: Path) -> Iterator[str]:
    """Start JupyterLab over `folder`/work, and give its address."""
    port = _free_port()
    for name in ("work", "config", "data", "runtime", "settings", "workspaces", "ipython", "lab"):
        (folder / name).mkdir()
    settings = folder / "lab" / "settings"
    settings.mkdir()
    news = {
        "@jupyterlab/apputils-extension:notification": {
            "fetchNews": "false",
            "checkForUpdates": False,
        }
    }
    (settings / "overrides.json").write_text(json.dumps(news))
    # It talks to each kernel, and complains on the console where one ends meanwhile.
    page_config = {"disabledExtensions": {"@jupyterlab/debugger-extension": True}}
    (settings / "page_config.json").write_text(json.dumps(page_config))
    options = {
        "ServerApp.ip": "127.0.0.1", "ServerApp.port": port, "ServerApp.open_browser": False,
        "ServerApp.root_dir": folder / "work", "ServerApp.allow_root": True,
        "IdentityProvider.token": "", "LabApp.expose_app_in_browser": True,
        "LabApp.app_settings_dir": settings, "LabApp.user_settings_dir": folder / "settings",
        "LabApp.workspaces_dir": folder / "workspaces", "LabApp.news_url": "",
        "LabApp.extension_manager": "readonly",
    }  # fmt: skip
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"), "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_PREFER_ENV_PATH": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }  # fmt: skip
    given = [f"--{name}={value}" for name, value in options.items()]
    log = (folder / "lab.log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *given],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=folder,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        for line in server.stdout:
            log.write(line)
            if b"is running at" in line:
                break
        else:
            raise RuntimeError((folder / "lab.log").read_text("utf-8", "replace"))
        # Nobody reads on: a full pipe would stop the server.
        drain = subprocess.Popen(["cat"], stdin=server.stdout, stdout=log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)
        drain.wait(20)
        server.stdout.close()
        log.close()


class Watched:
    """A page whose requests and errors are recorded; both records must stay empty."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.outside: list[str] = []
        self.errors: list[str] = []

    @classmethod
    async def open(cls, browser: Browser, **options: Any) -> Watched:
        context = await browser.new_context(viewport={"width": 1280, "height": 1000}, **options)
        context.set_default_timeout(15_000)
        watched = cls(await context.new_page())
        await context.route("**/*", watched._route)
        watched.page.on("console", watched._said)
        watched.page.on("pageerror", lambda error: watched.errors.append(str(error)))
        return watched

    async def close(self) -> None:
        """Close the page and its context."""
        await self.page.context.close()

    def taken_records(self) -> tuple[list[str], list[str]]:
        """What was asked for outside, and what errors were said, since the last time."""
        records = self.outside, self.errors
        self.outside, self.errors = [], []
        return records

    async def _route(self, route: Route) -> None:
        if route.request.url.startswith(_HERE):
            await route.continue_()
        else:
            self.outside.append(route.request.url)
            await route.abort()

    def _said(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    async def show(self, script: str) -> None:
        """Show a page with the style of the widgets, and run a module that may import theirs.

        The module's default export is called with the page's body.
        """
        sources = {path.name: path.read_text("utf-8") for path in STATIC.glob("*.js")}
        await self.page.set_content(
            "<!doctype html><html lang=en><title>t</title>"
            f"<style>{style()} body {{ color-scheme: light dark }}</style>"
            "<body><main></main></body>"
        )
        code = joined("shown.js", sources | {"shown.js": script})
        code = code.replace("export default ", "const show = ")
        code += 'show(document.querySelector("main")); document.body.dataset.shown = "true";'
        await self.page.add_script_tag(content=code, type="module")
        await self.page.locator("body[data-shown]").wait_for()

    async def violations(self, selector: str = ".ff-widget") -> list[str]:
        """What axe finds serious or critical within a part of the page."""
        assert AXE.exists(), "No axe-core: run `make .browser/.ready`, as `make test` does."
        await self.page.evaluate(AXE.read_text("utf-8"))
        found = await self.page.evaluate(
            """async (selector) => {
              const options = { preload: false, resultTypes: ["violations"] };
              return (await axe.run(selector, options)).violations;
            }""",
            selector,
        )
        return [
            f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]


class Lab(Watched):
    """A page with JupyterLab in it, driven by commands and never by menus."""

    url: str
    folder: Path

    async def start(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        await self.page.goto(f"{url}/lab?reset")
        await self.page.wait_for_function("window.jupyterapp !== undefined")
        await self.page.evaluate("window.jupyterapp.restored.then(() => null)")

    async def clear(self) -> None:
        """Close all notebooks without a question, and end their kernels."""
        await self.page.evaluate(
            """async () => {
              const { shell, serviceManager } = window.jupyterapp;
              for (const panel of [...shell.widgets("main")]) {
                if (panel.context) panel.context.model.dirty = false;
                await panel.close();
              }
              await serviceManager.sessions.shutdownAll();
            }"""
        )

    async def command(self, name: str, **arguments: Any) -> None:
        """Run one of JupyterLab's commands, and wait for it."""
        await self.page.evaluate(
            "([name, given]) => window.jupyterapp.commands.execute(name, given).then(() => null)",
            [name, arguments],
        )

    async def run(self, name: str, *cells: str) -> None:
        """Open a new notebook of these cells, and run them all."""
        self.write(name, *cells)
        await self.open_notebook(name)
        await self.command("notebook:run-all-cells")

    def write(self, name: str, *cells: str, outputs: Sequence[dict[str, str]] = ()) -> None:
        """Write a notebook of these cells; the outputs, bundles, are those of the last one."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        notebook.cells[-1].outputs = [
            nbformat.v4.new_output("display_data", data=bundle) for bundle in outputs
        ]
        notebook.metadata.kernelspec = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(notebook, self.folder / "work" / name)

    async def open_notebook(self, name: str) -> None:
        await self.command("docmanager:open", path=name, factory="Notebook")
        await self.page.evaluate(
            """async () => {
              const panel = window.jupyterapp.shell.currentWidget;
              await panel.revealed; await panel.sessionContext.ready;
            }"""
        )

    async def execute(self, code: str) -> None:
        """Run code in the notebook's kernel, as one more cell would."""
        await self.page.evaluate(
            """async (code) => {
              const { sessionContext } = window.jupyterapp.shell.currentWidget;
              await sessionContext.session.kernel.requestExecute({ code }).done;
            }""",
            code,
        )

    async def start_executing(self, code: str) -> None:
        """The same, without waiting for its end."""
        await self.page.evaluate(
            """(code) => {
              const { sessionContext } = window.jupyterapp.shell.currentWidget;
              sessionContext.session.kernel.requestExecute({ code });
            }""",
            code,
        )

    async def reopen_without_widgets(self, name: str) -> None:
        """Save the notebook, restart its kernel, load the page anew, and open it again.

        JupyterLab looks two seconds for each widget, then says in its output and as an error on
        the console that there is none, whatever the widget is. Whichever test ran by then would
        be blamed: so that one error of one widget is waited for and taken off the record.
        """
        await self.command("docmanager:save")
        await self.restart_kernel()
        await self.start(self.url, self.folder)
        # Opening is waited for as well, and takes long on a busy machine.
        async with self.page.expect_console_message(_says_no_model, timeout=60_000):
            await self.open_notebook(name)
        [said] = [each for each in self.errors if _NO_MODEL in each]
        self.errors.remove(said)

    async def restart_kernel(self) -> None:
        """Restart the kernel of the notebook, without a question."""
        await self.page.evaluate(
            """async () => {
              const { sessionContext } = window.jupyterapp.shell.currentWidget;
              await sessionContext.session.kernel.restart();
            }"""
        )

    async def theme(self, name: str) -> None:
        """Switch the theme, and wait until it is on."""
        await self.command("apputils:change-theme", theme=name)
        light = str(name == THEMES[0]).lower()
        await self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")
        # It covers the page while the theme changes, and fades.
        await self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    async def state(self, expected: str, nth: int = 0) -> None:
        """Wait until a widget says that its machine is in this state."""
        await (
            self.page.locator(".ff-widget")
            .nth(nth)
            .and_(self.page.locator(f'[data-ff-state="{expected}"]'))
            .wait_for()
        )


def _says_no_model(message: ConsoleMessage) -> bool:
    return message.type == "error" and _NO_MODEL in message.text


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
