"""Certificates with something wrong with them, of the authority that make-certs made."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def issue(
    folder: Path,
    name: str,
    common_name: str,
    *,
    begins_days: float = -1,
    ends_days: float = 100,
    hosts: tuple[str, ...] = (),
) -> x509.Certificate:
    """Write `name.crt` and `name.key`, signed by `ca.key` of the folder. Valid from and to so many days from
    now. With hosts it is a server's, without a client's."""
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    signer = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins_days))
        .not_valid_after(now + timedelta(days=ends_days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    usage = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if hosts:
        names = [
            x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
            for host in hosts
        ]
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    done = made.sign(signer, hashes.SHA256())
    (folder / f"{name}.crt").write_bytes(done.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return done


def revoke(folder: Path, *papers: x509.Certificate) -> Path:
    """A list of the authority's certificates that must not be accepted any more."""
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    signer = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    now = datetime.now(UTC)
    listed = x509.CertificateRevocationListBuilder().issuer_name(authority.subject)
    listed = listed.last_update(now - timedelta(days=1)).next_update(now + timedelta(days=30))
    for one in papers:
        entry = x509.RevokedCertificateBuilder().serial_number(one.serial_number)
        listed = listed.add_revoked_certificate(entry.revocation_date(now - timedelta(hours=1)).build())
    path = folder / "revoked.crl"
    path.write_bytes(listed.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path
