"""`storeedge audit`: is the counting right? Hand counts against the counter's own."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edge.cli.run import DATA_HELP, default_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.audit.hand_count import Truth
    from pipelines.records import Crossing

app = typer.Typer(help="Is the counting right? Hand counts against the counter's own.", no_args_is_help=True)

TRUTH_HELP: Final = (
    "CSV with a header and the columns gate, direction (in or out) and t: "
    "seconds, H:MM:SS or a time with offset."
)
Tolerance = Annotated[
    float,
    typer.Option("--tolerance", min=0.1, max=60, help="Seconds that a count and a hand count may differ."),
]
Starts = Annotated[
    str | None,
    typer.Option("--starts", help="When the clip began, with offset, where TRUTH has times of day."),
]
From = Annotated[str | None, typer.Option("--from", help="Where the hand count begins, as in TRUTH.")]
To = Annotated[str | None, typer.Option("--to", help="Where it ends; all that was counted by default.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def score(
    truth: Annotated[Path, typer.Argument(help=TRUTH_HELP)],
    events: Annotated[Path, typer.Argument(help="events.jsonl of a replay, or the replay's folder.")],
    tolerance: Tolerance = 2.0,
    begin: From = None,
    end: To = None,
    starts: Starts = None,
    as_json: AsJson = False,
) -> None:
    """Compare anybody's hand count with the crossings of a replay."""
    from edge.audit.counted import read_crossings
    from edge.audit.hand_count import read_truth

    _tell(read_truth(truth), read_crossings(events), tolerance, (begin, end), starts, as_json=as_json)


@app.command()
def clip(
    clip: Annotated[Path, typer.Argument(help="A video file.")],
    site: Annotated[Path, typer.Option("--site", help="The site file whose camera's gates to use.")],
    truth: Annotated[Path, typer.Option("--truth", help=TRUTH_HELP)],
    camera: Annotated[
        str | None, typer.Option("--camera", help="Which camera of the site; the only one by default.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="A model's name or .onnx file, instead of the site's.")
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option("--fps", min=0.1, max=60, help="Frames a second to analyse; the camera's by default."),
    ] = None,
    tolerance: Tolerance = 2.0,
    begin: From = None,
    end: To = None,
    starts: Starts = None,
    as_json: AsJson = False,
) -> None:
    """Replay a clip and compare what it counts with a hand count."""
    from edge.audit.counted import read_crossings
    from edge.audit.hand_count import read_truth
    from edge.clip import Clip
    from edge.config import load_site
    from edge.progress import Bar
    from edge.replay import Replay
    from models.detector import load_detector

    by_hand, config = read_truth(truth), load_site(site)
    chosen = config.camera(camera)
    with Clip(clip) as opened, tempfile.TemporaryDirectory(prefix="storeedge-audit-") as folder:
        detector = load_detector(model or config.model, frame_size=opened.size)
        with Bar(f"replaying {clip.name}") as bar:
            layout = config.layout(chosen.id)
            Replay(opened, layout, detector, Path(folder), fps or chosen.fps, progress=bar.to).run()
        counted = read_crossings(Path(folder))
    _tell(by_hand, counted, tolerance, (begin, end), starts, as_json=as_json)


@app.command("list")
def list_(
    data: Annotated[Path | None, typer.Option("--data", help=DATA_HELP)] = None,
    site: Annotated[
        Path | None,
        typer.Option("--site", help="Its site file, to tell which audits are of an older drawing."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the audits that a box has kept, the newest first."""
    from edge.audit import report
    from edge.audit.standing import drawings_of
    from edge.config import load_site
    from edge.run import DATABASE
    from edge.store import audits
    from edge.store.database import reading

    drawn = None if site is None else drawings_of(load_site(site))
    with reading((data or default_data()) / DATABASE) as connection:
        kept = audits.select(connection)
    rows = [report.kept_as_json(audit, drawn) for audit in kept]
    typer.echo(json.dumps(rows, ensure_ascii=False) if as_json else report.kept_table(rows))


def _tell(
    truth: Truth,
    counted: Sequence[Crossing],
    tolerance: float,
    span: tuple[str | None, str | None],
    starts: str | None,
    *,
    as_json: bool,
) -> None:
    from dataclasses import replace

    from edge.audit import report
    from edge.audit.counted import of_named_gates, shift_to
    from edge.audit.hand_count import moment
    from pipelines.audit import compare

    began = None if starts is None else moment("--starts", starts).timestamp()
    shift = shift_to(counted, truth.scale, began)
    by_hand = [replace(one, t=one.t + shift) for one in truth.counts]
    watched = _span(span, truth, shift)
    tallies = compare(of_named_gates(by_hand, counted), by_hand, tolerance_s=tolerance, span=watched)
    if as_json:
        typer.echo(json.dumps(report.as_json(tallies, tolerance), ensure_ascii=False))
    else:
        typer.echo(report.table(tallies))


def _span(given: tuple[str | None, str | None], truth: Truth, shift: float) -> tuple[float, float] | None:
    """The stretch that the person watched, on the counts' scale; None: everything."""
    from edge.audit.hand_count import time_of
    from edge.errors import AuditError

    ends = [-math.inf, math.inf]
    for i, (option, text) in enumerate(zip(("--from", "--to"), given, strict=True)):
        if text is not None:
            t, scale = time_of(option, text)
            if scale != truth.scale:
                raise AuditError(f"{option}: write the time as in the hand count")
            ends[i] = t + shift
    if ends[0] >= ends[1]:
        raise AuditError("--from must lie before --to")
    return None if given == (None, None) else (ends[0], ends[1])
