"""A customer as segments see him: at one instant, between contacts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cem.domain.customer import Customer
from cem.domain.localtime import DAY_MS, midnight_ms
from cem.domain.state.contacts import REPEATED, Contact
from cem.domain.state.contacts_at_hand import contacts_since, glimpses_since
from cem.nba.call import Call
from cem.nba.situation import Situation, lazy

__all__ = ["Between"]

_NO_CALL: Final = Call()


class Between(Situation):
    """`Situation` without a contact: an open call is one of his contacts like any other."""

    topics: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    open_call = None
    call = _NO_CALL

    def __init__(self, customer: Customer, now_ms: int, timezone: str) -> None:
        # One is made for each record, so what is the same of all is the class's.
        self.customer = customer
        self.now_ms = now_ms
        self.timezone = timezone

    @lazy
    def known_contacts(self) -> list[Contact]:
        """Return contacts from 30 days ago on, oldest first; one may bear a time that has not come yet."""
        return contacts_since(self.customer.contacts, self.now_ms - 30 * DAY_MS)

    @lazy
    def contacts(self) -> list[Contact]:
        """Return the contacts of the last 30 days, oldest first."""
        known, now_ms = self.known_contacts, self.now_ms
        if known and known[-1].at_ms > now_ms:
            return [c for c in known if c.at_ms <= now_ms]
        return known

    @lazy
    def known_glimpses(self) -> list[tuple[int, int, bool, int, str]]:
        """Return of `known_contacts` what most rules need, without unpacking them (`glimpses_since`)."""
        return glimpses_since(self.customer.contacts, self.now_ms - 30 * DAY_MS)

    @lazy
    def glimpses(self) -> list[tuple[int, int, bool, int, str]]:
        """Return the same of `contacts`."""
        known, now_ms = self.known_glimpses, self.now_ms
        if known and known[-1][0] > now_ms:
            return [each for each in known if each[0] <= now_ms]
        return known

    @lazy
    def contacted(self) -> int:
        """Return how many contacts the last 30 days had."""
        return len(self.glimpses)

    @lazy
    def unresolved(self) -> int:
        """Return contacts of the last 30 days that were abandoned, ended unresolved, or came back."""
        return sum([unsolved or verdict == REPEATED for _, verdict, unsolved, _, _ in self.glimpses])

    @lazy
    def midnight(self) -> int:
        """Return the instant at which his local day ends."""
        return midnight_ms(self.today + 1, self.tz)

    @lazy
    def tonight(self) -> Between:
        """Return the same customer at the end of his local day, as far as is known now."""
        return Between(self.customer, self.midnight, self.timezone)
