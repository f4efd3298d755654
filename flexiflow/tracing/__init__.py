"""The trace log: one JSON object a line for everything that happens to a message."""
