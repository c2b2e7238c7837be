"""What one end point is sent next: pure, so that an hour without a consumer is a test of milliseconds.

A customer's messages go one after the other: a later one waits until the earlier one was delivered or has expired.
Different customers do not wait for each other. After several failures in a row the end point, not the message, is
taken to be at fault: then one message at a time asks whether it is back, and when one is taken, all are due at once.

Two times: schedule and back-off are in wall time (`now_ms`), an alert's expiry is in the service's own (`clock_ms`),
which a simulation moves faster.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from cem.alerts.delivery.message import Message, Wanted
from cem.alerts.delivery.progress import Progress, Spans
from cem.alerts.delivery.schedule import after_ms, probe_ms

__all__ = ["Answer", "Limits", "Pending", "Plan", "Verdict"]

#: Failures in a row after which the end point is taken to be away.
_AWAY_AFTER: Final = 5
_LONGEST_WAIT_MS: Final = 3_600_000
#: Too much, or somebody between us and it cannot reach it: asking for each message only makes it worse.
_NOT_NOW: Final = (429, 502, 503, 504)

Verdict = Literal["delivered", "failed", "gone"]


class Limits(msgspec.Struct, frozen=True):
    """What bounds one end point."""

    #: Requests under way.
    concurrency: int = 8
    #: Messages held in memory; beyond them the log is not read on.
    held: int = 5_000
    #: Nothing but failures for so long turns it off.
    disable_after_ms: int = 120 * 3_600_000


class Answer(msgspec.Struct, frozen=True):
    """What came of one request; status 0: no answer."""

    status: int
    retry_after_ms: int = 0
    error: str = ""
    body: str = ""
    took_ms: int = 0

    @property
    def verdict(self) -> Verdict:
        """Only 2xx is a success; a redirect is not followed; 410 says that there will never be one."""
        if 200 <= self.status < 300:
            return "delivered"
        return "gone" if self.status == 410 else "failed"


class Pending:
    """One message that is neither delivered nor expired."""

    __slots__ = ("attempts", "last", "message", "next_ms", "over", "under_way")

    def __init__(self, message: Message, attempts: int, next_ms: int) -> None:
        self.message = message
        self.attempts = attempts
        #: Not before (wall, ms).
        self.next_ms = next_ms
        self.under_way = False
        #: Expired, or delivered after all.
        self.over = False
        self.last = Answer(0)


class _Partition:
    """The messages of one partition, in the log's order."""

    __slots__ = ("dirty", "held", "known", "read", "tried", "wanted")

    def __init__(self, progress: Progress) -> None:
        #: The next offset to be read.
        self.read = progress.position
        self.held: dict[int, Pending] = {}
        #: Settled beyond `read`, from an earlier life.
        self.known: Spans = progress.settled
        self.tried = dict(progress.tried)
        self.wanted = progress.wanted
        self.dirty = False

    def progress(self) -> Progress:
        """Return what is to be kept."""
        if not self.held:
            beyond = tuple((max(a, self.read), b) for a, b in self.known if b > self.read)
            position = self.read
            settled: Spans = beyond
        else:
            spans: list[tuple[int, int]] = []
            at = position = next(iter(self.held))
            for offset in self.held:
                if at < offset:
                    spans.append((at, offset))
                at = offset + 1
            if at < self.read:
                spans.append((at, self.read))
            for low, high in self.known:
                if high > self.read:
                    low = max(low, self.read)
                    if spans and spans[-1][1] == low:
                        spans[-1] = (spans[-1][0], high)
                    else:
                        spans.append((low, high))
            settled = tuple(spans)
        tried = {o: (p.attempts, p.next_ms) for o, p in self.held.items() if p.attempts}
        tried.update({o: t for o, t in self.tried.items() if o >= self.read})
        wanted = self.wanted if self.wanted[1] > position else (0, 0, 0)
        return Progress(position, settled, tried, wanted)

    def was_settled(self, offset: int) -> bool:
        """Return whether an earlier life has settled the offset."""
        return any(low <= offset < high for low, high in self.known)


