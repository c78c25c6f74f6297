"""The box's end of what comes down: keeps documents, hands on calls, refuses the rest with one line."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sync.coupon_payloads import REPLY, Reply, TriggerAnswer
from sync.down.authority import Authority
from sync.down.documents import Documents, Piece
from sync.down.judging import Check, Judge, RefusedError
from sync.topics import BoxIdentity, Topic

log = logging.getLogger(__name__)

MOST_DOCUMENTS: Final = 16
"""Names of documents; a list of members has one for each key."""
REMEMBERED: Final = 1_000
"""Calls whose repetition is answered without being done again; faults that are not told again."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of one message."""

    reply: str | None = None
    """To be published on `up/reply/{id}`."""
    completed: str | None = None
    """Name of a document that is in use from now on."""


class Downlink:
    """Used by the line's thread only. It never raises for what the centre sends, or somebody in its place."""

    def __init__(
        self,
        box: BoxIdentity,
        documents: Documents,
        *,
        on_answer: Callable[[TriggerAnswer], None],
        on_document: Callable[[str], None] = lambda _name: None,
        authority: Authority | None = None,
        checks: Mapping[str, Check] | None = None,
    ) -> None:
        """`on_answer`: the centre's answer to a trigger, once for each call; `on_document`: the name of a
        document that is in use from now on. Both are called in the line's thread and must be quick."""
        self._box, self._documents = box, documents
        self._on_answer, self._on_document = on_answer, on_document
        self._judge = Judge(box, authority or Authority(), checks or {})
        self._answered: OrderedDict[str, str] = OrderedDict()
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def topics(self) -> list[str]:
        """What to subscribe to."""
        return [self._box.doc("+"), self._box.call("+")]

    def held(self) -> dict[str, int]:
        """Version of each document in use, for the birth document."""
        return {name: held.version for name, held in self._documents.held().items()}

    def take(self, topic: Topic, payload: bytes, now: float) -> Taken:
        """One message on one of our topics; `now` in UTC seconds."""
        name = topic.name or ""
        if topic.kind == "call":
            return self._call(name, payload)
        if not payload:
            return Taken()  # the centre has withdrawn it from the broker; what we have expires by itself
        try:
            piece = self._judge.document(name, payload, now)
            return self._keep(piece)
        except RefusedError as refusal:
            self._tell(f"the document {name}", str(refusal))
            return Taken()

    def idle(self, now: float) -> bool:
        """Nothing to do: put the store in order, a little. Whether there is more."""
        return self._documents.tidy(now)

    def _keep(self, piece: Piece) -> Taken:
        held = self._documents.held()
        known = held.get(piece.name)
        if known is not None and piece.version <= known.version:
            if piece.version < known.version:
                raise RefusedError(f"its version {piece.version} is older than ours, {known.version}")
            return Taken()  # the broker repeats what we have at every connection
        arriving = self._documents.arriving()
        if piece.version < arriving.get(piece.name, 0):
            raise RefusedError(f"its version {piece.version} is older than the one that is arriving")
        if piece.name not in held and piece.name not in arriving:
            names = held.keys() | arriving.keys()
            if len(names) >= MOST_DOCUMENTS:
                raise RefusedError(f"there are {len(names)} documents already")
        if not self._documents.add_piece(piece):
            return Taken()
        log.info("sync: the document %s is now of version %d", piece.name, piece.version)
        self._on_document(piece.name)
        return Taken(completed=piece.name)

    def _call(self, id_: str, payload: bytes) -> Taken:
        if id_ in self._answered:
            return Taken(reply=self._answered[id_])
        try:
            self._on_answer(self._judge.call(payload))
            reply = Reply(schema=REPLY, box=self._box.box, ok=True).text()
        except RefusedError as refusal:
            self._tell(f"the call {id_}", str(refusal))
            return Taken(reply=Reply(schema=REPLY, box=self._box.box, ok=False, reason=str(refusal)).text())
        self._answered[id_] = reply
        if len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)
        return Taken(reply=reply)

    def _tell(self, what: str, reason: str) -> None:
        """One line for a fault, not one for each time that the broker repeats it."""
        if (what, reason) in self._told:
            return
        self._told[what, reason] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        log.warning("sync: refused %s from the centre: %s", what, reason)
