"""Finding the syntax tree of a function that exists, without running anything."""

from __future__ import annotations

import ast
import inspect
from functools import lru_cache
from types import FunctionType

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_LONGEST_SOURCE = 2_000_000  # characters of a file


def function_node(function: FunctionType) -> FunctionNode | str:
    """The definition of a function in its file or cell, or why there is none."""
    code = function.__code__
    try:
        # Of the code and not of the function, or a decorated one would be taken for what it wraps.
        lines, _ = inspect.findsource(code)
        text = "".join(lines)
        if len(text) > _LONGEST_SOURCE:
            return f"the file of {function.__name__} is too large to be read"
        found = _definitions(text).get((code.co_name, code.co_firstlineno))
    except (OSError, TypeError, IndexError):
        return f"the source of {function.__name__} is not available"
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return f"the source of {function.__name__} can't be parsed"
    return found or f"the source of {function.__name__} is not where it was"


@lru_cache(maxsize=16)
def _definitions(text: str) -> dict[tuple[str, int], FunctionNode]:
    """All functions of a file by name and first line, which is that of the first decorator."""
    found: dict[tuple[str, int], FunctionNode] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            found[node.name, first] = node
    return found
