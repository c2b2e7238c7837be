"""Each segment's customers, value, satisfaction and risk, summed over a lane at every move.

A customer's shares are subtracted as they were kept and added as they are, in whole numbers: the sums are what adding up
all customers would give. Sums are kept by the rules that were asked, so that rules that come back find theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from cem.domain.state.lane import LaneSection, LaneState
from cem.domain.state.segments import Standing

__all__ = ["TALLY", "Sums", "Tally", "add_up", "count_move"]

#: Versions of rules whose sums are kept.
_KEPT: Final = 4


class Sums(msgspec.Struct, array_like=True, gc=False):
    """What the customers of a segment are together."""

    customers: int = 0
    value_minor: int = 0
    #: Of so many customers satisfaction is known, and its sum in hundredths of a CSAT point.
    rated: int = 0
    csat_centi: int = 0
    #: Of so many the risk of leaving is known, and its sum in thousandths.
    scored: int = 0
    risk_milli: int = 0

    def add(self, standing: Standing, times: int) -> None:
        """Add a customer's shares, or take them away (times -1)."""
        self.customers += times
        self.value_minor += times * standing.value_minor
        if standing.csat_centi >= 0:
            self.rated += times
            self.csat_centi += times * standing.csat_centi
        if standing.risk_milli >= 0:
            self.scored += times
            self.risk_milli += times * standing.risk_milli

    def shift(self, before: Standing, after: Standing) -> None:
        """Take a customer's shares away and add those that he has now."""
        self.value_minor += after.value_minor - before.value_minor
        self.rated += (after.csat_centi >= 0) - (before.csat_centi >= 0)
        self.csat_centi += max(0, after.csat_centi) - max(0, before.csat_centi)
        self.scored += (after.risk_milli >= 0) - (before.risk_milli >= 0)
        self.risk_milli += max(0, after.risk_milli) - max(0, before.risk_milli)

    def add_sums(self, other: Sums) -> None:
        """Add another lane's."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class _Ledger(msgspec.Struct, array_like=True, gc=False):
    """The sums under one version of the rules."""

    key: int
    names: list[str]
    #: Of everybody who was asked, and of each segment.
    asked: Sums
    segments: list[Sums]


class Tally(msgspec.Struct, array_like=True, gc=False):
    """The lane's section; the rules asked last stand last."""

    ledgers: list[_Ledger] = []


TALLY: Final = LaneSection("segments", Tally)


def count_move(lane: LaneState, key: int, names: Sequence[str], before: Standing, after: Standing) -> None:
    """Move a customer from one standing to another in the lane's sums."""
    tally = lane.look(TALLY)
    if after.key == before.key == key and after.since is before.since:
        # He stays where he is.
        kept = _ledger(tally, key, names)
        assert kept is not None, "the rules' own is made where it is missing"
        kept.asked.shift(before, after)
        for number in after.since:
            kept.segments[number].shift(before, after)
        lane.touch(TALLY)
        return
    for standing, times in ((before, -1), (after, 1)):
        if standing.key:
            ledger = _ledger(tally, standing.key, names if standing.key == key else None)
            if ledger is not None:
                ledger.asked.add(standing, times)
                for number in standing.since:
                    ledger.segments[number].add(standing, times)
    lane.touch(TALLY)


def add_up(tallies: Iterable[Tally], key: int) -> tuple[Sums, dict[str, Sums], int]:
    """Return the sums of everybody and of each segment over lanes, and how many customers other rules were asked of."""
    asked, found, others = Sums(), dict[str, Sums](), 0
    for tally in tallies:
        for ledger in tally.ledgers:
            if ledger.key != key:
                others += ledger.asked.customers
                continue
            asked.add_sums(ledger.asked)
            for name, sums in zip(ledger.names, ledger.segments, strict=True):
                found.setdefault(name, Sums()).add_sums(sums)
    return asked, found, others


def _ledger(tally: Tally, key: int, names: Sequence[str] | None) -> _Ledger | None:
    """Return the ledger of the rules `key`; with names, making it the last one."""
    ledgers = tally.ledgers
    if ledgers and ledgers[-1].key == key:
        return ledgers[-1]
    found = next((ledger for ledger in ledgers if ledger.key == key), None)
    if names is None:
        return found
    if found is None:
        found = _Ledger(key, list(names), Sums(), [Sums() for _ in names])
    tally.ledgers = [*(ledger for ledger in ledgers if ledger is not found), found][-_KEPT:]
    return found
