"""Run the real engine over a clip, with the clip's own time as the clock."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from edge.annotate import Annotator
from edge.clip import Clip
from edge.engine import CameraEngine
from edge.errors import ConfigError
from edge.replay_coupons import ClipCoupons
from edge.tally import Tally
from models.plates.read import PlateReader
from models.types import Detector
from pipelines.as_json import record_as_json, window_as_json
from pipelines.layout import Area, CameraLayout
from pipelines.patrol import Patrol
from pipelines.plate_records import PlateRead
from pipelines.records import Crossing, Event, Fact, VehiclePassage, Visit, Wait, Window
from pipelines.windows import Minutes


@dataclass(slots=True)
class Replay:
    """One clip through one camera's layout, into `out/events.jsonl` and `out/windows.jsonl`."""

    clip: Clip
    layout: CameraLayout
    detector: Detector
    out: Path
    fps: float
    areas: Sequence[Area] = ()
    """Those whose gates are all this camera's."""
    plates: PlateReader | None = None
    """Reads plates in the camera's lanes; None: its vehicles are only counted."""
    coupons: ClipCoupons | None = None
    """Decides what the cars whose plates are read would get; None: nothing is decided."""
    realtime: bool = False
    annotate: Path | None = None
    progress: Callable[[float], None] = lambda _share: None
    engine: CameraEngine = field(init=False)

    def __post_init__(self) -> None:
        if self.annotate is not None and self.annotate.resolve() == self.clip.path.resolve():
            raise ConfigError(f"{self.annotate} is the clip itself; name another file with --annotate")
        self.engine = CameraEngine(self.layout, self.detector, plates=self.plates)

    def run(self) -> dict[str, Any]:
        """Replay the whole clip; the summary."""
        wall, cpu = time.perf_counter(), time.process_time()
        tally = Tally.of(self.layout)
        minutes = Minutes([self.layout], sealed_before=0.0, areas=self.areas)
        patrol = Patrol([self.layout])
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            events = (self.out / "events.jsonl").open("w", encoding="utf-8")
            windows = (self.out / "windows.jsonl").open("w", encoding="utf-8")
        except OSError as fault:
            raise ConfigError(
                f"cannot write to {self.out}: {fault.strerror}; name another folder with --out"
            ) from fault
        with events, windows, Annotator.to(self.annotate, self.layout, self.fps) as annotator:

            def take(facts: Iterable[Fact], t: float) -> None:
                for fact in (each for one in facts for each in (one, *patrol.see(one))):
                    tally.add(fact)
                    minutes.add(fact)
                    for line in self._lines(fact):
                        _write(events, line)
                for _, sealed in minutes.seal(t):
                    _write_windows(windows, sealed)

            for t, image in self.clip.frames(self.fps):
                if self.realtime:
                    time.sleep(max(0.0, wall + t - time.perf_counter()))
                take(self.engine.process(image, t), t)
                annotator.draw(image, self.engine, tally)
                self.progress(self.clip.read / self.clip.count if self.clip.count else 0.0)
            take(self.engine.close(self.clip.seconds), self.clip.seconds)
            for _, sealed in minutes.close():
                _write_windows(windows, sealed)
        spent = self.engine.spent
        return {
            "clip": self.clip.path.name, "camera": self.layout.camera, "frames": self.clip.read,
            "analysed": spent.frames, "inferred": spent.inferred, "seconds": round(self.clip.seconds, 3),
            "wall_s": round(time.perf_counter() - wall, 3), "cpu_s": round(time.process_time() - cpu, 3),
            **tally.as_json(self.clip.seconds),
            **({} if self.coupons is None else {"triggers": self.coupons.as_json()}),
        }  # fmt: skip

    def _lines(self, fact: Fact) -> list[dict[str, Any]]:
        """What `events.jsonl` says of a fact; nothing of what is only counted."""
        if isinstance(fact, Crossing | Visit | Wait | VehiclePassage | Event):
            return [record_as_json(fact)]
        if isinstance(fact, PlateRead):
            triggers = self.coupons.read(fact) if self.coupons is not None else []
            return [_plate_as_json(fact), *triggers]
        return []


def _plate_as_json(read: PlateRead) -> dict[str, Any]:
    """With the text: a replay is a person's own look at a clip, and nothing on the box writes this line."""
    return {
        "kind": read.kind, "lane": read.lane, "t": round(read.t, 3), "text": read.text,
        "score": round(read.score, 3), "votes": read.votes,
    }  # fmt: skip


def _write(file: TextIO, line: dict[str, Any]) -> None:
    file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _write_windows(file: TextIO, windows: Iterable[Window]) -> None:
    for window in windows:
        _write(file, window_as_json(window))
