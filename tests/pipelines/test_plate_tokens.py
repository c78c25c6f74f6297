"""Keyed tokens tell how near two plates are, and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.plate_tokens import Names, Nearness, PlateKeys, names_of, serial_of

KEY, OTHER = b"k" * 32, b"o" * 32
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
serials = st.text(alphabet="AB01", min_size=4, max_size=7)
"""Few letters, so that near plates are common."""
plates = st.builds(str.__add__, st.sampled_from(["皖", "苏", "粤", ""]), serials)


def edits(a: str, b: str) -> int:
    """Levenshtein distance, by the book."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            new.append(min(row[j] + 1, new[j - 1] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1]


def expected(a: str, b: str) -> Nearness | None:
    if a == b:
        return "plate"
    distance = edits(serial_of(a), serial_of(b))
    return "serial" if distance == 0 else "near" if distance == 1 else None


@given(plates, plates)
def test_tokens_agree_exactly_as_far_as_the_plates_do(a: str, b: str) -> None:
    assert names_of(a, KEY).nearness(names_of(b, KEY)) == expected(a, b)


@given(st.text(alphabet=LETTERS, min_size=6, max_size=7), st.data())
def test_any_one_slip_of_the_reader_is_near(serial: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(serial) - 1))
    wrong = data.draw(st.sampled_from(LETTERS))
    kept = names_of("皖" + serial, KEY)
    for read in (serial[:at] + wrong + serial[at + 1 :], serial[:at] + serial[at + 1 :], serial + wrong):
        found = kept.nearness(names_of("苏" + read, KEY))
        assert found in {"near", "serial"}, f"{serial} read as {read}: {found}"


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        pytest.param("皖A195K9", "皖A195K9", "plate", id="the same"),
        pytest.param("皖A195K9", "苏A195K9", "serial", id="another province"),
        pytest.param("皖A195K9", "苏A195K8", "near", id="another province and one character"),
        pytest.param("苏BFD1188", "苏BD1188", "near", id="a new-energy plate that lost a character"),
        pytest.param("皖A195K9", "皖A19K59", None, id="two characters swapped are two slips"),
        pytest.param("皖A195K9", "皖A195B8", None, id="two characters"),
        pytest.param("使123456", "123456使", "near", id="embassy plates, old and new"),
    ],
)
def test_known_pairs(one: str, other: str, found: Nearness | None) -> None:
    assert names_of(one, KEY).nearness(names_of(other, KEY)) == found


def test_under_another_key_nothing_is_the_same() -> None:
    mine, theirs = names_of("皖A195K9", KEY), names_of("皖A195K9", OTHER)
    every = [{n.whole, n.serial, *n.masked, *n.struck} for n in (mine, theirs)]
    assert every[0].isdisjoint(every[1])
    assert mine.nearness(theirs) is None


@given(plates)
def test_what_is_stored_is_hexadecimal_and_comes_back(plate: str) -> None:
    names = names_of(plate, KEY)
    text = names.text()
    assert re.fullmatch(r"[0-9a-f; ]+", text), text
    assert len(text) <= 300, len(text)
    assert Names.parse(text) == names


def test_a_feeds_number_is_kept_as_a_token_too() -> None:
    keys = PlateKeys((KEY, OTHER))
    tokens = keys.ref("lot", "皖A195K9-20260301")
    assert len(set(tokens)) == 2
    assert all(re.fullmatch(r"[0-9a-f]{16}", token) for token in tokens), tokens
    assert keys.ref("other", "皖A195K9-20260301")[0] != tokens[0]


@pytest.mark.parametrize("keys", [(), (b"short",)])
def test_a_weak_key_is_refused(keys: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        PlateKeys(keys)
