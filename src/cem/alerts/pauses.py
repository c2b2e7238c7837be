"""Which types of alert are paused: those of which the ledger knows that telling avoids no calls, unless people differ.

A type whose interval of calls avoided lies at or below zero pauses: all but a few customers are held out of it. Those
few are compared with the others still, so when the interval reaches above zero again the type goes on, by the same
rule. Pure; who judges and who hears of it: `cem.bootstrap.judge`, `cem.bootstrap.brakes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from cem.alerts.ledger import LedgerRow
from cem.domain.alert_types import ALERT_TYPES
from cem.domain.detectors import outage
from cem.domain.events import ControlTellingJudged, ControlTellingRuled, Event
from cem.domain.events.enums import Ruling

__all__ = ["COMPARED", "PREFIXES", "Pause", "Tellings", "judgements"]

#: Of the keys of the records on `cem.control` that `Tellings` takes.
PREFIXES: Final = ("judged:", "ruled:")
#: Types of which customers can be held out; an area's alert is told to operations.
COMPARED: Final = tuple(type_ for type_ in ALERT_TYPES if type_ != outage.TYPE)


class Pause(msgspec.Struct, frozen=True):
    """Whether a type is paused, by whom that was decided ("ledger", or a person), when (ms) and why."""

    paused: bool
    by: str
    at_ms: int
    reason: str | None = None


class Tellings:
    """What was judged and ruled of each type last."""

    def __init__(self) -> None:
        self.judged: dict[str, tuple[ControlTellingJudged, int]] = {}
        self.ruled: dict[str, tuple[ControlTellingRuled, int]] = {}

    def take(self, event: Event, at_ms: int) -> bool:
        """Take note of a record that the log took in at `at_ms`; return whether it is about telling."""
        if isinstance(event, ControlTellingJudged):
            self.judged[event.alert_type] = event, at_ms
        elif isinstance(event, ControlTellingRuled):
            self.ruled[event.alert_type] = event, at_ms
        else:
            return False
        return True

    def of(self, type_: str) -> Pause | None:
        """Return what holds of a type; None if nothing was ever decided: then it is told."""
        ruled, ruled_ms = self.ruled.get(type_, (None, 0))
        if ruled is not None and ruled.ruling in (Ruling.PAUSE, Ruling.TELL):
            return Pause(ruled.ruling is Ruling.PAUSE, ruled.by, ruled_ms, ruled.reason)
        judged, judged_ms = self.judged.get(type_, (None, 0))
        if judged is None:
            return None
        return Pause(judged.paused, "ledger", judged_ms, _because(judged))

    @property
    def types(self) -> tuple[str, ...]:
        """The types of which something was decided, sorted."""
        return tuple(sorted({**self.judged, **self.ruled}))

    @property
    def paused(self) -> tuple[str, ...]:
        """The types that are paused, sorted."""
        return tuple(type_ for type_ in self.types if (found := self.of(type_)) is not None and found.paused)


def judgements(
    rows: Iterable[LedgerRow], tellings: Tellings, duty: Iterable[str]
) -> list[ControlTellingJudged]:
    """Return what is to be said anew, given the ledger and what was said of each type last.

    Nothing is said of a type of which too little is known, or that is told in duty.
    """
    excepted = tuple(duty)
    found = []
    for row in rows:
        calls = row.calls
        if calls is None or row.type in excepted or row.type not in COMPARED:
            continue
        last, _ = tellings.judged.get(row.type, (None, 0))
        if calls.useless != (last is not None and last.paused):
            found.append(
                ControlTellingJudged(
                    alert_type=row.type,
                    paused=calls.useless,
                    told=row.told.of,
                    held_out=row.held_out.of,
                    avoided=calls.estimate,
                    avoided_low=calls.low,
                    avoided_high=calls.high,
                )
            )
    return found


def _because(judged: ControlTellingJudged) -> str | None:
    low, high = judged.avoided_low, judged.avoided_high
    if low is None or high is None:
        return None
    what = "no calls avoided" if judged.paused else "calls may be avoided"
    return f"{what}: {100 * low:.1f} to {100 * high:.1f} % of those told"
