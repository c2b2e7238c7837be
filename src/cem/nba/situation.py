"""A customer's state at one instant, read for a decision: windows end at `now_ms`, this very contact left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final, Generic, TypeVar, cast

from cem.domain.customer import Customer
from cem.domain.facts.faults import FAULT_LASTS_MS
from cem.domain.facts.supplies import plan_of
from cem.domain.facts.usage import cycle_at
from cem.domain.facts.value import scores_of
from cem.domain.localtime import DAY_MS, HOUR_MS, date_of, local_day, zone
from cem.domain.state.alerts import StoredAlert
from cem.domain.state.billing import Bill, Billing, Part
from cem.domain.state.contacts import REPEATED, Contact, contact_key, unresolved
from cem.domain.state.contacts_at_hand import contacts_since
from cem.domain.state.decisions import Decision
from cem.domain.state.lines import Cycle
from cem.domain.state.profile import Plan, Profile, User
from cem.domain.state.service import Fault
from cem.domain.state.talk import OpenCall
from cem.domain.state.value import has_brought
from cem.domain.value_policy import ValuePolicy
from cem.domain.view import (
    BestHour,
    BillChange,
    Choice,
    JourneyQuality,
    LifetimeValue,
    Predicted,
    Rfm,
    SupposedReason,
    answering_channel,
    best_channel,
    best_hour,
    bill_change,
    effort,
    journey_quality,
    lifetime_value,
    open_calls,
    overdue_days,
    owed_by_bill,
    predicted_satisfaction,
    rfm,
    supposed_reason,
)
from cem.nba.call import Call, topic_of

__all__ = ["Members", "Situation"]

#: Customer and instant (ms) to the names of the segments that he is in then.
Members = Callable[[Customer, int], Sequence[str]]

T = TypeVar("T")

#: From this chance on the model's reason of the contact goes before what single words of the customer stand for.
_SURE: Final = 0.6


class lazy(Generic[T]):  # noqa: N801 - used as a decorator
    """A property computed at its first use. functools.cached_property costs microseconds each, for a lock."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__
        self.name = compute.__name__

    def __get__(self, owner: Any, kind: type | None = None) -> T:
        value = owner.__dict__[self.name] = self.compute(owner)
        return value


