"""What a record, or the passing of time, does to an identifier: it finds its customer, or the record waits for him.

- A record of a linked identifier goes on to the customer's topic at once, byte for byte, with its source, id and time.
- Until the identifier is linked, its records wait, in their order: at most so many and so long. Past either bound the
  oldest becomes a dead letter, and is counted. A link lets them go, in their order, before anything that comes later.
- An identifier that is not in normal form passes its records on to the one that is.
- Of several customers that claim an identifier, the one finds it whose claim is newest by its event time (of equal ones
  the greater id); the others are remembered, and when he lets go of it the next newest has it. What was passed on stays
  where it went.

Unit: records. Equals: each record once, at the customer whom the identifier found when it came, or at the first whom
it found after; the order of one identifier's records is kept. Tick: when the oldest has waited long enough; an identifier
that nobody claims and nothing waits for is forgotten after 31 days without a record.
"""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from cem.domain.duplicates import first_time
from cem.domain.events import IdentifierLinked, IdentifierUnlinked
from cem.domain.events.envelope import INBOX, Received
from cem.domain.events.passing import Headers, Passing
from cem.domain.events.rejects import Reject
from cem.domain.localtime import DAY_MS
from cem.domain.state.identifier import Claim, Identifier, Waiting
from cem.domain.subjects import kind_of

__all__ = [
    "CLAIMS_KEPT",
    "FORGOTTEN_MS",
    "IdentityContext",
    "IdentityRules",
    "fold_identifier",
    "identifier_due_ms",
    "tick_identifier",
]

#: An identifier of which nothing is left but counters is forgotten so long after its newest record.
FORGOTTEN_MS: Final = 31 * DAY_MS
#: Claims remembered; beyond them the oldest goes.
CLAIMS_KEPT: Final = 16


class IdentityRules(msgspec.Struct, frozen=True):
    """What the operator sets about identifiers."""

    #: Where telephone numbers without a country code belong (ISO 3166-1 alpha-2); "" = they stay as they are.
    region: str = ""
    #: How many records of one identifier wait, and how long (ms of lane time).
    waiting_records: int = 100
    waiting_ms: int = 7 * DAY_MS


class IdentityContext(Protocol):
    """A step's surroundings, as an identifier needs them."""

    lane_time_ms: int
    identity: IdentityRules

    def normal_name(self, name: str) -> str:
        """Return the normal form of an identifier, `kind:value`."""

    def link(self, name: str, customer_id: str, at_ms: int, *, linked: bool) -> None:
        """Tell the identifier that from `at_ms` on it finds the customer, or that it does not any more."""

    def pass_on(self, topic: str, key: str, headers: Headers, value: bytes) -> None:
        """Publish a record under another key once this step is saved; it carries our number for it."""

    def give_up(self, record: Waiting, name: str, reject: Reject) -> None:
        """Publish the dead letter of a record of `cem.inbox` once this step is saved."""


def fold_identifier(identifier: Identifier, item: Passing | Received, ctx: IdentityContext) -> bool:
    """Fold one record of `cem.inbox`. Returns False, and changes only a counter, if it was folded before."""
    if not first_time(identifier, item):
        identifier.duplicates += 1
        return False
    if item.ingested_ms > identifier.as_of_ms:
        identifier.as_of_ms = item.ingested_ms
    if type(item) is Passing:
        identifier.records += 1
        found = identifier.customer_id
        if found:
            # Nearly every record. Whom it finds claims it, so nothing waits, and there is nothing to be woken for.
            ctx.pass_on(item.topic, found, item.headers, item.value)
            identifier.forwarded += 1
            identifier.due_ms = 0
            return True
        _wait(identifier, item, ctx)
        _plan(identifier, ctx)
        return True
    assert type(item) is Received
    event = item.event
    normal = ctx.normal_name(identifier.name)
    if type(event) is IdentifierLinked or type(event) is IdentifierUnlinked:
        linked = type(event) is IdentifierLinked
        if normal != identifier.name:
            ctx.link(normal, event.customer_id, item.time_ms, linked=linked)
            _plan(identifier, ctx)
            return True
        (_claim if linked else _disclaim)(identifier, event.customer_id, item.time_ms)
        _let_go(identifier, ctx)
    _plan(identifier, ctx)
    return True


