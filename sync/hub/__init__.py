"""A reference centre: takes what the boxes send, commits it, then acknowledges."""
