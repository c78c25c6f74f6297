"""Is this machine fit to be the box of this site? Each check says what it saw and what to do."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from edge.broker import broker_of
from edge.capture.probe import FIRST_FRAME_S, Look, ProbeTask, look_at
from edge.capture.ring import SLOTS
from edge.clock import believable, clock_synchronised
from edge.config import CameraConfig, SiteConfig
from edge.errors import EdgeError
from models import cache
from models.errors import ModelsError
from models.manifest import card
from models.network import from_card
from sync.errors import SyncError
from sync.mqtt import Broker, Down, Link, Up
from sync.topics import BoxIdentity

Verdict = Literal["ok", "warning", "broken"]

FREE_BROKEN_MIB: Final = 200
FREE_WARNING_MIB: Final = 1024
"""The database's budget is 512 MiB; its log, the models and an update want room too."""
SLOW_DISK_MS: Final = 100.0
"""A durable write slower than this delays every counted minute: a worn card."""
LARGE_PIXELS: Final = 1280 * 720
"""The network sees 416 pixels across; decoding more than this is heat."""
FIXED_SQLITE: Final = (3, 51, 3)
"""Before, two connections that checkpoint at once could damage a WAL database (research:
sync_reliability §0.4); we use one writer, so it is a warning."""
BROKER_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's."""

    name: str
    verdict: Verdict
    says: str
    remedy: str = ""


def examine(config: SiteConfig, data: Path) -> Iterator[Check]:
    """Every check, in the order in which a person would mend what is wrong."""
    yield check_python()
    yield check_sqlite()
    yield check_clock(time.time(), clock_synchronised())
    yield check_disk(data)
    yield check_model(config.model)
    looks = look_at_cameras(config)
    for camera, look in looks:
        yield check_camera(camera, look)
    yield check_memory([look for _, look in looks if isinstance(look, Look)])
    yield check_broker(config)


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """The interpreter: 3.11 or newer, 64 bits."""
    says = f"Python {'.'.join(map(str, version))} on {platform.machine()}"
    if version < (3, 11):
        return Check("python", "broken", says, "install Python 3.11 or newer")
    if sys.maxsize < 2**32:
        return Check("python", "broken", f"{says}, 32 bits", "install a 64-bit system; its models need one")
    return Check("python", "ok", says)


def check_sqlite(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> Check:
    """SQLite without the WAL-reset fault."""
    says = "SQLite " + ".".join(map(str, version))
    if version < FIXED_SQLITE:
        remedy = "it works: only one connection writes; never open the database with another writing program"
        return Check("sqlite", "warning", f"{says}, older than 3.51.3", remedy)
    return Check("sqlite", "ok", says)


def check_clock(utc: float, synchronised: bool | None) -> Check:
    """A date that can be, kept by a time server."""
    says = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(utc))
    if not believable(utc):
        return Check("clock", "broken", f"{says}: never set", "set the clock, or give the box a time server")
    if synchronised is False:
        remedy = (
            "start a time service: apt-get install systemd-timesyncd, or chrony with the shop's own server"
        )
        return Check("clock", "warning", f"{says}, not synchronised", remedy)
    if synchronised is None:
        return Check("clock", "ok", f"{says}; this system does not tell whether it is synchronised")
    return Check("clock", "ok", f"{says}, synchronised")


def check_disk(data: Path) -> Check:
    """The data folder: can be written, durably and soon, with room left."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        write_ms = _durable_write_ms(data)
    except OSError as error:
        reason = error.strerror or str(error)
        return Check("disk", "broken", f"{data}: {reason}", "name a folder that can be written with --data")
    place = os.statvfs(data)
    free = place.f_bavail * place.f_frsize // 2**20
    says = f"{data}: {free} MiB free, a durable write takes {write_ms:.1f} ms"
    if free < FREE_BROKEN_MIB:
        return Check("disk", "broken", says, f"free at least {FREE_WARNING_MIB} MiB")
    if free < FREE_WARNING_MIB:
        return Check("disk", "warning", says, f"free at least {FREE_WARNING_MIB} MiB")
    if write_ms > SLOW_DISK_MS:
        return Check("disk", "warning", says, "the disk is slow or worn out; replace the card, prefer an SSD")
    return Check("disk", "ok", says)


def _durable_write_ms(folder: Path) -> float:
    """Median milliseconds of a 4 KiB write with fsync, as a commit does it."""
    probe = folder / f".doctor-{os.getpid()}"
    spent: list[float] = []
    try:
        with probe.open("wb", buffering=0) as file:
            for _ in range(9):
                began = time.perf_counter()
                file.write(b"\0" * 4096)
                os.fsync(file.fileno())
                spent.append(time.perf_counter() - began)
    finally:
        probe.unlink(missing_ok=True)
    return 1000 * sorted(spent)[len(spent) // 2]


def check_model(name: str) -> Check:
    """The site's model: installed and what was installed."""
    try:
        network = from_card(name)
        wrong = [] if Path(name).suffix == ".onnx" else cache.faults(card(name))
    except ModelsError as error:
        says, _, remedy = str(error).partition(": ")
        return Check("model", "broken", says, remedy)
    if wrong:
        return Check("model", "broken", f"{name}: {'; '.join(wrong)}", f"run `storeedge models pull {name}`")
    return Check("model", "ok", f"{network.name}, {network.precision}")


