"""Episodes injected into a real stream of messages, seeded: abuse to be found, and what looks like it and is none.

Kinds and parameters follow the field's cases: a compromised or lent phone (sustained rise, at once or gradually), an
SMS worm (burst), premium and roaming traps, use that moves into the night; benign are a holiday and exam weeks of
everybody, new lines, one busy day, a premium message once. One abuse episode a line at most.
"""

from __future__ import annotations

import bisect
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from bench.usage.events import DAY_S, HOUR_S, Label, Message, Scene, in_arrival_order

__all__ = ["inject", "quiet_hour"]

_QUIET_HOURS = 6
#: Messages of a conversation, in the mean.
_TALK = 4
_WEEK_S = 7 * DAY_S
_MONTH_S = 28 * DAY_S


class _Line:
    """A line's real messages."""

    def __init__(self, name: str, sent: list[tuple[int, str]]) -> None:
        self.name = name
        self.times = [t for t, _ in sent]
        self.recipients = [r for _, r in sent]

    def between(self, start: int, end: int) -> range:
        """Return the indices of the messages in [start, end)."""
        return range(bisect.bisect_left(self.times, start), bisect.bisect_left(self.times, end))

    def rate(self, at: int) -> float:
        """Return messages a day in the 28 days before, or as long as the line is there."""
        days = min(_MONTH_S, max(DAY_S, at - self.times[0])) / DAY_S
        return len(self.between(at - _MONTH_S, at)) / days


