"""What all lanes heard, by group; and reasons that come up more often than they used to.

A reason emerges if the last 24 hours hold more contacts about it than chance explains, given its own days before: of k
now and b in the D days before, k is binomial with k + b trials and chance 1 / (1 + D) if nothing changed, however large the
rate (Przyborowski and Wilenski 1940). Counts that scatter more from day to day than chance alone lets them are divided
by their dispersion first. The level is shared by all reasons tested (Bonferroni), so that whoever looks once a day is
alarmed falsely about any of them at most once in 1 / `LEVEL` days. Whoever looks all the time (`ALARM_LEVEL`), too: the window
moves on by the hour, and within an hour counts only grow, so a day of looking is 24 looks at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, lgamma, log
from typing import Final

import msgspec

from cem.domain.localtime import DAY_MS, HOUR_MS
from cem.voice.hearing import (
    ALL,
    AREA,
    CONTACTS,
    CSAT_SUM,
    FAULTS,
    PRODUCT,
    RATED,
    REASON,
    REPEATS,
    SEGMENT,
    UNRESOLVED,
    Voice,
    unkeyed,
)

__all__ = ["ALARM_LEVEL", "BY", "LEVEL", "Emerging", "Group", "Report", "chance_of", "emerging", "report"]

#: How groups can be asked for.
BY: Final = {"reason": ALL, "area": AREA, "product": PRODUCT, "segment": SEGMENT}
LEVEL: Final = 0.01
ALARM_LEVEL: Final = LEVEL / 24
#: Days before the last one that a reason is compared with, and how many of them there have to be.
_BASELINE: Final = 28
_LEAST_DAYS: Final = 7
_LEAST_NOW: Final = 5
_TOP: Final = 3


class Group(msgspec.Struct, frozen=True):
    """What was heard from a group. Of a group by reason only its contacts are counted."""

    name: str
    contacts: int
    unresolved: int
    repeats: int
    faults: int
    #: Survey answers, and their mean (1 to 5); None: nobody answered.
    rated: int
    csat: float | None
    #: The most frequent reasons with their contacts.
    reasons: dict[str, int]


class Emerging(msgspec.Struct, frozen=True):
    """A reason that comes up more than it used to."""

    reason: str
    contacts_24h: int
    #: How many contacts a day there were before.
    usual: float
    #: How probable so many are if nothing has changed.
    chance: float


class Report(msgspec.Struct, frozen=True):
    """The voice of the customers over a window."""

    by: str
    #: 1: the last 24 hours, exact to the hour; 7: today and the six days before (UTC).
    days: int
    all: Group
    #: The most contacts first.
    groups: list[Group]
    emerging: list[Emerging]


def report(voices: Sequence[Voice], by: str, days: int, now_ms: int) -> Report:
    """Return what all lanes heard, by one of BY, in the last day (1) or seven."""
    cells: dict[tuple[int, str, int, str], int] = {}
    for voice in voices:
        for bucket in _buckets(voice, days, now_ms):
            for key, count in bucket.items():
                kind, group, what, reason = unkeyed(key)
                place = (kind, voice.names[group], what, voice.names[reason] if what == REASON else "")
                cells[place] = cells.get(place, 0) + count
    everybody = _group(cells, ALL, "unsaid", "all")
    if by == "reason":
        groups = [Group(name, n, 0, 0, 0, 0, None, {}) for name, n in _reasons(cells, ALL, "unsaid").items()]
    else:
        names = sorted({group for kind, group, _, _ in cells if kind == BY[by]})
        groups = [_group(cells, BY[by], name, name) for name in names]
    groups.sort(key=lambda g: (-g.contacts, -g.faults, g.name))
    return Report(by, days, everybody, groups, emerging(voices, now_ms))


def _buckets(voice: Voice, days: int, now_ms: int) -> Iterable[dict[int, int]]:
    if days == 1:
        hour = now_ms // HOUR_MS
        return [bucket for h, bucket in voice.hours.items() if hour - 24 < h <= hour]
    day = now_ms // DAY_MS
    return [bucket for d, bucket in voice.days.items() if day - days < d <= day]


def _reasons(cells: dict[tuple[int, str, int, str], int], kind: int, group: str) -> dict[str, int]:
    found = {r: n for (k, g, what, r), n in cells.items() if k == kind and g == group and what == REASON}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _group(cells: dict[tuple[int, str, int, str], int], kind: int, group: str, name: str) -> Group:
    def counted(what: int) -> int:
        return cells.get((kind, group, what, ""), 0)

    rated = counted(RATED)
    reasons = _reasons(cells, kind, group)
    return Group(
        name,
        counted(CONTACTS),
        counted(UNRESOLVED),
        counted(REPEATS),
        counted(FAULTS),
        rated,
        round(counted(CSAT_SUM) / rated, 2) if rated else None,
        {reason: reasons[reason] for reason in list(reasons)[:_TOP]},
    )


def emerging(voices: Sequence[Voice], now_ms: int, level: float = LEVEL) -> list[Emerging]:
    """Return the reasons of the last 24 hours that are improbable after the days before, the least probable first."""
    hour, today = now_ms // HOUR_MS, now_ms // DAY_MS
    recent: dict[str, int] = {}
    before: dict[str, dict[int, int]] = {}
    first = today
    for voice in voices:
        for h, bucket in voice.hours.items():
            if hour - 24 < h <= hour:
                for reason, n in _said(voice, bucket):
                    recent[reason] = recent.get(reason, 0) + n
        for d, bucket in voice.days.items():
            # Yesterday may be in the last 24 hours.
            if today - 2 - _BASELINE < d <= today - 2:
                first = min(first, d)
                for reason, n in _said(voice, bucket):
                    by_day = before.setdefault(reason, {})
                    by_day[d] = by_day.get(d, 0) + n
    span = today - 1 - first
    if span < _LEAST_DAYS:
        return []
    found = []
    for reason, now in sorted(recent.items()):
        counts = [before.get(reason, {}).get(d, 0) for d in range(first, today - 1)]
        chance = chance_of(now, counts)
        if now >= _LEAST_NOW and chance * len(recent) < level:
            found.append(Emerging(reason, now, round(sum(counts) / span, 2), chance))
    return sorted(found, key=lambda e: (e.chance, e.reason))


def _said(voice: Voice, bucket: dict[int, int]) -> Iterable[tuple[str, int]]:
    for key, n in bucket.items():
        kind, _, what, reason = unkeyed(key)
        if kind == ALL and what == REASON and reason and voice.names[reason] != "unsaid":
            yield voice.names[reason], n


def chance_of(now: int, before: Sequence[int]) -> float:
    """Return how probable at least `now` are after these daily counts, if nothing has changed."""
    days, total = len(before), sum(before)
    mean = total / days
    spread = sum((n - mean) ** 2 for n in before) / (days - 1) / mean if total and days > 1 else 1.0
    dispersion = max(1.0, spread)
    k, n = int(now / dispersion), int(now / dispersion) + round(total / dispersion)
    return _binomial_tail(k, n, 1 / (1 + days))


def _binomial_tail(k: int, n: int, p: float) -> float:
    """Return P(X >= k) of a binomial; summed from k on, to relative 1e-12."""
    if k <= 0:
        return 1.0
    if k > n:
        return 0.0
    term = exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log(1 - p))
    total = 0.0
    for i in range(k, n + 1):
        total += term
        if i >= n * p and term < total * 1e-12:
            break
        term *= (n - i) / (i + 1) * p / (1 - p)
    return min(1.0, total)
