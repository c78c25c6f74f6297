"""What can go wrong in sync, in words for people."""

from __future__ import annotations


class SyncError(Exception):
    """A fault of sync that somebody has to act on: a bad address, certificate or payload."""
