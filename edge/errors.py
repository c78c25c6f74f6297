"""What can go wrong on the box, one class per reaction of the caller; every message says what to do.

EdgeError
├── ConfigError    the site file is wrong: a person mends it
├── CaptureError   a camera or clip gives no frames: wait and try again, or name another
└── StoreError     the database cannot take or give records: free space, restore, or start anew
"""

from __future__ import annotations


class EdgeError(Exception):
    """Anything that the box tells a person in one line."""


class ConfigError(EdgeError):
    """The site file, or what it names, is wrong."""


class CaptureError(EdgeError):
    """A camera, clip or folder gives no frames."""


class StoreError(EdgeError):
    """The box's database refuses."""
