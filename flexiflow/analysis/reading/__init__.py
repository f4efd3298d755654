"""The stored rows as frames: read in blocks, filtered inside SQLite, whatever wrote them."""