def look_at_cameras(config: SiteConfig) -> list[tuple[CameraConfig, Look | EdgeError]]:
    """One look at each camera, all at the same time."""
    found: dict[str, Look | EdgeError] = {}
    tasks: dict[str, ProbeTask] = {}
    for camera in config.cameras:
        try:
            tasks[camera.id] = ProbeTask(camera.opened_source(), camera.fps)
        except EdgeError as error:
            found[camera.id] = error
    found |= dict(zip(tasks, look_at(list(tasks.values())), strict=True))
    return [(camera, found[camera.id]) for camera in config.cameras]


def check_camera(camera: CameraConfig, look: Look | EdgeError) -> Check:
    """A frame within five seconds, of a sensible size, often enough."""
    name = f"camera {camera.id}"
    if isinstance(look, EdgeError):
        says, _, remedy = str(look).partition("; ")
        return Check(name, "broken", says, remedy)
    rate = "one picture" if look.fps is None else f"{look.fps:.0f} fps"
    says = f"{look.width}×{look.height}, {rate}, {look.decode_ms:.1f} ms a frame"
    if look.first_frame_s > FIRST_FRAME_S:
        slow = f"{says}, but its first frame took {look.first_frame_s:.1f} s"
        return Check(name, "warning", slow, "check the network; set the camera's key frame interval to 1 s")
    if look.width * look.height > LARGE_PIXELS:
        remedy = "larger than needed: use the camera's sub-stream (640×480 to 1280×720) to save the decoder"
        return Check(name, "warning", says, remedy)
    if look.fps is not None and look.fps < 0.8 * camera.fps:
        remedy = f"the site file asks for {camera.fps:g} fps: raise the camera's rate or lower `fps`"
        return Check(name, "warning", says, remedy)
    return Check(name, "ok", says)


def check_memory(looks: list[Look]) -> Check:
    """Room for the frames in shared memory and for a process a camera."""
    frames = sum(SLOTS * look.width * look.height * 3 for look in looks) / 2**20
    needed = frames + 45 * len(looks) + 450  # measured: private memory of a capture child; engine and main
    available = _available_mib()
    says = f"{needed:.0f} MiB needed ({frames:.0f} for frames), {available} MiB available"
    if available < needed:
        return Check("memory", "warning", says, "use the cameras' sub-streams, fewer cameras or more memory")
    return Check("memory", "ok", says)


def _available_mib() -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["MemAvailable"].split()[0]) // 1024


def check_broker(config: SiteConfig) -> Check:
    """The broker answers and accepts us."""
    if config.sync is None:
        return Check("broker", "ok", "none named: the box works alone")
    site = config.site
    identity = BoxIdentity(site.tenant, site.store, site.box)
    try:
        return _greet(broker_of(config.sync), f"{identity.client_id}-doctor")
    except (EdgeError, SyncError) as error:
        return Check("broker", "broken", str(error), "correct `sync` in the site file")


def _greet(broker: Broker, client_id: str) -> Check:
    link = Link(broker, client_id)
    until = time.monotonic() + BROKER_S
    try:
        while time.monotonic() < until:
            for happened in link.poll(0.2):
                if isinstance(happened, Up):
                    return Check("broker", "ok", f"{broker}, MQTT {happened.protocol}")
                if isinstance(happened, Down):
                    remedy = "check address, network, firewall and certificates; counting goes on without it"
                    return Check("broker", "broken", happened.reason, remedy)
    finally:
        link.close()
    return Check("broker", "broken", f"{broker} does not answer", "check the address and the network")
