"""A customer's state for people: names instead of codes, dates instead of numbers, rows instead of packed bytes.

A field of the state is shown under its own name, with these exceptions:

- A field at its default says nothing and is left out; so are hashes and what only the program itself needs.
- `*_ms` and `*_s` that are instants lose the suffix (`state_ms` beside `state` is `state_at`) and are RFC 3339 in
  UTC; `*_day` are dates.
- `*_minor` are minor units of the operator's one currency.
- Codes, and counts by index, have their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec

from cem.domain.customer import FAMILIES, Customer
from cem.domain.detectors.recipients import distinct_centi
from cem.domain.facts.journey import totals
from cem.domain.localtime import HOUR_MS, zone
from cem.domain.state.alerts import StoredAlert
from cem.domain.state.billing import Bill, Billing, OpenBill, Payment, bill_key, earlier_totals
from cem.domain.state.contact_rows import unpack_contacts
from cem.domain.state.contacts import Contact, Contacts, contact_key
from cem.domain.state.decisions import Decision, Decisions
from cem.domain.state.estimates import (
    Churn,
    Estimates,
    Heard,
    Offered,
    Satisfied,
    Talked,
    past_moods,
    spoken_of,
    waiting_portraits,
)
from cem.domain.state.habits import UNIT, Habits, Spending
from cem.domain.state.journey import DROPPED, EFFORTS
from cem.domain.state.lines import DESTINATIONS, LINE_FAMILIES, Cycle, Line, Velocity
from cem.domain.state.outreach import Outreach, Touch
from cem.domain.state.profile import PROFILE_FIELDS, Plan, Profile
from cem.domain.state.reach import PARTS, PERIOD_MS, past_cells
from cem.domain.state.satisfaction import Answer
from cem.domain.state.service import Order, Task, Ticket
from cem.domain.value_policy import ValuePolicy
from cem.domain.view.bill_change import bill_change
from cem.domain.view.journey import journey_quality
from cem.domain.view.portrait import FEATURES, SAYS, features_of
from cem.domain.view.worth import lifetime_value, rfm

__all__ = ["describe", "describe_fields"]


Shown = dict[str, Any]

#: Fields that end like an instant or a day and are none.
_NUMBERS: Final = frozenset({"duration_s", "wait_s", "hold_s", "cycle_day"})
#: By Contact.verdict and by the verdict on a promise.
_CONTACT_VERDICTS: Final = ("open", "resolved", "repeated", "left")
_PROMISE_VERDICTS: Final = ("", "kept", "missed")
_EPOCH: Final = date(1970, 1, 1)
#: What duplicates are told by: hashes, of no use to a reader.
_HASHES: Final = frozenset({"seen", "seen_mark_s", "seen_marked", "sources"})
#: How the state is kept, which says nothing of the customer.
_KEEPING: Final = frozenset({"_piece", "stirred_s"})
_ALERT_FIELDS: Final = (
    "type", "subject", "cause", "state", "tier", "severity", "opened_ms", "updated_ms", "deliver_before_ms",
    "due_ms", "silenced_until_ms", "closed_ms", "reason", "by", "note", "tell_who", "tell_channel",
    "tell_due_ms", "told_ms", "action",
    "price_minor", "cost_minor", "evidence",
)  # fmt: skip


def describe(customer: Customer, policy: ValuePolicy | None = None, timezone: str = "UTC") -> Shown:
    """Return the state as nested dictionaries and lists of texts, numbers and booleans; packed rows are unpacked.

    Journey and value are as of his newest event; `policy` is what lifetime value is reckoned with, `timezone` the
    operator's.
    """
    shown = _fields(customer, without={*_HASHES, *_KEEPING, "counts", "learning_due_s", *_sections()})
    shown |= _some(learning_due=_instant(customer.learning_due_s * 1000))
    shown |= _some(records=_by_name(customer.counts, FAMILIES))
    for name in _sections():
        shown |= _some(**{name.lstrip("_"): _plain(getattr(customer, name.lstrip("_")))})
    _name_references(shown, customer)
    _name_changes(shown, customer)
    shown |= _some(journey=_journey(customer), value=_value(customer, policy, timezone))
    return shown


def describe_fields(state: msgspec.Struct) -> Shown:
    """Return the fields of another struct than a customer that say something, readable."""
    return _fields(state, without=_HASHES)


def _sections() -> list[str]:
    names = [field.name for field in msgspec.structs.fields(Customer)]
    return [name for name in names if name.startswith("_") and name not in _KEEPING]


def _name_references(shown: Shown, customer: Customer) -> None:
    """Replace the keys by which payments and answers name bills and contacts by the ids that are still known."""
    bills = {bill_key(bill.bill_id): bill.bill_id for bill in customer.billing.bills}
    for row in shown.get("billing", {}).get("payments", ()):
        _refer(row, "bill", bills)
    contacts = {contact_key(each): each for each in customer.contacts.ids if each}
    for row in shown.get("satisfaction", {}).get("answers", ()):
        _refer(row, "about", contacts)


def _name_changes(shown: Shown, customer: Customer) -> None:
    """Say under each bill but the first why it differs from the one before it."""
    for row in shown.get("billing", {}).get("bills", ()):
        change = bill_change(customer, row["bill_id"])
        if change is not None:
            row["delta_minor"] = change.delta_minor
            row |= _some(changes=[_fields(each) for each in change.changes])


def _journey(customer: Customer) -> Shown:
    """Return what dealing with the company cost him in the running term of his contract, and in all."""
    quality = journey_quality(customer, customer.last_ms)
    in_all = {name: count for name, count in zip(EFFORTS, totals(customer), strict=True) if count}
    shown = _some(in_all=in_all, dropped=_by_name(customer.journey.dropped, DROPPED))
    return shown | {"this_term": _fields(quality)} if quality.began_ms else shown


def _value(customer: Customer, policy: ValuePolicy | None, timezone: str) -> Shown:
    """Return what he has brought in and is expected to bring."""
    shown: Shown = {}
    paid = rfm(customer, customer.last_ms)
    if paid is not None:
        shown = {
            "recency_days": round(paid.recency_days, 1),
            "payments_a_year": round(paid.a_year, 2),
            "paid_a_year_minor": round(paid.a_year_minor),
        }
        if paid.scores is not None:
            names = ("recency_score", "frequency_score", "money_score")
            shown |= dict(zip(names, paid.scores, strict=True)) | _some(
                scored_day=_date(customer.value.scored_day)
            )
    tz = zone(customer.profile.timezone, timezone)
    worth = lifetime_value(customer, customer.last_ms, tz, policy)
    if worth is not None:
        shown["lifetime_value"] = {
            name: round(item, 5) if isinstance(item, float) else item
            for name, item in msgspec.structs.asdict(worth).items()
        }
    return shown


def _refer(row: Shown, name: str, known: dict[int, str]) -> None:
    found = known.get(row.pop(name, 0))
    if found is not None:
        row[name] = found


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _SPECIAL.get(type(value), _fields)(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _fields(value: msgspec.Struct, without: Iterable[str] = ()) -> Shown:
    """Return the struct's fields that say something, readable."""
    shown: Shown = {}
    for field in msgspec.structs.fields(type(value)):
        item = getattr(value, field.name) if field.name not in without else field.default
        if item == field.default or isinstance(item, bytes):
            continue
        shown |= _named(field.name, item, value.__struct_fields__)
    return shown


