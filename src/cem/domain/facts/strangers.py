"""Somebody of whom nothing is known but what we decided and said ourselves: kept for 31 days, then forgotten.

Whoever asks for the next best action of a mistyped customer leaves a decision on the log, and its fold a state. Within
a call that state is of use: what was declined is not suggested again. Later nobody asks for it.

Unit: customers. Window: 31 days from the newest record. Equals: no record of any topic but decisions, outcomes and
control. Tick: when the 31 days are over; one who has become known by then stays. A stranger with ordered sources
stays as well: their watermarks are what keeps a repeated import out, after an erasure too.
"""

from __future__ import annotations

from typing import Final

from cem.domain.customer import FAMILIES, Customer, new_customer
from cem.domain.localtime import DAY_MS

__all__ = ["KEPT_MS", "forget_stranger", "is_stranger", "stranger_due_ms"]

KEPT_MS: Final = 31 * DAY_MS
#: How many of the first families of records tell something of the customer himself.
_HIS_OWN: Final = FAMILIES.index("cem.outcomes")


def is_stranger(customer: Customer) -> bool:
    """Return whether nothing was ever heard of him."""
    return not any(customer.counts[:_HIS_OWN])


def stranger_due_ms(customer: Customer) -> int:
    """Return when he is to be forgotten, if he is a stranger; 0 = never."""
    if not customer.last_ms or not is_stranger(customer) or customer.sources or customer.alerts.open:
        return 0
    # Who was merged still has to tell where his records go, and in which order the others' come.
    if customer.moves.into or customer.moves.inflows or customer.moves.sent:
        return 0
    return customer.last_ms + KEPT_MS


def forget_stranger(customer: Customer, now_ms: int) -> None:
    """Make him as one who never came, if it is time."""
    if 0 < stranger_due_ms(customer) <= now_ms:
        blank = new_customer(customer.customer_id)
        for name in customer.__struct_fields__:
            setattr(customer, name, getattr(blank, name))
