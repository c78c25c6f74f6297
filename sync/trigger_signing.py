"""A box's signature under each coupon decision.

What is signed: three lines, joined by line feeds — the schema `storeedge/trigger/1`, the box as
`tenant/store/box`, and the body without its field `signature` as RFC 8785 JSON (`sync/canonical.py`). The
algorithm is Ed25519, the signature base64, `signed_by` the key's id. Fields that a later version adds are
covered as well. One-time is what the centre makes of it: `key` names the decision, `nonce` never comes twice,
nothing is issued after `expires_at`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

from sync.canonical import signed_bytes
from sync.coupon_payloads import TRIGGER, TriggerBody
from sync.keys import KeyPair, PublicKey
from sync.topics import BoxIdentity

NONCE_BYTES: Final = 16


def sign_trigger(trigger: TriggerBody, box: BoxIdentity, keys: KeyPair) -> TriggerBody:
    """The trigger with a fresh nonce (unless it has one), the key's id and the signature."""
    complete = trigger.model_copy(
        update={
            "nonce": trigger.nonce or secrets.token_hex(NONCE_BYTES),
            "signed_by": keys.public.id,
            "signature": None,
        }
    )
    message = trigger_bytes(json.loads(complete.text()), box)
    return complete.model_copy(update={"signature": keys.sign(message)})


def trigger_bytes(body: Mapping[str, Any], box: BoxIdentity) -> bytes:
    """What is signed, of a body as it came over the wire. Raises SyncError when it has no such form."""
    return signed_bytes(TRIGGER, str(box), dict(body))


def verifies(body: str, box: BoxIdentity, key: PublicKey) -> bool:
    """Whether `body` (JSON text as it came) was signed by `key` for `box`. Raises SyncError for text that
    has no canonical form."""
    fields = json.loads(body)
    signature = fields.get("signature")
    return isinstance(signature, str) and key.verifies(signature, trigger_bytes(fields, box))
