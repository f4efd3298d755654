"""The command line as people run it: in a process of its own."""

import os
import pty
import re
import signal
import subprocess
import sys

import pytest

from flexiflow import __version__

FLEXIFLOW = (sys.executable, "-m", "flexiflow")
# A shell that runs something in the background has it ignore Ctrl-C, and its children too.
IN_THE_FOREGROUND = (
    sys.executable,
    "-c",
    "import signal, runpy; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('flexiflow', run_name='__main__')",
)


def run(*arguments, **variables):
    """Run a command in a process, its output in pipes."""
    return subprocess.run(
        [*FLEXIFLOW, *arguments],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding=variables.get("PYTHONIOENCODING", "utf-8"),
        timeout=60,
        check=False,
    )


def run_code(code, **variables):
    """Run some lines of Python in a process, their output in pipes."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run_on_terminal(*arguments, **variables):
    """Run a command on a terminal of its own, and return what it wrote and its exit code."""
    ours, theirs = pty.openpty()
    colours = ("NO_COLOR", "FORCE_COLOR")
    inherited = {name: value for name, value in os.environ.items() if name not in colours}
    settings = {"TERM": "xterm-256color", "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        [*FLEXIFLOW, *arguments],
        env={**inherited, **settings, **variables},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        written = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
        return written.decode("utf-8"), process.wait(timeout=60)


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other end is closed
        return b""


def test_the_module_can_be_run():
    """python -m flexiflow."""
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"flexiflow {__version__}\n")


def test_the_entry_point_of_the_script_is_there():
    """The package's metadata names a function that runs the command line."""
    code = "import sys; from flexiflow.__main__ import main; sys.argv = ['x', '--version']; main()"
    result = run_code(code)
    assert result.stdout == f"flexiflow {__version__}\n"


def test_help_comes_without_heavy_packages():
    """Neither pandas nor rich is imported, nor anything of a notebook."""
    code = """
import atexit, sys
from flexiflow.cli import run
heavy = {"pandas", "numpy", "rich", "IPython", "ipywidgets", "graphviz", "wasmtime"}
atexit.register(lambda: print(sorted(heavy & set(sys.modules)), file=sys.stderr))
run(["--help"])
"""
    result = run_code(code)
    assert result.stdout.startswith("Usage: flexiflow ")
    assert result.stderr == "[]\n"


def test_a_pipe_gets_plain_text_without_rich(recorded):
    """Even where colours are forced, a pipe gets none, and rich is not imported for it."""
    code = f"""
import atexit, sys
from flexiflow.cli import run
atexit.register(lambda: print("rich" in sys.modules, file=sys.stderr))
run(["why", {recorded.db!r}])
"""
    result = run_code(code, FORCE_COLOR="1")
    assert result.returncode == 3
    assert "\x1b" not in result.stdout
    assert result.stderr == "False\n"


def test_an_error_leaves_standard_output_empty():
    """Four parts on standard error, no traceback, exit 1."""
    result = run("why", "nowhere.db")
    assert result.returncode == 1
    assert result.stdout == ""
    assert [line.partition(":")[0] for line in result.stderr.splitlines()[:4]] == [
        "Error",
        "Why",
        "Fix",
        "Context",
    ]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_stream_that_cannot_encode_marks_gets_plain_ones(recorded, encoding):
    """Nothing fails, and the marks have stand-ins."""
    result = run("why", recorded.db, "order-9", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert result.returncode == 3
    assert result.stderr == ""
    assert "Draft > Paying" in result.stdout
    assert "x failed in Paying" in result.stdout


def test_a_closed_pipe_is_quiet(recorded):
    """As with `| head`: no message, no traceback."""
    with subprocess.Popen(
        [*FLEXIFLOW, "history", recorded.db], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


def test_an_interruption_ends_quietly(tmp_path):
    """Ctrl-C: one word, and the code that shells expect."""
    with subprocess.Popen(
        [*IN_THE_FOREGROUND, "demo", str(tmp_path), "--orders", "1000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "Running a shop with 1,000 orders.\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "Interrupted.\n"
        assert process.wait(timeout=60) == 130


def test_a_terminal_gets_colours_and_a_tree_of_lines(recorded):
    """A failure is red, and a line of a tree is drawn."""
    out, code = run_on_terminal("why", recorded.db, "order-9")
    assert code == 3
    assert "\x1b[31m✕ failed in Paying" in out
    correlation_id = re.findall(r"flexiflow trace \S+ (\w+)", out)[0]
    out, code = run_on_terminal("trace", recorded.log, correlation_id, NO_COLOR="1")
    assert code == 0
    assert "└── ✕ order-9: Paying.pay  failed" in re.sub(r"\x1b\[[0-9;]*m", "", out)
    assert "\x1b[31m" not in out


def test_the_demo_shows_its_progress_on_a_terminal(tmp_path):
    """A bar that goes away, then the result."""
    out, code = run_on_terminal("demo", str(tmp_path), "--orders", "60")
    assert code == 0
    assert "60/60" in out
    assert "order-1042: " in out.rpartition("\x1b[2K")[2]
