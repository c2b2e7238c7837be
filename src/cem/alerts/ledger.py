"""The calls-avoided ledger: per type of alert, what became of those who were told and of those who were not. Pure.

The lanes' sums are added up here; `cem.domain.facts.ledger` says what is watched, `cem.alerts.interval` what can be
concluded from it however often one looks.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cem.alerts.interval import Arm, Difference, difference
from cem.domain.state.lane import LaneState
from cem.domain.state.ledger import LEDGER, Tally

__all__ = ["EFFECTS", "LedgerRow", "ledger_of"]

#: What telling may avoid.
EFFECTS = ("calls", "complaints", "churned")


class LedgerRow(msgspec.Struct, frozen=True):
    """One type of alert. Effects are None while there are too few observations for an interval."""

    type: str
    told: Tally
    held_out: Tally
    #: Share of the customers told whose call, complaint or leaving was avoided, with its interval.
    calls: Difference | None
    complaints: Difference | None
    churned: Difference | None

    @property
    def helps(self) -> bool | None:
        """True: fewer calls for certain; False: no fewer for certain; None: not known yet."""
        if self.calls is None or not (self.calls.helps or self.calls.useless):
            return None
        return self.calls.helps


def ledger_of(lanes: Iterable[bytes | None]) -> list[LedgerRow]:
    """Return the ledger of all lanes' own states (None: a lane without one), ordered by type."""
    told: dict[str, Tally] = {}
    held_out: dict[str, Tally] = {}
    for data in lanes:
        if data is None:
            continue
        ledger = LaneState.decode(data).look(LEDGER)
        for arm, sums in ((ledger.told, told), (ledger.held_out, held_out)):
            for type_, tally in arm.items():
                sums[type_] = sums.get(type_, Tally()) + tally
    return [
        LedgerRow(type_, a, b, *(_avoided(a, b, name) for name in EFFECTS))
        for type_ in sorted(told.keys() | held_out.keys())
        for a, b in [(told.get(type_, Tally()), held_out.get(type_, Tally()))]
    ]


def _avoided(told: Tally, held_out: Tally, name: str) -> Difference | None:
    return difference(Arm(told.of, getattr(told, name)), Arm(held_out.of, getattr(held_out, name)))
