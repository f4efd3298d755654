"""Keeping components: snapshots, JSON files, SQLite databases, and the stored format."""
