"""What can be wrong with the line, as a kind for programs and a sentence that says what to do for people."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final, Literal

TroubleKind = Literal[
    "lost",
    "unreachable",
    "broker_unknown",
    "broker_expired",
    "broker_early",
    "broker_name",
    "own_certificate",
    "not_admitted",
    "twin",
    "hung_up",
    "refused",
    "unheard",
    "silent",
    "other",
]
"""`lost`: a connection ended, which is nothing to act on. `twin`: another client has our name. `hung_up`: the
broker ends each connection soon and says no reason. `unheard`: no centre listens. `silent`: it answers
nothing. What is meant by the others stands in the sentences below."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that hinders the sending."""

    kind: TroubleKind
    words: str
    """What to do, and what the other side or the system said."""


ADVICE: Final[dict[TroubleKind, str]] = {
    "broker_unknown": "the broker's certificate is of an authority that we do not know; "
    "`ca` must name the certificate of the authority that issued it",
    "broker_expired": "the broker's certificate has expired; renew it, or set our clock right",
    "broker_early": "the broker's certificate is not valid yet; our clock is probably behind",
    "broker_name": "the broker's certificate is for other names; use one of them in `url`, "
    "or issue it anew with this name",
    "own_certificate": "the broker does not accept our certificate; `cert` and `key` must be this box's, "
    "issued by the broker's authority, valid and not revoked",
    "not_admitted": "the broker does not admit us; its accounts and rules must know our name",
    "twin": "another client has connected with our name; give each box its own, and switch the other one off",
    "hung_up": "the broker ends each connection soon after it was made: another client has our name, "
    "or the broker refuses what we send and cannot say so",
}

_VERIFY: Final[dict[int, TroubleKind]] = {9: "broker_early", 10: "broker_expired", 62: "broker_name",
                                          64: "broker_name"}  # fmt: skip
"""X509_V_ERR_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH of OpenSSL;
all others mean that nobody vouches for the certificate."""

NOT_ADMITTED: Final = frozenset({133, 134, 135, 138, 140, 144})
"""CONNACK: the name, the password, the right to be here. Others, such as 137 for busy, pass by themselves."""
TAKEN_OVER: Final = 142
REFUSALS: Final = frozenset({130, 135, 144, 147, 148, 149, 150, 151, 152, 153, 154, 155})
"""DISCONNECT for something that we sent."""


_ALERTS: Final = ("certificate", "unknown ca", "access denied", "decrypt error", "handshake failure")


def told(kind: TroubleKind, words: str) -> Trouble:
    """The advice for this kind, with what was said in brackets."""
    advice = ADVICE.get(kind)
    return Trouble(kind, words if advice is None else f"{advice} ({words})")


def of_opening(broker: object, error: Exception) -> Trouble:
    """Why a connection could not be opened."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return told(_VERIFY.get(error.verify_code, "broker_unknown"), f"{broker}: {error}")
    if isinstance(error, ssl.SSLError) and is_alert(str(error)):
        return told("own_certificate", f"{broker}: {error}")
    return Trouble("unreachable", f"cannot reach {broker}: {error}")


def is_alert(words: str) -> bool:
    """Whether these words of OpenSSL say that the other side refused our certificate. With TLS 1.3 that
    comes after our handshake, as an error of the first read."""
    low = words.lower().replace("_", " ")
    return "alert" in low and any(sign in low for sign in _ALERTS)


def of_admission(broker: object, code: int, words: str) -> Trouble:
    """The broker answered our request to connect with a refusal."""
    said = f"{broker} refused us: {words}"
    return told("not_admitted", said) if code in NOT_ADMITTED else Trouble("unreachable", said)


def of_ending(code: int, words: str) -> Trouble:
    """The broker of MQTT 5 ended the connection and said why."""
    said = f"the broker ended the connection: {words}"
    if code == TAKEN_OVER:
        return told("twin", said)
    return Trouble("refused" if code in REFUSALS else "lost", said)
