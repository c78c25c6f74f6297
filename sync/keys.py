"""The keys by which boxes and centre prove what they said: Ed25519 to sign, X25519 to receive secrets.

Both come from one seed of 32 random bytes in a file that only its owner may read. The box makes it at its
first start and tells the public halves in its birth document; the centre pins them (`sync/hub/trust.py`).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sync.errors import SyncError

SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 32
_NO_NONCE: Final = bytes(12)
"""Each sealing has a key of its own, so the nonce need not differ."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The half that everybody may know: 32 bytes."""

    raw: bytes

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """From base64. Raises SyncError."""
        try:
            raw = b64decode(text, validate=True)
        except ValueError as error:
            raise SyncError("a public key is 44 letters of base64") from error
        if len(raw) != PUBLIC_BYTES:
            raise SyncError(f"a public key has {PUBLIC_BYTES} bytes, this one {len(raw)}")
        return cls(raw)

    @property
    def id(self) -> str:
        """Its name on the wire: the first 16 hexadecimal digits of its SHA-256."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def __str__(self) -> str:
        return b64encode(self.raw).decode()

    def verifies(self, signature: str, message: bytes) -> bool:
        """Whether the signature (base64) is this key's own of exactly these bytes."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(b64decode(signature, validate=True), message)
        except (ValueError, InvalidSignature):
            return False
        return True


class KeyPair:
    """One party's keys."""

    def __init__(self, seed: bytes) -> None:
        """`seed`: 32 random bytes; see `open`."""
        self._signing = Ed25519PrivateKey.from_private_bytes(_derived(seed, "storeedge sign 1"))
        self._sealing = X25519PrivateKey.from_private_bytes(_derived(seed, "storeedge seal 1"))
        self.public: Final = PublicKey(self._signing.public_key().public_bytes_raw())
        """Verifies what `sign` made."""
        self.sealing_public: Final = PublicKey(self._sealing.public_key().public_bytes_raw())
        """For `seal`."""

    @classmethod
    def open(cls, path: Path) -> KeyPair:
        """From its file, made with mode 0600 when it is missing. Raises SyncError."""
        try:
            try:
                text = _read_private(path)
            except FileNotFoundError:
                text = _make(path)
            seed = bytes.fromhex(text.strip())
        except ValueError as error:
            raise SyncError(f"{path} is damaged: it should hold 64 hexadecimal digits") from error
        except OSError as error:
            raise SyncError(f"cannot use the key {path}: {error.strerror}") from error
        if len(seed) != SEED_BYTES:
            raise SyncError(f"{path} is damaged: it should hold 64 hexadecimal digits")
        return cls(seed)

    def sign(self, message: bytes) -> str:
        """The Ed25519 signature in base64, 88 letters; always the same for the same bytes."""
        return b64encode(self._signing.sign(message)).decode()

    def unseal(self, sealed: str, about: str) -> bytes:
        """What `seal` hid for us. Raises SyncError when it was meant for others or was changed."""
        try:
            raw = b64decode(sealed, validate=True)
            theirs, hidden = raw[:PUBLIC_BYTES], raw[PUBLIC_BYTES:]
            shared = self._sealing.exchange(X25519PublicKey.from_public_bytes(theirs))
            key = _sealing_key(shared, theirs, self.sealing_public.raw)
            return ChaCha20Poly1305(key).decrypt(_NO_NONCE, hidden, about.encode())
        except (ValueError, InvalidTag) as error:
            raise SyncError("this was not sealed for us, or was changed on the way") from error


def seal(to: PublicKey, secret: bytes, about: str) -> str:
    """Hide a secret so that only the owner of `to` can read it, and only as being about `about`: base64 of
    an ephemeral X25519 key and ChaCha20-Poly1305 under HKDF-SHA-256 of the exchange."""
    once = X25519PrivateKey.generate()
    ours = once.public_key().public_bytes_raw()
    try:
        shared = once.exchange(X25519PublicKey.from_public_bytes(to.raw))
    except ValueError as error:
        raise SyncError("this public key cannot be sealed for") from error
    key = _sealing_key(shared, ours, to.raw)
    return b64encode(ours + ChaCha20Poly1305(key).encrypt(_NO_NONCE, secret, about.encode())).decode()


def _sealing_key(shared: bytes, ours: bytes, theirs: bytes) -> bytes:
    return _hkdf(shared, b"storeedge sealed 1" + ours + theirs)


def _derived(seed: bytes, use: str) -> bytes:
    return _hkdf(seed, use.encode())


def _hkdf(secret: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=info).derive(secret)


def _read_private(path: Path) -> str:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SyncError(f"{path} may be read by others: run chmod 600 {path}")
    return path.read_text("ascii")


def _make(path: Path) -> str:
    """A new seed, complete on the disk or not at all; another process's, if it was quicker."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = secrets.token_hex(SEED_BYTES)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return _read_private(path)
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return text
