"""Graphs of machines: a plain model, what fills it, and what draws it."""
