"""Abnormal use of messages over many lines: what is told, once, and in whatever order messages come."""

from __future__ import annotations

import random

import msgspec
import pytest

from cem.domain.detectors.rhythm import exposures
from cem.domain.detectors.sms_watch import Sighting, SmsWatch
from cem.domain.state.rhythm import Rhythm
from cem.domain.thresholds import AlertPolicy

_DAY = 86_400
_START = 20_000 * _DAY

Message = tuple[int, str, str, int, str]


def _ordinary(days: int = 40, lines: int = 30) -> list[Message]:
    """Return lines that send about four messages a day to a few friends, in waking hours."""
    rng = random.Random(5)
    found: list[Message] = []
    for number in range(lines):
        for day in range(days):
            for _ in range(rng.randint(2, 6)):
                t = _START + day * _DAY + rng.randrange(8 * 3600, 22 * 3600)
                found.append((t, f"line{number}", f"friend{rng.randrange(6)}", 5, "onnet"))
    return sorted(found)


def _told(messages: list[Message]) -> list[Sighting]:
    watch = SmsWatch(AlertPolicy())
    return [each for t, line, to, charge, kind in messages for each in watch.see(line, t, to, charge, kind)]


def _kinds(messages: list[Message]) -> list[tuple[str, str]]:
    return [(each.line, each.kind) for each in _told(messages)]


def _added(extra: list[Message]) -> list[Message]:
    return sorted(_ordinary() + extra)


def test_ordinary_use_is_not_told() -> None:
    """Lines that go on as ever give rise to nothing."""
    assert _told(_ordinary()) == []


def test_a_rise_of_days_is_told_while_it_lasts() -> None:
    """A line that sends eight times as much for a week, to more people, is told within that week, of itself only."""
    rng = random.Random(6)
    extra = [
        (
            _START + day * _DAY + rng.randrange(8 * 3600, 22 * 3600),
            "line3",
            f"friend{rng.randrange(12)}",
            5,
            "onnet",
        )
        for day in range(30, 37)
        for _ in range(28)
    ]
    found = [each for each in _told(_added(extra)) if each.kind == "sms_rise"]
    assert {each.line for each in found} == {"line3"}
    assert _START + 30 * _DAY < found[0].at_s < _START + 37 * _DAY
    assert found[0].evidence["messages_3d"] > 4 * found[0].evidence["usual_3d"]  # type: ignore[operator]


def _week(line: str, counts: list[int], first: int = 30) -> list[Message]:
    """Return so many messages a day to a dozen people, from that day on."""
    rng = random.Random(9)
    return [
        (
            _START + (first + i) * _DAY + rng.randrange(8 * 3600, 22 * 3600),
            line,
            f"f{rng.randrange(12)}",
            5,
            "onnet",
        )
        for i, count in enumerate(counts)
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    ("counts", "is_told"),
    [([9, 8, 10, 9, 11, 8, 9], True), ([0, 64, 0, 0, 0, 0, 0], False), ([2] * 7, False)],
)
def test_an_even_rise_says_more_than_as_many_messages_at_once(counts: list[int], is_told: bool) -> None:
    """A quiet line that sends nine messages on each of seven days is told; with all of them on one day it is not."""
    quiet = [(_START + day * _DAY + 50_000, "quiet", "friend", 5, "onnet") for day in range(0, 30, 6)]
    kinds = _kinds(_added([*quiet, *_week("quiet", counts)]))
    assert (("quiet", "sms_rise") in kinds) is is_told


@pytest.mark.parametrize(
    ("a_day", "begins", "is_told"), [(300, 6, True), (30, 6, False), (300, 9, True), (300, 0, True)]
)
def test_a_young_line_that_sends_far_more_than_lines_do_is_told(
    a_day: int, begins: int, is_told: bool
) -> None:
    """From its fourth day on a line is judged by what all lines send, and only a massive rise is told, as an alert."""
    messages = _week("young", [2] * begins + [a_day] * 4, first=20)
    found = [each for each in _told(_added(messages)) if each.line == "young"]
    assert [(each.kind, str(each.tier)) for each in found] == [("sms_rise", "alert")] * is_told


