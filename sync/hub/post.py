"""Brings members, offers and coupon rules to the boxes as retained documents, each box what it lacks."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sync.bodies import utc
from sync.canonical import signed_bytes
from sync.coupon_payloads import COUPONS, MEMBER_KEYS, MEMBERS, OFFERS
from sync.down.members import sealed_about
from sync.fields import rfc3339
from sync.hub.member_keys import KeyRing
from sync.hub.membership import Membership
from sync.keys import KeyPair, PublicKey, seal
from sync.payloads import State
from sync.topics import BoxIdentity

WINDOW: Final = 8
"""Documents under way to the broker at once: two megabytes of the largest."""
LOOK_S: Final = 2.0
"""How often to look whether head office has changed something."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One message to be made when its turn comes: a list of a million members is not held in memory."""

    box: BoxIdentity
    name: str
    """The topic's last level."""
    whole: str
    version: int
    piece: int = 1
    pieces: int = 1
    """0: take it from the broker."""


@dataclass(slots=True)
class _Box:
    connected_at: Any
    held: Mapping[str, int]
    keys: tuple[str, str] | None
    """As it told them, to sign and to seal for."""
    trusted: bool
    """With members."""
    sent: dict[str, int] = field(default_factory=dict)


class Post:
    """Used by the hub's thread only."""

    def __init__(self, membership: Membership, ring: KeyRing, centre: KeyPair) -> None:
        self._membership, self._ring, self._centre = membership, ring, centre
        self._boxes: dict[BoxIdentity, _Box] = {}
        self._queue: deque[_Item] = deque()
        self._under_way: dict[int, _Item] = {}
        self._looked_at = float("-inf")

    def seen(self, box: BoxIdentity, state: State) -> None:
        """A birth document has come, or a goodbye."""
        if not state.online:
            self._boxes.pop(box, None)
            return
        before = self._boxes.get(box)
        told = state.signing_key is not None and state.sealing_key is not None
        keys = (state.signing_key or "", state.sealing_key or "") if told else None
        now = _Box(state.connected_at, state.documents, keys, trusted=False)
        if before is not None and before.connected_at == state.connected_at:
            now.sent = before.sent
        self._boxes[box] = now
        self._looked_at = float("-inf")

    def lost(self) -> None:
        """The connection is gone: what was under way goes again."""
        self._queue.extendleft(reversed(self._under_way.values()))
        self._under_way.clear()

    def confirmed(self, token: int) -> bool:
        """The broker has one; whether it was ours."""
        return self._under_way.pop(token, None) is not None

    def pump(self, publish: Callable[[str, str], int], now: float, monotonic: float) -> None:
        """Publish what there is room for. Raises SyncError when the connection is gone."""
        if monotonic - self._looked_at >= LOOK_S:
            self._looked_at = monotonic
            self._look(now)
        while self._queue and len(self._under_way) < WINDOW:
            item = self._queue[0]
            text = self._text(item, now)
            if text is not None:
                self._under_way[publish(item.box.doc(item.name), text)] = item
            self._queue.popleft()

    def _look(self, now: float) -> None:
        for tenant in {box.tenant for box in self._boxes}:
            wanted = self._wanted(tenant, now)
            for box, known in self._boxes.items():
                if box.tenant != tenant:
                    continue
                if not known.trusted and known.keys is not None:  # a command may have made it so
                    known.trusted = bool(self._membership.known_keys(box).get(known.keys))
                for whole, (version, pieces, most) in wanted.items():
                    newest = max(known.held.get(whole, 0), known.sent.get(whole, 0))
                    if version > newest and (known.trusted or not whole.startswith("member")):
                        known.sent[whole] = version
                        self._put(box, whole, version, pieces, most)

    def _put(self, box: BoxIdentity, whole: str, version: int, pieces: int, most: int) -> None:
        """Queue a document, and take away the pieces that an older version had beyond it."""
        if not whole.startswith("members-"):
            self._queue.append(_Item(box, whole, whole, version))
            return
        for piece in range(1, most + 1):
            self._queue.append(
                _Item(box, f"{whole}-{piece}", whole, version, piece, pieces if piece <= pieces else 0)
            )

    def _wanted(self, tenant: str, now: float) -> dict[str, tuple[int, int, int]]:
        """Version, pieces, and pieces that the broker may hold, by name. Keys before lists."""
        wanted: dict[str, tuple[int, int, int]] = {}
        keys = self._ring.live(tenant, now)
        if keys:
            ids = json.dumps([key.id for key in keys])
            known = self._membership.document(tenant, "member-keys")
            if known is None or known[2] != ids:
                ends = max(key.valid_until for key in keys)
                version = self._membership.replace_plain(tenant, "member-keys", ids, ends, now)
            else:
                version = known[0]
            wanted["member-keys"] = (version, 1, 1)
        live = {key.id for key in keys}
        for listing in self._membership.listings(tenant):
            if listing.key in live and now < listing.expires_at:
                wanted[f"members-{listing.key}"] = (listing.version, listing.pieces, listing.most_pieces)
        for name in ("offers", "coupons"):
            document = self._membership.document(tenant, name)
            if document is not None and now < document[1]:
                wanted[name] = (document[0], 1, 1)
        return wanted

    def _text(self, item: _Item, now: float) -> str | None:
        """The signed document; None when it has been overtaken by a newer version."""
        if item.pieces == 0:
            return ""
        body = self._body(item, now)
        if body is None:
            return None
        schema = body["schema"]
        body |= {
            "tenant": item.box.tenant,
            "version": item.version,
            "piece": item.piece,
            "pieces": item.pieces,
            "signed_by": self._centre.public.id,
        }
        about = f"{item.box.tenant}/{item.name}"
        body["signature"] = self._centre.sign(signed_bytes(schema, about, body))
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))

    def _body(self, item: _Item, now: float) -> dict[str, Any] | None:
        tenant = item.box.tenant
        if item.whole == "member-keys":
            return self._keys(item, now)
        if item.whole.startswith("members-"):
            key = item.whole.removeprefix("members-")
            text = self._membership.piece(tenant, key, item.version, item.piece)
            listing = next((one for one in self._membership.listings(tenant) if one.key == key), None)
            if text is None or listing is None or listing.version != item.version:
                return None
            return {"schema": MEMBERS, "key": key, "members": text, "expires_at": _time(listing.expires_at)}
        document = self._membership.document(tenant, item.whole)
        if document is None or document[0] != item.version:
            return None
        _, expires_at, text = document
        what = ("offers", OFFERS) if item.whole == "offers" else ("rules", COUPONS)
        return {"schema": what[1], what[0]: json.loads(text), "expires_at": _time(expires_at)}

    def _keys(self, item: _Item, now: float) -> dict[str, Any] | None:
        """The member keys, sealed for this one box."""
        box = self._boxes.get(item.box)
        keys = self._ring.live(item.box.tenant, now)
        if box is None or box.keys is None or not keys:
            return None
        sealing = PublicKey.parse(box.keys[1])
        sealed = []
        for key in keys:
            # Bound to the times as they are written, to the millisecond.
            begins, ends = utc(key.valid_from), utc(key.valid_until)
            about = sealed_about(item.box, key.id, begins, ends)
            sealed.append(
                {
                    "id": key.id,
                    "valid_from": rfc3339(begins),
                    "valid_until": rfc3339(ends),
                    "sealed": seal(sealing, key.secret, about),
                }
            )
        expires_at = _time(max(key.valid_until for key in keys))
        return {"schema": MEMBER_KEYS, "box": str(item.box), "keys": sealed, "expires_at": expires_at}


def _time(seconds: float) -> str:
    return rfc3339(utc(seconds))
