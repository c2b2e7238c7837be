"""One end point's sender: reads alerts, does what the plan says, keeps what came of it.

Whoever has the end point's lease sends; the lease is prolonged with every save, and nothing is saved without it. What
is in the store is always older than the truth, never newer: a kill at any moment sends some messages again, under
their ids, and leaves none out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from cem.alerts.delivery.endpoint import EndPoint, SecretError
from cem.alerts.delivery.message import LONGEST_MS
from cem.alerts.delivery.plan import Answer, Pending, Plan
from cem.alerts.delivery.progress import Progress, again
from cem.alerts.delivery.signing import signature_header
from cem.domain.events import ControlWebhookReplayed
from cem.ports import LaneStopped, Unavailable
from cem.stores.webhook_states import Attempt, Totals
from cem.streams.alert_feed import Piece
from cem.streams.control_feed import Setting
from cem.webhooks.means import Means
from cem.webhooks.notes import expiry_record, note_of_answer, note_of_expiry
from cem.webhooks.places import offset_at, ranges_again

__all__ = ["EndPointSender"]

_log = logging.getLogger(__name__)

_PAUSE_S: Final = 1.0
_PIECE: Final = 500
#: An ending sender waits so long for answers under way.
_LAST_S: Final = 2.0


class _LostLease(Exception):
    """Another process sends to this end point now."""


class EndPointSender:
    """Sends to one end point for as long as `run` runs and the lease is ours."""

    def __init__(self, end_point: EndPoint, means: Means) -> None:
        self.end_point = end_point
        self.replay: Setting | None = None
        self._means = means
        self._token = secrets.token_hex(8)
        #: The lease is prolonged three times in its life.
        self._renew_s = means.lease_ms / 3000
        self._wake = asyncio.Event()
        self._answers: list[tuple[Pending, Answer]] = []
        self._attempts: list[Attempt] = []
        self._expired: list[Pending] = []
        self._under_way: set[asyncio.Task[None]] = set()
        #: What asks Kafka, beside the sending: by partition from where it reads, and what records the first of `_expired`.
        self._reads: dict[int, tuple[int, asyncio.Task[Piece]]] = {}
        self._recording: tuple[int, asyncio.Task[None]] | None = None
        self._lease_until = 0.0
        self._saved_at = 0.0
        self._said = ""
        #: Turned off by us, of which the record is to be written yet.
        self._turned_off = False
        #: Why nothing can be signed; "" if it can.
        self._unsigned = ""

    def change(self, end_point: EndPoint) -> None:
        """Go on as the end point's new record says."""
        self.end_point = end_point
        self._said, self._turned_off = "", False
        self._wake.set()

    def again(self, replay: Setting) -> None:
        """Take up a wish to have alerts sent again."""
        self.replay = replay
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        states, name = self._means.states, self.end_point.name
        await self._means.source.started()
        while True:
            try:
                began = time.monotonic()
                if await states.lease(name, self._token, self._means.lease_ms):
                    self._lease_until = began + self._means.lease_ms / 1000
                    await self._own()
                await asyncio.sleep(_PAUSE_S)
            except _LostLease:
                _log.warning("another process sends to %s now", name)
            except (Unavailable, LaneStopped) as error:
                _log.warning("nothing can be sent to %s for now: %s", name, error)
                await asyncio.sleep(_PAUSE_S)

    # -- while the lease is ours -------------------------------------------------------------------------------

    async def _own(self) -> None:
        means = self._means
        self._answers.clear()
        self._attempts.clear()
        self._expired.clear()
        listening = asyncio.create_task(self._listen())
        try:
            totals, plan = await self._begin()
            while True:
                self._wake.clear()
                if means.source.log_id != totals.log_id:
                    return  # Kafka is another one: what was kept means nothing there, so it is begun with anew
                if self.replay is not None and self.replay.offset >= totals.replayed:
                    plan = await self._replay(plan, totals, self.replay)
                await self._take_up(plan)
                self._note(plan, totals)
                self._expire(plan, totals)
                self._send(plan)
                await self._disable_if_hopeless(plan)
                await self._save(plan, totals)
                await self._wait(plan)
        finally:
            listening.cancel()
            if self._under_way:
                await asyncio.wait(tuple(self._under_way), timeout=_LAST_S)
            for task in tuple(self._under_way):
                task.cancel()
            await asyncio.gather(listening, *self._under_way, *self._asked_no_more(), return_exceptions=True)
            with contextlib.suppress(UnboundLocalError, Unavailable, LaneStopped, _LostLease):
                self._note(plan, totals)
                await self._save(plan, totals, release=True)
            means.metrics.held.labels(self.end_point.name).set(0)

    async def _begin(self) -> tuple[Totals, Plan]:
        """Return what an earlier life has left, made fit for the log as it is."""
        means, name = self._means, self.end_point.name
        kept = await means.states.load(name)
        totals, progress = kept.totals, dict(kept.progress)
        if totals.log_id != means.source.log_id:
            # Offsets of another log: of this one, the end point has had nothing.
            totals.log_id, totals.replayed = means.source.log_id, 0
            progress = {}
        for partition in range(means.source.lanes):
            if partition not in progress:
                at = await offset_at(means.log, partition, self.end_point.since_ms)
                progress[partition] = Progress(at)
        plan = Plan(name, progress, means.limits, failing_since_ms=totals.failing_since_ms)
        return totals, plan

    async def _replay(self, plan: Plan, totals: Totals, replay: Setting) -> Plan:
        """Return the plan with what is wanted again not settled; it is kept at once, so that it is done once."""
        while self._under_way:
            await asyncio.wait(tuple(self._under_way))
        self._note(plan, totals)
        means, event = self._means, replay.event
        assert isinstance(event, ControlWebhookReplayed)
        progress = plan.progress()
        until_ms = means.clock.now_ms() + LONGEST_MS
        ranges = await ranges_again(means.log, event, progress)
        for partition, (first, stop) in ranges.items():
            progress[partition] = again(
                progress[partition], first, min(stop, plan.read_from(partition)), until_ms
            )
        totals.replayed = replay.offset + 1
        self._asked_no_more()
        self._expired.clear()
        if not await means.states.save(self.end_point.name, self._token, means.lease_ms, progress, totals):
            raise _LostLease
        return Plan(self.end_point.name, progress, means.limits, failing_since_ms=totals.failing_since_ms)

    async def _take_up(self, plan: Plan) -> None:
        """Give the plan what the log has, as far as there is room."""
        source = self._means.source
        wanted = self.end_point.wanted
        for partition in range(source.lanes):
            while plan.room and plan.read_from(partition) < source.next_offset(partition):
                piece = await self._piece(partition, plan.read_from(partition), min(_PIECE, plan.room))
                if piece is None:
                    break
                if piece.lost:
                    _log.error(
                        "%s of partition %d left the log before %s could have them",
                        _alerts(piece.lost), partition, self.end_point.name,
                    )  # fmt: skip
                plan.take(partition, piece.messages, piece.next, wanted)

    async def _piece(self, partition: int, at: int, limit: int) -> Piece | None:
        """Return what a partition has from an offset on; None while Kafka is asked for what memory no longer has."""
        source = self._means.source
        if at >= source.held_from(partition):
            return await source.read(partition, at, limit)
        began, task = self._reads.get(partition, (at, None))
        if task is not None and began != at:
            task.cancel()
            task = None
        if task is None:
            task = asyncio.create_task(source.read(partition, at, limit))
            task.add_done_callback(self._answered)
            self._reads[partition] = at, task
        if not task.done():
            return None
        del self._reads[partition]
        try:
            return task.result()
        except (Unavailable, LaneStopped) as error:
            # What is held, and what memory has of other partitions, is sent all the same.
            self._say(f"older alerts cannot be read: {error}")
            return None

    def _expire(self, plan: Plan, totals: Totals) -> None:
        """Have recorded what is of no more use; only then does the plan forget it. Nothing else waits for Kafka to take it."""
        now_ms, name = self._means.clock.now_ms(), self.end_point.name
        self._expired += plan.expire(now_ms)
        if self._recording is not None and self._recording[1].done():
            (count, task), self._recording = self._recording, None
            try:
                task.result()
            except (Unavailable, LaneStopped) as error:
                self._say(f"what has expired cannot be recorded: {error}")
            else:
                done, self._expired = self._expired[:count], self._expired[count:]
                for pending in done:
                    plan.expired(pending)
                    self._attempts.append(note_of_expiry(pending, self._means.wall_ms()))
                totals.expired += count
                self._means.metrics.messages.labels(name, "expired").inc(count)
                _log.warning("expired before %s took them: %s", name, _alerts(count))
        if self._expired and self._recording is None:
            records = [expiry_record(name, pending, now_ms) for pending in self._expired]
            task = asyncio.ensure_future(self._means.publisher.publish(records))
            task.add_done_callback(self._answered)
            self._recording = len(records), task

    def _answered(self, task: asyncio.Task[Any]) -> None:
        """Go on with what Kafka has done. What it has not is asked for again when something else happens."""
        if not task.cancelled() and task.exception() is None:
            self._wake.set()

    def _asked_no_more(self) -> list[asyncio.Task[Any]]:
        """Call off, and return, what asks Kafka."""
        tasks: list[asyncio.Task[Any]] = [task for _, task in self._reads.values()]
        self._reads.clear()
        if self._recording is not None:
            tasks.append(self._recording[1])
            self._recording = None
        for task in tasks:
            task.cancel()
        return tasks

    def _send(self, plan: Plan) -> None:
        """Begin the requests that are due."""
        if not self.end_point.record.enabled:
            return
        now_ms = self._means.wall_ms()
        try:
            signing = self.end_point.secrets(self._means.key(), self._means.environ, now_ms)
        except SecretError as error:
            # It may be mended meanwhile: by the first `cem webhooks add`, or by whoever copies the right file.
            self._unsigned = str(error)
            self._say(self._unsigned)
            return
        if self._unsigned:
            _log.info("end point %s: there is a key for its secret now", self.end_point.name)
            self._unsigned = self._said = ""
        for pending in plan.due(now_ms):
            task = asyncio.create_task(self._attempt(pending, signing))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _attempt(self, pending: Pending, signing: Sequence[bytes]) -> None:
        if time.monotonic() > self._lease_until:
            self._answers.append((pending, Answer(0, error="the lease has run out")))
            self._wake.set()
            return
        message, at_s = pending.message, self._means.wall_ms() // 1000
        body = message.body()
        headers = {
            "content-type": "application/json",
            "user-agent": "cem-webhooks",
            "webhook-id": message.id,
            "webhook-timestamp": str(at_s),
            "webhook-signature": signature_header(signing, message.id, at_s, body),
        }
        try:
            answer = await self._means.poster.post(self.end_point.record.url, headers, body)
        except Exception as error:
            # One without an answer would count as under way for ever, and hold back all that its customer has to hear.
            _log.exception("end point %s: %s could not be sent", self.end_point.name, message.id)
            answer = Answer(0, error=f"not sent: {type(error).__name__}")
        self._answers.append((pending, answer))
        self._wake.set()

    def _note(self, plan: Plan, totals: Totals) -> None:
        """Tell the plan what came of requests."""
        answers, self._answers = self._answers, []
        now_ms, name, metrics = self._means.wall_ms(), self.end_point.name, self._means.metrics
        for pending, answer in answers:
            plan.answered(pending, answer, now_ms)
            verdict = answer.verdict
            self._attempts.append(note_of_answer(pending, answer, now_ms))
            if verdict == "delivered":
                totals.delivered += 1
                metrics.messages.labels(name, "delivered").inc()
                metrics.delay.labels(name).observe(max(0, now_ms - pending.message.timestamp_ms) / 1000)
                continue
            totals.failed += 1
            metrics.failures.labels(name, f"{answer.status // 100}xx" if answer.status else "none").inc()
            if verdict == "gone":
                self._turn_off("it answered 410 Gone")
        metrics.held.labels(name).set(plan.held)
        metrics.away.labels(name).set(plan.is_away or not self.end_point.record.enabled)

    async def _disable_if_hopeless(self, plan: Plan) -> None:
        record = self.end_point.record
        if record.enabled and plan.should_disable(self._means.wall_ms()):
            hours = self._means.limits.disable_after_ms // 3_600_000
            self._turn_off(f"nothing but failures for {hours} hours")
        if self._turned_off:
            await self._means.register(self.end_point)
            self._turned_off = False

    def _turn_off(self, reason: str) -> None:
        """Send nothing more from now on; the record that says so is written by the loop."""
        record = self.end_point.record
        if not record.enabled:
            return
        off = msgspec.structs.replace(record, enabled=False, reason=reason, by="cem webhooks")
        self.end_point = msgspec.structs.replace(self.end_point, record=off)
        self._turned_off = True
        self._say(f"turned off: {reason}")

    async def _save(self, plan: Plan, totals: Totals, *, release: bool = False) -> None:
        """Keep what has changed; without a change, prolong the lease in time."""
        began = time.monotonic()
        changes = plan.changes()
        attempts, self._attempts = self._attempts, []
        if not changes and not attempts and not release and began - self._saved_at < self._renew_s:
            return
        totals.failing_since_ms, totals.held = plan.failing_since_ms, plan.held
        totals.at_ms, totals.unsigned = self._means.wall_ms(), self._unsigned
        means = self._means
        lease_ms = 1 if release else means.lease_ms
        try:
            saved = await means.states.save(
                self.end_point.name, self._token, lease_ms, changes, totals, attempts
            )
        except Unavailable as error:
            # It is only older than it could be. What was not kept is kept with the next change.
            plan.mark(changes)
            self._attempts = attempts + self._attempts
            if time.monotonic() > self._lease_until:
                raise
            self._say(f"progress is not kept: {error}")
            return
        if not saved:
            raise _LostLease
        self._saved_at, self._lease_until = began, began + lease_ms / 1000

    async def _wait(self, plan: Plan) -> None:
        """Return when something has happened or is due."""
        now_ms = self._means.wall_ms()
        pause_s = self._renew_s
        can_send = self.end_point.record.enabled and not self._unsigned
        next_ms = plan.next_ms() if can_send else None
        if next_ms is not None:
            pause_s = min(pause_s, max(0.0, (next_ms - now_ms) / 1000))
        expiry_ms = plan.next_expiry_ms()
        if expiry_ms is not None:
            pause_s = min(pause_s, max(0.05, (expiry_ms - self._means.clock.now_ms()) / 1000))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.001, pause_s)):
                await self._wake.wait()

    async def _listen(self) -> None:
        """Wake the sender when there are new alerts."""
        source = self._means.source
        while True:
            version = source.version
            await source.changed(version, 60.0)
            if source.version != version:
                self._wake.set()

    def _say(self, what: str) -> None:
        """Log what keeps this end point from being served, once."""
        if what != self._said:
            self._said = what
            _log.error("end point %s: %s", self.end_point.name, what)


def _alerts(number: int) -> str:
    return f"{number} alert" + "s" * (number != 1)
