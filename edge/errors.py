"""What can go wrong on the box, one class per reaction of the caller; every message says what to do.

EdgeError
├── ConfigError    the site file is wrong: a person mends it
├── AuditError     a hand count or a list of counts cannot be used: a person mends it
├── CaptureError   a camera or clip gives no frames: wait and try again, or name another
└── StoreError     the database cannot take or give records; nothing was half written
    ├── StoreFull      no room left: keep the record in memory, make room, try again
    ├── StoreLocked    another process uses the database: stop it, or stop here
    ├── StoreCorrupt   the file is damaged or no database: set it aside and begin a new one
    └── StoreForeign   the file belongs to another box or to a newer version: leave it alone
"""

from __future__ import annotations


class EdgeError(Exception):
    """Anything that the box tells a person in one line."""


class ConfigError(EdgeError):
    """The site file, or what it names, is wrong."""


class AuditError(EdgeError):
    """A hand count, or what it is compared with, cannot be used."""


class CaptureError(EdgeError):
    """A camera, clip or folder gives no frames."""


class StoreError(EdgeError):
    """The box's database refuses."""


class StoreFull(StoreError):  # noqa: N818 - it says what is so
    """The disk or the store's own budget is used up."""


class StoreLocked(StoreError):  # noqa: N818
    """Another process holds the store."""


class StoreCorrupt(StoreError):  # noqa: N818
    """The file is damaged, or is no StoreEdge database at all."""


class StoreForeign(StoreError):  # noqa: N818
    """The file was made for another box, or by a newer version."""
