"""The broker that a site file names."""

from __future__ import annotations

from edge.config import SyncConfig, fill_secrets
from sync.mqtt import Broker


def broker_of(sync: SyncConfig) -> Broker:
    """Its address with secrets filled in, and the box's papers. Raises ConfigError or SyncError."""
    files = {name: str(path) if (path := getattr(sync, name)) else None for name in ("ca", "cert", "key")}
    return Broker.parse(fill_secrets(sync.url, "sync"), **files)
