"""The customer's own data: status, language, area, zone, people, attributes, consents.

Unit: one value a field. Window: for ever. Equals: for each field, the value of the newest event that said it; for each
purpose and channel, the newest yes or no. Order-free. No tick.
"""

from __future__ import annotations

from bisect import insort

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.envelope import Received
from cem.domain.events.profiles import ConsentChanged, ProfileChanged
from cem.domain.facts.links import linked_names, named_anew, tell_links
from cem.domain.facts.supplies import take_supplies
from cem.domain.localtime import day_of
from cem.domain.state.profile import PROFILE_FIELDS, ConsentSaid, Profile, User

__all__ = ["change_consent", "change_profile"]

#: Fields that are taken over as they are said.
_PLAIN = ("language", "area", "timezone", "cycle_day", "hardship", "credit_minor")


def change_profile(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `profile.changed`: what is absent stays as it was."""
    event = received.event
    assert isinstance(event, ProfileChanged)
    profile = customer.profile
    at_ms = received.time_ms
    before = linked_names(profile, ctx)
    said: dict[str, object] = {name: getattr(event, name) for name in _PLAIN}
    said["status"] = event.status and str(event.status)
    said["channel_said"] = event.channel_said and str(event.channel_said)
    said["since_day"] = None if event.contract_start is None else day_of(event.contract_start)
    said["segments"] = None if event.segments is None else dict(event.segments)
    if event.identifiers is not None:
        said["identifiers"] = named_anew(profile, event.identifiers, at_ms, ctx)
    if event.lines is not None:
        said["users"] = [
            User(line.line, line.user or "", str(line.role), line.birth_year or 0) for line in event.lines
        ]
    for index, name in enumerate(PROFILE_FIELDS):
        value = said.get(name)
        if value is not None and _is_newest(profile, index, at_ms):
            setattr(profile, name, value)
    tell_links(before, customer, received, ctx)
    take_supplies(profile, event, at_ms)


def change_consent(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `consent.changed`."""
    event = received.event
    assert isinstance(event, ConsentChanged)
    said = ConsentSaid(
        str(event.purpose), str(event.channel) if event.channel else "", event.granted, received.time_ms
    )
    consents = customer.profile.consents
    for index, other in enumerate(consents):
        if (other.purpose, other.channel) == (said.purpose, said.channel):
            if said.at_ms >= other.at_ms:
                consents[index] = said
            return
    insort(consents, said, key=_purpose)


def _purpose(consent: ConsentSaid) -> tuple[str, str]:
    return consent.purpose, consent.channel


def _is_newest(profile: Profile, index: int, at_ms: int) -> bool:
    """Return whether nothing newer has been said of the field with this index, and note that it is said now."""
    ages = profile.ages_ms
    if len(ages) <= index:
        ages.extend([-1] * (index + 1 - len(ages)))
    if ages[index] >= 0 and profile.at_ms - ages[index] > at_ms:
        return False
    newer_ms = at_ms - profile.at_ms
    if newer_ms > 0:
        profile.ages_ms = [age + newer_ms if age >= 0 else age for age in ages]
        profile.at_ms = at_ms
    profile.ages_ms[index] = profile.at_ms - at_ms
    return True
