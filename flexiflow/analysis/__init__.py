"""Questions about what was recorded: frames, dwell times, verdicts, traces.

Every answer is a function from a query to a DataFrame or a plain model; pictures and words are
made of those.
"""
