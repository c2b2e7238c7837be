"""What models say of him: satisfaction between surveys, chance of leaving, and why. None = nothing said yet."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cem.domain.customer import Customer
from cem.domain.localtime import DAY_MS
from cem.domain.view.portrait import FEATURES
from cem.domain.weeks import instant_of

__all__ = [
    "ChurnRisk",
    "Predicted",
    "SupposedReason",
    "churn_risk",
    "predicted_satisfaction",
    "supposed_reason",
]

#: An estimate older than this says nothing any more: each is made anew every week.
_VALID_MS = 15 * DAY_MS


class Predicted(msgspec.Struct, frozen=True):
    """What he would answer to a question of a survey, on its scale; nine answers in ten lie between `low` and `high`."""

    point: float
    low: float
    high: float
    #: Names of features of the portrait, the strongest first, and whether each raises it.
    drivers: tuple[tuple[str, bool], ...]
    at_ms: int


class ChurnRisk(msgspec.Struct, frozen=True):
    """The chance that he leaves within 30 days of `at_ms`."""

    chance: float
    drivers: tuple[tuple[str, bool], ...]
    at_ms: int


class SupposedReason(msgspec.Struct, frozen=True):
    """What a contact is about as the model sees it, where nobody has said so."""

    reason: str
    chance: float
    #: The model's.
    version: int


def predicted_satisfaction(customer: Customer, now_ms: int, question: str = "csat") -> Predicted | None:
    """Return what he would answer to a survey. question: "csat", "nps" or "ces"."""
    said = customer.estimates.satisfied
    if said is None or now_ms - said.at_s * 1000 > _VALID_MS:
        return None
    if question != "csat":
        point, low, high, *drivers = said.others.get(question) or [0, 0, -1]
        if low > high:
            return None
        return Predicted(point / 10, low / 10, high / 10, _drivers(drivers), said.at_s * 1000)
    return Predicted(said.point / 50, said.low / 50, said.high / 50, _drivers(said.drivers), said.at_s * 1000)


def churn_risk(customer: Customer, now_ms: int) -> ChurnRisk | None:
    """Return how likely he is to leave within 30 days; None as well once he has given notice."""
    said = customer.estimates.churn
    at_ms = instant_of(customer.customer_id, customer.estimates.week)
    if said is None or now_ms - at_ms > _VALID_MS:
        return None
    return ChurnRisk(said.chance / 10_000, _drivers(said.drivers), at_ms)


def supposed_reason(customer: Customer, contact_key: int) -> SupposedReason | None:
    """Return the reason of his newest contact as the model sees it; None if it is another contact, or not known."""
    talked = customer.estimates.talked
    if talked is None or talked.key != contact_key or not talked.reason:
        return None
    return SupposedReason(talked.reason, talked.sure / 100, talked.reason_version)


def _drivers(codes: Sequence[int]) -> tuple[tuple[str, bool], ...]:
    return tuple([(FEATURES[abs(code) - 1], code > 0) for code in codes if 0 < abs(code) <= len(FEATURES)])
