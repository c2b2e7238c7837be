"""What the company said to the customer over which channel, and his responses: what a contact policy counts.

Unit: touches: campaigns, messages that arrived, calls and interactions that the company began. Window: the last four,
and all of the last 31 days (at most 64), seen from the newest. Equals: the touches by id sorted by time, each with the
newest response that names it (or, where a contact has no id, its campaign). A message that failed is no touch.
Order-free where contacts have ids. No tick: counts in windows are evaluated at the reader's instant.
"""

from __future__ import annotations

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.envelope import Received
from cem.domain.events.interactions import (
    CampaignContacted,
    CampaignResponded,
    ContactAnswered,
    ContactDelivered,
    ContactFailed,
)
from cem.domain.localtime import DAY_MS
from cem.domain.state.outreach import TOUCHES, Outreach, Touch

__all__ = [
    "TOUCHES_IN_WINDOW",
    "TOUCHES_KEPT",
    "deliver_message",
    "fail_message",
    "knows_touch",
    "take_answer",
    "touch",
    "touch_by_campaign",
]

TOUCHES_KEPT = 4
TOUCHES_IN_WINDOW = 64
_HORIZON_MS = 31 * DAY_MS


def touch(customer: Customer, touch_id: str, kind: str, channel: str, at_ms: int) -> None:
    """Note that the company turned to the customer itself, by a call or an interaction."""
    _begin(customer.outreach, touch_id, kind, channel, "", at_ms)


def touch_by_campaign(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `campaign.contacted`."""
    event = received.event
    assert isinstance(event, CampaignContacted)
    touch_id = event.contact_id or event.campaign
    _begin(
        customer.outreach,
        touch_id,
        "campaign",
        str(event.channel),
        event.action or "",
        received.time_ms,
        again=not event.contact_id,
    )


def deliver_message(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `contact.delivered`."""
    event = received.event
    assert isinstance(event, ContactDelivered)
    _begin(customer.outreach, event.contact_id, "message", str(event.channel or ""), "", received.time_ms)


def fail_message(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `contact.failed`: unless it was delivered as well, it is no touch."""
    event = received.event
    assert isinstance(event, ContactFailed)
    at_ms = received.time_ms
    found = _find(customer.outreach, event.contact_id, at_ms)
    if found is None:
        failed = Touch(at_ms, event.contact_id, 0, str(event.channel or ""), failed=True)
        _insert(customer.outreach, failed)
    elif found.kind != "message":
        found.failed = True


def take_answer(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `campaign.responded` and `contact.answered`."""
    event = received.event
    if isinstance(event, CampaignResponded):
        touch_id = event.contact_id or event.campaign
    else:
        assert isinstance(event, ContactAnswered)
        touch_id = event.contact_id
    _answer(customer.outreach, touch_id, str(event.response), received.time_ms)


def knows_touch(customer: Customer, touch_id: str) -> bool:
    """Return whether the company began the call or contact with this id."""
    return any(found.id == touch_id and found.kind for found in customer.outreach.touches)


def _begin(
    outreach: Outreach, touch_id: str, kind: str, channel: str, action: str, at_ms: int, again: bool = False
) -> None:
    """Add the touch, or complete the one with its id; with `again`, the same id may come any number of times."""
    for found in outreach.touches:
        if found.id == touch_id and not (found.kind and again):
            if not found.kind:
                outreach.total += 1
            found.at_ms = min(found.at_ms, at_ms) if found.kind else at_ms
            found.code = found.code or TOUCHES.index(kind)
            found.channel = channel or found.channel
            found.action = action or found.action
            found.failed = found.failed and kind != "message"
            outreach.touches.sort(key=_at)
            _cut(outreach)
            return
    outreach.total += 1
    _insert(outreach, Touch(at_ms, touch_id, TOUCHES.index(kind), channel, action))


def _answer(outreach: Outreach, touch_id: str, response: str, at_ms: int) -> None:
    """Note the response with the newest touch of that id that came before it."""
    found = _find(outreach, touch_id, at_ms)
    if found is None:
        found = Touch(at_ms, touch_id)
        _insert(outreach, found)
    if not found.response_ms:
        outreach.responded += 1
    if at_ms >= found.response_ms:
        found.response, found.response_ms = response, at_ms


def _find(outreach: Outreach, touch_id: str, at_ms: int) -> Touch | None:
    """Return the newest touch of that id, preferring those that began before `at_ms`."""
    same = [found for found in outreach.touches if found.id == touch_id]
    before = [found for found in same if found.at_ms <= at_ms]
    found = before or same
    return found[-1] if found else None


def _insert(outreach: Outreach, new: Touch) -> None:
    outreach.touches.append(new)
    outreach.touches.sort(key=_at)
    _cut(outreach)


def _cut(outreach: Outreach) -> None:
    touches = outreach.touches
    surplus = len(touches) - TOUCHES_KEPT
    if surplus <= 0:
        return
    horizon_ms = touches[-1].at_ms - _HORIZON_MS
    drop = 0
    while drop < surplus:
        inside = touches[drop].at_ms > horizon_ms
        if inside and len(touches) - drop <= TOUCHES_IN_WINDOW:
            break
        outreach.dropped += inside
        drop += 1
    del touches[:drop]


def _at(found: Touch) -> tuple[int, str]:
    return found.at_ms, found.id
