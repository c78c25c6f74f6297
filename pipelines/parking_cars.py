"""The cars that are inside or have just left, found again by the tokens of their plates."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pipelines.parking_records import Session
from pipelines.plate_tokens import NEARNESS, Names, Nearness

REREAD_S: Final = 60.0
"""Nearly the same plate again within this long is the same passage (research: counting §9.3)."""
AGAIN_S: Final = 600.0
"""The same plate at the same side again within this long, and not at the other side in between, is the same
passage: a parking system tells an exit when the barrier opens, the camera when the car comes up to it."""
EARLY_S: Final = 5.0
"""So much may the clocks of two sources differ: an exit this much before the entry is still after it."""


class Cars:
    """Sessions by id, and by every token that their car might be read as. Oldest first."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Session] = OrderedDict()
        self._seen_at: dict[str, float] = {}
        self._by_token: dict[str, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Session]:
        return iter([*self._known.values()])

    def get(self, session_id: str) -> Session | None:
        """The session of that id, while it is kept here."""
        return self._known.get(session_id)

    def seen_at(self, session: Session) -> float:
        """When something was last told of it."""
        return self._seen_at[session.id]

    def keep(self, session: Session, t: float) -> None:
        """Keep a session as it is now; something was told of it at `t`."""
        if (before := self._known.get(session.id)) is not None:
            self._unlist(before)
        self._known[session.id] = session
        self._seen_at[session.id] = max(t, self._seen_at.get(session.id, t))
        for token in _listed(session):
            self._by_token[token] = (*self._by_token.get(token, ()), session.id)

    def forget(self, session: Session) -> None:
        """Keep it no longer."""
        self._unlist(self._known.pop(session.id))
        del self._seen_at[session.id]

    def of_ref(self, tokens: Sequence[str]) -> list[Session]:
        """Sessions with one of these tokens of a feed's number; open ones before those that ended."""
        return _open_first([one for one in self._having(tokens) if one.ref in tokens])

    def nearest(self, names: Sequence[Names], t: float) -> tuple[Nearness, list[Session]]:
        """The sessions that agree best with a plate read at `t`, and how well; of those that agree equally
        well, the open ones. None may: then how well means nothing."""
        tokens = [token for one in names for token in _tokens(one)]
        ranked = [
            (rank, session)
            for session in self._having(tokens)
            if (rank := _rank(session, names)) is not None and _fits(session, rank, t)
        ]
        best = min((rank for rank, _ in ranked), default=0)
        return NEARNESS[best], _open_first([one for rank, one in ranked if rank == best])

    def _having(self, tokens: Iterable[str]) -> list[Session]:
        ids = {id_ for token in tokens for id_ in self._by_token.get(token, ())}
        return [self._known[id_] for id_ in sorted(ids)]

    def _unlist(self, session: Session) -> None:
        for token in _listed(session):
            rest = tuple(id_ for id_ in self._by_token[token] if id_ != session.id)
            if rest:
                self._by_token[token] = rest
            else:
                del self._by_token[token]


def _rank(session: Session, names: Sequence[Names]) -> int | None:
    """How well a session's plate agrees: 0 is best; None: it does not."""
    if session.names is None:
        return None
    found = [near for one in names if (near := one.nearness(session.names))]
    return min(map(NEARNESS.index, found), default=None)


def _fits(session: Session, rank: int, t: float) -> bool:
    """Whether a car read at `t` can be this session's: it came before, and has not been gone for long."""
    if session.entered_at is not None and session.entered_at > t + EARLY_S:
        return False
    within = REREAD_S if NEARNESS[rank] == "near" else AGAIN_S
    return session.left_at is None or t - session.left_at <= within


def _open_first(sessions: list[Session]) -> list[Session]:
    inside = [session for session in sessions if session.end is None]
    return inside or sessions


def _tokens(names: Names) -> Iterator[str]:
    yield names.whole
    yield names.serial
    yield from names.masked
    yield from names.struck


def _listed(session: Session) -> set[str]:
    listed = set(_tokens(session.names)) if session.names is not None else set()
    return listed | ({session.ref} if session.ref is not None else set())
