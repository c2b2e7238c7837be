"""Events as JSON lines, so that a file can be sent later.

A line is one CloudEvent in structured mode. Beside the attributes of every record (`sequence`, `recordedtime`) it has
two of its own: `topic` and `key`, which say where the record belongs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from cem.simulator.parameters import DAY_MS
from cem.simulator.world import Produced

__all__ = ["json_lines", "rfc3339"]

_write = msgspec.json.Encoder().encode
_SECONDS_A_DAY: Final = DAY_MS // 1000


@lru_cache(maxsize=1024)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * _SECONDS_A_DAY, tz=UTC).strftime("%Y-%m-%dT")


@lru_cache(maxsize=1)
def _times() -> tuple[str, ...]:
    """Return the text of every second of a day: looking one up takes a fifth of formatting it."""
    return tuple(f"{h:02d}:{m:02d}:{s:02d}" for h in range(24) for m in range(60) for s in range(60))


def rfc3339(at_ms: int) -> str:
    """Return `at_ms` as RFC 3339 in UTC with milliseconds."""
    second, milli = divmod(at_ms, 1000)
    day, second = divmod(second, _SECONDS_A_DAY)
    return f"{_date(day)}{_times()[second]}.{milli:03d}Z"


def json_lines(events: Iterable[Produced]) -> list[bytes]:
    """Return a line for each event, in the same order, each with its newline."""
    times = _times()
    dates: dict[int, str] = {}
    tails: dict[tuple[str, str], tuple[str, str]] = {}
    lines: list[bytes] = []
    for e in events:
        at_ms = e.time_ms
        second, milli = divmod(at_ms, 1000)
        day, second = divmod(second, _SECONDS_A_DAY)
        date = dates.get(day) or dates.setdefault(day, _date(day))
        at = f"{date}{times[second]}.{milli:03d}Z"
        recorded = at if e.recorded_ms == at_ms else rfc3339(e.recorded_ms)
        kind = e.event.TYPE
        found = tails.get((e.source, kind))
        if found is None:
            # What all events of a source and type have in common is put together once.
            found = tails[(e.source, kind)] = (
                f'","source":"{e.source}","type":"{kind}","time":"',
                f'","topic":"{e.topic}","key":"',
            )
        key = e.key
        head = (
            f'{{"specversion":"1.0","id":"{e.id}{found[0]}{at}","subject":"{key}",'
            f'"datacontenttype":"application/json","sequence":"{e.sequence}",'
            f'"recordedtime":"{recorded}{found[1]}{key}","data":'
        )
        lines.append(b"%b%b}\n" % (head.encode(), _write(e.event)))
    return lines
