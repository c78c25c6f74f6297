"""A replay tells which coupons the cars of a clip would have got, by the box's own sessions and rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from edge.config import SiteConfig
from edge.replay_coupons import ClipCoupons
from pipelines.plate_records import PlateRead

MONDAY_NOON = datetime(2026, 3, 2, 4, tzinfo=UTC).timestamp()
"""In Shanghai."""


def rule(name: str, **when: Any) -> dict[str, Any]:
    offer = {"kind": "minutes", "value": 60, "headline": {"zh-CN": "停车减免一小时", "en": "One hour free"}}
    return {"id": name, "when": when, "offer": offer, "expires": 30}


def coupons(*rules: dict[str, Any]) -> ClipCoupons:
    site = SiteConfig.model_validate(
        {
            "site": {"tenant": "rainbow", "store": "sz-futian", "box": "box-01"},
            "lanes": [{"id": "in-1", "direction": "entry"}, {"id": "out-1", "direction": "exit"}],
            "coupons": list(rules),
        }
    )
    return ClipCoupons.of(site, MONDAY_NOON)


def read(lane: str, t: float, text: str | None = "皖A195K9", track: int = 1) -> PlateRead:
    return PlateRead(lane, "cam-9", t, text, 0.9, 5, track)


def test_a_car_that_parked_long_enough_gets_its_coupon_at_the_exit() -> None:
    clip = coupons(rule("hour", direction="exit", minutes_parked={"min": 2}))
    clip.read(read("in-1", 5.0))
    (line,) = clip.read(read("out-1", 185.0))
    assert line == {
        "kind": "trigger", "lane": "out-1", "direction": "exit", "t": 185.0, "decision": "issued",
        "reason": None, "rule": "hour", "offer": "hour", "minutes_parked": 3.0, "expires_at": 1985.0,
    }  # fmt: skip


def test_a_misread_character_finds_its_session_all_the_same() -> None:
    clip = coupons(rule("hour", direction="exit", minutes_parked={"min": 2}))
    clip.read(read("in-1", 5.0))
    (line,) = clip.read(read("out-1", 185.0, "苏A195K8"))
    assert (line["decision"], line["minutes_parked"]) == ("issued", 3.0)


def test_what_is_not_given_has_its_reason_and_is_counted() -> None:
    clip = coupons(rule("hour", direction="exit", minutes_parked={"min": 60}))
    clip.read(read("in-1", 0.0))
    (short,) = clip.read(read("out-1", 600.0))
    (unread,) = clip.read(read("out-1", 700.0, None, track=2))
    assert [(short["decision"], short["reason"]), (unread["decision"], unread["reason"])] == [
        ("suppressed", "no_rule"), ("suppressed", "unread")
    ]  # fmt: skip
    assert clip.as_json() == {"no_rule": 2, "unread": 1}, "the arrival was decided too: no rule is for it"


def test_days_and_hours_are_those_of_the_moment_at_which_the_clip_begins() -> None:
    noon = coupons(rule("noon", direction="exit", hours=["11:30-12:30"], days="mon"))
    night = coupons(rule("night", direction="exit", hours=["22:00-02:00"]))
    assert noon.read(read("out-1", 60.0))[0]["decision"] == "issued"
    assert night.read(read("out-1", 60.0))[0]["decision"] == "suppressed"


def test_no_line_holds_the_plate() -> None:
    clip = coupons(rule("hour", direction="exit"))
    lines = clip.read(read("in-1", 5.0)) + clip.read(read("out-1", 185.0))
    assert "195K" not in str(lines)
