"""The demo itself: start the parts in order, watch them, end them in order."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, Self

from edge.clip import Clip
from edge.demo.books import Books, read_books, waiting
from edge.demo.footage import find_clip
from edge.demo.part import STOREEDGE, Part, free_port, listens
from edge.demo.site import write_site
from edge.demo_broker import DemoBroker
from edge.errors import EdgeError
from edge.progress import Bar
from edge.run import DATABASE
from models.manifest import DEFAULT, card
from models.pull import pull

READY_S: Final = 60.0
"""A slow machine takes this long to load everything for the first time."""
LATE_S: Final = 120.0
"""Beyond twice the clip's length: loading the model, and the hub's last acknowledgement. A clip that does
not tell its length may take as long as it likes."""
Say = Callable[[str], None]


class Interrupted(BaseException):
    """SIGTERM, SIGHUP or Ctrl-C."""


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Turn signals into an exception, so that every part is stopped on the way out, undisturbed."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        raise Interrupted

    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(slots=True)
class Demo:
    """Everything that runs, in one folder. Use it in a `with` block: leaving it ends every part."""

    clip: Path
    folder: Path
    say: Say
    parts: ExitStack
    broker_url: str
    hub: Part

    @classmethod
    @contextmanager
    def start(cls, given: Path | None, folder: Path, say: Say) -> Iterator[Self]:
        """Footage, model, broker and hub. Raises EdgeError, ModelsError or SyncError."""
        clip = find_clip(given, say)
        with Clip(clip):
            pass  # said here, in one line, when it is no video
        pull(card(DEFAULT), lambda text: None if "already" in text else say(text))
        with ExitStack() as parts:
            broker = start_broker(folder, parts, say)
            command = (*STOREEDGE, "hub", "run", "--broker", broker, "--db", str(folder / "hub.sqlite3"))
            hub = Part("hub", command, folder / "hub.log")
            parts.callback(hub.stop)
            hub.wait_until(lambda: "hub ready" in hub.words(), READY_S)
            yield cls(clip, folder, say, parts, broker, hub)

    def play_once(self) -> tuple[Books, Books, int]:
        """One pass over the clip: what the box holds, what the hub holds, what was not acknowledged.

        Raises EdgeError when the box fails or counted nothing because it saw nothing.
        """
        seconds = _length(self.clip)
        length = f"{seconds:.0f} s" if seconds else "of a length that it does not tell"
        self.say(f"playing {self.clip.name} once, {length}, in real time")
        box = self._box("--until-end", "--port", "0", loop=False)
        began = time.monotonic()
        with Bar("counting") as bar:
            while box.exit_code is None:
                self.hub.check()
                spent = time.monotonic() - began
                if seconds and spent > 2 * seconds + LATE_S:
                    raise EdgeError(f"the box does not come to an end:\n{box.words()}")
                bar.to(spent / seconds if seconds else 0.0)
                time.sleep(0.1)
        if box.exit_code != 0:
            box.check()
        database = self.folder / DATABASE
        counted = read_books(database, "window")
        if counted.observed_s == 0:
            raise EdgeError(f"the box saw nothing of {self.clip.name}:\n{box.words()}")
        return counted, read_books(self.folder / "hub.sqlite3", "minute"), waiting(database)

    def play_on(self, wanted_port: int, ready: Callable[[str], None], stop: threading.Event) -> None:
        """The clip again and again with the page, until `stop` is set or a signal comes."""
        port = free_port(wanted_port)
        if port != wanted_port:
            self.say(f"port {wanted_port} is in use; the page takes {port}")
        box = self._box("--port", str(port), loop=True)
        box.wait_until(lambda: listens(port), READY_S)
        ready(f"http://127.0.0.1:{port}")
        while not stop.wait(0.5):
            box.check()
            self.hub.check()

    def _box(self, *options: str, loop: bool) -> Part:
        site = write_site(self.folder / "site.yaml", self.clip, self.broker_url, loop=loop)
        where = ("--site", str(site), "--data", str(self.folder), "--host", "127.0.0.1")
        box = Part("box", (*STOREEDGE, "run", *where, *options), self.folder / "box.log")
        self.parts.callback(box.stop)
        return box


def start_broker(folder: Path, parts: ExitStack, say: Say) -> str:
    """mosquitto where it is installed, else the one in Python; on a free port of the loopback address."""
    port, program = free_port(), mosquitto_program()
    if program is None:
        say("no mosquitto here: using a small broker in Python")
        broker = DemoBroker(port)
        parts.callback(broker.stop)
        broker.start()
        return broker.url
    settings = folder / "mosquitto.conf"
    # Started by root it would become another user, and then no longer end when the demo is killed.
    user = "user root\n" if os.geteuid() == 0 else ""
    settings.write_text(f"{user}listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    mosquitto = Part("broker", (program, "-c", settings), folder / "broker.log")
    parts.callback(mosquitto.stop)
    mosquitto.wait_until(lambda: listens(port), READY_S)
    return f"mqtt://127.0.0.1:{port}"


def mosquitto_program() -> str | None:
    """Where mosquitto is; Debian puts it where a user's PATH may not look."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def _length(path: Path) -> float:
    """Seconds, as the file's header claims."""
    with Clip(path) as clip:
        return clip.count / clip.rate
