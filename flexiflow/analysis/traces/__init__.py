"""Messages and what they caused: one row a trace, one trace whole, its trouble, other formats."""
