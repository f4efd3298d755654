"""Questions to a history, one a module: a frame or a plain model, and then the words."""
