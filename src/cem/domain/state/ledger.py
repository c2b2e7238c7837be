"""What telling of alerts avoids: who is being watched for it, and what a lane has found so far."""

from __future__ import annotations

from typing import Final

import msgspec

from cem.domain.state.lane import LaneSection

__all__ = ["LEDGER", "Ledger", "Tally", "Watch", "Watching"]


#: More than a horizon has days, and small enough for the sum to be one byte.
_PAUSED: Final = 64


class Watch(msgspec.Struct, array_like=True, gc=False):
    """One alert whose horizon has not closed."""

    type: str
    #: The first full second at or after its opening.
    opened_s: int
    #: True: nobody was told of it, to see what happens then.
    held_out: bool
    #: Days of the horizon, of the policy when it opened; and `_PAUSED` more if the type was paused then.
    term: int

    @classmethod
    def new(cls, type_: str, opened_s: int, held_out: bool, horizon_days: int, *, paused: bool) -> Watch:
        """Return the watch of an alert that opened."""
        return cls(type_, opened_s, held_out, horizon_days + _PAUSED * paused)

    @property
    def horizon_days(self) -> int:
        """How long the customer is watched."""
        return self.term % _PAUSED

    @property
    def paused(self) -> bool:
        """Whether the type was paused when the alert opened: then few were told instead of most."""
        return self.term >= _PAUSED


class Watching(msgspec.Struct, array_like=True, gc=False):
    """The customer's alerts whose horizons have not been judged, oldest first; of a type no two at the same time."""

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
    """By type of alert: those who were told, and those who were held out.

    Apart from each other: whose alert opened as usual, and whose opened while the type was paused.
    """

    told: dict[str, Tally] = {}
    held_out: dict[str, Tally] = {}
    told_paused: dict[str, Tally] = {}
    held_out_paused: dict[str, Tally] = {}

    def sums(self, *, held_out: bool, paused: bool) -> dict[str, Tally]:
        """Return the sums to which such a customer is added."""
        if paused:
            return self.held_out_paused if held_out else self.told_paused
        return self.held_out if held_out else self.told


LEDGER: Final = LaneSection("ledger", Ledger)
