"""`storeedge demo`: real footage, box, broker and hub on this machine, with the page or with a table."""

from __future__ import annotations

import os
import tempfile
import threading
import webbrowser
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edge.demo.books import Books


def demo(
    clip: Annotated[
        Path | None, typer.Argument(help="A video file; by default vtest.avi of Debian's opencv-doc.")
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="One pass without a page; exit code 0 if the hub has everything.")
    ] = False,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The page's port.")] = 8080,
    data: Annotated[
        Path | None, typer.Option("--data", help="Keep databases and logs in this new or empty folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: figures for a program.")] = False,
    parking: Annotated[
        bool,
        typer.Option("--parking", help="A car park instead: cars, coupons, lanes' screens, and a cut line."),
    ] = False,
) -> None:
    """Show StoreEdge on real footage: count, store, sync to a hub, and look at the page."""
    from edge.demo.show import Demo, Interrupted, ending_in_order
    from edge.errors import EdgeError

    if parking and clip is not None:
        raise EdgeError("the car park has a clip of its own; give either --parking or a clip")
    try:
        with ending_in_order(), ExitStack() as cleaning:
            folder = _folder(data, cleaning)
            if parking:
                from edge.cli.demo_parking import demo_parking

                demo_parking(folder, once=once, port=port, as_json=as_json)
                return
            running = cleaning.enter_context(Demo.start(clip, folder, _say))
            if once:
                _report(*running.play_once(), as_json)
            else:
                running.play_on(port, _tell_where, threading.Event())
    except Interrupted:
        _say("stopped")
        raise typer.Exit(0 if not once else 130) from None


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _folder(data: Path | None, cleaning: ExitStack) -> Path:
    from edge.errors import ConfigError

    if data is None:
        return Path(cleaning.enter_context(tempfile.TemporaryDirectory(prefix="storeedge-demo-")))
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{data} cannot be made ({error.strerror}); name another with --data") from error
    if any(data.iterdir()):
        raise ConfigError(f"{data} is not empty; name a new folder with --data")
    return data.resolve()


def _tell_where(address: str) -> None:
    typer.echo(f"\n  StoreEdge is counting: {address}\n  Ctrl-C ends it.\n")
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)


def _report(box: Books, hub: Books, unacknowledged: int, as_json: bool) -> None:
    """The two sides, and exit code 1 unless they are the same."""
    import json
    from dataclasses import asdict

    same = box.windows == hub.windows > 0 and unacknowledged == 0 and _counts(box) == _counts(hub)
    if as_json:
        sides = {"box": asdict(box), "hub": asdict(hub)}
        typer.echo(json.dumps({"same": same, "unacknowledged": unacknowledged, **sides}))
    else:
        _print_table(box, hub)
        if same:
            typer.echo(f"The hub has everything: {hub.windows} windows on the box, {hub.windows} at the hub.")
        else:
            typer.echo(
                f"The hub does NOT have everything: {box.windows} windows on the box, {hub.windows} at the "
                f"hub, {unacknowledged} messages unacknowledged."
            )
    if not same:
        raise typer.Exit(1)


def _counts(books: Books) -> object:
    return books.gates, books.zones


def _print_table(box: Books, hub: Books) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "box", "hub", title="One pass over the clip", title_justify="left")
    for gate in box.gates:
        table.add_row(f"gate {gate}, in / out", *(_in_out(side, gate) for side in (box, hub)))
    for zone in box.zones:
        table.add_row(f"zone {zone}, visits", *(_visits(side, zone) for side in (box, hub)))
    table.add_row("seconds observed", f"{box.observed_s:.1f}", f"{hub.observed_s:.1f}")
    table.add_row("windows", str(box.windows), str(hub.windows))
    Console().print(table)


def _in_out(books: Books, gate: str) -> str:
    return " / ".join(map(_shown, books.gates.get(gate, (None, None))))


def _visits(books: Books, zone: str) -> str:
    stays = books.zones.get(zone)
    if stays is None:
        return "–"
    mean = "–" if stays.mean_s is None else f"{stays.mean_s:.1f} s"
    return f"{_shown(stays.visits)}, mean {mean}; {_shown(stays.passes)} passed"


def _shown(count: int | None) -> str:
    return "–" if count is None else str(count)