def tick_identifier(identifier: Identifier, now_ms: int, ctx: IdentityContext) -> None:
    """Give up what has waited too long; forget the identifier if there is no reason left to keep it."""
    while identifier.waiting and identifier.waiting[0].since_ms + ctx.identity.waiting_ms <= now_ms:
        _give_up_oldest(identifier, ctx, "waited for its customer as long as a record may")
    if 0 < _forgotten_ms(identifier) <= now_ms:
        blank = Identifier(identifier.version, identifier.name)
        for name in identifier.__struct_fields__:
            setattr(identifier, name, getattr(blank, name))
    _plan(identifier, ctx)


def identifier_due_ms(identifier: Identifier) -> int | None:
    """Return when the next tick has something to do, or None."""
    return identifier.due_ms or None


def _plan(identifier: Identifier, ctx: IdentityContext) -> None:
    waiting = identifier.waiting
    identifier.due_ms = (
        waiting[0].since_ms + ctx.identity.waiting_ms if waiting else _forgotten_ms(identifier)
    )


def _forgotten_ms(identifier: Identifier) -> int:
    # The watermarks of ordered sources keep a repeated import out, also when it comes years later.
    if identifier.claims or identifier.waiting or identifier.sources or not identifier.as_of_ms:
        return 0
    return identifier.as_of_ms + FORGOTTEN_MS


def _wait(identifier: Identifier, item: Passing, ctx: IdentityContext) -> None:
    """Keep a record that finds nobody yet, or pass it on to the identifier in its normal form."""
    normal = ctx.normal_name(identifier.name)
    if normal != identifier.name:
        ctx.pass_on(INBOX, normal, item.headers, item.value)
        identifier.forwarded += 1
        return
    waiting = Waiting(item.topic, item.headers, item.value, item.offset, item.timestamp_ms, ctx.lane_time_ms)
    identifier.waiting.append(waiting)
    if len(identifier.waiting) > ctx.identity.waiting_records:
        _give_up_oldest(identifier, ctx, "was the oldest of more than may wait for their customer")


def _give_up_oldest(identifier: Identifier, ctx: IdentityContext, why: str) -> None:
    identifier.dropped += 1
    detail = f"No profile has named this {kind_of(identifier.name)}; the record {why}."
    ctx.give_up(identifier.waiting.pop(0), identifier.name, Reject("unlinked", detail, "key"))


def _claim(identifier: Identifier, customer_id: str, at_ms: int) -> None:
    others = [c for c in identifier.claims if c.customer_id != customer_id]
    mine = next((c for c in identifier.claims if c.customer_id == customer_id), None)
    claim = Claim(customer_id, at_ms if mine is None else max(at_ms, mine.at_ms))
    identifier.claims = sorted([*others, claim], key=_by_age)[-CLAIMS_KEPT:]


def _disclaim(identifier: Identifier, customer_id: str, at_ms: int) -> None:
    identifier.claims = [c for c in identifier.claims if c.customer_id != customer_id or c.at_ms > at_ms]


def _let_go(identifier: Identifier, ctx: IdentityContext) -> None:
    """Note whom the identifier finds now, and pass on to him what has waited."""
    identifier.customer_id = identifier.claims[-1].customer_id if identifier.claims else ""
    if identifier.customer_id:
        for record in identifier.waiting:
            ctx.pass_on(record.topic, identifier.customer_id, record.headers, record.value)
            identifier.forwarded += 1
        identifier.waiting = []


def _by_age(claim: Claim) -> tuple[int, str]:
    return claim.at_ms, claim.customer_id
