"""Image in, detections out: letterbox, network, decoder and suppression behind one call."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np

from models.errors import ModelsError
from models.letterbox import Letterbox, canvas_for
from models.network import Canvas, Network, Precision, from_card
from models.own import from_file
from models.session import Session
from models.suppress import suppress
from models.types import Detections, Image

FLOOR: Final = 0.15
"""Lowest score reported: the tracker's second pass still uses what scores 0.15 to 0.4
(research: counting §4)."""


class NetworkDetector:
    """A `Detector` for the frames of one camera. Not for two threads at once: it reuses its buffers."""

    def __init__(
        self,
        network: Network,
        *,
        frame_size: tuple[int, int] | None = None,
        threads: int = 1,
        long_side: int | None = None,
    ) -> None:
        """`frame_size` is (width, height); without it the first frame decides. See `load_detector`."""
        self.network = network
        self.last_ms: dict[str, float] = {"letterbox": 0.0, "inference": 0.0, "decode": 0.0}
        """Milliseconds that each stage of the last `detect` took."""
        self._threads = threads
        self._long_side = long_side or network.long_side
        if frame_size is not None:
            self._prepare(frame_size)

    @property
    def canvas(self) -> Canvas | None:
        """(height, width) of the network's input; None before the first frame."""
        return self._canvas if hasattr(self, "_canvas") else None

    def _prepare(self, frame: tuple[int, int]) -> None:
        self._canvas = self.network.fixed or canvas_for(frame, self._long_side)
        self._letterbox = Letterbox(frame, self._canvas, self.network.fill)
        self._decode = self.network.decoder(self._canvas)
        self._session = shared_session(self.network.model, self._canvas, self._threads)

    def detect(self, image: Image) -> Detections:
        """Everything above the floor score, after non-maximum suppression, best first.

        A frame of another size than the last one (a camera whose stream was changed) is taken as it comes.
        """
        frame = (image.shape[1], image.shape[0])
        if self.canvas is None or self._letterbox.frame != frame:
            self._prepare(frame)
        begun = perf_counter()
        tensor = self._letterbox(image)
        boxed = perf_counter()
        output = self._session.run(tensor)[0]
        inferred = perf_counter()
        boxes, scores, classes = self._decode(output, FLOOR)
        keep = np.argsort(-scores) if self.network.final else suppress(boxes, scores, classes)
        found = Detections(self._letterbox.fractions(boxes[keep]), scores[keep], classes[keep])
        last = self.last_ms
        last["letterbox"] = (boxed - begun) * 1e3
        last["inference"] = (inferred - boxed) * 1e3
        last["decode"] = (perf_counter() - inferred) * 1e3
        return found


_opening = threading.Lock()


@lru_cache(maxsize=8)
def _session(model: Path | bytes, canvas: Canvas, threads: int) -> Session:
    height, width = canvas
    return Session(model, threads=threads, dimensions={"height": height, "width": width})


def shared_session(model: Path | bytes, canvas: Canvas, threads: int) -> Session:
    """One session for all cameras of one aspect: its weights and arena (35 to 60 MB) are shared."""
    with _opening:
        return _session(model, canvas, threads)


def load_detector(
    name: str = "default",
    *,
    frame_size: tuple[int, int] | None = None,
    threads: int = 1,
    precision: Precision = "auto",
    long_side: int | None = None,
) -> NetworkDetector:
    """The detector of this name in the manifest, or of an own .onnx file.

    frame_size: (width, height) of the frames; without it the first frame decides, so that loading is quick
    and the first `detect` slow. threads: of one inference. precision: `auto` takes INT8 where the model has
    it and the processor has VNNI. long_side: another input size than the model's own, in pixels.
    Raises ModelsError when the model is unknown, not on this machine or damaged.
    """
    if threads < 1:
        raise ModelsError(f"threads must be 1 or more, not {threads}")
    own = name.endswith(".onnx")
    if own and precision == "int8":
        raise ModelsError(f"{name} is your own network and runs as it is: use precision auto or fp32")
    network = from_file(Path(name)) if own else from_card(name, precision)
    return NetworkDetector(network, frame_size=frame_size, threads=threads, long_side=long_side)


def warm_up(detector: NetworkDetector, frame_size: tuple[int, int]) -> None:
    """One inference on a grey frame, so that the first real one is not the slow one."""
    width, height = frame_size
    detector.detect(np.full((height, width, 3), 127, np.uint8))
