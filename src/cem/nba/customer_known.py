"""Where and when a customer answers, what he needs, what he could afford, how he fares: as screens and people read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cem.domain.customer import Customer
from cem.domain.view import channel_rates
from cem.nba.call import Call
from cem.nba.customer_words import (
    LANGUAGES,
    say_choice,
    say_driver,
    say_hour,
    say_need,
    say_potential,
    say_sign,
)
from cem.nba.experience import experience_of
from cem.nba.needs import NEED_SHOWN, needs_of
from cem.nba.potential import potential_of
from cem.nba.situation import Situation

__all__ = ["known_of"]


def known_of(
    customer: Customer,
    now_ms: int,
    topics: Mapping[str, tuple[str, ...]],
    timezone: str,
    currency: str,
) -> dict[str, Any]:
    """Return `reach`, `needs`, `potential` (None: no bill is known) and `experience` at `now_ms`, each with its reasons.

    `says` holds the words by language; amounts are minor units of `currency`.
    """
    v = Situation(customer, Call(), now_ms, topics, timezone)
    return {
        "reach": _reach(v),
        "needs": _needs(v, currency),
        "potential": _potential(v, currency),
        "experience": _experience(v),
    }


def _reach(v: Situation) -> dict[str, Any]:
    choice, hour = v.reach, v.hour
    return {
        "said": choice.said or None,
        "does": choice.does or None,
        "channel": choice.channel or None,
        "answer_chance": round(choice.probability, 3),
        "reason": choice.reason,
        "observations": choice.observations,
        "says": _both(say_choice, choice),
        "channels": [
            {
                "channel": rate.channel,
                "answered": rate.answered,
                "sent": rate.sent,
                "answer_chance": round(rate.probability, 3),
            }
            for rate in channel_rates(v.customer, v.now_ms)
            if rate.sent
        ],
        "hour": None
        if hour is None
        else {
            "part": hour.part,
            "weekend": hour.weekend,
            "from_hour": hour.from_hour,
            "to_hour": hour.to_hour,
            "answer_chance": round(hour.probability, 3),
            "observations": hour.observations,
            "says": _both(say_hour, hour),
        },
    }


def _needs(v: Situation, currency: str) -> list[dict[str, Any]]:
    """Return the needs worth showing, the greatest first."""
    shown = [need for need in v.once(needs_of) if need.score >= NEED_SHOWN]
    shown.sort(key=lambda need: -need.score)
    return [
        {
            "need": need.need,
            "score": need.score,
            "says": _both(say_need, need),
            "declined": need.declined,
            "signs": [
                {
                    "sign": sign.code,
                    "worth": round(sign.worth, 3),
                    "says": _both(say_sign, sign, currency),
                }
                for sign in need.signs
            ],
        }
        for need in shown
    ]


def _potential(v: Situation, currency: str) -> dict[str, Any] | None:
    potential = v.once(potential_of)
    if potential is None:
        return None
    return {
        "score": potential.score,
        "headroom_minor": potential.headroom_minor,
        "usual_minor": potential.usual_minor,
        "reliability": potential.reliability,
        "barred": potential.barred or None,
        "says": _both(say_potential, potential, currency),
    }


def _experience(v: Situation) -> dict[str, Any]:
    experience = v.once(experience_of)
    return {
        "index": experience.index,
        "drivers": [
            {
                "driver": driver.code,
                "points": round(driver.points, 1),
                "says": _both(say_driver, driver),
            }
            for driver in experience.shown
        ],
    }


def _both(say: Callable[..., str], what: Any, *more: str) -> dict[str, str]:
    return {language: say(what, language, *more) for language in LANGUAGES}
