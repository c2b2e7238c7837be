"""The calls-avoided ledger: per type of alert, what became of those who were told and of those who were not. Pure.

The lanes' sums are added up here; `cem.domain.facts.ledger` says what is watched, `cem.alerts.interval` what can be
concluded from it however often one looks, `cem.alerts.pauses` what follows from that.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cem.alerts.interval import Arm, Difference, difference_of
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
    # Told and held out as usual, told and held out while the type was paused.
    sums: tuple[dict[str, Tally], ...] = ({}, {}, {}, {})
    for data in lanes:
        if data is None:
            continue
        ledger = LaneState.decode(data).look(LEDGER)
        found = (ledger.told, ledger.held_out, ledger.told_paused, ledger.held_out_paused)
        for arm, into in zip(found, sums, strict=True):
            for type_, tally in arm.items():
                into[type_] = into.get(type_, Tally()) + tally
    rows = []
    for type_ in sorted({type_: None for arm in sums for type_ in arm}):
        told, held_out, told_paused, held_out_paused = [arm.get(type_, Tally()) for arm in sums]
        pairs = [(told, held_out), (told_paused, held_out_paused)]
        effects = [_avoided(pairs, name) for name in EFFECTS]
        rows.append(LedgerRow(type_, told + told_paused, held_out + held_out_paused, *effects))
    return rows


def _avoided(pairs: list[tuple[Tally, Tally]], name: str) -> Difference | None:
    return difference_of([(_arm(told, name), _arm(held_out, name)) for told, held_out in pairs])


def _arm(tally: Tally, name: str) -> Arm:
    return Arm(tally.of, getattr(tally, name))
