"""Whether telling of an alert avoids anything: some are not told, at random, and both kinds are watched alike.

A coin is thrown once per customer and type, by a salted hash, so that a customer who is held out of a type stays so
until the policy's salt changes, and a replay throws it the same way. Duty notices are told always. While a type is paused
(`cem.domain.restraint`) the same coin tells a few and holds out the others.

From its opening an alert is watched for the policy's horizon: did the customer call, did he complain (a contact about
a complaint, or a survey answered with 1 or 2), did a cancellation take effect? The verdict falls by the clock when the
horizon closes, from what is known then, and is added to the lane's sums; what becomes known later changes nothing.
While an alert of a type is watched, a further one of the same type is not: observations stay independent.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.localtime import DAY_MS
from cem.domain.state.alerts import StoredAlert
from cem.domain.state.contacts_at_hand import contacts_since
from cem.domain.state.ledger import LEDGER, Tally, Watch
from cem.domain.thresholds import LedgerPolicy
from cem.domain.view import cancelled_from_ms

__all__ = ["COMPLAINT", "is_held_out", "judge_ledger", "watch_alert"]

#: Reason of a contact that is a complaint.
COMPLAINT: Final = "complaint"
#: A CSAT of at most so much is one, too.
_BAD_CSAT: Final = 2
#: Alerts watched at a time, one a type but for those that have ended and are not judged yet.
_KEPT: Final = 12


def is_held_out(customer_id: str, type_: str, policy: LedgerPolicy, *, paused: bool = False) -> bool:
    """Return whether the customer is not told of alerts of that type, to see what telling avoids."""
    if type_ in policy.duty:
        return False
    share = 1 - policy.paused_tell_share if paused else policy.holdout_share
    if not share:
        return False
    drawn = hashlib.blake2b(f"{policy.salt}|{type_}|{customer_id}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn) < share * 2**64


def watch_alert(customer: Customer, alert: StoredAlert, ctx: FoldContext) -> None:
    """Watch what becomes of the customer from the alert's opening on."""
    policy = ctx.alerts.ledger
    paused = ctx.restraint.pauses(alert.type)
    if alert.type in policy.duty or not (policy.holdout_share or paused):
        return  # nobody to compare with
    watches = customer.watching.watches
    # One that has ended and is not judged yet does not count: a lane that catches up takes weeks of one topic between two
    # ticks, and judges by the clock, when it has what the other topics say of those weeks.
    if len(watches) >= _KEPT or any(w.type == alert.type and _end_ms(w) > alert.opened_ms for w in watches):
        return
    # The next full second, so that what opened the alert (a call, a bad answer) does not count as what followed it.
    opened_s = -(-alert.opened_ms // 1000)
    watches.append(Watch.new(alert.type, opened_s, alert.held_out, policy.horizon_days, paused=paused))
    _set_due(customer)


def judge_ledger(customer: Customer, now_ms: int, ctx: FoldContext) -> None:
    """Add those whose horizon has closed to the lane's sums."""
    going_on: list[Watch] = []
    ledger = ctx.lane.look(LEDGER)
    for watch in customer.watching.watches:
        if _end_ms(watch) > now_ms:
            going_on.append(watch)
            continue
        arms = ledger.sums(held_out=watch.held_out, paused=watch.paused)
        arms[watch.type] = arms.get(watch.type, Tally()) + _seen(customer, watch)
        ctx.lane.touch(LEDGER)
    customer.watching.watches = going_on
    _set_due(customer)


def _seen(customer: Customer, watch: Watch) -> Tally:
    """Return what became of one customer within the horizon."""
    opened_ms, end_ms = watch.opened_s * 1000, _end_ms(watch)
    contacts = [c for c in contacts_since(customer.contacts, opened_ms) if c.at_ms < end_ms]
    answers = [a for a in customer.satisfaction.answers if opened_ms < a.at_ms < end_ms]
    complained = any(c.reason == COMPLAINT for c in contacts) or any(0 < a.csat <= _BAD_CSAT for a in answers)
    left_ms = [
        at_ms
        for line in ("", *customer.lines)
        if (at_ms := cancelled_from_ms(customer, line)) is not None and opened_ms < at_ms < end_ms
    ]
    return Tally(1, int(any(c.channel == "call" for c in contacts)), int(complained), int(bool(left_ms)))


def _end_ms(watch: Watch) -> int:
    return watch.opened_s * 1000 + watch.horizon_days * DAY_MS


def _set_due(customer: Customer) -> None:
    ends = [_end_ms(watch) // 1000 for watch in customer.watching.watches]
    customer.ledger_due_s = min(ends, default=0)