class Situation:
    """What facts are computed from; what several facts need is computed once."""

    def __init__(
        self,
        customer: Customer,
        call: Call,
        now_ms: int,
        topics: Mapping[str, tuple[str, ...]],
        timezone: str,
        value: ValuePolicy | None = None,
        members: Members | None = None,
    ) -> None:
        self.customer = customer
        self.now_ms = now_ms
        self.topics = topics
        self.timezone = timezone
        self.value = value
        self.members = members
        self.open_call = _open_call(customer, call, now_ms)
        self.call = _completed(call, self.open_call)

    @lazy
    def segments(self) -> str:
        """Return the names of the segments that he is in, with spaces between them; of none where nobody knows."""
        return " ".join(self.members(self.customer, self.now_ms)) if self.members is not None else ""

    @lazy
    def tz(self) -> tzinfo:
        """Return the customer's time zone: his own, else the operator's."""
        return zone(self.profile.timezone, self.timezone)

    @lazy
    def profile(self) -> Profile:
        """Return who the customer is."""
        return self.customer.profile

    @lazy
    def today(self) -> int:
        """Return the local day, counted from the epoch."""
        return local_day(self.now_ms, self.tz)

    @lazy
    def year(self) -> int:
        """Return the local year."""
        return date_of(self.today).year

    @lazy
    def topic(self) -> str:
        """Return the topic of this contact: of what it is said to be about, or of what was said in it."""
        call, supposed = self.call, self.supposed
        return (
            topic_of(call.reason, "", self.topics)
            or topic_of(call.intent, "", self.topics)
            or (
                supposed is not None
                and supposed.chance >= _SURE
                and topic_of(supposed.reason, "", self.topics)
            )
            or topic_of("", call.text, self.topics)
        )

    @lazy
    def supposed(self) -> SupposedReason | None:
        """Return the reason of this contact as the model sees it, where nobody has said one."""
        call = self.call
        if call.reason or not call.call_id:
            return None
        return supposed_reason(self.customer, contact_key(call.call_id))

    @lazy
    def contacts(self) -> list[Contact]:
        """Return contacts of the last 30 days before this one, oldest first."""
        found = contacts_since(self.customer.contacts, self.now_ms - 30 * DAY_MS)
        this = contact_key(self.call.call_id) if self.call.call_id else None
        return [c for c in found if c.at_ms <= self.now_ms and (this is None or c.key != this)]

    @lazy
    def contacted(self) -> int:
        """Return how many contacts the last 30 days had before this one."""
        return len(self.contacts)

    @lazy
    def week(self) -> list[Contact]:
        """Return the contacts of the last 7 days, oldest first."""
        since = self.now_ms - 7 * DAY_MS
        return [c for c in self.contacts if c.at_ms > since]

    @lazy
    def same_topic(self) -> list[Contact]:
        """Return contacts of the last 7 days about this contact's topic (or its very reason)."""
        topic, reason = self.topic, self.call.reason
        if not topic and not reason:
            return []
        return [
            c
            for c in self.week
            if c.reason and (c.reason == reason or (topic and topic_of(c.reason, "", self.topics) == topic))
        ]

    @lazy
    def effort(self) -> tuple[int, int, int, int]:
        """Return seconds waited, seconds held, transfers and abandonments of the last 30 days."""
        return effort(self.customer, self.now_ms)

    @lazy
    def journey(self) -> JourneyQuality:
        """Return the quality of the contract's running term so far."""
        return journey_quality(self.customer, self.now_ms)

    @lazy
    def plans(self) -> list[Plan]:
        """Return the plans in force: of the account and of each line."""
        profile = self.profile
        lines = {supply.line: None for supply in profile.supplies if supply.line}
        if not lines:
            # What holds for each line is the account's.
            account = plan_of(profile, "", self.now_ms)
            return [] if account is None else [account]
        lines.update((user.line, None) for user in profile.users)
        account = plan_of(profile, "", self.now_ms)
        found = [] if account is None else [account]
        for line in lines:
            plan = plan_of(profile, line, self.now_ms)
            if plan is not None and plan != account:
                found.append(plan)
        return found

    @lazy
    def children(self) -> list[User]:
        """Return the lines' users that are children."""
        grown_up_from = self.year - 18
        return [u for u in self.profile.users if u.role == "child" or u.birth_year > grown_up_from]

    @lazy
    def cycles(self) -> list[tuple[str, Cycle]]:
        """Return each line's running billing cycle, where it has one."""
        now_ms = self.now_ms
        found = []
        for name, line in self.customer.lines.items():
            cycle = cycle_at(line, now_ms)
            if cycle is not None:
                found.append((name, cycle))
        return found

    @lazy
    def billing(self) -> Billing:
        """Return bills and payments."""
        return self.customer.billing

    @lazy
    def bill(self) -> Bill | None:
        """Return the last bill."""
        bills = self.billing.bills
        return bills[-1] if bills else None

    @lazy
    def bill_before(self) -> Bill | None:
        """Return the bill before the last."""
        bills = self.billing.bills
        return bills[-2] if len(bills) > 1 else None

    @lazy
    def bill_change(self) -> BillChange | None:
        """Return why the last bill differs from the one before."""
        return bill_change(self.customer)

    @lazy
    def parts(self) -> list[Part]:
        """Return what the last bill is made of."""
        return self.bill.parts if self.bill is not None else []

    @lazy
    def owed(self) -> dict[str, int]:
        """Return what is still to be paid of each kept bill."""
        return owed_by_bill(self.customer)

    @lazy
    def overdue_days(self) -> int:
        """Return days that the longest unpaid bill is overdue."""
        # What day it is where he lives matters only to who owes something.
        if not self.owes:
            return 0
        return overdue_days(self.customer, self.now_ms, self.tz, self.owed, self.today)

    @lazy
    def owes(self) -> bool:
        """Return whether he owes something, or was told so."""
        billing = self.billing
        return bool(billing.overdue or billing.unpaid or any(self.owed.values()))

    @lazy
    def failed_payments(self) -> int:
        """Return payments refused in 90 days."""
        refused = self.billing.payments_of("failed")
        since = self.now_ms - 90 * DAY_MS
        return sum([p.at_ms > since for p in refused]) if refused else 0

    @lazy
    def rfm(self) -> Rfm | None:
        """Return recency, frequency and money."""
        return rfm(self.customer, self.now_ms)

    @lazy
    def scores(self) -> tuple[int, int, int] | None:
        """Return the scores of `rfm` alone: what costs a tenth of it."""
        value = self.customer.value
        return scores_of(self.customer) if value.scores and has_brought(value) else None

    @lazy
    def lifetime_value(self) -> LifetimeValue | None:
        """Return what he is expected to bring."""
        return lifetime_value(self.customer, self.now_ms, self.tz, self.value)

    @lazy
    def decisions(self) -> list[Decision]:
        """Return the last suggestions and what became of them, oldest first."""
        return self.customer.decisions.made

    @lazy
    def unresolved(self) -> int:
        """Return contacts of the last 30 days that were abandoned, ended unresolved, or came back."""
        return sum(unresolved(c) or c.verdict == REPEATED for c in self.contacts)

    @lazy
    def repeats(self) -> bool:
        """Return whether this is a second contact in 7 days about the same matter (unsaid: a second call)."""
        if any(alert.type.startswith("repeat") for alert in self.alerts):
            return True
        if self.topic or self.call.reason:
            return bool(self.same_topic)
        return any(c.channel == "call" for c in self.week)

    @lazy
    def faults(self) -> list[tuple[Fault, float]]:
        """Return faults felt in the last 30 days, each with the hours of it that fall into them."""
        found = []
        for fault in self.customer.service.faults:
            hours = self._fault_hours(fault)
            if hours is not None:
                found.append((fault, hours))
        return found

    def going_on(self, fault: Fault) -> bool:
        """Return whether he suffers the fault now."""
        return fault.ended_ms == 0 and 0 <= self.now_ms - fault.began_ms < FAULT_LASTS_MS

    def _fault_hours(self, fault: Fault) -> float | None:
        since = self.now_ms - 30 * DAY_MS
        began = fault.began_ms or fault.ended_ms
        ended = fault.ended_ms or min(self.now_ms, began + FAULT_LASTS_MS)
        if ended <= since or began > self.now_ms:
            return None
        return (min(ended, self.now_ms) - max(began, since)) / HOUR_MS

    @lazy
    def late_promises(self) -> int:
        """Return orders and tasks of the last 30 days whose time has passed without their being done."""
        since = self.now_ms - 30 * DAY_MS
        service = self.customer.service
        orders = sum(since < o.due_ms < self.now_ms and not o.delivered_ms for o in service.orders)
        return orders + sum(since < t.due_ms < self.now_ms and not t.closed_ms for t in service.tasks)

    @lazy
    def predicted(self) -> Predicted | None:
        """Return the satisfaction that the model sees, None while it has nothing to say."""
        return predicted_satisfaction(self.customer, self.now_ms)

    @lazy
    def alerts(self) -> list[StoredAlert]:
        """Return the open alerts."""
        return self.customer.alerts.open

    @lazy
    def reach(self) -> Choice:
        """Return over which channel he is best told what serves him."""
        return best_channel(self.customer, "service", self.now_ms)

    @lazy
    def does(self) -> str:
        """Return the channel on which his answers show him; what costs a third of `reach`."""
        return answering_channel(self.customer, self.now_ms)

    @lazy
    def hour(self) -> BestHour | None:
        """Return when he answers best over that channel."""
        return best_hour(self.customer, self.reach.channel, self.now_ms, self.tz)

    def once(self, compute: Callable[[Situation], T]) -> T:
        """Return what `compute` makes of the situation, computed once: for what several facts are read off."""
        made: dict[Callable[[Situation], Any], Any] = self.__dict__.setdefault("_made", {})
        if compute not in made:
            made[compute] = compute(self)
        return cast(T, made[compute])

    def days_since(self, at_ms: int) -> float:
        """Return the days from `at_ms` to now."""
        return (self.now_ms - at_ms) / DAY_MS


def _open_call(customer: Customer, call: Call, now_ms: int) -> OpenCall | None:
    """Return the record of this call, or of the newest inbound one that is going on."""
    going_on = open_calls(customer, now_ms)
    if call.call_id:
        return next((c for c in going_on if c.call_id == call.call_id), None)
    return next((c for c in reversed(going_on) if c.direction != "outbound"), None)


def _completed(call: Call, record: OpenCall | None) -> Call:
    """Return the call with what the desktop left out filled in from its record."""
    if record is None:
        return call
    text = call.text or " ".join(t.text for t in record.turns if t.speaker == "customer")
    return Call(
        call.call_id or record.call_id,
        call.channel,
        call.reason or record.reason,
        call.intent or record.intent,
        call.queue or record.queue,
        call.rep_id or record.rep_id,
        call.language or record.language,
        text,
    )
