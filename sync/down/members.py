"""From the member documents that a box holds to the book that its coupon rules ask."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import datetime

from pydantic import ValidationError

from pipelines.members import MemberBook, MemberKey, MemberList, MemberSet
from sync.coupon_payloads import MEMBERS, MemberKeysDocument, MembersDocument, SealedKey
from sync.down.documents import Documents
from sync.down.judging import digests
from sync.errors import SyncError
from sync.keys import KeyPair
from sync.topics import BoxIdentity

log = logging.getLogger(__name__)


def sealed_about(box: BoxIdentity | str, key: str, valid_from: datetime, valid_until: datetime) -> str:
    """What a sealed member key is bound to: it opens for this box, under this id and for this time only."""
    return f"storeedge/member-keys/1 {box} {key} {valid_from.timestamp():.3f} {valid_until.timestamp():.3f}"


class MemberKeeper:
    """The newest book. `book` may be read from any thread; lists are read and sorted in a thread of its own
    (half a second for a million members), the old book serving until then."""

    def __init__(self, box: BoxIdentity, keys: KeyPair, documents: Documents) -> None:
        self._box, self._keys, self._documents = box, keys, documents
        self._sets: dict[tuple[str, int], MemberSet] = {}
        self._building = threading.Lock()
        self._book = MemberBook()

    @property
    def book(self) -> MemberBook:
        """Empty until `refresh` was called."""
        return self._book

    def check(self, document: MemberKeysDocument) -> None:
        """Whether the keys can be opened (a `Downlink`'s check). Raises SyncError or ValueError: a document
        that was sealed for the box that we were before must not stand in the way of ours."""
        for sealed in document.keys:
            self._opened(sealed)

    def document(self, name: str) -> None:
        """A document is in use from now on (`Downlink`'s `on_document`): begins a refresh if it is ours."""
        if name.startswith("member"):
            threading.Thread(target=self.refresh_or_keep, name="members", daemon=True).start()

    def refresh(self) -> None:
        """Read what the store holds. Raises SyncError or the store's error; the book is then the old one."""
        with self._building:
            keys = self._member_keys()
            held = {
                name.removeprefix("members-"): document
                for name, document in self._documents.held().items()
                if document.schema == MEMBERS
            }
            wanted = {(key, held[key].version) for key in keys if key in held}
            self._sets = {at: members for at, members in self._sets.items() if at in wanted}
            for key, version in wanted - self._sets.keys():
                self._sets[key, version] = MemberSet.of(self._pieces(f"members-{key}"))
            lists = [
                MemberList(keys[key], self._sets[key, version], held[key].expires_at)
                for key, version in wanted
            ]
            self._book = MemberBook(lists)

    def refresh_or_keep(self) -> None:
        """`refresh`, but trouble is logged and the earlier book stays."""
        try:
            self.refresh()
            log.info("sync: %d members are known", len(self._book))
        except Exception:
            log.exception("sync: the list of members cannot be used; the earlier one stays")

    def _pieces(self, name: str) -> Iterator[bytes]:
        for text in self._documents.bodies(name):
            yield digests(MembersDocument.model_validate_json(text))

    def _member_keys(self) -> dict[str, MemberKey]:
        texts = self._documents.bodies("member-keys")
        if not texts:
            return {}
        try:
            document = MemberKeysDocument.model_validate_json(texts[0])
        except ValidationError as error:
            raise SyncError("the stored member keys cannot be read") from error
        found = {}
        for sealed in document.keys:
            try:
                found[sealed.id] = self._opened(sealed)
            except (SyncError, ValueError) as error:
                # One key that is not ours to open must not cost the others.
                log.warning("sync: the member key %s cannot be used: %s", sealed.id, error)
        return found

    def _opened(self, sealed: SealedKey) -> MemberKey:
        about = sealed_about(self._box, sealed.id, sealed.valid_from, sealed.valid_until)
        return MemberKey(
            id=sealed.id,
            secret=self._keys.unseal(sealed.sealed, about),
            valid_from=sealed.valid_from.timestamp(),
            valid_until=sealed.valid_until.timestamp(),
        )
