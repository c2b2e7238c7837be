"""What an event, or the passing of time, does to a customer: the only place that knows all folds and their order.

    fold(customer, received, ctx)    one event: duplicates, counts, facts, then detectors
    tick(customer, now_ms, ctx)      everything that is due by now
    next_due_ms(customer)            when the next tick is needed

Both change the customer in place. Neither reads a clock: time comes with the event and with the context.
"""

from __future__ import annotations

from collections.abc import Callable

from cem.domain import moving, watched
from cem.domain.alert_changes import (
    acknowledge,
    due_alerts,
    end_quiet,
    escalate_unanswered,
    find_by_id,
    silence,
)
from cem.domain.alerting import close_alert, unindex
from cem.domain.context import Carried, FoldContext
from cem.domain.customer import Customer, new_customer, settle, stir
from cem.domain.detectors import (
    bill_shock,
    repeat_call,
    service_loss,
    silent_sufferer,
    sinking,
    sms_allowance,
    sms_use,
)
from cem.domain.duplicates import first_time
from cem.domain.events import (
    AlertState,
    BillIssued,
    CallDirection,
    CallEnded,
    CallStarted,
    CallTurn,
    CampaignContacted,
    CampaignResponded,
    ConsentChanged,
    ContactAnswered,
    ContactDelivered,
    ContactFailed,
    ContractCancelled,
    ContractRenewed,
    ControlAlertAcknowledged,
    ControlAlertResolved,
    ControlAlertSilenced,
    CustomerErased,
    CustomerMerged,
    CustomerSplit,
    DecisionMade,
    Event,
    InteractionRecorded,
    NoteWritten,
    OrderDelivered,
    OrderPlaced,
    OrderPromised,
    OutcomeRecorded,
    PaymentFailed,
    PaymentMade,
    PaymentOverdue,
    PlanChanged,
    ProfileChanged,
    PurchaseMade,
    RegistrationMade,
    ServiceDegraded,
    ServiceRestored,
    SmsRated,
    Speaker,
    StateForwarded,
    StateMoved,
    SurveyAnswered,
    TaskClosed,
    TaskDue,
    TicketClosed,
    TicketOpened,
    TicketUpdated,
)
from cem.domain.events.enums import Initiative
from cem.domain.events.envelope import Received
from cem.domain.facts import (
    billing,
    contacts,
    decisions,
    faults,
    learning,
    ledger,
    outreach,
    promises,
    satisfaction,
    supplies,
    talk,
    value,
)
from cem.domain.facts.counts import count
from cem.domain.facts.links import linked_names, register
from cem.domain.facts.mood import hear, suppose_early
from cem.domain.facts.profile import change_consent, change_profile
from cem.domain.facts.strangers import forget_stranger, stranger_due_ms
from cem.domain.message import add_message
from cem.domain.moving import NO_MOVES
from cem.domain.state.alerts import StoredAlert
from cem.domain.state.contacts import contact_key
from cem.domain.state.contacts_at_hand import read_contacts
from cem.domain.state.segments import segments_due_ms

__all__ = ["fold", "next_due_ms", "tick"]

Fold = Callable[[Customer, Received, FoldContext], None]


def fold(customer: Customer, received: Received, ctx: FoldContext) -> bool:
    """Fold one event into the customer. Returns False, and changes only a counter, if it was folded before."""
    event = received.event
    if type(event) is SmsRated:
        if customer._moves == NO_MOVES:
            # `_fold_one` without what a message does not need: nearly all records are one.
            if not first_time(customer, received):
                customer.duplicates += 1
                return False
            if 0 < customer.learning_due_s * 1000 <= ctx.lane_time_ms:
                learning.judge_learning(customer, ctx.lane_time_ms, ctx)
            add_message(customer, event, received, ctx)
        elif not _fold_one(customer, received, None, (), ctx):
            return False
        if customer.stirred_s:
            settle(customer, ctx.lane_time_ms)
        return True
    kind = type(event)
    if kind is StateForwarded or kind is StateMoved:
        folded = moving.take(customer, received, ctx, _fold_one)
    else:
        folded = _fold_one(customer, received, None, (), ctx)
    # Of whoever is erased nothing is left to be quick with.
    if folded and kind is not CustomerErased:
        stir(customer, ctx.lane_time_ms)
    return folded


