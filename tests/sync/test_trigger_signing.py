"""A trigger's signature: the same bytes everywhere, and nothing may be changed under it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.canonical import canonical, signed_bytes
from sync.errors import SyncError
from sync.keys import KeyPair, PublicKey, seal
from sync.topics import BoxIdentity
from sync.trigger_signing import sign_trigger, trigger_bytes, verifies
from tests.sync.fakes import trigger

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")
KEYS = KeyPair(bytes(range(32)))
VECTOR = (
    "storeedge/trigger/1\n"
    "rainbow/sz-futian/box-01\n"
    '{"at":"2026-05-28T20:27:00Z","decision":"issued","direction":"exit","expires_at":"2026-05-28T20'
    ':32:00Z","key":"t-1","lane":"exit-1","member":true,"minutes_parked":95.5,"nonce":"0000000000000'
    '0000000000000000000","offer":"coffee","reason":null,"rule":null,"session":null,"signed_by":"18a'
    '6092adbe2a87a","token":"abababababababababababababababababababababababababababababababab","toke'
    'n_key":null}'
)
PUBLIC = "1Sdc/PakufezqOAPJZznKEtAGXB4Q7Z9VJZw2ZupIGs="
SIGNATURE = "h/kbDlDfqmiZJAj96aZ2HpYszRjOwyGla8FoEi6pgxk6dxJ+3gkNQXqfg2sXmubYZSANWYaBV+Jor4H2wtfLDA=="


def test_the_signed_bytes_and_the_signature_are_what_the_documentation_says() -> None:
    """A fixed vector for whoever verifies in another language."""
    signed = sign_trigger(trigger("t-1").model_copy(update={"nonce": "00" * 16}), BOX, KEYS)
    body = json.loads(signed.text())
    assert trigger_bytes(body, BOX).decode() == VECTOR
    assert str(KEYS.public) == PUBLIC
    assert signed.signed_by == KEYS.public.id
    assert signed.signature == SIGNATURE
    assert verifies(signed.text(), BOX, PublicKey.parse(PUBLIC))


def test_a_signature_holds_for_one_box_one_key_and_one_body() -> None:
    signed = sign_trigger(trigger("t-1"), BOX, KEYS)
    other_box = BoxIdentity("rainbow", "sz-futian", "box-02")
    assert verifies(signed.text(), BOX, KEYS.public)
    assert not verifies(signed.text(), other_box, KEYS.public)
    assert not verifies(signed.text(), BOX, KeyPair(bytes(32)).public)
    body = json.loads(signed.text())
    for name in body:
        if name not in {"signature"}:
            changed = body | {name: "x" if body[name] != "x" else "y"}
            assert not verifies(json.dumps(changed), BOX, KEYS.public), name
    assert not verifies(json.dumps(body | {"more": 1}), BOX, KEYS.public), "an added field is covered too"
    for nothing in (None, "", "AAAA", 5):
        assert not verifies(json.dumps(body | {"signature": nothing}), BOX, KEYS.public)


def test_order_blanks_and_spelling_of_numbers_do_not_matter() -> None:
    body = json.loads(sign_trigger(trigger("t-1"), BOX, KEYS).text())
    turned = json.dumps(dict(reversed(body.items())), indent=3).replace("95.5", "9.55e1")
    assert "9.55e1" in turned
    assert verifies(turned, BOX, KEYS.public)


def test_every_trigger_has_a_nonce_of_its_own() -> None:
    made = {sign_trigger(trigger("t-1"), BOX, KEYS).nonce for _ in range(50)}
    assert len(made) == 50


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": [True, None, "é店"]}, '{"a":[true,null,"é店"],"b":1}'),
        (90.0, "90"),
        (-0.0, "0"),
        (95.5, "95.5"),
        (0.001, "0.001"),
        ('\u0001\n"\\/', '"\\u0001\\n\\"\\\\/"'),
    ],
)
def test_canonical_text_is_as_rfc_8785_has_it(value: Any, expected: str) -> None:
    assert canonical(value).decode() == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60, 1e-7, "\ud800", {"é": 1}])
def test_what_other_languages_would_write_otherwise_is_refused(value: Any) -> None:
    with pytest.raises(SyncError, match="cannot be signed"):
        canonical(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=5), inner, max_size=4)
    ),
)


@given(json_values)
def test_canonical_text_says_the_same_and_stays_the_same(value: Any) -> None:
    once = canonical(value)
    assert json.loads(once) == value
    assert canonical(json.loads(once)) == once


def test_a_signature_for_one_kind_of_message_is_none_for_another() -> None:
    body = {"x": 1, "signature": "not signed"}
    assert signed_bytes("storeedge/offers/1", "rainbow/offers", body) == (
        b'storeedge/offers/1\nrainbow/offers\n{"x":1}'
    )


def test_a_box_makes_its_key_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "box.key"
    first = KeyPair.open(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["box.key"]
    assert KeyPair.open(path).public == first.public
    assert first.public.raw != first.sealing_public.raw
    assert KeyPair.open(tmp_path / "other.key").public != first.public


def test_a_key_that_others_may_read_or_that_is_damaged_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "box.key"
    KeyPair.open(path)
    path.chmod(0o640)
    with pytest.raises(SyncError, match=f"chmod 600 {path}"):
        KeyPair.open(path)
    path.chmod(0o600)
    path.write_text("abcd")
    with pytest.raises(SyncError, match="64 hexadecimal digits"):
        KeyPair.open(path)
    with pytest.raises(SyncError, match="cannot use the key"):
        KeyPair.open(path / "below-a-file")


def test_a_sealed_secret_opens_for_one_box_and_one_purpose() -> None:
    secret = bytes(range(32))
    sealed = seal(KEYS.sealing_public, secret, "key 2026-11")
    assert KEYS.unseal(sealed, "key 2026-11") == secret
    assert sealed != seal(KEYS.sealing_public, secret, "key 2026-11")
    with pytest.raises(SyncError, match="not sealed for us"):
        KEYS.unseal(sealed, "key 2026-12")
    with pytest.raises(SyncError, match="not sealed for us"):
        KeyPair(bytes(32)).unseal(sealed, "key 2026-11")
    for broken in ("", "AAAA", "!", sealed[:-8] + "AAAAAAA="):
        with pytest.raises(SyncError, match="not sealed for us"):
            KEYS.unseal(broken, "key 2026-11")
    with pytest.raises(SyncError, match="cannot be sealed for"):
        seal(PublicKey(bytes(32)), secret, "x")


@pytest.mark.parametrize("text", ["", "AAAA", "not base64 at all", "A" * 44])
def test_a_public_key_is_checked(text: str) -> None:
    with pytest.raises(SyncError, match="public key"):
        PublicKey.parse(text)
