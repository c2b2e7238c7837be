"""What `cem up` shows while it runs."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cem.cli.up.family import backoff_s, ending
from cem.cli.up.lag_meter import Lag, LagMeter
from cem.cli.up.screen import Screen
from cem.cli.up.status import Status, status_line

KEY = ("cem.calls", 0)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_in_a_file_statuses_are_few_and_whole_lines() -> None:
    """A log of `cem up` is readable, and does not fill the disk."""
    now_s, out = 0.0, io.StringIO()
    screen = Screen(out, lambda: now_s)
    for now_s in (0.0, 2.0, 4.0, 9.9, 10.0):
        screen.status(f"at {now_s:g}")
    screen.line("an alert")
    assert out.getvalue().splitlines() == ["at 0", "at 10", "an alert"]


def test_on_a_terminal_the_status_is_rewritten_below_the_lines() -> None:
    """Lines stay, the status moves down."""
    out = Terminal()
    screen = Screen(out, lambda: 0.0)
    screen.status("one")
    screen.line("an alert")
    screen.status("two")
    screen.clear_status()
    screen.line("done")
    clear = "\r\x1b[2K"
    assert out.getvalue() == f"{clear}one{clear}an alert\none{clear}two{clear}done\n"


def test_a_status_line_says_everything_in_one_line() -> None:
    """Simulated time, events, lag, alerts, decisions."""
    line = status_line(
        Status(
            events=12_345,
            events_per_s=67.4,
            lag=Lag(10, 2.4),
            alerts=3,
            decisions=4,
            clock_ms=1_767_225_600_000,
            speed=600,
        )
    )
    assert line == (
        "Thu 2026-01-01 00:00 (x600) | 12,345 events in (+67/s) | lag 10 records, 2 s | 3 alerts | 4 decisions"
    )


def test_unknown_is_left_out_and_trouble_comes_first() -> None:
    """A zero would be a lie."""
    assert status_line(Status()) == "0 alerts"
    assert status_line(Status(lag=Lag(0, 0.0), events=1)) == "1 event in | no lag | 0 alerts"
    assert status_line(Status(trouble="waiting for Redis", events=1)) == "waiting for Redis"


def test_lag_in_seconds_is_the_age_of_the_oldest_unread_record() -> None:
    """Read up to what had arrived at second 10, at second 14: four seconds."""
    meter = LagMeter()
    assert meter.measure(10, {KEY: 100}, {KEY: 100}) == Lag(0, 0.0)
    assert meter.measure(12, {KEY: 200}, {KEY: 100}) == Lag(100, 2)
    assert meter.measure(14, {KEY: 300}, {KEY: 150}) == Lag(150, 4)
    assert meter.measure(16, {KEY: 300}, {KEY: 200}) == Lag(100, 4)
    assert meter.measure(18, {KEY: 300}, {KEY: 300}) == Lag(0, 0.0)


def test_a_lag_older_than_what_was_seen_says_over() -> None:
    """Unknown is not zero: a worker that has read nothing is behind by more than the watch has lasted."""
    meter = LagMeter()
    assert meter.measure(5, {KEY: 9}, {}) == Lag(9, 0, over=True)
    assert meter.measure(7, {KEY: 9}, {}) == Lag(9, 2, over=True)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30))
def test_lag_is_never_negative_and_zero_only_when_all_is_read(steps: list[tuple[int, int]]) -> None:
    """Whatever arrives and is read in between."""
    meter, end, position = LagMeter(), 0, 0
    for n, (arrived, read) in enumerate(steps):
        end, position = end + arrived, min(end + arrived, position + read)
        lag = meter.measure(float(n), {KEY: end}, {KEY: position})
        assert lag.records == end - position
        assert lag.seconds >= 0


@pytest.mark.parametrize(("failures", "pause_s"), [(1, 1), (2, 2), (3, 4), (6, 30), (60, 30)])
def test_restarts_wait_longer_each_time(failures: int, pause_s: float) -> None:
    """Doubling, at most half a minute."""
    assert backoff_s(failures) == pause_s


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "was ended by SIGKILL"), (70, "ended with code 70 (a watchdog"), (17, "ended with code 17")],
)
def test_an_ending_is_put_into_words(code: int, words: str) -> None:
    """Numbers mean little at night."""
    assert ending(code).startswith(words)