def test_one_wild_day_is_no_rise() -> None:
    """A birthday with sixty messages is not told as a rise."""
    extra = [(_START + 30 * _DAY + 36_000 + 60 * i, "line3", f"friend{i % 6}", 5, "onnet") for i in range(60)]
    assert ("line3", "sms_rise") not in _kinds(_added(extra))


def test_a_burst_is_told_once() -> None:
    """Two hundred strangers within two hours are an alert, and no more."""
    extra = [(_START + 30 * _DAY + 36_000 + 36 * i, "line4", f"stranger{i}", 5, "onnet") for i in range(200)]
    found = [each for each in _told(_added(extra)) if each.line == "line4"]
    assert [(each.kind, str(each.tier)) for each in found] == [("sms_velocity", "alert")]


def test_nights_are_told() -> None:
    """A line that begins to write at three in the morning is told after three nights."""
    extra = [
        (_START + day * _DAY + 3 * 3600 + 300 * i, "line5", f"friend{i % 6}", 5, "onnet")
        for day in range(30, 36)
        for i in range(9)
    ]
    assert ("line5", "sms_night") in _kinds(_added(extra))


def _nights(line: str, hours: int, nights: int, messages: int = 8) -> list[Message]:
    """Return that many messages a night, spread over so many of its hours, one minute apart within them."""
    return [
        (_START + day * _DAY + (i % hours) * 3600 + 60 * i, line, f"friend{i % 6}", 5, "onnet")
        for day in range(30, 30 + nights)
        for i in range(messages)
    ]


@pytest.mark.parametrize(
    ("hours", "nights", "is_told"), [(1, 3, False), (4, 3, True), (2, 3, False), (1, 5, True)]
)
def test_long_chats_past_midnight_are_no_move_into_the_night(hours: int, nights: int, is_told: bool) -> None:
    """Three nights of one long chat each are not told; messages all through them are; a chat every night is a notice."""
    found = [each for each in _told(_added(_nights("line5", hours, nights))) if each.kind == "sms_night"]
    assert bool(found) is is_told
    assert {str(each.tier) for each in found} <= {"alert" if hours > 1 else "notice"}


def test_a_line_of_ten_days_that_writes_at_night_is_told_by_the_cohort() -> None:
    """What is usual at night of a young line is what all lines do."""
    young = [(t - 29 * _DAY, line, to, charge, kind) for t, line, to, charge, kind in _nights("new", 4, 4)]
    shifted = [(t + 20 * _DAY, line, to, charge, kind) for t, line, to, charge, kind in young]
    first = (_START + 11 * _DAY + 36_000, "new", "friend1", 5, "onnet")
    assert ("new", "sms_night") in _kinds(_added([first, *shifted]))


@pytest.mark.parametrize(("messages", "is_told"), [(3, False), (4, True)])
def test_premium_messages_are_told_from_the_fourth_on(messages: int, is_told: bool) -> None:
    """Four premium messages within two days are told, three are not."""
    extra = [(_START + 30 * _DAY + 7200 * i, "line6", "short code", 150, "premium") for i in range(messages)]
    assert (("line6", "sms_money") in _kinds(_added(extra))) is is_told


def test_without_destinations_the_price_says_what_is_beyond_the_tariff() -> None:
    """Charges far above the usual count where the file names no destination."""
    watch = SmsWatch(AlertPolicy())
    plain = [watch.see("a", _START + i * 3600, None, 5, None) for i in range(50)]
    dear = [watch.see("a", _START + 50 * 3600 + i, None, 150, None) for i in range(4)]
    assert not any(plain)
    assert [each.kind for each in dear[-1]] == ["sms_money"]


def test_late_messages_change_nothing() -> None:
    """In order of arrival, some hours late, the same lines are told of the same kinds as in order of time."""
    rng = random.Random(7)
    messages = _added(
        [
            (
                _START + day * _DAY + rng.randrange(8 * 3600, 22 * 3600),
                "line3",
                f"friend{rng.randrange(12)}",
                5,
                "onnet",
            )
            for day in range(30, 38)
            for _ in range(28)
        ]
        + [(_START + 33 * _DAY + 36_000 + 36 * i, "line4", f"stranger{i}", 5, "onnet") for i in range(120)]
    )
    arrived = sorted(messages, key=lambda m: m[0] + (rng.randrange(4 * 3600) if rng.random() < 0.03 else 0))
    assert arrived != messages
    assert sorted(_kinds(arrived)) == sorted(_kinds(messages))


