"""What the soak's box and its centre are told: a hall with people, a car park, members, offers and rules."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import yaml

from edge.demo.head_office import TENANT, listed_in
from sync.hub.coupon_books import open_books
from sync.hub.coupon_service import CouponFiles
from sync.hub.member_keys import KeyRing
from sync.hub.membership import Membership
from sync.keys import KeyPair

SECRET: Final = "0123456789abcdef0123"
"""Of the parking system's feed."""


def site_file(folder: Path, broker: str, centre_key: str, cameras: list[dict[str, Any]]) -> Path:
    """The site file; without cameras, the box's that only has to send what waits."""
    lanes: list[dict[str, Any]] = [
        {"id": "entry-1", "direction": "entry"}, {"id": "exit-1", "direction": "exit"},
    ]  # fmt: skip
    if any(camera["id"] == "lane-cam" for camera in cameras):
        lanes.append({"id": "exit-2", "direction": "exit", "camera": "lane-cam"})
    feed = {"id": "lot", "shape": "generic", "secret": SECRET, "lanes": {"1": "entry-1", "2": "exit-1"}}
    site = {
        "site": {
            "tenant": TENANT, "store": "soak", "box": "box-01", "timezone": "Asia/Shanghai",
            "opening_hours": {"mon-sun": "00:00-24:00"}, "language": "en",
        },
        "cameras": cameras,
        "lanes": lanes,
        "parking": {"feeds": [feed]},
        "sync": {"url": broker, "centre_keys": [centre_key]},
    }  # fmt: skip
    path = folder / ("site.yaml" if cameras else "quiet.yaml")
    path.write_text(yaml.safe_dump(site), "utf-8")
    return path


def prepared(files: CouponFiles, members: Iterable[str]) -> str:
    """Head office has set keys, members, offers and rules; its public key."""
    now, ends = time.time(), time.time() + 86_400.0
    with closing(open_books(files.books)) as books:
        key = KeyRing(files.member_keys).add(TENANT, "soak", now - 60, ends)
        membership = Membership(books)
        listed = ((plate, f"m{number:05d}") for number, plate in enumerate(members))
        membership.replace_members(TENANT, key, listed, ends, now)
        membership.replace_offers(TENANT, listed_in("parking_offers.yaml"), ends, now)
        membership.replace_rules(TENANT, listed_in("parking_rules.yaml"), ends, now)
    return str(KeyPair.open(files.centre_key).public)


def cameras_of(people: Path, vehicles: Path | None = None) -> list[dict[str, Any]]:
    """A hall with gates, a counter and a queue, from a clip of people; a lane, from one of vehicles."""
    gates = [{"id": f"at-{x}", "line": [[x / 100, 0], [x / 100, 1]], "inside": "right"} for x in (30, 50, 70)]
    zones = [
        {"id": "hall", "role": "counter", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]},
        {"id": "till", "role": "queue", "polygon": [[0.3, 0.3], [0.7, 0.3], [0.7, 1], [0.3, 1]]},
    ]
    hall = {"id": "hall-cam", "source": f"file:{people}?loop=1", "fps": 10, "gates": gates, "zones": zones}
    lane = {"id": "lane-cam", "source": f"file:{vehicles}?loop=1", "fps": 5}
    return [hall, lane] if vehicles is not None else [hall]
