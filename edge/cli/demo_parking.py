"""`storeedge demo --parking`: cars in, cars out, coupons at lanes and hub, and the line cut between."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from edge.demo.car_park import CarPark
    from edge.demo.parking_report import Report


def demo_parking(folder: Path, *, once: bool, port: int, as_json: bool) -> None:
    """One round with a table; without `once`, cars come and go afterwards until Ctrl-C."""
    from edge.demo.car_park import CarPark
    from edge.demo.drivers import Drivers, results_in_words
    from edge.demo.parking_report import make_report

    with CarPark.start(folder, _say, wanted_port=port, loop=not once) as park:
        if not once:
            _tell_where(park)
        drivers = Drivers(park)
        ride = drivers.round()
        report = make_report(park, ride)
        if as_json:
            typer.echo(json.dumps(report.figures))
        else:
            _print_table(report)
            typer.echo(f"What the box answered at the barriers: {results_in_words(ride.lane_result)}.")
            typer.echo(_verdict(report))
        if not once:
            _tell_where(park)
            drivers.go_on(threading.Event())
    if not report.good:
        raise typer.Exit(1)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _tell_where(park: CarPark) -> None:
    screens = "\n".join(f"    {park.page}/lane/{lane}" for lane in park.displays)
    typer.echo(f"\n  The lanes' screens:\n{screens}\n  The page: {park.page}\n  Ctrl-C ends it.\n")


def _verdict(report: Report) -> str:
    wrong = [row.what for row in report.rows if row.good is False]
    if wrong:
        return f"The sides do NOT agree: {'; '.join(wrong)}."
    coupons = report.figures["coupons"]["box"]
    where = "on the box, at the centre and at the parking system"
    return f"All sides agree: {coupons} coupons {where}; none lost, none twice."


def _print_table(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "box", "centre", "parking system", "", title="One round", title_justify="left")
    for row in report.rows:
        table.add_row(
            row.what, row.box, row.centre, row.lot, {True: "ok", False: "NOT the same", None: ""}[row.good]
        )
    Console().print(table)
