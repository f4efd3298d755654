"""Lessons: a demo service to explore, and exercises that check themselves."""
