"""Reading the code of handlers: its syntax tree is followed, and nothing of it is run."""
