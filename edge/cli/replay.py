"""`storeedge replay`: the real engine on a clip, as fast as it can."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.plates.read import PlateReader


def replay(
    clip: Annotated[Path, typer.Argument(help="A video file.")],
    site: Annotated[
        Path, typer.Option("--site", help="The site file whose camera's gates, zones and lanes to use.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for events.jsonl and windows.jsonl.")],
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
    annotate: Annotated[
        Path | None, typer.Option("--annotate", help="Also draw everything into this .mp4.")
    ] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="No faster than the clip was filmed.")] = False,
    threads: Annotated[int, typer.Option("--threads", min=1, max=16, help="Threads for the network.")] = 1,
) -> None:
    """Count in a clip as the box would; the last line printed is a JSON summary."""
    from edge.clip import Clip
    from edge.config import load_site
    from edge.progress import Bar
    from edge.replay import Replay
    from edge.replay_coupons import ClipCoupons
    from models.detector import load_detector

    config = load_site(site)
    chosen = config.camera(camera)
    with Clip(clip) as opened:
        layout = config.layout(chosen.id)
        plates = _plate_reader(threads) if layout.lanes else None
        detector = load_detector(model or config.model, frame_size=opened.size, threads=threads)
        with Bar(f"replaying {clip.name}") as bar:
            job = Replay(
                opened, layout, detector, out, fps or chosen.fps,
                areas=config.areas_of(chosen.id), plates=plates,
                coupons=ClipCoupons.of(config, time.time()) if plates and config.coupons else None,
                realtime=realtime, annotate=annotate, progress=bar.to,
            )  # fmt: skip
            summary = job.run()
        if opened.lacking > 0.02 * opened.count:
            typer.echo(
                f"storeedge: {clip} ends after {opened.read} of the {opened.count} frames that its header "
                "promises; it may be cut off",
                err=True,
            )
    typer.echo(json.dumps(summary, ensure_ascii=False))


def _plate_reader(threads: int) -> PlateReader | None:
    """What reads the lanes' plates; without its models the vehicles are counted all the same."""
    from models.errors import ModelsError
    from models.plates.read import PlateReader

    try:
        return PlateReader(threads)
    except ModelsError as error:
        typer.echo(f"storeedge: plates are not read: {error}", err=True)
        return None
