"""Debian's mosquitto with exactly our files, laid out as the README says but below a folder of the test."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.mqtt import Broker, Happening, Link
from tests.broker import Mosquitto, free_port

FOLDER = Path(__file__).resolve().parents[2] / "firmware_config" / "mosquitto"


def make_certs(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command that an operator runs."""
    return subprocess.run(
        [str(FOLDER / "make-certs"), words[0], str(folder), *words[1:]],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a broker, a hub and two boxes."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: apt-get install openssl")
    folder = tmp_path_factory.mktemp("certs")
    for words in (
        ("ca",),
        ("broker", "localhost", "127.0.0.1"),
        ("hub",),
        ("box", "rainbow", "sz-futian", "box-01"),
        ("box", "rainbow", "sz-futian", "box-02"),
    ):
        done = make_certs(folder, *words)
        assert done.returncode == 0, done.stderr
    return folder


def laid_out(etc: Path, certs: Path, broker: str = "broker", more: str = "") -> Mosquitto:
    """Not started yet. broker: name of its certificate; more: lines for its configuration."""
    for source, target in (
        (certs / "ca.crt", "ca_certificates/storeedge-ca.crt"),
        (certs / f"{broker}.crt", "certs/storeedge-broker.crt"),
        (certs / f"{broker}.key", "certs/storeedge-broker.key"),
        (FOLDER / "storeedge.acl", "storeedge.acl"),
    ):
        (etc / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, etc / target)
    port = free_port()
    debian = f"persistence true\npersistence_location {etc}/\n"
    ours = (FOLDER / "storeedge.conf").read_text()
    assert "listener 8883\n" in ours
    ours = ours.replace("listener 8883\n", f"listener {port} 127.0.0.1\n").replace("/etc/mosquitto", str(etc))
    return Mosquitto(etc, debian + ours + more, port)


@pytest.fixture(scope="module")
def hardened(certs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A running one."""
    broker = laid_out(tmp_path_factory.mktemp("etc"), certs)
    broker.start()
    yield broker
    broker.kill()


def door(broker: Mosquitto, certs: Path, name: str, host: str = "localhost") -> Broker:
    """The broker as the holder of a certificate sees it."""
    return Broker.parse(
        f"mqtts://{host}:{broker.port}",
        ca=str(certs / "ca.crt"),
        cert=str(certs / f"{name}.crt"),
        key=str(certs / f"{name}.key"),
    )


def until(link: Link, kind: type[Happening], seconds: float = 10) -> list[Happening]:
    """Poll until something of this kind happened; everything that did."""
    seen: list[Happening] = []
    end = time.monotonic() + seconds
    while not any(isinstance(item, kind) for item in seen):
        assert time.monotonic() < end, f"no {kind.__name__}, only {seen}"
        seen += link.poll(0.2)
    return seen
