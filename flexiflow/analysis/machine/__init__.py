"""A machine as people ask for it, what happened on it, and the gate for both."""
