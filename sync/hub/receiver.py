"""The hub's loop: take what has arrived, commit it, then acknowledge it to the boxes and to the broker."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

from sync.backoff import Backoff
from sync.broker import Broker
from sync.errors import SyncError
from sync.happenings import Arrived, Confirmed, Down, Happening, Subscribed, Up
from sync.hub.coupon_records import Answer
from sync.hub.coupon_service import CouponService
from sync.hub.intake import BoxState, Intake, Replied, SetAside, judge
from sync.hub.ledger import Ledger, LedgerError, Receipt
from sync.hub.rolling_up import rolling_up
from sync.mqtt import BACKOFF_S, Link
from sync.payloads import Ack
from sync.topics import ROOT

log = logging.getLogger(__name__)

Streams = Literal["all", "data", "trigger"]
UP_TOPICS: Final[dict[Streams, tuple[str, ...]]] = {
    "all": (f"{ROOT}/+/+/+/up/#",),
    "data": (f"{ROOT}/+/+/+/up/data",),
    "trigger": (f"{ROOT}/+/+/+/up/trigger", f"{ROOT}/+/+/+/up/reply/+"),
}
"""What a hub takes. A broker keeps one queue for each hub: where a thousand boxes bring what they have saved
up, a live trigger waits behind all of it, unless a hub of its own takes the triggers."""
STATE_TOPICS: Final = f"{ROOT}/+/+/+/state"
SHARE: Final = "$share/{group}/"
"""Several hubs on one database share the messages of a broker with MQTT 5; each sees every state, because
a broker sends no retained message to a shared subscription."""
KEEP_SESSION_S: Final = 3600
"""How long the broker keeps messages for a hub that is away. The boxes keep them for ever."""
RETRY_S: Final = 1.0
TRIGGERS: Final = "/up/trigger"
FEW: Final = 20
"""A batch that is committed in moments, whatever is in it."""
AT_ONCE: Final = 1000
"""Messages of one transaction, and as many as a broker is asked to have under way. mosquitto 2.0.11 does not
keep to that: for each confirmation it sends up to as many again. What more it has sent waits for its turn,
and until then nothing more is read: else one batch held 36,000 messages, and their boxes sent all again."""


class Hub:
    """Receives until stopped. A batch is what has arrived while the last one was being committed."""

    def __init__(
        self,
        broker: Broker,
        ledger: Ledger,
        name: str = "hub",
        *,
        backoff_s: tuple[float, float] = BACKOFF_S,
        coupons: CouponService | None = None,
        one_of_several: bool = False,
        group: str | None = None,
        streams: Streams = "all",
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        """`name` must differ between hubs that run at the same time and stay the same over a restart;
        without `coupons` triggers are only kept. `one_of_several`: the broker shall not keep for this hub,
        while it is away, what another could take. Those that
        run at once share the messages by `group`, a word that no box may know: mosquitto lets anybody join
        it and then gives him his share, which is thrown away when he may not read it."""
        self._ledger, self._coupons = ledger, coupons
        self._behind = coupons is not None
        self._missed: list[Intake] = []
        self._coupons_at = 0.0
        self._link = Link(
            broker,
            f"storeedge-hub:{name}",
            keep_session_s=0 if one_of_several else KEEP_SESSION_S,
            max_unread=AT_ONCE,
            backoff=Backoff(*backoff_s),
            many=True,
        )
        self._on_ready = on_ready
        self._stopping = threading.Event()
        self._waiting: list[Arrived] = []
        self._stuck = False
        self._group = group or ("hub" if one_of_several else None)
        self._streams = streams
        self._shared = False

    def run(self) -> None:
        """Until `stop`; outlives a broker that goes away and a database that refuses for a while."""
        try:
            with rolling_up(self._ledger):
                while not self._stopping.is_set():
                    try:
                        self._turn()
                    except Exception:
                        log.exception("hub: a turn failed")
                        self._waiting.clear()  # neither confirmed nor acknowledged: it all comes again
                        self._link.drop("a turn failed")
        finally:
            self._link.close()

    def stop(self) -> None:
        """End `run` soon. For other threads and signal handlers."""
        self._stopping.set()
        self._link.wake()

    def _turn(self) -> None:
        if len(self._waiting) < AT_ONCE or self._stuck:
            for happening in self._link.poll(0.0 if self._waiting else RETRY_S):
                self._meet(happening)
        if self._waiting and not self._stopping.is_set():
            self._commit()
        if self._coupons is not None and self._link.up and not self._stopping.is_set():
            self._serve_coupons(self._coupons)

    def _serve_coupons(self, coupons: CouponService) -> None:
        """What an earlier run or attempt left behind, and documents for the boxes."""
        now = time.time()
        if time.monotonic() < self._coupons_at:
            return
        try:
            if self._behind:
                answers = coupons.committed(self._missed, (), self._ledger, now)
                self._missed.clear()
                self._answer([*answers, *coupons.catch_up(self._ledger, now)], now)
                self._behind = False
            elif coupons.overdue(time.monotonic()):
                self._answer(coupons.catch_up(self._ledger, now), now)
            coupons.pump(self._put_up, now, time.monotonic())
        except LedgerError as error:
            self._fall_behind(error)
        except SyncError:
            return  # not connected any more

    def _fall_behind(self, error: LedgerError) -> None:
        log.error("hub: %s; trying again", error)
        self._behind, self._coupons_at = True, time.monotonic() + RETRY_S

    def _put_up(self, topic: str, text: str) -> int:
        return self._link.publish(topic, text, retain=True)

    def _answer(self, answers: Iterable[Answer], now: float) -> None:
        """Raises SyncError when not connected: the box's next birth document asks again."""
        for answer in answers:
            left = max(1, int(answer.expires_at - now))
            self._link.publish(answer.box.call(answer.id), answer.text, expires_in=left)

    def _meet(self, happening: Happening) -> None:
        match happening:
            case Up(protocol=protocol):
                self._shared = protocol == "5" and self._group is not None
                self._subscribe()
            case Down(reason):
                log.warning("hub: %s", reason)
                if self._coupons is not None:
                    self._coupons.post.lost()
            case Subscribed():
                self._subscribed(happening)
            case Confirmed(token=token, refusal=refusal):
                if refusal is not None:
                    log.error("hub: the broker refuses what we send down: %s", refusal)
                if self._coupons is not None:
                    self._coupons.post.confirmed(token)
            case Arrived():
                self._waiting.append(happening)

    def _subscribe(self) -> None:
        share = SHARE.format(group=self._group) if self._shared else ""
        self._link.subscribe([STATE_TOPICS, *(share + topic for topic in UP_TOPICS[self._streams])])

    def _subscribed(self, answer: Subscribed) -> None:
        for topic, reason in answer.refused:
            if topic.startswith("$share/"):
                log.warning("hub: no shared subscriptions here (%s); only one hub may run", reason)
                self._shared = False
                self._subscribe()
                return
            log.error("hub: the broker does not let us read %s: %s", topic, reason)
        if not answer.refused and self._on_ready is not None:
            self._on_ready()
            self._on_ready = None

    def _commit(self) -> None:
        """Commit, acknowledge to the boxes, then let the broker forget: in this order. Triggers do not wait
        for the figures that arrived with them: their drivers stand at a barrier."""
        done = self._waiting[:AT_ONCE]
        triggers = [m for m in done if m.topic.endswith(TRIGGERS)] if len(done) > FEW else []
        rest = [m for m in done if not m.topic.endswith(TRIGGERS)] if triggers else done
        if not all(self._keep(part) for part in (triggers, rest) if part):
            return
        self._waiting = self._waiting[AT_ONCE:]
        for message in done:
            self._link.confirm(message.receipt)
        log.debug("hub: committed %d", len(done))

    def _keep(self, messages: Sequence[Arrived]) -> bool:
        """One transaction. False: the database did not take it."""
        batch: list[Intake] = [judge(message.topic, message.payload) for message in messages]
        try:
            receipts = self._ledger.commit(batch, time.time())
        except LedgerError as error:
            # What is unconfirmed stays at the broker, which sends only so much more: we are not flooded.
            log.error("hub: %s; trying again", error)
            self._stuck = True
            self._stopping.wait(RETRY_S)
            return False
        self._stuck = False
        for item in batch:
            if isinstance(item, SetAside):
                log.warning("hub: set aside a message on %s: %s", item.topic, item.reason)
        try:
            for receipt in receipts:
                ack = Ack(epoch=receipt.epoch, upto=receipt.upto)
                self._link.publish(receipt.box.ack(receipt.stream), ack.text())
        except SyncError:
            return True  # not connected any more; the boxes will send again and be acknowledged then
        self._decide(batch, receipts)
        return True

    def _decide(self, batch: Sequence[Intake], receipts: Sequence[Receipt]) -> None:
        """Coupons, after all is acknowledged: trouble with them must hold up no figure."""
        if self._coupons is None:
            return
        now = time.time()
        told = [item for item in batch if isinstance(item, BoxState | Replied)]
        if self._behind:
            self._missed += told
            return
        try:
            self._answer(self._coupons.committed(batch, receipts, self._ledger, now), now)
        except LedgerError as error:
            self._missed += told
            self._fall_behind(error)
        except SyncError as error:
            log.warning("hub: an answer waits until its box is back: %s", error)
