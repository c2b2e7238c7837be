"""How good alerts about lines are, by the labels of what was abuse. Pure.

An alert between the start and 24 hours after the end of an abuse row of its line is a hit the first time and neutral
after that; every other alert is false. Rates are per 1,000 line-weeks; a line's are (last - first) / 7 days + 1.
"""

from __future__ import annotations

import bisect
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

__all__ = ["Episode", "Told", "measures", "read_labels"]

_DAY_S = 86_400
_WEEK_S = 7 * _DAY_S


class Told(msgspec.Struct, frozen=True):
    """An alert: line, Unix seconds, kind, tier, what was found."""

    line: str
    at: int
    kind: str
    tier: str
    evidence: dict[str, Any]


class Episode(msgspec.Struct, frozen=True):
    """A row of the labels, in Unix seconds. Line "*" is everybody."""

    line: str
    start: float
    end: float
    kind: str
    label: str


def read_labels(text: str, name: str) -> list[Episode]:
    """Return the rows that have a `label`; raises ValueError that names the line of one that cannot be used."""
    found: list[Episode] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line)
            if not isinstance(row, dict):
                raise ValueError("a row is an object")
            if "label" not in row:
                continue
            episode = msgspec.convert({**row, "line": str(row.get("line"))}, Episode)
        except (msgspec.MsgspecError, ValueError) as error:
            raise ValueError(f"{name}:{number}: {error}") from None
        if episode.label not in ("abuse", "benign"):
            raise ValueError(f"{name}:{number}: label is abuse or benign, not {episode.label!r}")
        found.append(episode)
    return found


def measures(
    alerts: Sequence[Told], labels: Sequence[Episode], times: Mapping[str, Sequence[int]]
) -> dict[str, dict[str, Any]]:
    """Return the measures of each tier; `times` are the lines' messages (Unix s, ascending). Notice counts both tiers."""
    abuse: dict[str, list[tuple[int, Episode]]] = defaultdict(list)
    kinds: Counter[str] = Counter()
    for number, episode in enumerate(labels):
        if episode.label == "abuse":
            kinds[episode.kind] += 1
            abuse[episode.line].append((number, episode))
    line_weeks = sum((sent[-1] - sent[0]) / _WEEK_S + 1 for sent in times.values())
    return {
        tier: _tier(
            [each for each in alerts if tier == "notice" or each.tier == tier],
            abuse,
            kinds,
            times,
            line_weeks,
        )
        for tier in ("alert", "notice")
    }


def _tier(
    alerts: Sequence[Told],
    abuse: Mapping[str, list[tuple[int, Episode]]],
    kinds: Counter[str],
    times: Mapping[str, Sequence[int]],
    line_weeks: float,
) -> dict[str, Any]:
    hits: dict[int, tuple[Episode, int]] = {}
    false: Counter[str] = Counter()
    for told in sorted(alerts, key=lambda each: each.at):
        open_now = [(n, e) for n, e in abuse.get(told.line, ()) if e.start <= told.at <= e.end + _DAY_S]
        if not open_now:
            false[told.kind] += 1
        for number, episode in open_now:
            hits.setdefault(number, (episode, told.at))
    hit_kinds = Counter(episode.kind for episode, _ in hits.values())
    delays: dict[str, list[float]] = defaultdict(list)
    messages: dict[str, list[int]] = defaultdict(list)
    for episode, at in hits.values():
        sent = times.get(episode.line, ())
        delays[episode.kind].append((at - episode.start) / 3600)
        messages[episode.kind].append(bisect.bisect_right(sent, at) - bisect.bisect_left(sent, episode.start))
    false_count = false.total()
    return {
        "recall": _share(len(hits), kinds.total()),
        "recall_by_kind": {kind: _share(hit_kinds[kind], kinds[kind]) for kind in sorted(kinds)},
        "precision": _share(len(hits), len(hits) + false_count),
        "false_per_1000_line_weeks": _share(1000 * false_count, line_weeks),
        "false_by_detector": {kind: _share(1000 * n, line_weeks) for kind, n in sorted(false.items())},
        "delay_h": _median([delay for each in delays.values() for delay in each]),
        "delay_messages": _median([count for each in messages.values() for count in each]),
        "delay_h_by_kind": {kind: _median(delays[kind]) for kind in sorted(delays)},
        "delay_messages_by_kind": {kind: _median(messages[kind]) for kind in sorted(messages)},
        "line_weeks": round(line_weeks, 1),
    }


def _median(values: Sequence[float]) -> float | None:
    return round(statistics.median(values), 2) if values else None


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None
