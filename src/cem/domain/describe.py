"""A customer's state for people, whole; how its parts are shown is in `cem.domain.describe_parts`."""

from __future__ import annotations

from typing import Final

import msgspec

from cem.domain.customer import FAMILIES, Customer
from cem.domain.describe_parts import Shown, by_name, date_text, fields_of, instant_text, plain, some
from cem.domain.facts.journey import totals
from cem.domain.localtime import zone
from cem.domain.state.billing import bill_key
from cem.domain.state.contacts import contact_key
from cem.domain.state.journey import DROPPED, EFFORTS
from cem.domain.value_policy import ValuePolicy
from cem.domain.view.bill_change import bill_change
from cem.domain.view.journey import journey_quality
from cem.domain.view.worth import lifetime_value, rfm

__all__ = ["describe", "describe_fields"]

#: What duplicates are told by: hashes, of no use to a reader.
_HASHES: Final = frozenset({"seen", "seen_mark_s", "seen_marked", "sources"})
#: How the state is kept, which says nothing of the customer.
_KEEPING: Final = frozenset({"_piece", "stirred_s"})


def describe(customer: Customer, policy: ValuePolicy | None = None, timezone: str = "UTC") -> Shown:
    """Return the state as nested dictionaries and lists of texts, numbers and booleans; packed rows are unpacked.

    Journey and value are as of his newest event; `policy` is what lifetime value is reckoned with, `timezone` the
    operator's.
    """
    shown = fields_of(customer, without={*_HASHES, *_KEEPING, "counts", "learning_due_s", *_sections()})
    shown |= some(learning_due=instant_text(customer.learning_due_s * 1000))
    shown |= some(records=by_name(customer.counts, FAMILIES))
    for name in _sections():
        shown |= some(**{name.lstrip("_"): plain(getattr(customer, name.lstrip("_")))})
    _name_references(shown, customer)
    _name_changes(shown, customer)
    shown |= some(journey=_journey(customer), value=_value(customer, policy, timezone))
    return shown


def describe_fields(state: msgspec.Struct) -> Shown:
    """Return the fields of another struct than a customer that say something, readable."""
    return fields_of(state, without=_HASHES)


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
            row |= some(changes=[fields_of(each) for each in change.changes])


def _journey(customer: Customer) -> Shown:
    """Return what dealing with the company cost him in the running term of his contract, and in all."""
    quality = journey_quality(customer, customer.last_ms)
    in_all = {name: count for name, count in zip(EFFORTS, totals(customer), strict=True) if count}
    shown = some(in_all=in_all, dropped=by_name(customer.journey.dropped, DROPPED))
    return shown | {"this_term": fields_of(quality)} if quality.began_ms else shown


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
            shown |= dict(zip(names, paid.scores, strict=True)) | some(
                scored_day=date_text(customer.value.scored_day)
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
