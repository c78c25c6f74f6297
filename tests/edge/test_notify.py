"""systemd hears us, and nobody minds when there is none."""

from __future__ import annotations

import socket

import pytest

from edge.notify import notify


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_a_message_arrives(kind, tmp_path, monkeypatch):
    address = str(tmp_path / "notify") if kind == "path" else f"@storeedge-test-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + address[1:] if kind == "abstract" else address)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        notify("READY=1")
        assert systemd.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens(monkeypatch, tmp_path):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("READY=1")
    assert not list(tmp_path.iterdir())
