"""What is told of a line whose use of messages has changed: a rise, a move into the night, a burst, charges.

A line has one open alert of use (`sms_rise`, `sms_night` or `sms_velocity`, whichever came first): a second cause updates
nothing, a higher tier does, as the same alert if it is of the same type, else in its place. A notice is for the line's
own user, an alert for the payer; both hold counts, never whom or what the line wrote. It ends by tick: a burst in the
hour in which the recipients have left the 24 hours, the others two days after their condition held last. After
that nothing of use is told for `silence_days` after it held last, but for an alert after a mere notice. Charges
(`sms_money`) are an alert of their own.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cem.domain.alerting import Finding, close_alert, find_open, raise_alert, review_later, update_alert
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.detectors.recipients import aged, distinct_centi, hour_below, note_recipient
from cem.domain.detectors.sms_burst import limit_centi
from cem.domain.detectors.sms_change import BURST, NIGHT, RISE, Found, look
from cem.domain.detectors.sms_money import BEYOND_TARIFF, MONEY, money_of
from cem.domain.events.enums import AlertState, AlertTier, Tell
from cem.domain.events.sms import SmsRated
from cem.domain.facts.usage import cycle_at
from cem.domain.localtime import DAY_MS, HOUR_MS
from cem.domain.state.alerts import StoredAlert
from cem.domain.state.lane import LaneSection
from cem.domain.state.lines import Line
from cem.domain.state.rhythm import Rhythm

__all__ = ["RHYTHM", "TYPES", "check_use", "review_use"]

#: What the lane keeps of all its lines together.
RHYTHM = LaneSection("sms_rhythm", Rhythm)

_USE = (RISE, NIGHT, BURST)
TYPES = (*_USE, MONEY)
#: Days without the condition after which the fact has gone.
_GONE_DAYS = 2
#: The count of each type's evidence that is worth telling again when it has doubled.
_COUNT = {RISE: "messages_3d", NIGHT: "messages_at_night", BURST: "recipients_24h", MONEY: "charged_7d_minor"}


def check_use(
    customer: Customer, line: Line, event: SmsRated, at_ms: int, ingested_ms: int, ctx: FoldContext
) -> bool:
    """Fold a message into what is usual of its line, and tell what has changed with it.

    Returns whether it is the line's first of a new day.
    """
    recipient = event.recipient
    if recipient is not None:
        note_recipient(line, recipient, at_ms // HOUR_MS)
    if at_ms > ingested_ms + DAY_MS:
        # A clock that runs ahead must not close the days of all lines.
        return False
    lane = ctx.lane
    habits = line.habits
    day = habits.day if habits is not None else 0
    found, taught = look(line, at_ms // 1000, lane.look(RHYTHM), ctx.alerts)
    if taught:
        lane.touch(RHYTHM)
    if found:
        _tell_use(customer, line, event.line, found, at_ms, ctx)
    habits = line.habits
    assert habits is not None
    if event.charge_minor > 0 and event.destination in BEYOND_TARIFF:
        policy = ctx.alerts.sms_watch.money
        evidence = money_of(habits, at_ms // 1000, event.charge_minor, policy)
        if evidence is not None and policy.enabled:
            _tell_money(customer, line, event.line, (MONEY, True, evidence), at_ms, ctx)
    return habits.day > day


def review_use(customer: Customer, alert: StoredAlert, now_ms: int, ctx: FoldContext) -> None:
    """End the alert if its condition has not held for days, else look again when it will not have."""
    if alert.type == BURST:
        _review_burst(customer, alert, now_ms, ctx)
        return
    line = customer.lines.get(alert.subject)
    habits = line.habits if line else None
    if habits is not None:
        held_day = habits.held_day
        if alert.type == MONEY:
            held_day = habits.spending.held_day if habits.spending else 0
        gone_ms = (held_day + 1 + _GONE_DAYS) * DAY_MS
        if gone_ms > now_ms:
            review_later(customer, alert, gone_ms)
            return
    close_alert(customer, alert, AlertState.RESOLVED, "back to usual", alert.due_ms, ctx)


def _review_burst(customer: Customer, alert: StoredAlert, now_ms: int, ctx: FoldContext) -> None:
    """End the alert once the recipients have left the window, else look again when they will have."""
    policy = ctx.alerts.sms_velocity
    line = customer.lines.get(alert.subject)
    velocity = line.velocity if line else None
    if velocity is not None:
        limit = limit_centi(velocity, policy, policy.notice_factor)
        if distinct_centi(aged(velocity.cells, now_ms // HOUR_MS - velocity.hour)) >= limit:
            review_later(customer, alert, hour_below(velocity, limit) * HOUR_MS)
            return
    close_alert(customer, alert, AlertState.RESOLVED, "back to usual", alert.due_ms, ctx)


def _tell_use(
    customer: Customer, line: Line, subject: str, found: list[Found], at_ms: int, ctx: FoldContext
) -> None:
    habits = line.habits
    assert habits is not None
    day = at_ms // DAY_MS
    goes_on = _goes_on(habits.held_day, day, ctx)
    habits.held_day = max(day, habits.held_day)
    for each in found:
        kind, is_alert, _ = each
        current = next((a for type_ in _USE if (a := find_open(customer, type_, subject))), None)
        if current is None:
            last = _last_closed(customer, subject) if goes_on else None
            if not goes_on or (is_alert and last is not None and last.tier == str(AlertTier.NOTICE)):
                raise_alert(customer, _finding(customer, line, subject, each, at_ms, ctx), ctx)
                goes_on = True
        elif is_alert and current.tier == str(AlertTier.NOTICE):
            finding = _finding(customer, line, subject, each, at_ms, ctx)
            if current.type == kind:
                if not current.held_out:
                    current.tell_who = str(finding.who)
                update_alert(customer, current, finding, "higher tier", ctx)
            else:
                close_alert(customer, current, AlertState.RESOLVED, "superseded", at_ms, ctx)
                raise_alert(customer, finding, ctx)
        else:
            _grow(customer, line, current, each, at_ms, ctx)


def _tell_money(
    customer: Customer, line: Line, subject: str, found: Found, at_ms: int, ctx: FoldContext
) -> None:
    habits = line.habits
    assert habits is not None
    assert habits.spending is not None
    spending, day = habits.spending, at_ms // DAY_MS
    goes_on = _goes_on(spending.held_day, day, ctx)
    spending.held_day = max(day, spending.held_day)
    current = find_open(customer, MONEY, subject)
    if current is not None:
        _grow(customer, line, current, found, at_ms, ctx)
    elif not goes_on:
        raise_alert(customer, _finding(customer, line, subject, found, at_ms, ctx), ctx)


def _goes_on(held_day: int, day: int, ctx: FoldContext) -> bool:
    """Return whether what is found belongs to an episode that was found before."""
    return held_day > 0 and abs(day - held_day) <= ctx.alerts.sms_watch.silence_days


def _grow(
    customer: Customer, line: Line, current: StoredAlert, found: Found, at_ms: int, ctx: FoldContext
) -> None:
    """Tell again when what is counted has doubled since it was told last."""
    kind, _, evidence = found
    name = _COUNT[kind]
    if current.type == kind and int(evidence[name]) >= 2 * int(current.evidence.get(name, 0)):
        finding = _finding(customer, line, current.subject, found, at_ms, ctx)
        update_alert(customer, current, finding, "twice as many", ctx)


def _last_closed(customer: Customer, subject: str) -> StoredAlert | None:
    for alert in reversed(customer.alerts.closed):
        if alert.type in _USE and alert.subject == subject:
            return alert
    return None


def _finding(
    customer: Customer, line: Line, subject: str, found: Found, at_ms: int, ctx: FoldContext
) -> Finding:
    kind, is_alert, evidence = found
    habits = line.habits
    assert habits is not None
    cycle = cycle_at(line, at_ms)
    if cycle is not None:
        evidence = {**evidence, "messages_this_cycle": cycle.messages}
    watch, velocity = ctx.alerts.sms_watch, ctx.alerts.sms_velocity
    due_ms = (at_ms // DAY_MS + 1 + _GONE_DAYS) * DAY_MS
    remedy, within_h = watch.remedy, watch.deliver_within_h
    if kind == BURST:
        assert line.velocity is not None
        factor = velocity.notice_factor
        due_ms = hour_below(line.velocity, limit_centi(line.velocity, velocity, factor)) * HOUR_MS
        remedy, within_h = velocity.remedy, velocity.deliver_within_h
    return Finding(
        kind,
        subject,
        datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S"),
        AlertTier.ALERT if is_alert else AlertTier.NOTICE,
        at_ms,
        at_ms + within_h * HOUR_MS,
        due_ms,
        evidence,
        Tell.PAYER if is_alert or _is_payers(customer, subject) else Tell.USER,
        remedy,
        sum(cycle.charged_minor) if cycle else 0,
    )


def _is_payers(customer: Customer, subject: str) -> bool:
    """Return whether the payer uses the line himself, or nobody is known to use it."""
    for user in customer.profile.users:
        if user.line == subject:
            return user.role == "payer" or not user.role
    return True