def _late(messages: list[Message], most_s: int, seed: int) -> list[Message]:
    """Return the messages as they arrive if one in five is late by up to so many seconds."""
    rng = random.Random(seed)
    return sorted(messages, key=lambda m: m[0] + (rng.randrange(most_s) if rng.random() < 0.2 else 0))


def _seen(messages: list[Message]) -> tuple[bytes, dict[str, bytes]]:
    """Return what the lane knows of all lines, and each line's days, but for when to look again and what was found last."""
    watch = SmsWatch(AlertPolicy())
    for t, line, to, charge, kind in messages:
        watch.see(line, t, to, charge, kind)
    lines = {}
    for line, kept in watch.lines.items():
        assert kept.habits is not None
        habits = msgspec.structs.replace(kept.habits, judge_at=0, held_day=0)
        lines[line] = msgspec.msgpack.encode(habits)
    return msgspec.msgpack.encode(watch.rhythm), lines


def _sparse(days: int = 45, lines: int = 40) -> list[Message]:
    """Return lines that write at all hours, on some days only, the last of them hardly at all."""
    rng = random.Random(8)
    return sorted(
        (_START + day * _DAY + rng.randrange(_DAY), f"line{number}", f"friend{rng.randrange(6)}", 5, "onnet")
        for number in range(lines)
        for day in range(days)
        if rng.random() < 3 / (3 + number)
        for _ in range(rng.choice((1, 1, 2, 9)))
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_messages_late_by_six_hours_change_nothing_of_what_is_known(seed: int) -> None:
    """What a lane knows, and each line's days, are the same bytes in order of arrival as in order of time."""
    messages = _sparse()
    assert _seen(_late(messages, 6 * 3600, seed)) == _seen(messages)


def test_messages_late_by_days_still_count_for_their_line() -> None:
    """A message that is late by three days is counted on its own day, as long as that is kept."""
    watch = SmsWatch(AlertPolicy())
    for day in (0, 1, 5, 6):
        watch.see("a", _START + day * _DAY + 50_000, "friend", 5, "onnet")
    watch.see("a", _START + 3 * _DAY + 50_000, "friend", 5, "onnet")
    habits = watch.lines["a"].habits
    assert habits is not None
    assert list(habits.days) == [1, 0, 1, 0, 1, 1]


def test_the_state_of_a_line_is_small() -> None:
    """A line of four messages a day takes at most 200 bytes."""
    watch = SmsWatch(AlertPolicy())
    for t, line, to, charge, kind in _ordinary():
        watch.see(line, t, to, charge, kind)
    assert (
        max(len(msgspec.msgpack.encode((each.habits, each.velocity))) for each in watch.lines.values()) <= 200
    )


def test_a_rhythm_of_an_older_version_goes_on() -> None:
    """A lane that has kept its rhythm without what lines tell until noon goes on from what it knows."""
    old = Rhythm(quiet_hour=2, day=20_000, first_day=19_900, review_day=20_003)
    old.weekdays, old.messages, old.at_night = [300.0] * 7, 2100.0, 100.0
    old.sent, old.expected = [0.0] + [100.0] * 20, [0.0] + [50.0] * 20
    old.lines, old.rises, old.hours = [10.0] * 28, [1] * 28, [50] * 24
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(old))[:13]
    watch = SmsWatch(AlertPolicy())
    watch.rhythm = msgspec.msgpack.decode(msgspec.msgpack.encode(fields), type=Rhythm)
    for t, line, to, charge, kind in _ordinary(days=3, lines=3):
        watch.see(line, t, to, charge, kind)
    assert watch.rhythm.day == 20_002
    assert watch.rhythm.messages > 2000
    assert exposures(watch.rhythm, 20_002, 20_002, 7)[-1] > 1.5
