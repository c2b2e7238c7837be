"""What spans lines, as the detectors take it: the hours at which all write, and how far today is above a usual day.

A bucket is a quarter of a day; buckets are numbered from the epoch plus the quiet hour, so that number % 4 == 0 is the
cohort's night and number % 28 the place in its week. A `Cohort` is a value of the stream so far and nothing else: the
same messages in the same order give the same cohort. `Cohort()`, which has seen nothing, is the neutral one: an even
week, no common rise, one message a day.

Unit: messages, and shares of a usual day. Window: decayed by bucket (`_KEEP`); `gain` of the last 16 days. The gain of
a bucket is (N + 20) / (E + 20), from 1 to 8: N messages, each line's only up to thrice its usual; E what the lines'
usual rates (swept once a day) expect of that bucket, times a slow calibration.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, log

from cem.domain.state.habits import BUCKETS, Habits

__all__ = ["BUCKET_S", "DECAY", "PRIOR_MESSAGES", "WEEK", "Cohort", "advance", "rate"]

BUCKET_S = 6 * 3600
#: Buckets in a week.
WEEK = 28
#: What a line's usual rate keeps from bucket to bucket: half in 28 days.
DECAY = 0.5 ** (1 / 112)
#: Prior weight of a line's rate, in messages.
PRIOR_MESSAGES = 0.5
_KEEP = 0.9975
_RATE_DAYS = 28
_MEMORY = 64 + BUCKETS
#: The quiet hour is first decided when so many days and messages have been seen (whichever pair comes first), and
#: looked at again every week: it moves if six other hours have clearly fewer messages.
_DECIDE = ((7, 2_000), (13, 200))
_REVIEW_S = 7 * 86_400
_CLEARLY = 0.93


class Cohort:
    """The rhythm that all lines share."""

    __slots__ = (
        "_calibration",
        "_candidates",
        "_daily",
        "_daily_of",
        "_expected",
        "_first_s",
        "_gains",
        "_hours",
        "_now",
        "_review_s",
        "_settled",
        "_times",
        "_weekdays",
        "current",
        "decided",
        "night_share",
        "prior",
        "quiet_s",
        "rise_rate",
        "shape",
        "shift",
    )

    def __init__(self) -> None:
        self.quiet_s = 0
        #: Whether the quiet hour is decided; `shift` is then what bucket numbers from before have to be moved by.
        self.decided = False
        self.shift = 0
        self.current: int | None = None
        self.shape = (0.25,) * WEEK
        self.prior = 1.0
        self.night_share = 0.25
        self._times = [50.0] * 4
        self._weekdays = [50.0] * 7
        self._gains: dict[int, float] = {}
        self._expected = 0.0
        self._calibration = 1.0
        self._now = 0
        self._hours = [0] * 24
        self._candidates = [0]
        self._settled: list[int] = []
        #: Lines that may be rising, a line-week of lines older than 14 days, in the last 28 days.
        self.rise_rate = 0.01
        self._first_s: int | None = None
        self._review_s = 0
        self._daily_of: int | None = None
        self._daily: list[float] = []

    def bucket(self, at_s: int) -> int:
        """Return the number of the quarter of a day that contains the moment."""
        return (at_s - self.quiet_s) // BUCKET_S

    def gain(self, bucket: int) -> float:
        """Return how far all lines were above their usual in the bucket: 1 to 8."""
        if bucket == self.current:
            expected = self._expected * self.shape[bucket % WEEK] * self._calibration
            return min(8.0, max(1.0, (self._now + 20) / (expected + 20)))
        return self._gains.get(bucket, 1.0)

    def daily(self, bucket: int) -> list[float]:
        """Return the exposure of the 14 days that end with the bucket, the newest first, in usual days.

        Of today's bucket only the share is in it: add `shape * gain`.
        """
        if self._daily_of != bucket:
            shape, gains = self.shape, self._gains
            each = [shape[b % WEEK] * gains.get(b, 1.0) for b in range(bucket, bucket - BUCKETS, -1)]
            each[0] = 0.0
            self._daily = [sum(each[i : i + 4]) for i in range(0, BUCKETS, 4)]
            self._daily_of = bucket
        return self._daily

    def turn(self, at_s: int, lines: Iterable[Habits]) -> bool:
        """Note that time has reached `at_s`; close the buckets before. Return whether the quiet hour was decided now.

        If so, every line's `first` and `newest` have to be moved by `shift`.
        """
        decided = False
        if self._first_s is None:
            self._first_s = at_s
        bucket = self.bucket(at_s)
        if self.current is None:
            self.current = bucket
        if self.current < bucket and at_s >= self._review_s:
            days, messages = (at_s - self._first_s) / 86_400, sum(self._hours)
            if any(days >= least_days and messages >= least for least_days, least in _DECIDE):
                self._review_s = at_s + _REVIEW_S
                decided = self._decide()
        bucket = self.bucket(at_s)
        while self.current < bucket:
            self._close(lines)
        return decided

    def count(self, habits: Habits, bucket: int, at_s: int) -> None:
        """Count a message that the line's habits already hold, if it is of the current bucket."""
        self._hours[at_s // 3600 % 24] += 1
        if bucket == self.current and bucket - habits.first > WEEK:
            usual = rate(habits, self.prior) * self.shape[bucket % WEEK]
            if habits.counts[-1] <= 3 * usual + 3:
                self._now += 1

    def candidate(self) -> None:
        """Count a line that may be rising: what sets the thresholds (`rise_rate`)."""
        self._candidates[-1] += 1

    def _decide(self) -> bool:
        """Move the quiet hour if another is clearly quieter; return whether it has moved."""
        hours = self._hours
        of = [sum(hours[(h + i) % 24] for i in range(6)) for h in range(24)]
        quiet = min(range(24), key=lambda h: (of[h], h))
        self.decided = True
        if of[quiet] >= _CLEARLY * of[self.quiet_s // 3600]:
            return False
        old_s, self.quiet_s = self.quiet_s, quiet * 3600
        self.shift = (old_s + BUCKET_S // 2 - self.quiet_s) // BUCKET_S
        assert self.current is not None
        self.current += self.shift
        self._gains = {bucket + self.shift: gain for bucket, gain in self._gains.items()}
        turned = self.shift % 4
        self._times = self._times[-turned:] + self._times[:-turned] if turned else self._times
        self._daily_of = None
        return True

    def _close(self, lines: Iterable[Habits]) -> None:
        assert self.current is not None
        bucket, n = self.current, self._now
        expected = self._expected * self.shape[bucket % WEEK] * self._calibration
        self._gains[bucket] = min(8.0, max(1.0, (n + 20) / (expected + 20)))
        self._gains.pop(bucket - _MEMORY, None)
        ratio = max(0.1, min(4.0, (n + 5) / (expected + 5)))
        self._calibration = min(10.0, max(0.02, self._calibration * exp(0.04 * log(ratio))))
        taught = min(n, 3 * expected + 20) / 4
        self._times = [x * _KEEP for x in self._times]
        self._weekdays = [x * _KEEP for x in self._weekdays]
        self._times[bucket % 4] += taught
        self._weekdays[bucket // 4 % 7] += taught
        times, weekdays = sum(self._times), sum(self._weekdays)
        self.shape = tuple(
            self._times[i % 4] / times * 7 * self._weekdays[i // 4] / weekdays for i in range(WEEK)
        )
        self.night_share = self._times[0] / times
        self._now = 0
        self._daily_of = None
        self.current = bucket + 1
        if self.current % 4 == 0:
            self._sweep(lines)

    def _sweep(self, lines: Iterable[Habits]) -> None:
        """Sum the usual rates of all lines, and learn how much a line that is active sends a day."""
        assert self.current is not None
        now, total, active, settled, daily = self.current, 0.0, 0, 0, 0.0
        for habits in lines:
            age, idle = now - habits.first, now - habits.newest
            if age > WEEK:
                kept = DECAY ** max(0, idle)
                exposure = habits.exposure * kept + (1 - kept) / (1 - DECAY) * 0.25
                total += (PRIOR_MESSAGES + habits.sent * kept) / (
                    PRIOR_MESSAGES / max(0.05, self.prior) + exposure
                )
            if idle < WEEK and age >= 4:
                active += 1
                settled += age >= BUCKETS
                daily += sum(habits.counts[-WEEK:]) / min(7.0, age / 4)
        self._expected = total
        self._settled = [*self._settled, settled][-_RATE_DAYS:]
        # Of the days that are over; a rate of 1 % counts like 200 line-weeks seen.
        self.rise_rate = (sum(self._candidates) + 2) / (sum(self._settled) / 7 + 200)
        self._candidates = [*self._candidates, 0][-_RATE_DAYS:]
        if active > 20:
            self.prior += 0.2 * (daily / active - self.prior)


def rate(habits: Habits, prior: float) -> float:
    """Return the line's usual messages a day: the mean of the gamma posterior."""
    return (PRIOR_MESSAGES + habits.sent) / (PRIOR_MESSAGES / max(0.05, prior) + habits.exposure)


def advance(habits: Habits, bucket: int, cohort: Cohort) -> None:
    """Move the newest bucket of the line's counts forward; what is older than 14 days teaches its usual rate."""
    counts, newest, first = habits.counts, habits.newest, habits.first
    steps = bucket - newest
    size = len(counts)
    # Counts are as long as the line is old, at most BUCKETS: only then does something leave.
    leaving = size + steps - BUCKETS
    sent, exposure, night, day = habits.sent, habits.exposure, habits.night, habits.day
    shape, prior = cohort.shape, cohort.prior
    base = PRIOR_MESSAGES / max(0.05, prior)
    for i in range(min(leaving, size)):
        number = newest - size + 1 + i
        if number < first:
            continue
        share = shape[number % WEEK] * cohort.gain(number)
        n = counts[i]
        sent *= DECAY
        night *= DECAY
        day *= DECAY
        if n:
            usual = (PRIOR_MESSAGES + sent) / (base + exposure) * share
            taught = min(float(n), 4 * usual + 6)
            sent += taught
            if number % 4 == 0:
                night += taught
            else:
                day += taught
        exposure = exposure * DECAY + share
    idle = leaving - size
    if idle > 0:
        kept = DECAY**idle
        sent, night, day = sent * kept, night * kept, day * kept
        exposure = exposure * kept + (1 - kept) / (1 - DECAY) * 0.25
    habits.sent, habits.exposure, habits.night, habits.day = sent, exposure, night, day
    habits.counts = (counts[max(0, leaving) :] if leaving < size else b"") + bytes(min(steps, BUCKETS))
    habits.newest = bucket
