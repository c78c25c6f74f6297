"""Where the broker is, and how each side proves who it is."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from sync.errors import SyncError


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and how to prove who we are."""

    host: str
    port: int
    tls: bool
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    only_3_1_1: bool = False
    """Do not try MQTT 5: some brokers of 3.1.1 neither refuse it nor hang up, and the try costs 5 s."""

    @classmethod
    def parse(
        cls, url: str, *, ca: str | None = None, cert: str | None = None, key: str | None = None
    ) -> Broker:
        """From `mqtt://[user:password@]host[:1883][?protocol=3.1.1]` or `mqtts://…[:8883]`.

        SyncError says what is wrong.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"mqtt", "mqtts"}:
            raise SyncError("the broker's address must begin with mqtt:// or mqtts://")
        try:
            port = parts.port
        except ValueError as error:
            raise SyncError("the broker's port must be a number from 1 to 65535") from error
        if not parts.hostname or parts.path not in {"", "/"} or port == 0:
            raise SyncError("write the broker's address as mqtt://host:port or mqtts://host:port")
        if parts.query not in {"", "protocol=5", "protocol=3.1.1"}:
            raise SyncError("after the ? of the broker's address only protocol=3.1.1 is known")
        tls = parts.scheme == "mqtts"
        if not tls and (ca or cert or key):
            raise SyncError("certificates need a broker address that begins with mqtts://")
        if bool(cert) != bool(key):
            raise SyncError("cert and key belong together: give both or none")
        return cls(
            host=parts.hostname,
            port=port or (8883 if tls else 1883),
            tls=tls,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            ca=ca,
            cert=cert,
            key=key,
            only_3_1_1=parts.query == "protocol=3.1.1",
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def tls_context(broker: Broker) -> ssl.SSLContext:
    """Read anew for each connection, so that a renewed certificate is used without a restart."""
    try:
        context = ssl.create_default_context(cafile=broker.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if broker.cert and broker.key:
            context.load_cert_chain(broker.cert, broker.key)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(name for name in (broker.ca, broker.cert, broker.key) if name)
        raise SyncError(f"cannot use the certificates {files}: {error}") from error
    return context
