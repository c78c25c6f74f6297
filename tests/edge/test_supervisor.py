"""Children are started, watched, restarted with patience, and let go when they finished."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.child import Child
from edge.supervisor import Action, Post, Supervisor, Watch
from sync.backoff import FIRST_S, LONGEST_S, Backoff


def watch(**limits: float) -> Watch:
    return Watch(Post("cam-1", start=_never, beat=lambda: None, **limits), Backoff(chance=random.Random(1)))


def _never() -> Child:
    raise AssertionError("a watch only decides")


def run_until(decider: Watch, now: float, **sight) -> float:
    """Look every 50 ms until it starts the child; the time at which it did."""
    for step in range(int(3 * LONGEST_S * 20)):
        if decider.look(now + step / 20, there=False, exit_code=None, beat=None) is Action.START:
            return now + step / 20
    raise AssertionError("never started")


def test_a_post_is_filled_at_once():
    assert watch().look(0.0, there=False, exit_code=None, beat=None) is Action.START


@pytest.mark.parametrize("code", [-signal.SIGKILL, -signal.SIGSEGV, 1])
def test_a_child_that_failed_is_replaced_soon(code):
    decider = watch()
    decider.look(0.0, there=False, exit_code=None, beat=None)
    assert decider.look(5.0, there=True, exit_code=code, beat=4.9) is Action.BURY
    assert 5.0 < run_until(decider, 5.0) <= 5.0 + FIRST_S + 0.05


def test_a_child_that_keeps_failing_is_tried_ever_more_seldom_but_for_ever():
    decider, now, waits = watch(), 0.0, []
    for _ in range(12):
        started = run_until(decider, now)
        waits.append(started - now)
        now = started + 0.1
        decider.look(now, there=True, exit_code=1, beat=None)
    assert waits[1] < 1
    assert LONGEST_S / 2 - 0.1 <= waits[-1] <= LONGEST_S + 0.1


def test_a_child_that_was_well_for_a_minute_is_replaced_quickly_again():
    decider, now = watch(), 0.0
    for _ in range(8):
        now = run_until(decider, now) + 0.1
        decider.look(now, there=True, exit_code=1, beat=None)
    now = run_until(decider, now) + 61
    decider.look(now, there=True, exit_code=1, beat=now)
    assert run_until(decider, now) - now <= FIRST_S + 0.05


def test_a_clean_exit_is_respected():
    decider = watch()
    decider.look(0.0, there=False, exit_code=None, beat=None)
    assert decider.look(1.0, there=True, exit_code=0, beat=0.9) is Action.DISMISS
    assert decider.finished
    assert decider.look(100.0, there=False, exit_code=None, beat=None) is Action.NOTHING


def test_a_child_without_a_sign_of_life_is_killed_once():
    decider = watch(stuck_after_s=10)
    decider.look(0.0, there=False, exit_code=None, beat=None)
    assert decider.look(9.0, there=True, exit_code=None, beat=1.0) is Action.NOTHING
    assert decider.look(11.5, there=True, exit_code=None, beat=1.0) is Action.KILL
    assert decider.look(11.7, there=True, exit_code=None, beat=1.0) is Action.NOTHING
    assert decider.look(12.0, there=True, exit_code=-9, beat=1.0) is Action.BURY


def test_a_new_child_is_not_blamed_for_the_silence_of_the_one_before():
    decider = watch(stuck_after_s=10, start_within_s=60)
    decider.look(100.0, there=False, exit_code=None, beat=None)
    assert decider.look(150.0, there=True, exit_code=None, beat=20.0) is Action.NOTHING
    assert decider.look(161.0, there=True, exit_code=None, beat=20.0) is Action.KILL


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from([None, 1, -9])), max_size=60))
def test_it_never_starts_a_second_child_and_never_gives_up(steps):
    decider, now, there = watch(), 0.0, False
    for wait, code in steps:
        now += wait
        action = decider.look(now, there=there, exit_code=code if there else None, beat=None)
        assert not (there and action is Action.START)
        there = action is Action.START or (there and action is not Action.BURY)
    if not there:
        run_until(decider, now)


@dataclass
class FakeChild:
    code: int | None = None
    pid: int = 1
    killed: bool = False
    closed: bool = False
    told: list[object] = field(default_factory=list)

    def exit_code(self) -> int | None:
        return self.code

    def tell(self, message: object) -> None:
        self.told.append(message)

    def kill(self) -> None:
        self.killed = True

    def close(self) -> None:
        self.closed = True


def test_the_others_do_not_notice_when_one_dies():
    made: dict[str, list[FakeChild]] = {"a": [], "b": []}

    def post(name: str) -> Post:
        def start() -> FakeChild:
            made[name].append(FakeChild())
            return made[name][-1]

        return Post(name, start, beat=lambda: None)

    supervisor = Supervisor([post("a"), post("b")], random.Random(1))
    supervisor.tick(0.0)
    made["a"][0].code = -9
    for now in (1.0, 2.0, 3.0):
        supervisor.tick(now)
    assert (len(made["a"]), len(made["b"])) == (2, 1)
    assert made["a"][0].closed
    assert supervisor.failures() == {"a": 1, "b": 0}
    supervisor.stop()
    assert made["a"][1].killed
    assert made["b"][0].closed


def test_a_child_that_cannot_even_be_started_is_tried_again():
    tries = []

    def start() -> FakeChild:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("no more processes")
        return FakeChild()

    supervisor = Supervisor([Post("a", start, beat=lambda: None)], random.Random(1))
    for step in range(100):
        supervisor.tick(step / 10)
    assert len(tries) == 3


def echo(source: str, tmp_path, monkeypatch) -> str:
    """Write a child module and make it importable by the child."""
    body = "".join(f"    {line}\n" for line in source.splitlines())
    (tmp_path / "echo_child.py").write_text(f"def main():\n{body}")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "echo_child"


def wait_for(condition, seconds: float = 15.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_a_real_child_gets_its_task_out_of_sight_and_all_it_sent_is_read_after_it_was_killed(
    tmp_path, monkeypatch
):
    module = echo(
        "import os, signal\n"
        "from edge.child import Parent, stop_at_once\n"
        "parent = Parent(stop_at_once)\n"
        "for k in range(500): parent.tell((k, parent.task))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n",
        tmp_path,
        monkeypatch,
    )
    heard: list[tuple[int, str]] = []
    child = Child(module, "rtsp://admin:hunter2@camera", on_message=heard.append)
    command = Path(f"/proc/{child.pid}/cmdline").read_bytes()
    assert wait_for(lambda: child.exit_code() is not None)
    child.close()
    assert child.exit_code() == -signal.SIGKILL
    assert [k for k, _ in heard] == list(range(500))
    assert heard[0][1] == "rtsp://admin:hunter2@camera"
    assert b"hunter2" not in command


def test_a_child_does_not_outlive_a_parent_that_was_killed(tmp_path, monkeypatch):
    module = echo(
        "import time\nfrom edge.child import Parent, stop_at_once\nParent(stop_at_once)\ntime.sleep(60)\n",
        tmp_path,
        monkeypatch,
    )
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import time\nfrom edge.child import Child\n"
            f"print(Child({module!r}, None).pid, flush=True)\ntime.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait(5)
    parent.stdout.close()

    def gone() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
        except FileNotFoundError:
            return True

    assert wait_for(gone), "the child is still there"


def test_a_child_that_is_told_to_stop_exits_cleanly(tmp_path, monkeypatch):
    module = echo(
        "import time\nfrom edge.child import Parent, stop_at_once\n"
        "Parent(stop_at_once).tell('up')\ntime.sleep(60)\n",
        tmp_path,
        monkeypatch,
    )
    heard: list[str] = []
    child = Child(module, None, on_message=heard.append)
    assert wait_for(lambda: heard == ["up"])
    child.tell("stop")
    assert wait_for(lambda: child.exit_code() == 0)
    child.close()


def test_a_child_that_hangs_is_killed_and_replaced(tmp_path, monkeypatch):
    """Stopped in the middle of its work, as a decoder that waits for ever."""
    module = echo(
        "import time\nfrom edge.child import Parent, stop_at_once\n"
        "parent = Parent(stop_at_once)\n"
        "while True: parent.tell('beat'); time.sleep(0.05)\n",
        tmp_path,
        monkeypatch,
    )
    heard: list[float] = []
    post = Post(
        "cam-1",
        start=lambda: Child(module, None, on_message=lambda _: heard.append(time.monotonic())),
        beat=lambda: heard[-1] if heard else None,
        stuck_after_s=1.0,
    )
    supervisor = Supervisor([post], random.Random(1))

    def pid() -> int | None:
        supervisor.tick(time.monotonic())
        child = supervisor.child("cam-1")
        return child.pid if child is not None and heard else None

    try:
        assert wait_for(lambda: pid() is not None)
        first = pid()
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        assert wait_for(lambda: pid() not in {None, first})
        count = len(heard)
        assert wait_for(lambda: len(heard) > count)
        assert supervisor.failures() == {"cam-1": 1}
    finally:
        supervisor.stop()
