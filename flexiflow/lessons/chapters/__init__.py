"""The exercises of the notebooks, one module a notebook.

Each has ``exercises(chance)``, or ``exercises(chance, history)`` where they ask about recorded
data, which makes them anew; `chance` is a `random.Random` of the student's seed. The machines that
they show are in ``flexiflow.lessons.machines``.
"""
