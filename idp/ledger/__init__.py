"""What happened to a citizen's data: append-only, numbered by citizen."""
