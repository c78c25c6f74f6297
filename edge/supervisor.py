"""Keeps the children running: starts, watches and restarts them, with a bounded, jittered wait.

`Watch` decides and is pure; `Supervisor` does what it decides.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from edge.log import fields
from sync.backoff import Backoff

log = logging.getLogger("edge.supervisor")

SETTLED_S: Final = 60.0
"""A child that ran this long was well; its next failure is waited out from the shortest wait again."""


class Process(Protocol):
    """What a supervisor needs of a running child; `edge.child.Child` is one."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    def exit_code(self) -> int | None:
        """None while it runs."""
        ...

    def tell(self, message: object) -> None:
        """Send it something."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(frozen=True, slots=True)
class Post:
    """A place that is to be filled by a running child.

    start: makes the child. beat: monotonic seconds of its last sign of life, None when it gave none yet.
    """

    name: str
    start: Callable[[], Process]
    beat: Callable[[], float | None]
    stuck_after_s: float = 15.0
    """No sign of life for this long: killed. Longer than every time-out inside the child."""
    start_within_s: float = 60.0
    """The same for the first sign of life: a model may have to be loaded from a slow disk."""


class Action(Enum):
    """What to do with a post now."""

    NOTHING = auto()
    START = auto()
    KILL = auto()
    BURY = auto()
    """The child failed: let go of it; a later look says when to start another."""
    DISMISS = auto()
    """The child finished its work: let go of it and start no other."""


class Watch:
    """Decides over one post. Pure: times, exit codes and signs of life are arguments."""

    def __init__(self, post: Post, backoff: Backoff) -> None:
        self._post = post
        self._backoff = backoff
        self._start_at = float("-inf")
        self._started_at: float | None = None
        self._killed = False
        self.finished = False
        self.failures = 0

    def look(self, now: float, *, there: bool, exit_code: int | None, beat: float | None) -> Action:
        """What to do at `now`. there: a child was started and not yet let go of."""
        if self.finished:
            return Action.NOTHING
        if not there:
            return self._perhaps_start(now)
        if exit_code is not None:
            return self._ended(now, exit_code)
        return self._running(now, beat)

    def start_failed(self, now: float) -> float:
        """The child could not even be started; the seconds until the next try."""
        self._started_at = None
        return self._failed(now)

    def _perhaps_start(self, now: float) -> Action:
        if now < self._start_at:
            return Action.NOTHING
        self._started_at, self._killed = now, False
        return Action.START

    def _ended(self, now: float, exit_code: int) -> Action:
        if exit_code == 0:
            self.finished = True
            return Action.DISMISS
        if self._started_at is not None and now - self._started_at > SETTLED_S:
            self._backoff.reset()
        self._failed(now)
        return Action.BURY

    def _running(self, now: float, beat: float | None) -> Action:
        started = self._started_at if self._started_at is not None else now
        if beat is None or beat < started:
            stuck = now - started > self._post.start_within_s
        else:
            stuck = now - beat > self._post.stuck_after_s
        if not stuck or self._killed:
            return Action.NOTHING
        self._killed = True
        return Action.KILL

    def _failed(self, now: float) -> float:
        self.failures += 1
        wait = self._backoff.next()
        self._start_at = now + wait
        return wait


class Supervisor:
    """Fills a list of posts and keeps them filled."""

    def __init__(self, posts: Iterable[Post], chance: random.Random | None = None) -> None:
        chance = chance or random.Random()
        self._posts = {post.name: post for post in posts}
        self._watches = {name: Watch(post, Backoff(chance=chance)) for name, post in self._posts.items()}
        self._children: dict[str, Process] = {}

    def tick(self, now: float) -> None:
        """Look after every post once. Call it a few times a second, with monotonic seconds."""
        for name, post in self._posts.items():
            child = self._children.get(name)
            action = self._watches[name].look(
                now,
                there=child is not None,
                exit_code=child.exit_code() if child else None,
                beat=post.beat() if child else None,
            )
            if action is Action.START:
                self._start(post, now)
            elif child is not None:
                self._do(action, post, child)

    def child(self, name: str) -> Process | None:
        """The running child of a post, if there is one now."""
        return self._children.get(name)

    def finished(self, name: str) -> bool:
        """True when the post's child finished its work by itself."""
        return self._watches[name].finished

    def failures(self) -> dict[str, int]:
        """How often each post's child failed since the box started."""
        return {name: watch.failures for name, watch in self._watches.items()}

    def stop(self) -> None:
        """End every child now."""
        for child in self._children.values():
            child.kill()
        for child in self._children.values():
            child.close()
        self._children.clear()

    def _start(self, post: Post, now: float) -> None:
        try:
            child = post.start()
        except OSError as error:
            wait = self._watches[post.name].start_failed(now)
            log.warning("cannot start: %s", error, extra=fields(child=post.name, again_in_s=round(wait, 1)))
            return
        self._children[post.name] = child
        log.info("started", extra=fields(child=post.name, pid=child.pid))

    def _do(self, action: Action, post: Post, child: Process) -> None:
        if action is Action.KILL:
            log.error("no sign of life: killed", extra=fields(child=post.name, pid=child.pid))
            child.kill()
        elif action in {Action.BURY, Action.DISMISS}:
            code = child.exit_code()
            level = logging.INFO if action is Action.DISMISS else logging.WARNING
            log.log(level, "ended", extra=fields(child=post.name, pid=child.pid, exit_code=code))
            child.close()
            del self._children[post.name]