def _fold_one(
    customer: Customer,
    received: Received,
    carried: Carried | None,
    through: tuple[str, ...],
    ctx: FoldContext,
) -> bool:
    """Fold one event that came as it is (`carried` None), or within another through other customers."""
    # What comes back to a customer whom it has come through was not folded there, though he has seen its id.
    if customer.customer_id not in through and not first_time(customer, received):
        customer.duplicates += 1
        return False
    if moving.has_moves(customer) and moving.send_on(
        customer, received, carried or ctx.carried(), through, ctx
    ):
        customer.as_of_ms = max(customer.as_of_ms, received.ingested_ms)
        return True
    if 0 < customer.learning_due_s * 1000 <= ctx.lane_time_ms:
        learning.judge_learning(customer, ctx.lane_time_ms, ctx)
    event = received.event
    if isinstance(event, SmsRated):
        add_message(customer, event, received, ctx)
        return True
    count(customer, received)
    handler = _FOLDS.get(type(event))
    if handler is not None:
        handler(customer, received, ctx)
        if not customer.learning_due_s:
            learning.begin_learning(customer, ctx.lane_time_ms)
    return True


def tick(customer: Customer, now_ms: int, ctx: FoldContext) -> None:
    """Do everything that is due by `now_ms`: judge contacts and promises, end silences and alerts, learn, forget strangers.

    Somebody whom this wakes is scored anew against the others, once a day.
    """
    if 0 < customer.contacts_due_ms <= now_ms:
        contacts.judge_contacts(customer, now_ms)
    if 0 < customer.promises_due_ms <= now_ms:
        watched.service_due(customer, now_ms, ctx)
    if 0 < customer.alerts_due_ms <= now_ms:
        for alert in due_alerts(customer, now_ms, ctx):
            _REVIEWS.get(alert.type, _over)(customer, alert, now_ms, ctx)
        end_quiet(customer, now_ms, ctx)
        escalate_unanswered(customer, now_ms, ctx)
    if 0 < customer.learning_due_s * 1000 <= now_ms:
        learning.judge_learning(customer, now_ms, ctx)
        sinking.check_sinking(customer, now_ms, ctx)
    if 0 < customer.ledger_due_s * 1000 <= now_ms:
        ledger.judge_ledger(customer, now_ms, ctx)
    value.refresh_scores(customer, ctx)
    if customer.stirred_s:
        settle(customer, now_ms)
    forget_stranger(customer, now_ms)


def next_due_ms(customer: Customer) -> int | None:
    """Return the instant at which the next tick has something to do, or None."""
    first = 0
    for due_ms in (
        customer.contacts_due_ms,
        customer.promises_due_ms,
        customer.alerts_due_ms,
        customer.learning_due_s * 1000,
        customer.ledger_due_s * 1000,
        stranger_due_ms(customer),
        segments_due_ms(customer.segments),
    ):
        if due_ms and (due_ms < first or not first):
            first = due_ms
    return first or None


def _over(customer: Customer, alert: StoredAlert, now_ms: int, ctx: FoldContext) -> None:
    """End an alert whose time is over, as that of an allowance when its cycle ends."""
    close_alert(customer, alert, AlertState.RESOLVED, "over", alert.due_ms, ctx)


def _call_started(customer: Customer, received: Received, ctx: FoldContext) -> None:
    event = received.event
    assert isinstance(event, CallStarted)
    if event.direction is CallDirection.OUTBOUND:
        contacts.forget_contact(customer, event.call_id, ctx.lane_time_ms)
        outreach.touch(customer, event.call_id, "call", "call", received.time_ms, ctx)
        talk.open_call(customer, event, received.time_ms)
        return
    contact = contacts.begin_call(customer, event, received.time_ms, ctx.lane_time_ms)
    if not contact.ended:
        talk.open_call(customer, event, received.time_ms)
    watched.in_contact(customer, contact, ctx)