class Plan:
    """What one end point is to be sent, and when."""

    def __init__(
        self,
        name: str,
        progress: Mapping[int, Progress],
        limits: Limits | None = None,
        *,
        failing_since_ms: int = 0,
    ) -> None:
        """Take the end point's name, how far it has got in each partition, and since when it does nothing but fail."""
        self._name = name
        self.limits = limits or Limits()
        self._partitions = {number: _Partition(p) for number, p in progress.items()}
        self._queues: dict[str, deque[Pending]] = {}
        #: Heads of the queues that are not under way: (not before, order of arrival, pending).
        self._heads: list[tuple[int, int, Pending]] = []
        self._expiries: list[tuple[int, int, Pending]] = []
        self._count = 0
        self.held = 0
        self.under_way = 0
        #: Failures since the last success, and since when (wall, ms; 0 = none).
        self.failures = 0
        self.failing_since_ms = failing_since_ms
        self._not_before_ms = 0
        #: What the wall's clock showed last.
        self._seen_ms = 0

    # -- what the log brings -----------------------------------------------------------------------------------

    def read_from(self, partition: int) -> int:
        """Return the next offset that this plan has not seen."""
        return self._partitions[partition].read

    @property
    def room(self) -> int:
        """How many messages may still be held."""
        return max(0, self.limits.held - self.held)

    def take(self, partition: int, messages: list[Message], next_offset: int, wanted: Wanted) -> None:
        """Take over what the log has from `read_from` to before `next_offset`; what is not wanted is settled."""
        place = self._partitions[partition]
        for message in messages:
            offset = message.offset
            if offset < place.read or not wanted.takes(message) or place.was_settled(offset):
                continue
            attempts, next_ms = place.tried.pop(offset, (0, 0))
            self._add(place, Pending(message, attempts, next_ms))
        if next_offset > place.read:
            place.read = next_offset
            place.dirty = True
            place.known = tuple(span for span in place.known if span[1] > next_offset)
            if place.tried:
                place.tried = {o: t for o, t in place.tried.items() if o >= next_offset}

    def _add(self, place: _Partition, pending: Pending) -> None:
        message = pending.message
        place.held[message.offset] = pending
        self.held += 1
        self._count += 1
        queue = self._queues.get(message.customer_id)
        if queue is None:
            queue = self._queues[message.customer_id] = deque()
        queue.append(pending)
        if len(queue) == 1:
            self._push(pending)
        first, stop, until_ms = place.wanted
        expires_ms = message.expires_ms
        if first <= message.offset < stop:
            expires_ms = max(expires_ms, until_ms)
        heapq.heappush(self._expiries, (expires_ms, self._count, pending))

    def _push(self, pending: Pending) -> None:
        self._count += 1
        heapq.heappush(self._heads, (pending.next_ms, self._count, pending))

    # -- what is to be done ------------------------------------------------------------------------------------

    @property
    def is_away(self) -> bool:
        """Whether the end point is taken to be away."""
        return self.failures >= _AWAY_AFTER

    def due(self, now_ms: int) -> list[Pending]:
        """Return what is to be sent now; each counts as under way until `answered`."""
        if now_ms < self._seen_ms:
            self._put_back(self._seen_ms - now_ms)
        self._seen_ms = now_ms
        chosen: list[Pending] = []
        most = 1 if self.is_away else self.limits.concurrency
        while self._heads and self.under_way < most and now_ms >= self._not_before_ms:
            next_ms, _, pending = self._heads[0]
            # While it is away, its own pause is the one that counts; whoever waited longest asks.
            if next_ms > now_ms and not self.is_away:
                break
            heapq.heappop(self._heads)
            if pending.over:
                continue
            pending.under_way = True
            self.under_way += 1
            chosen.append(pending)
        return chosen

    def expire(self, clock_ms: int) -> list[Pending]:
        """Return what is of no more use and not under way; call `expired` with each once that is recorded."""
        over: list[Pending] = []
        later: list[tuple[int, int, Pending]] = []
        while self._expiries and self._expiries[0][0] <= clock_ms:
            entry = heapq.heappop(self._expiries)
            pending = entry[2]
            if pending.over:
                continue
            if pending.under_way:
                later.append(entry)
                continue
            pending.over = True
            over.append(pending)
        for entry in later:
            heapq.heappush(self._expiries, entry)
        return over

    def next_ms(self) -> int | None:
        """Return when (wall, ms) something becomes due by itself; None: not before something happens."""
        while self._heads and self._heads[0][2].over:
            heapq.heappop(self._heads)
        if not self._heads or self.under_way >= (1 if self.is_away else self.limits.concurrency):
            return None
        return self._not_before_ms if self.is_away else max(self._heads[0][0], self._not_before_ms)

    def next_expiry_ms(self) -> int | None:
        """Return when (service's clock, ms) the next message expires."""
        return self._expiries[0][0] if self._expiries else None

    # -- what came of it ---------------------------------------------------------------------------------------

    def answered(self, pending: Pending, answer: Answer, now_ms: int) -> None:
        """Take note of the answer to an attempt that ended at `now_ms`."""
        pending.under_way = False
        self.under_way -= 1
        pending.attempts += 1
        pending.last = answer
        if answer.verdict == "delivered":
            was_away = self.is_away
            self.failures, self.failing_since_ms, self._not_before_ms = 0, 0, 0
            self._settle(pending)
            if was_away:
                self._all_at_once(now_ms)
            return
        self.failures += 1
        self.failing_since_ms = self.failing_since_ms or now_ms
        if answer.status in _NOT_NOW:
            self.failures = max(self.failures, _AWAY_AFTER)
        pause_ms = after_ms(pending.attempts, pending.message.id)
        if answer.retry_after_ms:
            wait_ms = min(answer.retry_after_ms, _LONGEST_WAIT_MS)
            self._not_before_ms = max(self._not_before_ms, now_ms + wait_ms)
        if self.is_away:
            probe = now_ms + probe_ms(self.failures - _AWAY_AFTER, self._name)
            self._not_before_ms = max(self._not_before_ms, probe)
        pending.next_ms = now_ms + pause_ms
        self._push(pending)
        self._partitions[pending.message.partition].dirty = True

    def expired(self, pending: Pending) -> None:
        """Take note that it is recorded as expired."""
        self._settle(pending)

    def should_disable(self, now_ms: int) -> bool:
        """Return whether it has done nothing but fail for so long that it is turned off."""
        return 0 < self.failing_since_ms <= now_ms - self.limits.disable_after_ms

    def _all_at_once(self, now_ms: int) -> None:
        """Make everything due: a pause that was made while it was away says nothing now that it is back."""
        heads = [entry[2] for entry in self._heads]
        self._heads = []
        for pending in sorted(
            heads, key=lambda p: (p.message.timestamp_ms, p.message.partition, p.message.offset)
        ):
            pending.next_ms = min(pending.next_ms, now_ms)
            self._push(pending)

    def _put_back(self, by_ms: int) -> None:
        """Put back what is to be done at instants of the wall, as its clock was: nothing waits longer for that."""
        for place in self._partitions.values():
            for pending in place.held.values():
                pending.next_ms -= by_ms
        # All of them by the same, so they stay a heap.
        self._heads = [(next_ms - by_ms, count, pending) for next_ms, count, pending in self._heads]
        self._not_before_ms -= by_ms

    def _settle(self, pending: Pending) -> None:
        message = pending.message
        place = self._partitions[message.partition]
        del place.held[message.offset]
        place.dirty = True
        pending.over = True
        self.held -= 1
        queue = self._queues[message.customer_id]
        if queue[0] is pending:
            queue.popleft()
            while queue and queue[0].over and queue[0].message.offset not in place.held:
                queue.popleft()
            if not queue:
                del self._queues[message.customer_id]
            elif not queue[0].over:
                self._push(queue[0])
        # One further back has expired: it is passed over when its turn comes.

    # -- what survives -----------------------------------------------------------------------------------------

    def changes(self) -> dict[int, Progress]:
        """Return the progress of each partition that has changed since the last call."""
        dirty = {number: place for number, place in self._partitions.items() if place.dirty}
        for place in dirty.values():
            place.dirty = False
        return {number: place.progress() for number, place in dirty.items()}

    def mark(self, partitions: Iterable[int]) -> None:
        """Have these partitions among the next `changes`: what was returned of them could not be kept."""
        for number in partitions:
            self._partitions[number].dirty = True

    def progress(self) -> dict[int, Progress]:
        """Return the progress of every partition."""
        return {number: place.progress() for number, place in self._partitions.items()}