def _named(name: str, value: Any, beside: Sequence[str]) -> Shown:
    """Return the field under the name that people see, none of those `beside` it; nothing if it is empty."""
    if isinstance(value, int) and name not in _NUMBERS and not isinstance(value, bool):
        bare = name.removesuffix("_ms").removesuffix("_s")
        shown_name = f"{bare}_at" if bare in beside else bare
        if name.endswith("_ms"):
            return _some(**{shown_name: _instant(value)})
        if name.endswith("_s"):
            return _some(**{shown_name: _instant(value * 1000)})
        if name.endswith("_day"):
            return _some(**{name: _date(value)})
    return _some(**{name: _plain(value)})


def _some(**fields: Any) -> Shown:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def _instant(ms: int) -> str | int:
    """Return the instant, "" for 0, the number itself where no calendar reaches."""
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    except OverflowError:
        return ms
    exact = "milliseconds" if ms % 1000 else "seconds"
    return at.isoformat(timespec=exact).replace("+00:00", "Z") if ms else ""


def _date(day: int) -> str | int:
    try:
        return (_EPOCH + timedelta(days=day)).isoformat() if day else ""
    except OverflowError:
        return day


def _by_name(counts: Sequence[int], names: Sequence[str]) -> dict[str, int]:
    return {name: count for name, count in zip(names, counts, strict=False) if count}