def _call_turn(customer: Customer, received: Received, ctx: FoldContext) -> None:
    event = received.event
    assert isinstance(event, CallTurn)
    kept, _ = read_contacts(customer.contacts)
    key = contact_key(event.call_id)
    if not any(contact.key == key and contact.ended for contact in kept):
        call = talk.hear_turn(customer, event, received.time_ms)
        if event.speaker is Speaker.CUSTOMER:
            hear(customer, key, "call", event.turn, event.text, received.time_ms, ctx)
            if not call.reason:
                suppose_early(customer, key, "call", call.said, received.time_ms, ctx)


def _call_ended(customer: Customer, received: Received, ctx: FoldContext) -> None:
    event = received.event
    assert isinstance(event, CallEnded)
    call = talk.close_call(customer, event)
    if event.direction is CallDirection.OUTBOUND or outreach.knows_touch(customer, event.call_id):
        outreach.end_own_call(customer, event, received.time_ms, ctx)
        return
    contact = contacts.end_call(customer, event, received.time_ms, ctx.lane_time_ms)
    watched.in_contact(customer, contact, ctx)
    said = "" if call is None else call.said
    learning.contact_over(customer, event.call_id, "call", contact.reason, said, received.time_ms, ctx)
    sinking.check_sinking(customer, received.time_ms, ctx)


def _interaction(customer: Customer, received: Received, ctx: FoldContext) -> None:
    event = received.event
    assert isinstance(event, InteractionRecorded)
    if event.direction is CallDirection.OUTBOUND:
        outreach.touch(customer, event.interaction_id, "reply", str(event.channel), received.time_ms, ctx)
        return
    contact = contacts.add_interaction(customer, event, received.time_ms, ctx.lane_time_ms)
    watched.in_contact(customer, contact, ctx)
    channel, said = str(event.channel), event.text or ""
    hear(customer, contact.key, channel, 0, said, received.time_ms, ctx)
    learning.contact_over(
        customer, event.interaction_id, channel, contact.reason, said, received.time_ms, ctx
    )
    sinking.check_sinking(customer, received.time_ms, ctx)


def _survey(customer: Customer, received: Received, ctx: FoldContext) -> None:
    satisfaction.add_answer(customer, received, ctx)
    learning.learn_from_survey(customer, received, ctx)
    sinking.check_sinking(customer, received.time_ms, ctx)


def _decided(customer: Customer, received: Received, ctx: FoldContext) -> None:
    decisions.add_decision(customer, received, ctx)
    learning.remember_decision(customer, received, ctx)


def _came_out(customer: Customer, received: Received, ctx: FoldContext) -> None:
    decisions.add_outcome(customer, received, ctx)
    learning.learn_from_outcome(customer, received, ctx)


def _cancelled(customer: Customer, received: Received, ctx: FoldContext) -> None:
    event = received.event
    assert isinstance(event, ContractCancelled)
    stayed = value.is_live(customer)
    supplies.cancel_contract(customer, received, ctx)
    learning.correct_churn(customer, ctx)
    if stayed and not value.is_live(customer):
        by_operator = event.initiative is Initiative.OPERATOR
        value.note_leaving(customer, received.time_ms, by_operator, ctx)


def _acknowledged(customer: Customer, received: Received, ctx: FoldContext) -> None:
    event = received.event
    assert isinstance(event, ControlAlertAcknowledged)
    acknowledge(customer, event.alert_id, event.by, event.note or "", received.time_ms, ctx)


def _silenced(customer: Customer, received: Received, ctx: FoldContext) -> None:
    event = received.event
    assert isinstance(event, ControlAlertSilenced)
    until_ms = round(event.until.timestamp() * 1000)
    silence(customer, event.alert_id, event.by, event.reason, until_ms, received.time_ms, ctx)


