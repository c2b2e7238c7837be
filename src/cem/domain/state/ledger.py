"""What telling of alerts avoids: who is being watched for it, and what a lane has found so far."""

from __future__ import annotations

from typing import Final

import msgspec

from cem.domain.state.lane import LaneSection

__all__ = ["LEDGER", "Ledger", "Tally", "Watch", "Watching"]


class Watch(msgspec.Struct, array_like=True, gc=False):
    """One alert whose horizon has not closed."""

    type: str
    opened_s: int
    #: True: nobody was told of it, to see what happens then.
    held_out: bool
    #: Of the policy when it opened.
    horizon_days: int


class Watching(msgspec.Struct, array_like=True, gc=False):
    """The customer's alerts whose horizons have not closed, one a type, oldest first."""

    watches: list[Watch] = []


class Tally(msgspec.Struct, array_like=True, gc=False):
    """Customers watched to the end of their horizon, and how many of them called, complained, left."""

    of: int = 0
    calls: int = 0
    complaints: int = 0
    churned: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Return both together."""
        return Tally(
            self.of + other.of,
            self.calls + other.calls,
            self.complaints + other.complaints,
            self.churned + other.churned,
        )


class Ledger(msgspec.Struct, array_like=True, gc=False):
    """By type of alert: those who were told, and those who were held out."""

    told: dict[str, Tally] = {}
    held_out: dict[str, Tally] = {}


LEDGER: Final = LaneSection("ledger", Ledger)
