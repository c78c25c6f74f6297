"""Coupon rules and feeds as people write them: what is right, and what is told of what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from edge.config import check_site
from edge.config.coupons import CouponRule, pushed_rules
from edge.config.parking import FeedConfig
from edge.errors import ConfigError
from pipelines.coupon_rules import Caps, Rule

SITE = """\
site: {tenant: t, store: s, box: b}
lanes: [{id: entry-1, direction: entry}, {id: exit-1, direction: exit}]
"""
OFFER = "{kind: minutes, value: 120, headline: {en: Two hours}}"


def faults(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "site.yaml"
    path.write_text(SITE + text, encoding="utf-8")
    return [str(fault) for fault in check_site(path)[1]]


def ruled(**more: Any) -> Rule:
    given = {"id": "r", "when": {"direction": "exit"}, "offer": yaml.safe_load(OFFER)} | more
    return CouponRule.model_validate(given).rule()


def test_a_rule_in_a_persons_units_is_a_rule_in_seconds_and_hundredths() -> None:
    rule = ruled(
        when={"direction": "exit", "minutes_parked": {"min": 60}, "hours": ["22:00-02:00", "10:00-24:00"],
              "days": ["mon-tue", "sun"], "member": True, "lanes": ["exit-1"]},
        offer={"kind": "amount", "value": 5, "headline": {"en": "5 off"}},
        caps={"cooling_off": 2, "budget": {"units": 10, "money": 12.5}}, expires=10, priority=3,
    )  # fmt: skip
    when = rule.when
    assert (when.parked_min_s, when.hours, when.days) == (3600, ((1320, 120), (600, 1440)), {0, 1, 6})
    assert (when.member, when.lanes) == (True, {"exit-1"})
    assert (rule.offer.id, rule.offer.worth, rule.expires_s, rule.priority) == ("r", 500, 600, 3)
    assert rule.caps == Caps(cooling_off_s=120, budget_units=10, budget_money=1250)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        pytest.param(
            "when: {direction: in}", "line 5: coupons[0].when.direction: must be one of", id="direction"
        ),
        pytest.param("when: {direction: exit, member: maybe}", "line 5: coupons[0].when.member", id="member"),
        pytest.param(
            "when: {direction: exit, lane: [exit-1]}",
            "line 5: coupons[0].when.lane: unknown key (did you mean `lanes`?)",
            id="unknown key",
        ),
        pytest.param("when: {direction: exit, lanes: [exit-9]}", "there is no lane exit-9", id="lane"),
        pytest.param("when: {direction: exit, lanes: [entry-1]}", "entry-1 is no exit lane", id="other way"),
        pytest.param(
            "when: {direction: arrival, minutes_parked: {min: 5}}",
            "who has just come has no minutes",
            id="minutes",
        ),
        pytest.param(
            "when: {direction: exit, minutes_parked: {min: 5, max: 5}}",
            "min is not below max",
            id="min and max",
        ),
        pytest.param("when: {direction: exit, hours: [noon]}", "hours are written like", id="hours"),
        pytest.param("when: {direction: exit, days: someday}", "no such day", id="days"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_remedy(tmp_path: Path, rule: str, told: str) -> None:
    [found] = faults(tmp_path, f"coupons:\n  - id: r\n    {rule}\n    offer: {OFFER}\n")
    assert told in found


@pytest.mark.parametrize(
    ("offer", "told"),
    [
        pytest.param("{kind: free, value: 1, headline: {en: Free}}", "a free exit has no value", id="free"),
        pytest.param(
            "{kind: minutes, headline: {en: x}}", "what kind minutes gives is missing", id="no value"
        ),
        pytest.param(
            "{kind: percent, value: 101, headline: {en: x}}", "more than the whole fee", id="percent"
        ),
        pytest.param("{kind: gift, value: 1, headline: {en: x}}", "must be one of", id="kind"),
        pytest.param("{kind: free, headline: {}}", "says nothing", id="nothing to say"),
        pytest.param(
            f"{{kind: free, headline: {{en: {'x' * 61}}}}}", "does not fit on the screen", id="too long"
        ),
    ],
)
def test_an_offer_must_make_sense(tmp_path: Path, offer: str, told: str) -> None:
    [found] = faults(tmp_path, f"coupons:\n  - id: r\n    when: {{direction: exit}}\n    offer: {offer}\n")
    assert told in found


def test_a_budget_in_money_needs_to_know_what_one_costs(tmp_path: Path) -> None:
    rule = f"{{id: r, when: {{direction: exit}}, offer: {OFFER}, caps: {{budget: {{money: 9}}}}}}"
    [found] = faults(tmp_path, f"coupons:\n  - {rule}\n")
    assert "nobody can say what one of kind minutes costs (add worth" in found


def test_ids_are_used_once_and_a_shared_offer_is_one_offer(tmp_path: Path) -> None:
    one = f"{{id: r, when: {{direction: exit}}, offer: {OFFER}}}"
    assert "used twice" in faults(tmp_path, f"coupons: [{one}, {one}]\n")[0]
    shared = one.replace("kind", "id: o, kind")
    other = shared.replace("id: r", "id: q")
    assert faults(tmp_path, f"coupons: [{shared}, {other}]\n") == []
    [found] = faults(tmp_path, f"coupons: [{shared}, {other.replace('120', '60')}]\n")
    assert "the offer o is another elsewhere" in found


@pytest.mark.parametrize(
    ("feed", "told"),
    [
        pytest.param("{id: lot}", "either a secret, for HTTP, or a topic, for MQTT", id="no way"),
        pytest.param("{id: lot, topic: a, secret: b}", "either a secret", id="two ways"),
        pytest.param("{id: lot, topic: a}", "on which broker?", id="no broker"),
        pytest.param("{id: lot, topic: 'a/#', broker: 'mqtt://h'}", "topic", id="a wildcard"),
        pytest.param("{id: lot, secret: x, lanes: {A: exit-9}}", "there is no lane exit-9", id="lanes"),
        pytest.param("{id: lot, secret: x, lane: exit-9}", "there is no lane exit-9", id="lane"),
        pytest.param("{id: lot, secret: x, shape: jieshun}", "must be one of", id="shape"),
    ],
)
def test_a_feed_must_make_sense(tmp_path: Path, feed: str, told: str) -> None:
    found = faults(tmp_path, f"parking:\n  feeds:\n    - {feed}\n")
    assert told in found[0]
    assert found[0].startswith("line ")


def test_a_webhook_is_an_address_and_is_not_repeated(tmp_path: Path) -> None:
    [found] = faults(tmp_path, "parking:\n  webhook: {url: 'ftp://user:hunter2@lot'}\n")
    assert "not an address" in found
    assert "hunter2" not in found


def test_a_short_secret_is_refused_when_it_is_used() -> None:
    feed = FeedConfig.model_validate({"id": "lot", "secret": "${S}"})
    assert feed.opened_secret({"S": "0123456789abcdef"}) == "0123456789abcdef"
    with pytest.raises(ConfigError, match="feed lot: its secret is shorter than 16"):
        feed.opened_secret({"S": "short"})


def test_the_centre_s_rules_have_the_same_shape_and_may_name_lanes_of_other_stores() -> None:
    document = [
        {"id": "r", "when": {"direction": "exit", "lanes": ["exit-77"]}, "offer": yaml.safe_load(OFFER)}
    ]
    assert [rule.id for rule in pushed_rules(document)] == ["r"]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([{"id": "r"}], "coupons\\[0\\].when: missing"),
        ([{"id": "R", "when": {"direction": "exit"}, "offer": yaml.safe_load(OFFER)}], "is no id"),
        ([{}] * 201, "coupons"),
    ],
)
def test_the_centre_s_bad_rules_are_refused_in_one_line(document: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        pushed_rules(document)
    assert "\n" not in str(caught.value)
