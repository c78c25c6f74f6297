"""What rules would have given for the stays of the last weeks, without giving anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from typer.testing import CliRunner

from edge.cli.config import app
from edge.parking.dry_run import DAYS, dry_run
from edge.store.database import reading
from edge.store.parking import PastStay, decisions, past_stays
from pipelines.coupon_rules import Caps
from tests.edge.parking.build import HOUR, NOON, PLATE, Box, local, rule

DAY = 24 * HOUR


def stay(number: int, hours: float | None = 2.0, *, day: int = 0, member: bool | None = None) -> PastStay:
    left = NOON + day * DAY + 60 * number
    parked = None if hours is None else hours * HOUR
    return PastStay(f"{number:016x}", "entry-1", left - (parked or 0), "exit-1", left, parked, member)


def test_each_rule_tells_what_it_would_have_given_and_held_back() -> None:
    out = rule("out", parked_min_s=HOUR)
    budget = replace(out, offer=replace(out.offer, worth=1250), caps=Caps(budget_units=2))
    stays = [stay(1), stay(2), stay(3), stay(4, 0.5), stay(5, None), stay(6, day=1)]
    found = dry_run([budget, rule("in", "arrival", member=True)], stays, [], local)
    assert (found.rules["out"].issued, found.rules["out"].worth, len(found.rules["out"].days)) == (3, 3750, 2)
    assert found.rules["out"].held_back == {"budget_units": 1}
    assert found.rules["in"].issued == 0
    assert found.none == {"no_rule": 7, "minutes_unknown": 1}
    assert found.lines() == [
        f"the last {DAYS} days (6 stays) under these rules:",
        "  out: issued 3, worth 37.50, days 2; held back: budget_units 1",
        "  in: issued 0",
        "  no rule for: no_rule 7, minutes_unknown 1",
    ]


def test_it_agrees_with_what_the_box_did(tmp_path: Path) -> None:
    rules = [replace(rule(parked_min_s=HOUR), caps=Caps(per_token_day=1, budget_units=3))]
    box = Box(tmp_path, rules)
    for number in range(6):
        plate = PLATE if number < 2 else f"粤B{number}0{number}0{number}"
        box.sees("entry", 5000 * number, plate)
        box.sees("exit", 5000 * number + HOUR, plate)
    with reading(box.store.path) as connection:
        found = dry_run(rules, past_stays(connection, 0), decisions(connection, 0), local)
    told, fired = box.counts(), found.rules["two-hours"]
    assert fired.issued == told.pop("issued") == 3
    assert fired.held_back + found.none == told == {"cap_token_day": 1, "budget_units": 2, "no_rule": 6}
    box.store.close()


def test_config_check_shows_it_where_the_database_is_at_hand(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(
        "site: {tenant: t, store: s, box: b}\nlanes: [{id: exit-1, direction: exit}]\n"
        "coupons: [{id: all, when: {direction: exit}, offer: {kind: free, headline: {en: Free}}}]\n"
    )
    run = CliRunner().invoke(app, ["check", str(site), "--data", str(tmp_path)])
    assert (run.exit_code, len(run.output.splitlines())) == (0, 1), run.output
    Box(tmp_path, []).store.close()
    run = CliRunner().invoke(app, ["check", str(site), "--data", str(tmp_path)])
    assert "no car was seen in the last 30 days" in run.output
    (tmp_path / "box.sqlite3").write_bytes(b"no database at all, but long enough to be one" * 100)
    run = CliRunner().invoke(app, ["check", str(site), "--data", str(tmp_path)])
    assert run.exit_code == 0
    assert "no dry run of the coupon rules: " in run.output