class _Injector:
    def __init__(self, real: Sequence[tuple[int, str, str]], seed: int) -> None:
        self.rng = random.Random(f"inject {seed}")
        by_line: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for t, line, recipient in real:
            by_line[line].append((t, recipient))
        self.lines = {name: _Line(name, sent) for name, sent in sorted(by_line.items())}
        self.first, self.last = real[0][0], real[-1][0]
        self.quiet = quiet_hour(t for t, _, _ in real)
        self.moved: dict[tuple[str, int], int] = {}
        self.dropped: dict[tuple[str, int], bool] = {}
        self.added: list[Message] = []
        self.labels: list[Label] = []
        self.used: dict[str, bool] = {}

    # ---- what is abnormal -------------------------------------------------------------------------------------

    def abuse(self, per_tercile: int) -> None:
        """Inject `per_tercile` episodes of each kind into lines of each tercile of use."""
        known = [
            x for x in self.lines.values() if len(x.times) >= 8 and x.times[-1] - x.times[0] >= 18 * DAY_S
        ]
        known.sort(key=lambda x: (len(x.times) / (x.times[-1] - x.times[0] + _WEEK_S), x.name))
        third = len(known) // 3
        for tercile in range(3):
            pool = known[tercile * third : (tercile + 1) * third]
            self.rng.shuffle(pool)
            for kind in ("night", "rise_sudden", "rise_gradual", "burst", "premium"):
                wanted = 0 if kind == "night" and tercile == 0 else per_tercile
                if kind == "night" and tercile == 2:
                    wanted *= 2
                for line in pool:
                    if wanted == 0:
                        break
                    if line.name in self.used:
                        continue
                    start = self._start(line)
                    if start is not None and getattr(self, f"_{kind}")(line, start, tercile):
                        self.used[line.name] = True
                        wanted -= 1

    def _start(self, line: _Line) -> int | None:
        """Return a moment in the line's active life, with at least 14 days of history before it."""
        low, high = line.times[0] + 14 * DAY_S, min(line.times[-1], self.last - 3 * DAY_S)
        return self.rng.randrange(low, high) if high > low else None

    def _rise_sudden(self, line: _Line, start: int, tercile: int) -> bool:
        return self._rise(line, start, tercile, "rise_sudden", self.rng.randint(3, 14), 0.0)

    def _rise_gradual(self, line: _Line, start: int, tercile: int) -> bool:
        return self._rise(line, start, tercile, "rise_gradual", self.rng.randint(6, 14), 0.6)

    def _rise(self, line: _Line, start: int, tercile: int, kind: str, days: int, ramp: float) -> bool:
        rng = self.rng
        factor = _log_uniform(rng, 3, 10)
        base = max(line.rate(start), 2.0)
        start -= start % DAY_S - self.quiet * HOUR_S
        past = line.between(0, start)
        if not past:
            return False
        strangers = [self._stranger() for _ in range(6)]
        times: list[int] = []
        for day in range(days):
            share = min(1.0, (day + 0.5) / (ramp * days)) if ramp else 1.0
            wanted = (factor - 1) * base * share * rng.gammavariate(4, 0.25)
            left = _rounded(rng, wanted)
            while left > 0:
                seconds = (line.times[rng.choice(past)] - self.quiet * HOUR_S) % DAY_S
                t = start + day * DAY_S + seconds
                to = line.recipients[rng.choice(past)] if rng.random() < 0.8 else rng.choice(strangers)
                talk = min(left, _geometric(rng, _TALK))
                left -= talk
                for _ in range(talk):
                    self._send(times, t, line.name, to)
                    t += 10 + int(rng.expovariate(1 / 90))
        self._label(line, start, kind, tercile, times, factor=round(factor, 2), days=days)
        return bool(times)

    def _burst(self, line: _Line, start: int, tercile: int) -> bool:
        rng = self.rng
        messages, seconds = round(_log_uniform(rng, 50, 500)), int(rng.uniform(1, 8) * HOUR_S)
        distinct = max(1, round(messages * rng.uniform(0.7, 1.0)))
        strangers = [self._stranger() for _ in range(distinct)]
        to = strangers + [rng.choice(strangers) for _ in range(messages - distinct)]
        rng.shuffle(to)
        times: list[int] = []
        for recipient in to:
            self._send(times, start + rng.randrange(seconds), line.name, recipient)
        self._label(line, start, "burst", tercile, times, distinct=distinct)
        return True

    def _premium(self, line: _Line, start: int, tercile: int) -> bool:
        rng = self.rng
        is_roaming = rng.random() < 0.5
        a_day, prices = ((5, 15), (0.4, 1.0)) if is_roaming else ((2, 8), (1.5, 5.0))
        days, to = rng.randint(2, 10), [self._stranger() for _ in range(rng.randint(1, 3))]
        price = rng.uniform(*prices)
        times: list[int] = []
        for day in range(days):
            for _ in range(rng.randint(*a_day)):
                t = start + day * DAY_S + rng.randrange(DAY_S)
                self._send(times, t, line.name, rng.choice(to), price, "roaming" if is_roaming else "premium")
        self._label(line, start, "premium", tercile, times, is_roaming=is_roaming)
        return True

    def _night(self, line: _Line, start: int, tercile: int) -> bool:
        rng = self.rng
        days, share = rng.randint(3, 14), rng.uniform(0.6, 0.9)
        start -= start % DAY_S - self.quiet * HOUR_S
        end = start + days * DAY_S
        own = list(line.between(start, end))
        chosen = [i for i in own if rng.random() < share]
        if len(chosen) < 15:
            return False
        volume = rng.uniform(1, 1.5)
        times: list[int] = []
        for i in chosen:
            t = self._at_night(line.times[i])
            self.moved[line.name, i] = t
            times.append(t)
        for i in (rng.choice(own) for _ in range(round((volume - 1) * len(own)))):
            at = self._at_night(line.times[i]) if rng.random() < share else line.times[i] + rng.randrange(300)
            self._send(times, at, line.name, line.recipients[i])
        self._label(line, start, "night", tercile, times, share=round(share, 2), days=days)
        return True

    def _at_night(self, t: int) -> int:
        """Return a moment in the quiet hours of the day (that begins with them) of `t`."""
        begin = t - (t - self.quiet * HOUR_S) % DAY_S
        return begin + self.rng.randrange(_QUIET_HOURS * HOUR_S)

    # ---- what only looks so -----------------------------------------------------------------------------------

    def benign(self, each: int) -> None:
        """Inject a holiday, exam days of everybody, `each` new lines, busy days and single premium messages."""
        span = self.last - self.first
        holiday = self.first + int(span * self.rng.uniform(0.35, 0.5))
        self._holiday(holiday - holiday % DAY_S + self.quiet * HOUR_S)
        exam = self.first + int(span * self.rng.uniform(0.6, 0.75))
        self._exam(exam - exam % DAY_S + self.quiet * HOUR_S)
        free = [x for x in self.lines.values() if x.name not in self.used and len(x.times) >= 8]
        self.rng.shuffle(free)
        for line in free[:each]:
            self._one_day(line)
        for line in free[each : 2 * each]:
            at = self.rng.choice(line.times)
            times: list[int] = []
            for _ in range(self.rng.randint(1, 2)):
                price, to = self.rng.uniform(1.5, 5), self._stranger()
                self._send(times, at + self.rng.randrange(DAY_S), line.name, to, price, "premium")
            self._label(line, at, "premium_oneoff", None, times, label="benign")
        busy = sorted(self.lines.values(), key=lambda x: -len(x.times))[: 4 * each]
        for number, line in enumerate(self.rng.sample(busy, min(each, len(busy)))):
            self._new_line(line, f"new{number}")
        self._background()

    def _holiday(self, start: int) -> None:
        times: list[int] = []
        for line in self.lines.values():
            recent = line.between(start - 14 * DAY_S, start)
            if not recent:
                continue
            extra = (self.rng.uniform(2, 5) - 1) * max(line.rate(start), 1.0)
            for _ in range(_rounded(self.rng, extra)):
                to = self._stranger() if self.rng.random() < 0.3 else line.recipients[self.rng.choice(recent)]
                seconds = (line.times[self.rng.choice(recent)] - self.quiet * HOUR_S) % DAY_S
                self._send(times, start + seconds, line.name, to)
        self.labels.append(Label("*", start, start + DAY_S, "holiday", "benign"))

    def _exam(self, start: int) -> None:
        times: list[int] = []
        for line in self.lines.values():
            if self.rng.random() >= 0.6:
                continue
            for i in line.between(start, start + 5 * DAY_S):
                if (line.name, i) not in self.moved and self.rng.random() < 0.7:
                    self.dropped[line.name, i] = True
            for i in line.between(start + 5 * DAY_S, start + 7 * DAY_S):
                self._send(times, line.times[i] + self.rng.randrange(1, 600), line.name, line.recipients[i])
        self.labels.append(Label("*", start, start + _WEEK_S, "exam", "benign"))

    def _one_day(self, line: _Line) -> None:
        rng = self.rng
        at = rng.choice(line.times)
        start = at - at % DAY_S + self.quiet * HOUR_S
        people = [self._stranger() for _ in range(rng.randint(10, 25))]
        messages, late = rng.randint(15, 40), rng.random() < 0.5
        times: list[int] = []
        for i in range(max(messages, len(people))):
            to = people[i] if i < len(people) else rng.choice(people)
            hours = (18, 30) if late and i % 2 else (8, 18)
            self._send(times, start + int(rng.uniform(*hours) * HOUR_S), line.name, to)
        self._label(line, start, "one_day", None, times, label="benign")

    def _new_line(self, line: _Line, name: str) -> None:
        """Clone the line's best 28 days as a line that begins somewhere else in time."""
        begin = max(line.times, key=lambda t: len(line.between(t, t + _MONTH_S)))
        weeks = max(0, (self.last - _MONTH_S - self.first) // _WEEK_S)
        shift = self.first + self.rng.randint(0, weeks) * _WEEK_S - begin
        shift += -shift % _WEEK_S
        times: list[int] = []
        for i in line.between(begin, begin + _MONTH_S):
            if self.rng.random() < min(1.0, 0.1 + 0.9 * (line.times[i] - begin) / (14 * DAY_S)):
                self._send(times, line.times[i] + shift, name, f"{name}:{line.recipients[i]}")
        if times:
            self.labels.append(Label(name, min(times), max(times), "new_line", "benign"))

    def _background(self) -> None:
        for line in self.lines.values():
            if self.rng.random() >= 0.08:
                continue
            t, service = line.times[0], self._stranger()
            while (t := t + int(self.rng.expovariate(0.5 / _WEEK_S))) < line.times[-1]:
                self.added.append(Message(t, line.name, service, self.rng.uniform(0.5, 2), "premium"))

    # ---- what is common ---------------------------------------------------------------------------------------

    def _stranger(self) -> str:
        return f"x{self.rng.randrange(10**9)}"

    def _send(
        self, times: list[int], t: int, line: str, to: str, charge: float = 0.05, kind: str = "ordinary"
    ) -> None:
        times.append(t)
        self.added.append(Message(t, line, to, charge, kind))

    def _label(
        self,
        line: _Line,
        start: int,
        kind: str,
        tercile: int | None,
        times: list[int],
        label: str = "abuse",
        **params: object,
    ) -> None:
        if not times:
            return
        times.sort()
        about = {
            "tercile": tercile,
            "history_days": round((start - line.times[0]) / DAY_S, 1),
            "base_rate": round(line.rate(start), 2),
            "params": params,
        }
        self.labels.append(Label(line.name, min(start, times[0]), times[-1], kind, label, about, times))

    def messages(self) -> list[Message]:
        """Return all messages, real and injected."""
        kept = [
            Message(self.moved.get((name, i), t), name, line.recipients[i])
            for name, line in self.lines.items()
            for i, t in enumerate(line.times)
            if (name, i) not in self.dropped
        ]
        return kept + self.added


def inject(
    real: Sequence[tuple[int, str, str]], seed: int, *, name: str, per_tercile: int = 10, benign: int = 10
) -> Scene:
    """Return the stream (t, sender, recipient) with episodes in it; `per_tercile` 0 injects no abuse."""
    injector = _Injector(real, seed)
    if per_tercile:
        injector.abuse(per_tercile)
    if benign:
        injector.benign(benign)
    rows = in_arrival_order(injector.messages(), injector.rng)
    kinds = Counter(label.kind for label in injector.labels)
    meta = {"seed": seed, "quiet_hour": injector.quiet, "per_tercile": per_tercile, "episodes": dict(kinds)}
    return Scene(name, rows, sorted(injector.labels, key=lambda x: (x.start, x.line)), meta)


def quiet_hour(times: Iterable[int]) -> int:
    """Return the hour of the day (UTC) at which the population's quietest six begin."""
    counts = Counter(t // HOUR_S % 24 for t in times)
    return min(range(24), key=lambda h: (sum(counts[(h + i) % 24] for i in range(_QUIET_HOURS)), h))


def _log_uniform(rng: random.Random, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _geometric(rng: random.Random, mean: float) -> int:
    count = 1
    while rng.random() > 1 / mean:
        count += 1
    return count


def _rounded(rng: random.Random, value: float) -> int:
    return int(value) + (rng.random() < value % 1)