def _line(line: Line) -> Shown:
    return _some(records=_by_name(line.counts, LINE_FAMILIES)) | _fields(line, {"counts"})


def _cycle(cycle: Cycle) -> Shown:
    shown = _fields(cycle, {"charged_minor"})
    return shown | _some(charged_minor=_by_name(cycle.charged_minor, DESTINATIONS))


def _velocity(velocity: Velocity) -> Shown:
    """Return the estimate of recipients in the 24 hours up to the end of the newest hour with a message."""
    return {
        "up_to": _instant((velocity.hour + 1) * HOUR_MS),
        "recipients_24h": round(distinct_centi(velocity.cells) / 100),
        "usual_a_day": velocity.level_centi / 100,
        **_fields(velocity, {"hour", "cells", "level_centi", "day"}),
    }


def _habits(habits: Habits) -> Shown:
    """Return messages by day, the newest first, as they are counted."""
    return {
        "newest_day": _date(habits.day),
        "messages": [habits.count, *habits.days],
        "at_night": [habits.night, *habits.nights],
        **_some(abnormal_day=_date(habits.held_day), spending=_plain(habits.spending)),
    }


def _spending(spending: Spending) -> Shown:
    return _fields(spending, {"day", "older"}) | {
        "newest_day": _date(spending.day),
        "older_minor": spending.older // UNIT,
    }


def _profile(profile: Profile) -> Shown:
    said = {
        name: _instant(profile.at_ms - age)
        for name, age in zip(PROFILE_FIELDS, profile.ages_ms, strict=False)
        if age >= 0
    }
    return _fields(profile, {"at_ms", "ages_ms"}) | _some(said=said)


def _plan(plan: Plan) -> Shown:
    said_ms = plan.from_ms + plan.said_after_ms if plan.said_after_ms else 0
    return _fields(plan, {"said_after_ms"}) | _some(said=_instant(said_ms))


def _contacts(contacts: Contacts) -> Shown:
    kept, older = unpack_contacts(contacts)
    totals = _fields(contacts, {"reasons", "ids", "reps"})
    return totals | _some(recent=_plain(kept), older=_plain(older))


def _contact(contact: Contact) -> Shown:
    return _fields(contact, {"key", "verdict"}) | {"verdict": _CONTACT_VERDICTS[contact.verdict]}


def _decisions(decisions: Decisions) -> Shown:
    return _fields(decisions, {"texts"}) | _some(made=_plain(decisions.made))


def _estimates(estimates: Estimates) -> Shown:
    """Return moods from -1 to 1, CSAT points and probabilities; of what waits for a label, how much."""
    past = [
        _some(at=_instant(row.at_s * 1000), mood=row.mood / 100, utterances=row.utterances)
        for row in past_moods(estimates.moods)
    ]
    return _some(
        talked=_plain(estimates.talked),
        moods=past,
        satisfaction=_plain(estimates.satisfied),
        churn=_plain(estimates.churn),
        surveys_waited_for=_plain(estimates.heard),
        outcomes_waited_for=_plain(estimates.offered),
        weeks_waiting=len(waiting_portraits(estimates.waiting)) or None,
    )


def _talked(talked: Talked) -> Shown:
    moods = [row.mood / 100 for row in spoken_of(talked.spoken)]
    return _fields(talked, {"key", "sure", "strongest", "at_s", "reason_version"}) | _some(
        at=_instant(talked.at_s * 1000), moods=moods, sure=talked.sure / 100 if talked.sure else None
    )


