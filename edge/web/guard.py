"""Who may talk to the page at all: known host names, no foreign origins, and headers that bind the browser.

The box's name is no secret in a shop's network, so a page of somebody else could point its own name at the
box's address and read it through a visitor's browser (DNS rebinding). Only an address, `localhost` or a name
that the box knows as its own is therefore answered. Signing in is a later layer above this one.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.web.refusals import refusal

HEADERS: Final = {
    # NiceGUI starts from inline scripts and Vue compiles templates in the browser: hence the two `unsafe`.
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
        "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def own_names(more: Iterable[str] = ()) -> frozenset[str]:
    """Names under which the box may be asked for, lower case, without a port."""
    name = socket.gethostname().lower()
    return frozenset({"localhost", name, f"{name}.local", *(host.lower() for host in more)})


def _host(text: str) -> str:
    """The host of a Host header or origin, without port and brackets."""
    try:
        return (urlsplit(f"//{text}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Guard:
    """ASGI middleware around everything, web sockets too."""

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self.app, self.names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and add the headers."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        fault = self._fault(scope, headers)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    added[name] = value
                if scope["path"].startswith("/api/"):
                    added["cache-control"] = "no-store"
            await send(message)

        if fault is None:
            await self.app(scope, receive, with_headers)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "not this host"})
        else:
            await refusal(421, fault, "host")(scope, receive, with_headers)

    def _fault(self, scope: Scope, headers: Headers) -> str | None:
        asked = headers.get("host", "")
        host = _host(asked)
        if not (host in self.names or _is_address(host)):
            return (
                "this box does not answer to that name; use its address, or add the name where it is started"
            )
        origin = headers.get("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in {"GET", "HEAD"}
        if origin is not None and changes and urlsplit(origin).netloc.lower() != asked.lower():
            return "a page of another origin may not use this box"
        return None
