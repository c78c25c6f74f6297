"""What goes wrong with models, said for people: each message tells what to do."""

from __future__ import annotations


class ModelsError(Exception):
    """A model is missing, damaged, unknown or cannot be fetched."""
