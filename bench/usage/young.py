"""Massive rises of lines that are new: five days of many messages, from the second to ninth day of a real line on.

Such a line has no usual use that it could be compared with. Nothing else is injected, so a rise that is told of any other
young line is false.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from bench.common import Row
from bench.usage.events import DAY_S, HOUR_S, Label, Message, Scene, in_arrival_order
from bench.usage.inject import quiet_hour
from cem.domain.detectors.sms_change import RISE

__all__ = ["rows_of", "young"]

_DAYS = 5
_YOUNG_S = 14 * DAY_S
#: Messages of a conversation, in the mean.
_TALK = 4


def young(
    real: Sequence[tuple[int, str, str]], seed: int, a_day: int, *, name: str, lines: int = 60
) -> Scene:
    """Return the stream (t, sender, recipient) with a rise to about `a_day` messages a day on `lines` young lines."""
    rng = random.Random(f"young {seed} {a_day}")
    quiet_s = quiet_hour(t for t, _, _ in real) * HOUR_S
    people: dict[str, list[str]] = defaultdict(list)
    first: dict[str, int] = {}
    for t, line, recipient in real:
        first.setdefault(line, t)
        people[line].append(recipient)
    last_s = real[-1][0] - _YOUNG_S
    pool = sorted(line for line, t in first.items() if t < last_s and len(people[line]) >= 8)
    seconds = [(t - quiet_s) % DAY_S for t, _, _ in real]
    messages = [Message(*each) for each in real]
    labels = []
    for line in rng.sample(pool, lines):
        begin = first[line] + rng.randint(1, 8) * DAY_S
        begin -= begin % DAY_S - quiet_s
        to = [*people[line], *(f"x{rng.randrange(10**9)}" for _ in range(6))]
        times: list[int] = []
        for day in range(_DAYS):
            left = round(a_day * rng.gammavariate(4, 0.25))
            while left > 0:
                t, recipient = begin + day * DAY_S + rng.choice(seconds), rng.choice(to)
                talk = min(left, 1 + int(rng.expovariate(1 / (_TALK - 1))))
                left -= talk
                for _ in range(talk):
                    times.append(t)
                    messages.append(Message(t, line, recipient))
                    t += 10 + int(rng.expovariate(1 / 90))
        times.sort()
        labels.append(Label(line, times[0], times[-1], "rise_young", "abuse", {"a_day": a_day}, times))
    rows = in_arrival_order(messages, rng)
    meta = {"seed": seed, "a_day": a_day, "lines": lines}
    return Scene(name, rows, sorted(labels, key=lambda x: (x.start, x.line)), meta)


def rows_of(a_day: int, scenes: Sequence[tuple[Scene, Sequence[tuple[int, str, str, str]]]]) -> list[Row]:
    """Return which share was told in time, by whatever detector, how soon, and how many other young lines' rises were.

    With each scene what was told of it: (time, line, kind, tier).
    """
    found: list[int] = []
    episodes = others = 0
    for scene, told in scenes:
        first: dict[str, int] = {}
        for _, message in scene.rows:
            first[message.line] = min(message.t, first.get(message.line, message.t))
        labels = {label.line: label for label in scene.labels}
        episodes += len(labels)
        heard: dict[str, int] = {}
        for at, line, kind, _ in told:
            label = labels.get(line)
            if label is None:
                others += kind == RISE and at - first[line] < _YOUNG_S
            elif label.start <= at <= label.end + DAY_S:
                heard[line] = min(at, heard.get(line, at))
        found += [(at - labels[line].start) // DAY_S + 1 for line, at in heard.items()]
    prefix = f"young lines, {a_day} a day: "
    rows = [
        Row(f"{prefix}told", round(len(found) / episodes, 3), "share"),
        Row(f"{prefix}rises told of other young lines", others, "lines"),
    ]
    if found:
        rows.insert(
            1, Row(f"{prefix}day in which it was told, median", sorted(found)[len(found) // 2], "day")
        )
    return rows
