"""The fleet simulator: a small fleet through a real outage, its packets, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.benches.machine import UnmeasurableError
from scripts.fleet import packets
from scripts.fleet.figures import Figures, spread
from scripts.fleet.outage import Plan, play
from scripts.fleet.report import is_true, lines
from tests.broker import program
from tests.conftest import ROOT
from tests.postgres import programs

QUICK = ["--minute-s", "2", "--away-s", "2", "--outage-minutes", "20", "--triggers-per-s", "20"]


def simulator(*options: str) -> subprocess.Popen[str]:
    program()
    if programs() is None:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    command = [sys.executable, "-m", "scripts.fleet", "--json", *QUICK, *options]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def of_session(leader: int) -> list[str]:
    """The programs that a simulator has started, or left."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if session == leader or f"STOREEDGE_TEST_LEADER={os.getpid()}".encode() in environment:
            found.append(command)
    return found


@pytest.mark.slow
def test_a_fleet_comes_back_from_an_outage_with_every_minute_exactly_once():
    done = simulator("--boxes", "60", "--hubs", "1")
    out, err = done.communicate(timeout=120)
    assert done.returncode == 0, err
    figures: dict[str, Any] = json.loads(out)
    assert (figures["lost"], figures["doubled_or_strange"], figures["boxes_with_wrong_sums"]) == (0, 0, 0)
    assert figures["made"] >= 60 * 22, figures["made"]
    assert figures["back_s"]["count"] == figures["drained_s"]["count"] == 60
    assert figures["failed_connections"]["cannot connect: ECONNREFUSED"] >= 60
    assert figures["live_trigger_s"]["count"] > 0
    assert figures["sent"] - figures["sent_again"] == figures["made"]


@pytest.mark.slow
def test_an_interrupted_run_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STOREEDGE_TEST_LEADER", str(os.getpid()))
    running = simulator("--boxes", "20", "--brokers", "2")
    until = time.monotonic() + 60
    while not any("hub run" in command for command in of_session(running.pid)):
        assert running.poll() is None, running.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.2)
    time.sleep(1.0)
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "stopped" in err
    assert of_session(running.pid) == []


def test_more_boxes_than_a_broker_may_have_files_are_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr("scripts.fleet.outage.open_files", lambda: 1_100)
    with pytest.raises(UnmeasurableError, match=r"a broker takes 1000 boxes: .* --brokers 3"):
        play(Plan(boxes=2_001), print)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 200_000])
def test_packets_are_taken_apart_however_they_arrive(size: int):
    data = packets.publish("a/b", b"x" * size, 7, expires_in=60) + packets.PING + packets.puback(9)
    rest, found = b"", []
    for at in range(0, len(data), 1_000):
        some, rest = packets.take(rest + data[at : at + 1_000])
        found += some
    assert rest == b""
    assert [packet.kind for packet in found] == [packets.PUBLISH, 12, packets.PUBACK]
    assert packets.published(found[0]) == ("a/b", 7, b"x" * size)
    assert packets.numbered(found[2].body) == (9, 0)


def test_the_brokers_limit_is_read_behind_any_other_property():
    properties = (
        b"\x12" + struct.pack("!H", 3) + b"abc"  # a client id
        + b"\x26" + struct.pack("!H", 1) + b"k" + struct.pack("!H", 2) + b"vv"  # a pair of words
        + b"\x0b\x80\x01" + b"\x27" + struct.pack("!I", 9) + b"\x24\x01"
    )  # fmt: skip
    body = b"\0\0" + bytes([len(properties) + 3]) + properties + b"\x21" + struct.pack("!H", 12)
    assert packets.accepted(body) == (0, 12)
    assert packets.accepted(b"\0\x87\0") == (0x87, None)


def test_figures_of_several_crowds_add_up():
    one, other = Figures(sent=3, live_s=[1.0]), Figures(sent=4, live_s=[2.0, 3.0])
    one.lost["lost"], other.lost["lost"] = 1, 2
    one.add(other)
    assert (one.sent, one.live_s, one.lost["lost"]) == (7, [1.0, 2.0, 3.0], 3)
    assert spread(one.live_s) == {"count": 3, "p50": 2.0, "p99": 3.0, "max": 3.0}
    assert spread([])["p50"] is None


def test_a_single_lost_or_doubled_message_is_a_failure():
    good = {"lost": 0, "doubled_or_strange": 0, "boxes_with_wrong_sums": 0}
    assert is_true(good)
    assert not any(is_true(good | {name: 1}) for name in good)
    assert list(lines({"live_minute_s": spread([2.0])})) == [
        "live minute s: count 1, p50 2.0, p99 2.0, max 2.0"
    ]
