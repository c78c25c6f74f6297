"""Every refusal of the API in one shape: `{"error", "about"}`, never a stack trace."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from edge.errors import EdgeError
from edge.web.models import Refusal

log = logging.getLogger("edge.web")


class Refused(Exception):  # noqa: N818 - it is an answer
    """Answer with this status and refusal."""

    def __init__(self, status: int, error: str, about: str | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.about = status, error, about


def refusal(status: int, error: str, about: str | None = None) -> JSONResponse:
    """The one shape."""
    return JSONResponse(Refusal(error=error, about=about).model_dump(), status_code=status)


def add_refusals(app: FastAPI) -> None:
    """Give every error of the app the one shape."""

    @app.exception_handler(Refused)
    def refused(_: Request, error: Refused) -> JSONResponse:
        return refusal(error.status, error.error, error.about)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        fault = error.errors()[0]
        about = ".".join(str(part) for part in fault["loc"][1:]) or None
        return refusal(400, str(fault["msg"]), about)

    @app.exception_handler(HTTPException)
    def http(_: Request, error: HTTPException) -> JSONResponse:
        return refusal(error.status_code, str(error.detail))

    @app.exception_handler(EdgeError)
    def edge(_: Request, error: EdgeError) -> JSONResponse:
        log.error("the store cannot answer the page: %s", error)
        return refusal(503, str(error), "store")

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected error at %s", request.url.path, exc_info=error)
        return refusal(500, "something went wrong on the box; its log says what")
