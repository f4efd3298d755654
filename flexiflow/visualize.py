"""Placeholder while this module is being written; overwrite it."""


def visualize(source: object, format: str = "mermaid") -> str:
    """To be written."""
    raise NotImplementedError


def graph_of(source: object) -> object:
    """The `Graph` of a config (path, dict or ConfigExplanation); machine_graph() uses it."""
    raise NotImplementedError
