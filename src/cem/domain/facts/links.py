"""The identifiers that find the customer: the lines and other names of his profile, and those that he registered with.

Each one that begins or ceases to find him is told to the identifier's own lane (`identifier.linked`, `.unlinked`), which
holds back what knows only the identifier until then: see `cem.domain.identity`. They are compared in their normal form.

Unit: identifiers. Window: for ever. Equals: the lines of the newest `profile.changed` that names lines, the
identifiers of the newest one that names identifiers, and those of every registration after that one. Order-free. No tick.
"""

from __future__ import annotations

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.envelope import INBOX_KINDS, Received
from cem.domain.events.interactions import Identifier, RegistrationMade
from cem.domain.state.profile import PROFILE_FIELDS, Named, Profile

__all__ = ["linked_names", "named_anew", "register", "tell_links"]

_FIELD = PROFILE_FIELDS.index("identifiers")


def linked_names(profile: Profile, ctx: FoldContext) -> dict[str, None]:
    """Return the identifiers, `kind:value` in normal form, that find the customer: lines first, in a fixed order."""
    names = [ctx.normal_name(f"line:{user.line}") for user in profile.users]
    return dict.fromkeys([*names, *(named.name for named in profile.identifiers)])


def tell_links(before: dict[str, None], customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Tell each identifier that is not as it was in `before` that it finds the customer, or no longer does."""
    profile = customer.profile
    now = linked_names(profile, ctx)
    # A claim may be newer than the event that ends it, where two fields had named the same identifier.
    ended_ms = max(received.time_ms, profile.at_ms)
    for name in before:
        if name not in now:
            ctx.link(name, customer.customer_id, ended_ms, linked=False)
    for name in now:
        if name not in before:
            ctx.link(name, customer.customer_id, received.time_ms, linked=True)


def named_anew(profile: Profile, said: tuple[Identifier, ...], at_ms: int, ctx: FoldContext) -> list[Named]:
    """Return the identifiers once a profile has stated them all: those, and what was registered later."""
    found = dict.fromkeys(_names(said, ctx), at_ms)
    found |= {named.name: named.at_ms for named in profile.identifiers if named.at_ms > at_ms}
    return [Named(name, when) for name, when in sorted(found.items())]


def register(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `registration.made`: a prospect, if nothing else is known of him, and found by the names that he gave."""
    event = received.event
    assert isinstance(event, RegistrationMade)
    profile, at_ms = customer.profile, received.time_ms
    before = linked_names(profile, ctx)
    # Said by nobody, so whatever a profile says of it holds, be it older or newer.
    profile.status = profile.status or "prospect"
    ages = profile.ages_ms
    if len(ages) > _FIELD and ages[_FIELD] >= 0 and profile.at_ms - ages[_FIELD] >= at_ms:
        return
    found = {named.name: named.at_ms for named in profile.identifiers}
    for name in _names(event.identifiers, ctx):
        found[name] = max(at_ms, found.get(name, at_ms))
    profile.identifiers = [Named(name, when) for name, when in sorted(found.items())]
    tell_links(before, customer, received, ctx)


def _names(said: tuple[Identifier, ...], ctx: FoldContext) -> list[str]:
    # What is of no known kind can be no key on the inbox, so nothing would ever ask for it.
    return [ctx.normal_name(f"{i.kind}:{i.value}") for i in said if str(i.kind) in INBOX_KINDS]
