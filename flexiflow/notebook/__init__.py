"""What a notebook shows: cards, pictures and, later, widgets. Nothing below imports this room."""
