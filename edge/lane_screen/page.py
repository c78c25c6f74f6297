"""The screen at a lane: one page for a display or a phone, fed by the box as things happen.

The page is a few lines of our own, not the manager's: it must come up at once on a cheap display, stay up
for months, and go blank by itself when the box or the network is gone.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from functools import lru_cache
from importlib import resources
from typing import Final

import segno
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from edge.lane_screen.board import Board, Notice, TooManyScreens
from edge.web.refusals import Refused

BEAT_S: Final = 5.0
"""How often an idle screen hears that the box lives; the page goes blank after three of them are missing."""
_ASK_AGAIN: Final = {"cache-control": "no-cache"}
_NO_STORE: Final = {"cache-control": "no-store"}


def lane_screens(board: Board, language: str) -> APIRouter:
    """The screens of a box's lanes. language: the store's; it comes first and larger."""
    router = APIRouter(include_in_schema=False)
    router.include_router(_parts())
    page = _static("lane.html").replace("{language}", language)

    def known(lane: str) -> str:
        if lane not in board.lanes:
            lanes = ", ".join(board.lanes) or "none"
            raise Refused(404, f"this box has no lane {lane}; it has: {lanes}", "lane")
        return lane

    @router.get("/lane/{lane}")
    def screen(lane: str) -> HTMLResponse:
        known(lane)
        return HTMLResponse(page, headers=_ASK_AGAIN)

    @router.get("/lane/{lane}/now")
    def now(lane: str) -> Response:
        """What the screen says, for a display with a program of its own."""
        text = as_text(board, board.now(known(lane)), language)
        return Response(text, media_type="application/json", headers=_NO_STORE)

    @router.get("/lane/{lane}/feed")
    async def feed(lane: str) -> StreamingResponse:
        changes = board.changes(known(lane), BEAT_S)
        try:
            first = await anext(changes)
        except TooManyScreens:
            raise Refused(503, f"too many screens show lane {lane}; close some", "lane") from None

        async def messages() -> AsyncIterator[str]:
            async with aclosing(changes):
                yield f"retry: 1000\ndata: {as_text(board, first, language)}\n\n"
                async for notice in changes:
                    yield f"data: {as_text(board, notice, language)}\n\n"

        return StreamingResponse(messages(), media_type="text/event-stream", headers=_NO_STORE)

    return router


def _parts() -> APIRouter:
    """The page's style and program."""
    router = APIRouter(prefix="/lane-screen")

    @router.get("/lane.css")
    def style() -> Response:
        return Response(_static("lane.css"), media_type="text/css", headers=_ASK_AGAIN)

    @router.get("/lane.js")
    def program() -> Response:
        return Response(_static("lane.js"), media_type="text/javascript", headers=_ASK_AGAIN)

    return router


def as_text(board: Board, notice: Notice | None, language: str) -> str:
    """One line of JSON; `says` is null when the screen is to be blank."""
    if notice is None:
        return '{"says":null}'
    says = {
        "headline": _ordered(notice.headline, language),
        "detail": _ordered(notice.detail, language),
        "qr": None if notice.qr is None else qr_drawing(notice.qr),
        "left_s": round(board.left_s(notice), 3),
        "decided_at": round(notice.decided_at, 3),
    }
    return json.dumps({"says": says}, ensure_ascii=False)


def _ordered(texts: Mapping[str, str], language: str) -> list[tuple[str, str]]:
    """(language, text), the store's language first."""
    return sorted(texts.items(), key=lambda item: item[0] != language)


@lru_cache(maxsize=64)
def qr_drawing(text: str) -> str:
    """A QR code as SVG in a data address: sharp on every display, and nothing is asked from outside."""
    return segno.make_qr(text, error="m").svg_data_uri(border=4, dark="#000", light="#fff")


@lru_cache
def _static(name: str) -> str:
    return resources.files("edge.lane_screen").joinpath("static", name).read_text(encoding="utf-8")
