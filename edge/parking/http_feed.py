"""`POST /api/v1/parking/{feed}`: where parking systems and cameras push what they see.

The answer tells what came of it, with the coupon if there is one, so that who asks for a price may take it
off at once. Who posts shows the feed's secret: as `Authorization: Bearer …`, as the password of HTTP Basic,
or, for cameras that know neither, as `?key=…`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from edge.parking.feed import CarFault, Feed
from edge.parking.feeds import FeedError
from edge.parking.gatehouse import Outcome
from edge.web.refusals import Refused

MOST_BYTES: Final = {"hikvision": 8 * 2**20}
"""Of a message: a camera sends its pictures along, which are dropped."""
MOST_OTHERS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Post:
    """A feed with the secret that opens it."""

    feed: Feed
    secret: str

    def opens(self, request: Request) -> bool:
        """Whether the request shows the secret."""
        given = _shown(request)
        return given is not None and hmac.compare_digest(given.encode(), self.secret.encode())


def parking_feeds(posts: Mapping[str, Post]) -> APIRouter:
    """The ways in of all feeds that push by HTTP."""
    router = APIRouter(prefix="/api/v1/parking", include_in_schema=False)

    @router.post("/{name}")
    async def post(name: str, request: Request) -> JSONResponse:
        way = posts.get(name)
        if way is None:
            raise Refused(404, "this box has no such parking feed; see `parking` in its site file", "feed")
        if not way.opens(request):
            way.feed.refuse("a wrong secret, or none")
            raise Refused(401, "show this feed's secret", "secret")
        if not way.feed.may_speak():
            way.feed.refuse("too many messages")
            raise Refused(429, "too many messages; at most 20 a second", "rate")
        body = await _body(request, MOST_BYTES.get(way.feed.shape, MOST_OTHERS), way.feed)
        try:
            outcomes = await run_in_threadpool(way.feed.hear, body, request.headers.get("content-type", ""))
        except FeedError as error:
            raise Refused(400, str(error), "body") from error
        except CarFault as error:
            raise Refused(500, str(error), "car") from error
        return JSONResponse({"results": [_told(one) for one in outcomes]})

    return router


async def _body(request: Request, most: int, feed: Feed) -> bytes:
    """All of it, or a refusal before it has cost much."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            feed.refuse(f"a message of more than {most} bytes")
            raise Refused(413, f"at most {most} bytes", "body")
        chunks.append(chunk)
    return b"".join(chunks)


def _shown(request: Request) -> str | None:
    kind, _, rest = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return rest.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return request.query_params.get("key")


def _told(outcome: Outcome) -> dict[str, Any]:
    coupon = None
    if outcome.offer is not None and outcome.decision is not None:
        coupon = {
            "request_no": outcome.decision.key,
            "offer": outcome.offer.id,
            "kind": outcome.offer.kind,
            "value": outcome.offer.value,
            "expires_at": datetime.fromtimestamp(outcome.decision.expires_at, UTC).isoformat(
                timespec="seconds"
            ),
        }
    return {"result": outcome.result, "coupon": coupon}
