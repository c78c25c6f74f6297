"""Audits: hand counts read, compared with the box's own, told in words, kept."""
