"""The parts of a customer's state for people: names instead of codes, dates instead of numbers, rows instead of packed bytes.

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

from cem.domain.detectors.recipients import distinct_centi
from cem.domain.localtime import HOUR_MS
from cem.domain.state.alerts import StoredAlert
from cem.domain.state.billing import Bill, Billing, OpenBill, Payment, earlier_totals
from cem.domain.state.contact_rows import unpack_contacts
from cem.domain.state.contacts import Contact, Contacts
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
from cem.domain.state.lines import DESTINATIONS, LINE_FAMILIES, Cycle, Line, Velocity
from cem.domain.state.outreach import Outreach, Touch
from cem.domain.state.profile import PROFILE_FIELDS, Plan, Profile
from cem.domain.state.reach import PARTS, PERIOD_MS, past_cells
from cem.domain.state.satisfaction import Answer
from cem.domain.state.service import Order, Task, Ticket
from cem.domain.view.portrait import FEATURES, SAYS, features_of

__all__ = ["Shown", "by_name", "date_text", "fields_of", "instant_text", "plain", "some"]

Shown = dict[str, Any]

#: Fields that end like an instant or a day and are none.
_NUMBERS: Final = frozenset({"duration_s", "wait_s", "hold_s", "cycle_day"})
#: By Contact.verdict and by the verdict on a promise.
_CONTACT_VERDICTS: Final = ("open", "resolved", "repeated", "left")
_PROMISE_VERDICTS: Final = ("", "kept", "missed")
_EPOCH: Final = date(1970, 1, 1)
_ALERT_FIELDS: Final = (
    "type", "subject", "cause", "state", "tier", "severity", "opened_ms", "updated_ms", "deliver_before_ms",
    "due_ms", "silenced_until_ms", "closed_ms", "reason", "by", "note", "tell_who", "tell_channel",
    "tell_due_ms", "told_ms", "action",
    "price_minor", "cost_minor", "evidence",
)  # fmt: skip


def plain(value: Any) -> Any:
    """Return the value readable: structs as what is said of their kind, whatever they are in."""
    if isinstance(value, msgspec.Struct):
        return _SPECIAL.get(type(value), fields_of)(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def fields_of(value: msgspec.Struct, without: Iterable[str] = ()) -> Shown:
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
            return some(**{shown_name: instant_text(value)})
        if name.endswith("_s"):
            return some(**{shown_name: instant_text(value * 1000)})
        if name.endswith("_day"):
            return some(**{name: date_text(value)})
    return some(**{name: plain(value)})


def some(**fields: Any) -> Shown:
    """Return the fields that are not empty."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def instant_text(ms: int) -> str | int:
    """Return the instant, "" for 0, the number itself where no calendar reaches."""
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    except OverflowError:
        return ms
    exact = "milliseconds" if ms % 1000 else "seconds"
    return at.isoformat(timespec=exact).replace("+00:00", "Z") if ms else ""


def date_text(day: int) -> str | int:
    """Return the day (since the epoch) as a date, "" for 0, the number itself where no calendar reaches."""
    try:
        return (_EPOCH + timedelta(days=day)).isoformat() if day else ""
    except OverflowError:
        return day


def by_name(counts: Sequence[int], names: Sequence[str]) -> dict[str, int]:
    """Return the counts that are not 0 by the names of their places."""
    return {name: count for name, count in zip(names, counts, strict=False) if count}


def _line(line: Line) -> Shown:
    return some(records=by_name(line.counts, LINE_FAMILIES)) | fields_of(line, {"counts"})


def _cycle(cycle: Cycle) -> Shown:
    shown = fields_of(cycle, {"charged_minor"})
    return shown | some(charged_minor=by_name(cycle.charged_minor, DESTINATIONS))


def _velocity(velocity: Velocity) -> Shown:
    """Return the estimate of recipients in the 24 hours up to the end of the newest hour with a message."""
    return {
        "up_to": instant_text((velocity.hour + 1) * HOUR_MS),
        "recipients_24h": round(distinct_centi(velocity.cells) / 100),
        "usual_a_day": velocity.level_centi / 100,
        **fields_of(velocity, {"hour", "cells", "level_centi", "day"}),
    }


def _habits(habits: Habits) -> Shown:
    """Return messages by day, the newest first, as they are counted."""
    return {
        "newest_day": date_text(habits.day),
        "messages": [habits.count, *habits.days],
        "at_night": [habits.night, *habits.nights],
        **some(abnormal_day=date_text(habits.held_day), spending=plain(habits.spending)),
    }


def _spending(spending: Spending) -> Shown:
    return fields_of(spending, {"day", "older"}) | {
        "newest_day": date_text(spending.day),
        "older_minor": spending.older // UNIT,
    }


