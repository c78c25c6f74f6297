"""A payload that came down, judged before anything is done with it. Pure; never raises but `RefusedError`."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from pipelines.members import DIGEST_BYTES
from sync.coupon_payloads import (
    CALLS,
    DOCUMENTS,
    CouponsDocument,
    Document,
    MemberKeysDocument,
    MembersDocument,
    OffersDocument,
    TriggerAnswer,
)
from sync.down.authority import Authority
from sync.down.documents import Piece
from sync.errors import SyncError
from sync.topics import BoxIdentity

MOST_BYTES: Final = 262_144
"""Of a document's piece or a call."""

Check = Callable[[Any], None]
"""Looks into a document further; raises ValueError or an error of its room with the reason."""


class RefusedError(SyncError):
    """It is not used, for this reason."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows which box this is and whom it obeys."""

    box: BoxIdentity
    authority: Authority
    checks: Mapping[str, Check]
    """By schema: what only the box can know, such as whether a coupon rule names a lane that it has."""

    def document(self, name: str, payload: bytes, now: float) -> Piece:
        """What arrived on `down/doc/{name}`. Raises RefusedError."""
        body = _body(payload)
        schema = str(body.get("schema"))[:64]
        document = _modelled(DOCUMENTS, schema, payload)
        if document.tenant != self.box.tenant:
            raise RefusedError(f"it is for the tenant {document.tenant}")
        whole = whole_name(document)
        if name != piece_name(whole, document):
            raise RefusedError(f"it belongs on {piece_name(whole, document)}")
        if document.expires_at.timestamp() <= now:
            raise RefusedError("it has expired")
        self._check(schema, f"{self.box.tenant}/{name}", body)
        self._look_into(document, schema)
        return Piece(
            name=whole,
            schema=schema,
            version=document.version,
            number=document.piece,
            pieces=document.pieces,
            expires_at=document.expires_at.timestamp(),
            text=payload.decode(),
        )

    def call(self, payload: bytes) -> TriggerAnswer:
        """What arrived on `down/call/{id}`. Raises RefusedError."""
        body = _body(payload)
        schema = str(body.get("schema"))[:64]
        call: TriggerAnswer = _modelled(CALLS, schema, payload)
        self._check(schema, str(self.box), body)
        return call

    def _check(self, schema: str, about: str, body: Mapping[str, Any]) -> None:
        try:
            self.authority.check(schema, about, body)
        except SyncError as error:
            raise RefusedError(str(error)) from error

    def _look_into(self, document: Document, schema: str) -> None:
        if isinstance(document, MemberKeysDocument) and document.box != str(self.box):
            raise RefusedError(f"it is for the box {document.box[:200]}")
        try:
            if isinstance(document, MembersDocument):
                digests(document)
            if schema in self.checks:
                self.checks[schema](document)
        except Exception as error:  # whatever a check makes of hostile input, the line goes on
            reason = " ".join(str(error).split())[:200]
            raise RefusedError(reason or type(error).__name__) from error


def whole_name(document: Document) -> str:
    """The document's name, the same for all its pieces."""
    match document:
        case MembersDocument(key=key):
            return f"members-{key}"
        case MemberKeysDocument():
            return "member-keys"
        case OffersDocument():
            return "offers"
        case CouponsDocument():
            return "coupons"
    raise SyncError(f"a document without a name: {type(document).__name__}")


def piece_name(whole: str, document: Document) -> str:
    """The last level of the topic of this piece."""
    return f"{whole}-{document.piece}" if isinstance(document, MembersDocument) else whole


def digests(document: MembersDocument) -> bytes:
    """The truncated tokens, 12 bytes each. Raises ValueError."""
    raw = b64decode(document.members, validate=True)
    if len(raw) % DIGEST_BYTES:
        raise ValueError("its list of members ends in the middle of one")
    return raw


def _body(payload: bytes) -> dict[str, Any]:
    if len(payload) > MOST_BYTES:
        raise RefusedError(f"it has {len(payload)} bytes, more than {MOST_BYTES}")
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise RefusedError("it is no JSON") from error
    if not isinstance(body, dict):
        raise RefusedError("it is no JSON object")
    return body


def _modelled(models: Mapping[str, Any], schema: str, payload: bytes) -> Any:
    model = models.get(schema)
    if model is None:
        raise RefusedError(f"its schema {schema!r} is none of ours")
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise RefusedError(f"{where}: {fault['msg']}"[:300]) from error