def _resolved(customer: Customer, received: Received, ctx: FoldContext) -> None:
    event = received.event
    assert isinstance(event, ControlAlertResolved)
    alert = find_by_id(customer, event.alert_id)
    if alert is not None:
        close_alert(
            customer,
            alert,
            AlertState.RESOLVED,
            "resolved by hand",
            received.time_ms,
            ctx,
            by=event.by,
            note=event.note or "",
        )


def _erased(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Forget everything but the id and which records were folded, so that none of them comes in again."""
    for alert in (*customer.alerts.open, *customer.alerts.closed):
        unindex(customer, alert, ctx)
    profile = customer.profile
    ended_ms = max([received.time_ms, profile.at_ms, *(named.at_ms for named in profile.identifiers)])
    for name in linked_names(profile, ctx):
        ctx.link(name, customer.customer_id, ended_ms, linked=False)
    value.forget_value(customer, ctx)
    blank = new_customer(customer.customer_id)
    blank.as_of_ms, blank.sources, blank._moves = customer.as_of_ms, customer.sources, customer._moves
    blank.seen, blank.seen_mark_s, blank.seen_marked = (
        customer.seen,
        customer.seen_mark_s,
        customer.seen_marked,
    )
    for name in customer.__struct_fields__:
        setattr(customer, name, getattr(blank, name))


#: What each event type does beyond being counted. Types that are not here are only counted.
_FOLDS: dict[type[Event], Fold] = {
    CallStarted: _call_started,
    CallTurn: _call_turn,
    CallEnded: _call_ended,
    SurveyAnswered: _survey,
    NoteWritten: watched.served(promises.write_note),
    TaskDue: watched.served(promises.take_task),
    TaskClosed: watched.served(promises.close_task),
    BillIssued: watched.bill_issued,
    PaymentMade: watched.payment_made,
    PaymentFailed: watched.payment_failed,
    PaymentOverdue: billing.add_overdue,
    PlanChanged: watched.supplied(supplies.change_plan),
    ContractRenewed: supplies.renew_contract,
    ContractCancelled: _cancelled,
    InteractionRecorded: _interaction,
    CampaignContacted: outreach.touch_by_campaign,
    CampaignResponded: outreach.take_answer,
    ContactDelivered: watched.delivered,
    ContactFailed: watched.failed,
    ContactAnswered: watched.answered,
    RegistrationMade: register,
    PurchaseMade: billing.add_purchase,
    OrderPlaced: watched.served(promises.place_order),
    OrderPromised: watched.served(promises.promise_order),
    OrderDelivered: watched.served(promises.deliver_order),
    ServiceDegraded: watched.faulty(faults.begin_fault),
    ServiceRestored: watched.faulty(faults.end_fault),
    TicketOpened: watched.served(promises.open_ticket),
    TicketUpdated: watched.served(promises.update_ticket),
    TicketClosed: watched.served(promises.close_ticket),
    ProfileChanged: watched.supplied(change_profile),
    ConsentChanged: change_consent,
    CustomerMerged: moving.merge,
    CustomerSplit: moving.split,
    CustomerErased: _erased,
    DecisionMade: _decided,
    OutcomeRecorded: _came_out,
    ControlAlertAcknowledged: _acknowledged,
    ControlAlertSilenced: _silenced,
    ControlAlertResolved: _resolved,
}

#: How an open alert that is due is looked at again; one of any other type is over.
_REVIEWS: dict[str, Callable[[Customer, StoredAlert, int, FoldContext], None]] = {
    sms_allowance.TYPE: sms_allowance.review_allowance,
    **dict.fromkeys(sms_use.TYPES, sms_use.review_use),
    repeat_call.TYPE: repeat_call.review_repeat,
    bill_shock.TYPE: bill_shock.review_bill,
    service_loss.TYPE: service_loss.review_loss,
    silent_sufferer.TYPE: silent_sufferer.review_silent,
    sinking.TYPE: sinking.review_sinking,
}
