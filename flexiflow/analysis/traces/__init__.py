"""One message's whole path: spans, critical path, trouble, and the formats of other tools."""
