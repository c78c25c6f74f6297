"""Scores: what a counter reported, held against what really happened."""
