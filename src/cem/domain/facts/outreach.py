"""What the company said to the customer over which channel, and his responses: what a contact policy counts.

Unit: touches: campaigns, messages that arrived, calls and interactions that the company began. Window: the last four,
and all of the last 31 days (at most 64), seen from the newest. Equals: the touches by id sorted by time, each with the
newest response that names it (or, where a contact has no id, its campaign). A message that failed is no touch.
Order-free where contacts have ids. No tick: counts in windows are evaluated at the reader's instant.

What a dropped touch says of the channels and hours at which he answers stays as a count (`cem.domain.state.reach`):
by 28 days, the newest thirteen. Equals: the verdicts (`cem.domain.facts.answering`) on all touches so old.
"""

from __future__ import annotations

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.calls import CallEnded
from cem.domain.events.envelope import Received
from cem.domain.events.interactions import (
    CampaignContacted,
    CampaignResponded,
    ContactAnswered,
    ContactDelivered,
    ContactFailed,
)
from cem.domain.facts.answering import cells_of
from cem.domain.localtime import DAY_MS, zone
from cem.domain.state.contacts import channel_code
from cem.domain.state.outreach import Outreach, Touch
from cem.domain.state.reach import add_past

__all__ = [
    "TOUCHES_IN_WINDOW",
    "TOUCHES_KEPT",
    "deliver_message",
    "end_own_call",
    "fail_message",
    "knows_touch",
    "take_answer",
    "touch",
    "touch_by_campaign",
]

TOUCHES_KEPT = 4
TOUCHES_IN_WINDOW = 64
_HORIZON_MS = 31 * DAY_MS
#: A call of ours that lasted as many seconds was taken by somebody.
_TAKEN_S = 10


def touch(customer: Customer, touch_id: str, kind: str, channel: str, at_ms: int, ctx: FoldContext) -> None:
    """Note that the company turned to the customer itself, by a call or an interaction."""
    _begin(customer, touch_id, kind, channel, "", at_ms, ctx)


def end_own_call(customer: Customer, event: CallEnded, at_ms: int, ctx: FoldContext) -> None:
    """Fold the end of a call that the company began: taken is an answer, left ringing is none."""
    if not knows_touch(customer, event.call_id):
        touch(customer, event.call_id, "call", "call", at_ms, ctx)
    if event.abandoned or event.duration_s is not None:
        taken = not event.abandoned and (event.duration_s or 0) >= _TAKEN_S
        _answer(customer, event.call_id, "replied" if taken else "ignored", "", at_ms, ctx)


def touch_by_campaign(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `campaign.contacted`."""
    event = received.event
    assert isinstance(event, CampaignContacted)
    touch_id = event.contact_id or event.campaign
    _begin(
        customer,
        touch_id,
        "campaign",
        str(event.channel),
        event.action or "",
        received.time_ms,
        ctx,
        again=not event.contact_id,
    )


def deliver_message(customer: Customer, received: Received, ctx: FoldContext, action: str = "") -> None:
    """Fold `contact.delivered` of a message that carried `action`; "": none that is known."""
    event = received.event
    assert isinstance(event, ContactDelivered)
    _begin(customer, event.contact_id, "message", str(event.channel or ""), action, received.time_ms, ctx)


def fail_message(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `contact.failed`: unless it was delivered as well, it is no touch."""
    event = received.event
    assert isinstance(event, ContactFailed)
    at_ms = received.time_ms
    found = _find(customer.outreach, event.contact_id, at_ms)
    if found is None:
        failed = Touch.new(at_ms, event.contact_id, channel=str(event.channel or ""))
        failed.failed = True
        _insert(customer, failed, ctx)
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
    channel = str(event.channel or "")
    _answer(customer, touch_id, str(event.response), channel, received.time_ms, ctx)


def knows_touch(customer: Customer, touch_id: str) -> bool:
    """Return whether the company began the call or contact with this id."""
    return any(found.id == touch_id and found.kind for found in customer.outreach.touches)


def _begin(
    customer: Customer,
    touch_id: str,
    kind: str,
    channel: str,
    action: str,
    at_ms: int,
    ctx: FoldContext,
    again: bool = False,
) -> None:
    """Add the touch, or complete the one with its id; with `again`, the same id may come any number of times."""
    outreach = customer.outreach
    for found in outreach.touches:
        if found.id == touch_id and not (found.kind and again):
            if not found.kind:
                outreach.total += 1
            found.at_ms = min(found.at_ms, at_ms) if found.kind else at_ms
            found.kind = found.kind or kind
            found.channel = channel or found.channel
            found.action = action or found.action
            found.failed = found.failed and kind != "message"
            if found.response_channel == found.channel:
                found.response_code = 0
            outreach.touches.sort(key=_at)
            _cut(customer, found, ctx)
            return
    outreach.total += 1
    _insert(customer, Touch.new(at_ms, touch_id, kind, channel, action), ctx)


def _answer(
    customer: Customer, touch_id: str, response: str, channel: str, at_ms: int, ctx: FoldContext
) -> None:
    """Note the response with the newest touch of that id that came before it."""
    outreach = customer.outreach
    found = _find(outreach, touch_id, at_ms)
    if found is None:
        found = Touch.new(at_ms, touch_id)
        _insert(customer, found, ctx)
    if not found.response_ms:
        outreach.responded += 1
    if at_ms >= found.response_ms:
        found.response, found.response_ms = response, at_ms
        found.response_code = channel_code(channel) if channel != found.channel else 0


def _find(outreach: Outreach, touch_id: str, at_ms: int) -> Touch | None:
    """Return the newest touch of that id, preferring those that began before `at_ms`."""
    same = [found for found in outreach.touches if found.id == touch_id]
    before = [found for found in same if found.at_ms <= at_ms]
    found = before or same
    return found[-1] if found else None


def _insert(customer: Customer, new: Touch, ctx: FoldContext) -> None:
    touches = customer.outreach.touches
    touches.append(new)
    touches.sort(key=_at)
    _cut(customer, new, ctx)


def _cut(customer: Customer, new: Touch, ctx: FoldContext) -> None:
    """Drop the touches that are not kept; what they taught stays. `new` itself is too late to teach: its end is not known."""
    outreach = customer.outreach
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
    if drop:
        tz = zone(customer.profile.timezone, ctx.timezone)
        closed_ms = touches[-1].at_ms + _HORIZON_MS
        add_past(outreach, [c for t in touches[:drop] if t is not new for c in cells_of(t, closed_ms, tz)])
        del touches[:drop]


def _at(found: Touch) -> tuple[int, str]:
    return found.at_ms, found.id
