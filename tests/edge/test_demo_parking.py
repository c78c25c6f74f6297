"""The car park that the demo shows: all sides agree, nothing of a plate stays, and nothing is left behind."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import pytest

from edge.config import check_site
from edge.demo import parking_report
from edge.demo.accounts import BoxAccount, CentreAccount, Redeemed
from edge.demo.books import Books
from edge.demo.cars import MEMBERS, Cars, plates
from edge.demo.line import Line
from edge.demo.lot import Lot
from edge.demo.part import STOREEDGE
from edge.site_file import read_yaml
from models import cache
from models.manifest import DEFAULT, card
from pipelines.plate_grammar import kind_of
from tests.edge.test_demo import family, is_running

ROOT = Path(__file__).resolve().parents[2]
DEMO, README = ROOT / "edge" / "demo", ROOT / "README.md"
NOTHING = Books(0, 0.0, {}, {})
BOX = BoxAccount(9, 8, 3, (), frozenset({"a", "b"}), {"c": "cap_token_day"}, 2, 0, NOTHING)
CENTRE = CentreAccount({"a": "AAAA", "b": "BBBB"}, frozenset({"c"}), {}, NOTHING)


# -- the line ------------------------------------------------------------------------------------------


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says back what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer(one: socket.socket) -> None:
            with one:
                while data := one.recv(4096):
                    one.sendall(data)

        def serve() -> None:
            while True:
                try:
                    threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def said_back(end: socket.socket, text: bytes) -> bytes:
    end.sendall(text)
    return end.recv(4096)


def test_a_line_carries_both_ways_until_it_is_cut_and_again_when_it_is_mended(echo: int) -> None:
    with Line(echo) as line:
        near = ("127.0.0.1", line.port)
        with socket.create_connection(near, 5) as first, socket.create_connection(near, 5) as second:
            assert said_back(first, b"one") == b"one"
            assert said_back(second, b"two") == b"two"
            line.cut()
            assert first.recv(10) == b""
            assert second.recv(10) == b""
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(near, 5)
        line.mend()
        with socket.create_connection(near, 5) as again:
            assert said_back(again, b"three") == b"three"


# -- what it is made of --------------------------------------------------------------------------------


def test_invented_plates_are_plates_and_none_comes_twice() -> None:
    some = list(islice(plates(), MEMBERS + 500))
    assert len(set(some)) == len(some)
    assert {kind_of(one) for one in some} == {"ordinary"}


def test_no_guest_is_a_member() -> None:
    cars = Cars()
    assert {cars.guest() for _ in range(500)}.isdisjoint(cars.members)
    assert {cars.member() for _ in range(500)} <= set(cars.members)


def test_the_demos_site_file_and_rules_are_ones_that_a_box_takes(tmp_path: Path) -> None:
    rules = (DEMO / "parking_rules.yaml").read_text("utf-8")
    path = tmp_path / "site.yaml"
    path.write_text((DEMO / "parking_site.yaml").read_text("utf-8") + f"coupons:\n{rules}", "utf-8")
    site, faults = check_site(path)
    assert faults == []
    assert site is not None
    offers, _, _ = read_yaml(DEMO / "parking_offers.yaml")
    assert isinstance(offers, list)
    assert {rule.offer.id or rule.id for rule in site.coupons} == {offer["id"] for offer in offers}


def test_the_readmes_car_park_is_one_that_a_box_takes(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    example = next(block for block in blocks if "\ncoupons:" in block)
    path = tmp_path / "site.yaml"
    around = "site: {tenant: a, store: b, box: c}\ncameras: [{id: cam-9, source: 'usb:0'}]\n"
    path.write_text(around + example, "utf-8")
    site, faults = check_site(path)
    assert faults == []
    assert site is not None


# -- the table -----------------------------------------------------------------------------------------


def wrong(
    box: BoxAccount, centre: CentreAccount, *, shown: int = 2, used: Redeemed | None = None
) -> set[str]:
    """The rows that are not as they must be; the parking system took two coupons off."""
    lot = Lot()
    try:
        for number in range(2):
            lot.drive_in(f"粤B0000{number}").coupons[str(number)] = {"kind": "free"}
        rows = parking_report._coupons(box, centre, lot, used or Redeemed(2, 2), shown)
    finally:
        lot._server.server_close()
    return {row.what for row in rows if row.good is False}


def test_sides_that_agree_are_good() -> None:
    assert wrong(BOX, CENTRE) == set()


@pytest.mark.parametrize(
    ("centre", "what"),
    [
        pytest.param(replace(CENTRE, codes={"a": "AAAA"}), "coupons", id="one is lost"),
        pytest.param(replace(CENTRE, codes={"a": "AAAA", "b": "AAAA"}), "coupons", id="one code for two"),
        pytest.param(replace(CENTRE, codes={"a": "AAAA", "x": "BBBB"}), "coupons", id="another one"),
        pytest.param(replace(CENTRE, held_back=frozenset()), "held back by a cap", id="a refusal is lost"),
        pytest.param(replace(CENTRE, others={"late": 1}), "refused, late or twice", id="one came too late"),
    ],
)
def test_sides_that_differ_are_told(centre: CentreAccount, what: str) -> None:
    assert wrong(BOX, centre) == {what}


def test_a_coupon_that_is_not_shown_or_is_used_twice_is_told() -> None:
    assert wrong(BOX, CENTRE, shown=1) == {"shown on the lane's screen"}
    assert wrong(BOX, CENTRE, used=Redeemed(2, 1)) == {"used a second time"}


# -- the whole -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Round:
    """What is left of `storeedge demo --parking --once`."""

    code: int
    said: str
    """On both streams."""
    folder: Path
    seconds: float


@pytest.fixture(scope="module")
def one_round(tmp_path_factory: pytest.TempPathFactory) -> Round:
    if cache.faults(card(DEFAULT)):
        pytest.skip("the default model is not here: storeedge models pull")
    folder = tmp_path_factory.mktemp("car-park")
    began = time.monotonic()
    run = [*STOREEDGE, "demo", "--parking", "--once", "--port", "18080", "--data", str(folder)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=240, check=False)
    return Round(done.returncode, done.stdout + done.stderr, folder, time.monotonic() - began)


@pytest.mark.slow
def test_one_round_brings_every_coupon_to_the_centre_once(one_round: Round) -> None:
    assert one_round.code == 0, one_round.said
    cameras = cache.faults(card("plate-detector")) == []
    issued = 12 if cameras else 9
    assert f"All sides agree: {issued} coupons" in one_round.said
    assert "the line to the centre is cut" in one_round.said
    assert "5 messages wait" in one_round.said, "a cut in which nothing waited proves nothing"
    for words in (f"{issued} once", f"{issued} refused", "cap_token_day 1", "unread 1"):
        assert words in one_round.said, words
    assert "NOT" not in one_round.said


@pytest.mark.slow
def test_no_plate_stays_in_folder_log_or_words(one_round: Round) -> None:
    cars = Cars()
    drove = {cars.member() for _ in range(8)} | {cars.guest() for _ in range(12)} | set(cars.members[-5:])
    found = {path.name: path.read_bytes() for path in one_round.folder.rglob("*") if path.is_file()}
    assert {"box.sqlite3", "hub.coupons.db", "hub.sqlite3", "box.log", "hub.log"} <= found.keys()
    found["words"] = one_round.said.encode()
    for name, content in found.items():
        for plate in drove:
            assert not any(text in content for text in spellings(plate)), f"{plate} in {name}"


def spellings(plate: str) -> set[bytes]:
    """A plate as it might be written, and its part in letters and digits alone."""
    texts = [plate, plate[1:], json.dumps(plate)[1:-1]]
    return {text.encode(code) for text in texts for code in ("utf-8", "utf-16-le", "gb18030")}


def test_a_clip_and_the_car_park_together_are_refused_in_one_line() -> None:
    run = [*STOREEDGE, "demo", "--parking", "my-clip.mp4"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("give either --parking or a clip")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_without_once_the_screens_are_there_and_everything_ends_with_the_demo() -> None:
    if cache.faults(card(DEFAULT)):
        pytest.skip("the default model is not here: storeedge models pull")
    run = [*STOREEDGE, "demo", "--parking", "--port", "18090"]
    demo = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1)
    try:
        assert demo.stdout is not None
        said = []
        for line in demo.stdout:
            said.append(line.strip())
            if "Ctrl-C" in line:
                break
        screens = [line for line in said if "/lane/" in line]
        assert len(screens) >= 2, said
        for screen in screens:
            with urllib.request.urlopen(screen, timeout=10) as answer:
                assert b"lane.js" in answer.read()
        children = family(demo.pid)
        assert len(children) >= 3, "broker, hub and box"
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0
    finally:
        if demo.poll() is None:
            demo.kill()
        demo.wait()
    until = time.monotonic() + 5
    while (left := {pid for pid in children if is_running(pid)}) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == set()
