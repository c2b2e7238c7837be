"""How he sounded, conversation by conversation: the customer's mood. None = nothing said yet."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cem.domain.customer import Customer
from cem.domain.localtime import DAY_MS
from cem.domain.mood_shape import MoodShape, shape_of, weight_of
from cem.domain.state.estimates import Talked, past_moods, spoken_of

__all__ = ["Mood", "mood", "mood_level", "talk_shape"]

_HALF_LIFE_MS = 30 * DAY_MS
#: Weight of the prior mood, which is 0: one utterance convinces nobody.
_PRIOR_WEIGHT = 0.3
#: Utterances from which on a conversation counts whole.
_WHOLE = 3


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
