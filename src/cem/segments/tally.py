"""Each segment's customers, value, satisfaction and risk, summed over a lane at every move.

A customer's shares are subtracted as they were kept and added as they are, in whole numbers: the sums are what adding up
all customers would give. Sums are kept by the rules that were asked, so that rules that come back find theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from cem.domain.state.lane import LaneSection, LaneState
from cem.domain.state.segments import key_of, members_of, shares_of

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

    def add(self, shares: tuple[int, int, int], times: int) -> None:
        """Add a customer's satisfaction, risk and value, or take them away (times -1)."""
        csat_centi, risk_milli, value_minor = shares
        self.customers += times
        self.value_minor += times * value_minor
        if csat_centi >= 0:
            self.rated += times
            self.csat_centi += times * csat_centi
        if risk_milli >= 0:
            self.scored += times
            self.risk_milli += times * risk_milli

    def shift(self, before: tuple[int, int, int], after: tuple[int, int, int]) -> None:
        """Take a customer's shares away and add those that he has now."""
        self.value_minor += after[2] - before[2]
        self.rated += (after[0] >= 0) - (before[0] >= 0)
        self.csat_centi += max(0, after[0]) - max(0, before[0])
        self.scored += (after[1] >= 0) - (before[1] >= 0)
        self.risk_milli += max(0, after[1]) - max(0, before[1])

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


def count_move(lane: LaneState, key: int, names: Sequence[str], before: bytes, after: bytes) -> None:
    """Move a customer from one packed standing to another in the lane's sums; b"" is in none of them."""
    tally = lane.look(TALLY)
    old, new = key_of(before), key_of(after)
    if old == new == key:
        ledgers = tally.ledgers
        last = ledgers[-1] if ledgers else None
        _move(last if last is not None and last.key == key else _own(tally, key, names), before, after)
    else:
        for standing, said, times in ((before, old, -1), (after, new, 1)):
            ledger = _own(tally, key, names) if said == key else _kept(tally, said)
            if said and ledger is not None:
                shares = shares_of(standing)
                ledger.asked.add(shares, times)
                for number in members_of(standing):
                    ledger.segments[number].add(shares, times)
    lane.touch(TALLY)


def _move(ledger: _Ledger, before: bytes, after: bytes) -> None:
    """Move a customer within the sums of the rules that were asked of him both times."""
    old, new = members_of(before), members_of(after)
    was, now = shares_of(before), shares_of(after)
    segments = ledger.segments
    if was != now:
        stays = [segments[number] for number in new if number in old]
        stays.append(ledger.asked)
        if was[:2] == now[:2]:
            # Of who pays or is billed nothing else differs.
            more_minor = now[2] - was[2]
            for sums in stays:
                sums.value_minor += more_minor
        else:
            for sums in stays:
                sums.shift(was, now)
    if new != old:
        for number in old:
            if number not in new:
                segments[number].add(was, -1)
        for number in new:
            if number not in old:
                segments[number].add(now, 1)


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


def _kept(tally: Tally, key: int) -> _Ledger | None:
    return next((ledger for ledger in tally.ledgers if ledger.key == key), None)


def _own(tally: Tally, key: int, names: Sequence[str]) -> _Ledger:
    """Return the ledger of the rules that are asked now, making it the last one."""
    ledgers = tally.ledgers
    if ledgers and ledgers[-1].key == key:
        return ledgers[-1]
    found = _kept(tally, key) or _Ledger(key, list(names), Sums(), [Sums() for _ in names])
    tally.ledgers = [*(ledger for ledger in ledgers if ledger is not found), found][-_KEPT:]
    return found
