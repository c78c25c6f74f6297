"""The box's memory on disk: one SQLite file, one writer, brief read-only readers."""

from edge.store.store import Store

__all__ = ["Store"]
