"""The centre's documents in the store: in use when complete, after any restart, tidied bit by bit."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.store.documents import KEPT_AFTER_S, StoredDocuments
from sync.down.documents import Held, Piece
from tests.edge.store.build import NOON, open_store

ENDS = NOON + 86_400.0


def piece(version: int, number: int, pieces: int = 3, name: str = "members-k1") -> Piece:
    text = f'{{"version":{version},"piece":{number}}}'
    return Piece(name, "storeedge/members/1", version, number, pieces, ENDS, text)


def test_a_version_is_used_when_its_last_piece_is_there(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        documents = StoredDocuments(store)
        assert not documents.add_piece(piece(1, 3))
        assert not documents.add_piece(piece(1, 1))
        assert not documents.add_piece(piece(1, 1)), "the same piece again is no other"
        assert (documents.held(), documents.arriving()) == ({}, {"members-k1": 1})
        assert documents.add_piece(piece(1, 2))
        assert documents.held() == {"members-k1": Held("storeedge/members/1", 1, 3, ENDS)}
        assert documents.arriving() == {}
        assert documents.bodies("members-k1") == [piece(1, n).text for n in (1, 2, 3)]
        assert documents.bodies("offers") == []


def test_what_was_complete_is_there_after_a_restart_and_what_was_arriving_goes_on(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        documents = StoredDocuments(store)
        for number in (1, 2, 3):
            documents.add_piece(piece(1, number))
        documents.add_piece(piece(2, 1, 2))
    with open_store(tmp_path) as store:
        documents = StoredDocuments(store)
        assert documents.bodies("members-k1") == [piece(1, n).text for n in (1, 2, 3)]
        assert documents.add_piece(piece(2, 2, 2))
        assert documents.bodies("members-k1") == [piece(2, n).text for n in (1, 2)]


def test_two_makings_of_one_version_are_not_mixed(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        documents = StoredDocuments(store)
        documents.add_piece(piece(1, 1, 2))
        assert not documents.add_piece(piece(1, 2, 3))
        assert not documents.add_piece(piece(1, 3, 3))
        assert documents.add_piece(piece(1, 1, 3))


def test_old_pieces_go_one_at_a_time_and_nothing_in_use_goes(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        documents = StoredDocuments(store)
        for version in (1, 2, 3):
            for number in (1, 2, 3)[: 2 if version == 2 else 3]:
                documents.add_piece(piece(version, number))
        documents.add_piece(piece(5, 1))
        documents.add_piece(piece(4, 1))
        tidied = 0
        while documents.tidy(NOON):
            tidied += 1
        assert tidied == 3 + 2 + 1, "version 1, the unfinished 2, and 4, which 5 has overtaken"
        assert documents.bodies("members-k1") == [piece(3, n).text for n in (1, 2, 3)]
        assert documents.arriving() == {"members-k1": 5}


def test_an_expired_document_is_kept_for_a_week_and_then_gone(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        documents = StoredDocuments(store)
        for number in (1, 2, 3):
            documents.add_piece(piece(1, number))
        assert not documents.tidy(ENDS + KEPT_AFTER_S - 1)
        steps = 0
        while documents.tidy(ENDS + KEPT_AFTER_S + 1):
            steps += 1
        assert steps == 4
        assert (documents.held(), documents.bodies("members-k1")) == ({}, [])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), st.booleans()), max_size=25))
def test_in_any_order_and_with_any_tidying_only_whole_versions_are_used(
    tmp_path_factory: object, steps: list[tuple[int, int, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("documents")  # type: ignore[attr-defined]
    there: dict[int, set[int]] = {}
    used = 0
    with open_store(folder) as store:
        documents = StoredDocuments(store)
        for version, number, tidy in steps:
            if version > used and version >= documents.arriving().get("members-k1", 0):
                completed = documents.add_piece(piece(version, number))
                there.setdefault(version, set()).add(number)
                assert completed == (len(there[version]) == 3), (version, there)
                used = version if completed else used
            if tidy:
                documents.tidy(NOON)
            texts = documents.bodies("members-k1")
            assert texts == ([piece(used, n).text for n in (1, 2, 3)] if used else [])
