"""Burrow's verdicts over windows of looks."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from cem.streams.lag_verdict import Sample, catch_up_s, judge

NOW_MS = 1_772_438_400_000


def looks(*rows: tuple[float, int, int], age_s: float | None = 60.0) -> list[Sample]:
    """Return looks (seconds, position, end); the last one's oldest unread record has waited for `age_s`."""
    samples = []
    for at_s, position, end in rows:
        at_ms = NOW_MS + int(at_s * 1000)
        oldest_ms = None if age_s is None or position >= end else at_ms - int(age_s * 1000)
        samples.append(Sample(at_ms, position, max(0, end - position), oldest_ms))
    return samples


CASES: list[tuple[str, list[Sample], dict[str, Any], str, str]] = [
    ("all is read", looks((0, 5, 9), (1, 9, 9)), {}, "ok", "read to its end"),
    ("all is read, though nobody is there", looks((0, 9, 9), (1, 9, 9)), {"owned": False}, "ok", "read to its end"),
    ("nobody has it", looks((0, 5, 9), (1, 5, 9)), {"owned": False}, "stop", "no member of the group has it; 4 records wait, the oldest for 60 s"),
    ("seen once, nobody has it", looks((0, 5, 9)), {"owned": False}, "stop", "no member"),
    ("its reader left a moment after it moved", looks((0, 2, 9), (1, 5, 9)), {"owned": False}, "ok", "catches up"),
    ("silent for longer than it was alive", looks((0, 1, 9), (5, 5, 9), (30, 5, 9)), {}, "stop", "whoever read it has stopped"),
    ("silent for less long than it was alive", looks((0, 1, 9), (60, 5, 9), (90, 5, 9)), {}, "stall", "has not moved for 30 s"),
    ("silent, but it was read to its end meanwhile", looks((0, 1, 5), (5, 5, 5), (30, 5, 9), age_s=10), {}, "ok", "was read to its end 25 s ago"),
    ("silent, and a member has it", looks((0, 5, 9), (30, 5, 12)), {"owned": True}, "stall", "has not moved for 30 s; 7 records wait"),
    ("still for less than the limit", looks((0, 1, 9), (5, 5, 9), (15, 5, 9)), {"owned": True}, "ok", "catches up"),
    ("a backlog whose position has not moved in a short look", looks((0, 5, 9), (1, 5, 9)), {"owned": True}, "warn", "did not move in the 1.0 s it was watched"),
    ("a record that has just come in", looks((0, 5, 9), (30, 5, 9), age_s=2.0), {"owned": True}, "ok", "keeps up"),
    ("age unknown, still for long", looks((0, 5, 9), (30, 5, 9), age_s=None), {"owned": True}, "stall", "for how long is not known"),
    ("went back", looks((0, 50, 90), (1, 20, 90), (2, 30, 90)), {"owned": True}, "rewind", "went back from offset 50 and has come again to 30"),
    ("went back and caught up with itself", looks((0, 50, 90), (1, 20, 90), (2, 50, 90)), {"owned": True}, "ok", "advances"),
    ("went back, and nobody has it", looks((0, 50, 90), (1, 20, 90), (2, 20, 90)), {"owned": False}, "stop", "no member"),
    ("falls behind", looks((0, 1, 9), (5, 2, 12), (9, 3, 20)), {"owned": True}, "warn", "falls behind although it advances: 9 more than 9.0 s ago"),
    ("grew, but fell once on the way", looks((0, 1, 9), (5, 6, 9), (9, 8, 20)), {"owned": True}, "ok", "advances"),
    ("lag stays the same", looks((0, 1, 9), (5, 2, 10)), {"owned": True}, "ok", "advances as fast as records come in"),
    ("catches up", looks((0, 0, 100), (10, 60, 110)), {"owned": True}, "ok", "catches up, in about 10 s"),
    ("seen once", looks((0, 5, 9)), {"owned": True}, "warn", "seen only once"),
    ("was read to its end in the window, and falls behind now", looks((0, 9, 9), (5, 10, 12), (9, 11, 20)), {"owned": True}, "ok", "was read to its end 9.0 s ago"),
    ("paused with records waiting", looks((0, 5, 9), (1, 5, 9)), {"owned": True, "paused": "100 in a row"}, "stall", "paused: 100 in a row; 4 records wait"),
    ("paused with nothing waiting", looks((0, 9, 9)), {"owned": True, "paused": "100 in a row"}, "warn", "paused: 100 in a row; nothing waits yet"),
    ("its lane is stopped", looks((0, 9, 9)), {"stopped": "the log was cut"}, "stall", "the lane is stopped: the log was cut"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("samples", "facts", "verdict", "reason"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_verdicts(samples: list[Sample], facts: dict[str, Any], verdict: str, reason: str) -> None:
    """Each rule gives its verdict with a sentence that names what was seen."""
    found = judge(samples, **facts)
    assert (found[0], reason in found[1]) == (verdict, True), found


def test_a_stall_is_seen_within_half_a_minute_whatever_came_before() -> None:
    """Ten minutes of good work do not hide that a lane stands still now."""
    moving = [(5.0 * n, 100 * n, 100 * n + 50) for n in range(120)]
    at_s, position, end = moving[-1]
    still = [(at_s + 5.0 * n, position, end + 10 * n) for n in range(1, 6)]
    samples = looks(*moving, *still, age_s=25.0)
    assert judge(samples[:-2], owned=True)[0] != "stall"
    assert judge(samples, owned=True)[0] == "stall"


@pytest.mark.parametrize(
    ("samples", "left_s"),
    [
        (looks((0, 0, 100), (10, 60, 110)), 10.0),
        (looks((0, 0, 100), (10, 100, 100)), 0.0),
        (looks((0, 0, 100), (10, 5, 110)), inf),
        (looks((0, 0, 100)), None),
    ],
)
def test_the_time_to_catch_up(samples: list[Sample], left_s: float | None) -> None:
    """What is left is divided by how much faster it is read than it comes; never, when it is not faster."""
    assert catch_up_s(samples) == left_s


def test_catch_up_is_right_within_a_fifth_for_steady_rates() -> None:
    """A partition that reads 300 a second while 120 come in is through when the estimate says so."""
    samples = looks(*((float(s), 300 * s, 9_000 + 120 * s) for s in range(11)))
    through_s = 9_000 / (300 - 120)
    estimate_s = catch_up_s(samples)
    assert estimate_s is not None
    assert abs(10 + estimate_s - through_s) <= 0.2 * through_s
