"""What dealing with the company cost the customer, in all and before the running term of his contract."""

from __future__ import annotations

import msgspec

__all__ = ["DROPPED", "EFFORTS", "Journey"]

#: What is counted, by index in `Journey.before`. Append only. `Journey.spent` has the last four.
EFFORTS = ("contacts", "repeated", "kept", "missed", "wait_s", "hold_s", "transfers", "abandoned")

#: Kinds of things of which the state counts how many it let go, by index in `Journey.dropped`; of other kinds it counts
#: them all. Append only.
DROPPED = ("bill", "order", "task", "note", "alert")


class Journey(msgspec.Struct, array_like=True, gc=False):
    """Totals that no other section has; contacts, repeats and promises are counted in theirs."""

    #: Seconds waited, seconds held, transfers, contacts abandoned, over all time; trailing zeros left out.
    spent: list[int] = []
    #: When the running term began, then when agreed ones will, ascending (s since the epoch); empty: with the customer.
    begins_s: list[int] = []
    #: Of EFFORTS, what was before the running term; trailing zeros left out.
    before: list[int] = []
    #: Of DROPPED, how many the state no longer holds; trailing zeros left out.
    dropped: list[int] = []
