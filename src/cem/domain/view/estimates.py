"""What models say of him: mood, satisfaction between surveys, chance of leaving, and why. None = nothing said yet."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cem.domain.customer import Customer
from cem.domain.localtime import DAY_MS
from cem.domain.mood_shape import MoodShape, shape_of, weight_of
from cem.domain.state.estimates import Talked, past_moods, spoken_of
from cem.domain.weeks import instant_of

__all__ = [
    "ChurnRisk",
    "Mood",
    "Predicted",
    "SupposedReason",
    "churn_risk",
    "mood",
    "mood_level",
    "predicted_satisfaction",
    "supposed_reason",
    "talk_shape",
]

_HALF_LIFE_MS = 30 * DAY_MS
#: Weight of the prior mood, which is 0: one utterance convinces nobody.
_PRIOR_WEIGHT = 0.3
#: Utterances from which on a conversation counts whole.
_WHOLE = 3
#: An estimate older than this says nothing any more: each is made anew every week.
_VALID_MS = 15 * DAY_MS


class Mood(msgspec.Struct, frozen=True):
    """The customer's mood over his last conversations, -1 (complaint) to 1 (praise)."""

    level: float
    #: Level of the newest conversation less that of those before; None while there is only one.
    trend: float | None
    #: The newest conversation: how it went.
    newest: MoodShape
    #: Words on which its strongest utterance hangs.
    about: tuple[str, ...]
    at_ms: int


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


def mood(customer: Customer, now_ms: int) -> Mood | None:
    """Return his mood, conversations counting half as much for each 30 days that they are past."""
    talked = customer.estimates.talked
    if talked is None or not talked.spoken:
        return None
    newest = talk_shape(talked)
    level = mood_level(customer, now_ms)
    assert level is not None
    before = _level(_past(customer, now_ms))
    trend = None if before is None else newest.level - before
    return Mood(level, trend, newest, tuple(talked.about), talked.at_s * 1000)


def mood_level(customer: Customer, now_ms: int) -> float | None:
    """Return the level of his mood, shrunk to 0 while little was said."""
    talked = customer.estimates.talked
    rows = _past(customer, now_ms) if customer.estimates.moods else []
    if talked is not None and talked.spoken and talked.at_s * 1000 <= now_ms:
        count = len(spoken_of(talked.spoken))
        rows.append((talk_shape(talked).level, _weight(count, now_ms - talked.at_s * 1000)))
    return _level(rows)


def talk_shape(talked: Talked) -> MoodShape:
    """Return how the newest conversation went; there is something spoken in it."""
    spoken = spoken_of(talked.spoken)
    return shape_of([each.mood / 100 for each in spoken], [weight_of(each.words) for each in spoken])


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


def _past(customer: Customer, now_ms: int) -> list[tuple[float, float]]:
    return [
        (row.mood / 100, _weight(row.utterances, now_ms - row.at_s * 1000))
        for row in past_moods(customer.estimates.moods)
        if row.at_s * 1000 <= now_ms
    ]


def _weight(utterances: int, age_ms: int) -> float:
    return float(min(_WHOLE, utterances) / _WHOLE * 0.5 ** (age_ms / _HALF_LIFE_MS))


def _level(rows: Sequence[tuple[float, float]]) -> float | None:
    if not rows:
        return None
    return sum(level * weight for level, weight in rows) / (sum(weight for _, weight in rows) + _PRIOR_WEIGHT)


def _drivers(codes: Sequence[int]) -> tuple[tuple[str, bool], ...]:
    from cem.domain.view.portrait import FEATURES

    return tuple([(FEATURES[abs(code) - 1], code > 0) for code in codes if 0 < abs(code) <= len(FEATURES)])