def _satisfied(said: Satisfied) -> Shown:
    return {
        "at": _instant(said.at_s * 1000),
        "point": said.point / 50,
        "low": said.low / 50,
        "high": said.high / 50,
        "model_version": said.version,
        **_some(drivers=_drivers(said.drivers)),
        **{
            question: {
                **{name: tenths / 10 for name, tenths in zip(("point", "low", "high"), row, strict=False)},
                **_some(drivers=_drivers(row[3:])),
            }
            for question, row in said.others.items()
        },
    }


def _drivers(codes: Sequence[int]) -> list[str]:
    return [
        f"{SAYS[FEATURES[abs(code) - 1]]}: {'raises' if code > 0 else 'lowers'} it"
        for code in codes
        if 0 < abs(code) <= len(FEATURES)
    ]


def _heard(heard: Heard) -> Shown:
    return _fields(heard, {"key", "portrait"}) | _some(known=features_of(heard.portrait))


def _bill(bill: Bill) -> Shown:
    """Return the bill with its sums under each line; those of no line are under "account"."""
    sums: dict[str, dict[str, int]] = {}
    for part in bill.parts:
        cause = f"{part.cause} {part.destination}".rstrip()
        sums.setdefault(part.line or "account", {})[cause] = part.amount_minor
    return _fields(bill, {"sums"}) | _some(sums_minor=sums)


def _billing(billing: Billing) -> Shown:
    earlier = [
        {"issued": _date(day), "total_minor": total_minor}
        for day, total_minor in earlier_totals(billing.earlier)
    ]
    return _fields(billing) | _some(earlier=earlier)


def _payment(payment: Payment) -> Shown:
    return {"kind": payment.kind, **_fields(payment, {"code", "bill"}), "bill": payment.bill}


def _touch(touch: Touch) -> Shown:
    named = _some(kind=touch.kind, channel=touch.channel, response_channel=touch.response_channel)
    return named | _fields(touch, {"code", "over", "response_code"})


def _outreach(outreach: Outreach) -> Shown:
    """Return the touches, and how many older ones he answered, by the period's first day, channel and part of day."""
    rows = [
        _some(
            since=_instant(cell.period * PERIOD_MS),
            channel=cell.channel,
            part=PARTS[cell.part % len(PARTS)][0],
            weekend=cell.part >= len(PARTS) or None,
            answered=cell.answered,
            messages=count,
        )
        for cell, count in sorted(past_cells(outreach).items())
    ]
    return _fields(outreach) | _some(past=rows)


def _promise(promise: Order | Task | Ticket) -> Shown:
    return _fields(promise, {"verdict"}) | _some(verdict=_PROMISE_VERDICTS[promise.verdict])


def _alert(alert: StoredAlert) -> Shown:
    shown: Shown = {}
    for name in _ALERT_FIELDS:
        value = getattr(alert, name)
        if value != 0:
            shown |= _named(name, value, _ALERT_FIELDS)
    return shown


_SPECIAL: Final[dict[type, Callable[[Any], Shown]]] = {
    Line: _line,
    Cycle: _cycle,
    Velocity: _velocity,
    Habits: _habits,
    Spending: _spending,
    Profile: _profile,
    Plan: _plan,
    Contacts: _contacts,
    Contact: _contact,
    Decision: lambda decision: _fields(decision, {"key"}),
    Decisions: _decisions,
    Bill: _bill,
    Billing: _billing,
    OpenBill: lambda bill: _fields(bill, {"bill"}),
    Payment: _payment,
    Answer: lambda answer: {**_fields(answer, {"about"}), "about": answer.about},
    Touch: _touch,
    Outreach: _outreach,
    Order: _promise,
    Task: _promise,
    Ticket: _promise,
    StoredAlert: _alert,
    Estimates: _estimates,
    Talked: _talked,
    Satisfied: _satisfied,
    Churn: lambda churn: {
        "chance": churn.chance / 10_000,
        "model_version": churn.version,
        **_some(drivers=_drivers(churn.drivers)),
    },
    Heard: _heard,
    Offered: lambda offered: _fields(offered, {"key", "portrait"}),
}