def _profile(profile: Profile) -> Shown:
    said = {
        name: instant_text(profile.at_ms - age)
        for name, age in zip(PROFILE_FIELDS, profile.ages_ms, strict=False)
        if age >= 0
    }
    return fields_of(profile, {"at_ms", "ages_ms"}) | some(said=said)


def _plan(plan: Plan) -> Shown:
    said_ms = plan.from_ms + plan.said_after_ms if plan.said_after_ms else 0
    return fields_of(plan, {"said_after_ms"}) | some(said=instant_text(said_ms))


def _contacts(contacts: Contacts) -> Shown:
    kept, older = unpack_contacts(contacts)
    totals = fields_of(contacts, {"reasons", "ids", "reps"})
    return totals | some(recent=plain(kept), older=plain(older))


def _contact(contact: Contact) -> Shown:
    return fields_of(contact, {"key", "verdict"}) | {"verdict": _CONTACT_VERDICTS[contact.verdict]}


def _decisions(decisions: Decisions) -> Shown:
    return fields_of(decisions, {"texts"}) | some(made=plain(decisions.made))


def _estimates(estimates: Estimates) -> Shown:
    """Return moods from -1 to 1, CSAT points and probabilities; of what waits for a label, how much."""
    past = [
        some(at=instant_text(row.at_s * 1000), mood=row.mood / 100, utterances=row.utterances)
        for row in past_moods(estimates.moods)
    ]
    return some(
        talked=plain(estimates.talked),
        moods=past,
        satisfaction=plain(estimates.satisfied),
        churn=plain(estimates.churn),
        surveys_waited_for=plain(estimates.heard),
        outcomes_waited_for=plain(estimates.offered),
        weeks_waiting=len(waiting_portraits(estimates.waiting)) or None,
    )


def _talked(talked: Talked) -> Shown:
    moods = [row.mood / 100 for row in spoken_of(talked.spoken)]
    return fields_of(talked, {"key", "sure", "strongest", "at_s", "reason_version"}) | some(
        at=instant_text(talked.at_s * 1000), moods=moods, sure=talked.sure / 100 if talked.sure else None
    )


def _satisfied(said: Satisfied) -> Shown:
    return {
        "at": instant_text(said.at_s * 1000),
        "point": said.point / 50,
        "low": said.low / 50,
        "high": said.high / 50,
        "model_version": said.version,
        **some(drivers=_drivers(said.drivers)),
        **{
            question: {
                **{name: tenths / 10 for name, tenths in zip(("point", "low", "high"), row, strict=False)},
                **some(drivers=_drivers(row[3:])),
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
    return fields_of(heard, {"key", "portrait"}) | some(known=features_of(heard.portrait))


def _bill(bill: Bill) -> Shown:
    """Return the bill with its sums under each line; those of no line are under "account"."""
    sums: dict[str, dict[str, int]] = {}
    for part in bill.parts:
        cause = f"{part.cause} {part.destination}".rstrip()
        sums.setdefault(part.line or "account", {})[cause] = part.amount_minor
    return fields_of(bill, {"sums"}) | some(sums_minor=sums)


def _billing(billing: Billing) -> Shown:
    earlier = [
        {"issued": date_text(day), "total_minor": total_minor}
        for day, total_minor in earlier_totals(billing.earlier)
    ]
    return fields_of(billing) | some(earlier=earlier)


def _payment(payment: Payment) -> Shown:
    return {"kind": payment.kind, **fields_of(payment, {"code", "bill"}), "bill": payment.bill}


def _touch(touch: Touch) -> Shown:
    named = some(kind=touch.kind, channel=touch.channel, response_channel=touch.response_channel)
    return named | fields_of(touch, {"code", "over", "response_code"})


def _outreach(outreach: Outreach) -> Shown:
    """Return the touches, and how many older ones he answered, by the period's first day, channel and part of day."""
    rows = [
        some(
            since=instant_text(cell.period * PERIOD_MS),
            channel=cell.channel,
            part=PARTS[cell.part % len(PARTS)][0],
            weekend=cell.part >= len(PARTS) or None,
            answered=cell.answered,
            messages=count,
        )
        for cell, count in sorted(past_cells(outreach).items())
    ]
    return fields_of(outreach) | some(past=rows)


def _promise(promise: Order | Task | Ticket) -> Shown:
    return fields_of(promise, {"verdict"}) | some(verdict=_PROMISE_VERDICTS[promise.verdict])


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
    Decision: lambda decision: fields_of(decision, {"key"}),
    Decisions: _decisions,
    Bill: _bill,
    Billing: _billing,
    OpenBill: lambda bill: fields_of(bill, {"bill"}),
    Payment: _payment,
    Answer: lambda answer: {**fields_of(answer, {"about"}), "about": answer.about},
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
        **some(drivers=_drivers(churn.drivers)),
    },
    Heard: _heard,
    Offered: lambda offered: fields_of(offered, {"key", "portrait"}),
}
