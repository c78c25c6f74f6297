"""Members: a set that says exactly who is in it, and keys that change without a gap."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.members import DIGEST_BYTES, Member, MemberBook, MemberKey, MemberList, MemberSet, digest_of
from pipelines.tokens import normalised, token_of

KEY = bytes(range(32))
tokens = st.binary(min_size=32, max_size=32).map(bytes.hex)


def test_a_token_is_what_every_other_language_computes() -> None:
    # echo -n 粤B12345 | openssl mac -digest SHA256 -macopt hexkey:0001…1f HMAC
    assert token_of("粤B12345", KEY) == "24839e95b7c01525212dacafccb70f9b7ef482dc58bf9020fb513e8e1fa242f7"


@pytest.mark.parametrize("spelling", ["粤B·12345", " 粤b12345\n", "粤B 12345", "粤Ｂ１２３４５", "粤B-12345"])
def test_every_spelling_of_a_plate_has_the_same_token(spelling: str) -> None:
    assert normalised(spelling) == "粤B12345"
    assert token_of(spelling, KEY) == token_of("粤B12345", KEY)


def test_what_cannot_be_kept_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes, this one 16"):
        token_of("粤B12345", KEY[:16])
    with pytest.raises(ValueError, match="empty plate"):
        token_of(" · ", KEY)
    with pytest.raises(ValueError, match="shorter than 32"):
        MemberKey("k1", b"short", 0, 1)
    assert KEY.hex() not in repr(MemberKey("k1", KEY, 0, 1))
    assert repr(KEY) not in repr(MemberKey("k1", KEY, 0, 1))


@given(st.sets(tokens, max_size=200), st.lists(tokens, max_size=20), st.integers(1, 7), st.booleans())
def test_a_set_holds_what_was_put_in_and_nothing_else(
    inside: set[str], others: list[str], per_piece: int, doubled: bool
) -> None:
    digests = [digest_of(token) for token in inside] * (2 if doubled else 1)
    pieces = [b"".join(digests[i : i + per_piece]) for i in range(0, len(digests), per_piece)]
    members = MemberSet.of(pieces)
    assert len(members) == len(set(digests))
    assert all(token in members for token in inside)
    for token in others:
        assert (token in members) == (digest_of(token) in set(digests))


def test_tokens_that_begin_alike_are_told_apart() -> None:
    """The first 64 bits are one column, the next 32 another."""
    alike = [b"\xff" * 8 + number.to_bytes(4, "big") for number in range(100)]
    members = MemberSet.of([b"".join(alike[::2])])
    found = [number for number in range(100) if (alike[number] + bytes(20)).hex() in members]
    assert found == list(range(0, 100, 2))


def test_a_piece_that_was_cut_short_is_refused() -> None:
    with pytest.raises(ValueError, match="13 bytes"):
        MemberSet.of([bytes(DIGEST_BYTES + 1)])
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        "粤B12345" in MemberSet.of([])  # noqa: B015 - asking is the test
    assert "00" * 32 not in MemberSet.of([])


def test_a_million_members_take_less_than_40_mb() -> None:
    members = MemberSet.of(os.urandom(DIGEST_BYTES * 100_000) for _ in range(10))
    assert len(members) == 1_000_000
    assert members.nbytes < 20e6, members.nbytes


def listed(key: MemberKey, *plates: str, until: float = 1e9) -> MemberList:
    digests = [digest_of(token_of(plate, key.secret)) for plate in plates]
    return MemberList(key, MemberSet.of(digests), until)


OLD = MemberKey("2026-10", bytes([1]) * 32, valid_from=0, valid_until=110)
NEW = MemberKey("2026-11", bytes([2]) * 32, valid_from=100, valid_until=200)
CAR = "粤B12345"


def test_a_member_is_found_at_every_moment_of_a_change_of_keys() -> None:
    book = MemberBook([listed(OLD, CAR), listed(NEW, CAR)])
    by = {now: book.find(CAR, now) for now in range(0, 200, 5)}
    assert None not in by.values()
    assert {found.key for now, found in by.items() if now < 100 and found} == {"2026-10"}
    assert {found.key for now, found in by.items() if now >= 100 and found} == {"2026-11"}
    assert by[0] == Member(token_of(CAR, OLD.secret), "2026-10")


def test_the_older_key_serves_until_the_new_list_is_there() -> None:
    both = MemberBook([listed(OLD, CAR), listed(NEW)])
    found = both.find(CAR, 105)
    assert found is not None
    assert found.key == "2026-10"
    assert both.find(CAR, 110) is None, "the old key has ended"
    assert both.find("粤B99999", 105) is None


def test_an_expired_list_knows_nobody_and_says_so() -> None:
    book = MemberBook([listed(NEW, CAR, until=150)])
    assert book.usable(149)
    assert book.find(CAR, 149)
    assert not book.usable(150)
    assert book.find(CAR, 150) is None
    assert book.find("粤B99999", 149) is None
    assert (len(book), MemberBook().usable(0)) == (1, False)
