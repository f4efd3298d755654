"""Widgets, one a file. Each has a static picture, a `selection` that can be set, and `rows()`."""
