"""`scripts/fleet_sim`: reads the options, plays the outage and prints what came of it."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict

from edge.errors import EdgeError
from scripts.benches.machine import UnmeasurableError, machine
from scripts.fleet.outage import Plan, play
from scripts.fleet.report import is_true, lines


def main() -> int:
    """0 when every message of every box is at the centre exactly once."""
    plan, as_json = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        figures = {"plan": asdict(plan), "machine": machine()} | play(plan, _tell)
    except (UnmeasurableError, EdgeError, AssertionError) as error:
        print(f"scripts/fleet_sim: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("scripts/fleet_sim: stopped", file=sys.stderr)
        return 130
    print(json.dumps(figures) if as_json else "\n".join(lines(figures)))
    return 0 if is_true(figures) else 1


def _options() -> tuple[Plan, bool]:
    parser = argparse.ArgumentParser(prog="scripts/fleet_sim", description=__doc__)
    usual = Plan()
    parser.add_argument("--boxes", type=_some, default=usual.boxes, help="default: %(default)s")
    parser.add_argument("--hubs", type=_some, default=usual.hubs, help="default: %(default)s")
    parser.add_argument(
        "--trigger-hubs", type=int, default=usual.trigger_hubs,
        help="for each broker, hubs that take only triggers; 0: --hubs take them too; default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--brokers", type=_some, default=usual.brokers,
        help="boxes and hubs are shared out among them; default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--minutes-each", type=_some, default=usual.minutes_each,
        help="minutes of normal work before the outage and after it; default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--outage-minutes", type=_some, default=usual.outage_minutes,
        help="minutes that pile up on each box; default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--away-s", type=float, default=usual.away_s,
        help="seconds that broker, hubs and database are really gone; default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--minute-s", type=float, default=usual.minute_s, help="length of a minute, for a quick look"
    )
    parser.add_argument(
        "--triggers-per-s", type=float, default=usual.triggers_per_s,
        help="coupon triggers of the whole fleet, once everything is back; default: %(default)s",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--json", action="store_true", help="on one line, for a program")
    given = vars(parser.parse_args())
    as_json = given.pop("json")
    plan = Plan(**given)
    if plan.hubs < plan.brokers:
        parser.error("every broker needs a hub: --hubs at least as many as --brokers")
    if not (plan.minute_s > 0 and plan.away_s >= 0 and plan.triggers_per_s >= 0 and plan.trigger_hubs >= 0):
        parser.error("seconds and rates are above 0")
    return plan, as_json


def _some(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
