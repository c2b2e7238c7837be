"""Spells in which a line texts unlike itself: abuse (rise, burst, premium, night) and harmless look-alikes."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import msgspec

from cem.simulator.draws import Dice
from cem.simulator.world.plans import PREMIUM, ROAMING

__all__ = ["ABUSE", "BENIGN", "Episode", "Message", "draw_episode", "messages_of"]

#: Kind and weight. A rise begins at once or ramps up over 60 % of the spell.
ABUSE: Final = {"rise_sudden": 3, "rise_gradual": 2, "burst": 2, "premium": 2, "night": 2}
BENIGN: Final = {"one_day": 3, "premium_oneoff": 4}

_DAY_S: Final = 86_400
#: Recipients numbered from here on are not a line's own contacts.
STRANGERS: Final = 1 << 20


class Episode(msgspec.Struct):
    """One spell of one line, planned as a whole when it begins. Days are world days, times seconds of the world."""

    number: int
    line: int
    kind: str
    begin_s: int
    end_s: int
    #: rise: times the line's rate; night: share of messages moved; premium: messages a day; burst, one_day: messages.
    amount: float
    #: burst, one_day: share of distinct recipients; premium: price of a message in cents.
    detail: float = 0.0
    roaming: bool = False
    #: Set when a remedy has ended it early.
    stopped: bool = False

    @property
    def abuse(self) -> bool:
        """True unless it only looks odd."""
        return self.kind in ABUSE

    def active_on(self, day: int) -> bool:
        """Return whether any part of it falls on the world's day."""
        return not self.stopped and self.begin_s < (day + 1) * _DAY_S and self.end_s > day * _DAY_S


class Message(NamedTuple):
    """A message that an episode adds: second of the world, recipient's number, tariff class, price in cents."""

    at_s: int
    recipient: int
    destination: int
    cents: int


def log_uniform(dice: Dice, low: float, high: float) -> float:
    """Return a number between low and high, every ratio as likely."""
    return math.exp(dice.uniform(math.log(low), math.log(high)))


def draw_episode(dice: Dice, kind: str, number: int, line: int, day: int) -> Episode:
    """Return an episode of `kind` that begins on `day`."""
    begin = day * _DAY_S
    if kind.startswith("rise"):
        days = dice.randint(6, 14) if kind == "rise_gradual" else dice.randint(3, 14)
        return Episode(number, line, kind, begin, begin + days * _DAY_S, log_uniform(dice, 3.0, 10.0))
    if kind == "burst":
        begin += dice.randint(7, 21) * 3600 + dice.randrange(3600)
        end = begin + int(log_uniform(dice, 1.0, 8.0) * 3600)
        return Episode(
            number, line, kind, begin, end, float(round(log_uniform(dice, 50, 500))), dice.uniform(0.7, 1.0)
        )
    if kind == "premium":
        end = begin + dice.randint(2, 10) * _DAY_S
        if dice.chance(0.5):
            return Episode(
                number, line, kind, begin, end, dice.uniform(5, 15), dice.uniform(40, 100), roaming=True
            )
        return Episode(number, line, kind, begin, end, dice.uniform(2, 8), dice.uniform(150, 500))
    if kind == "night":
        return Episode(
            number, line, kind, begin, begin + dice.randint(3, 14) * _DAY_S, dice.uniform(0.6, 0.9), 1.25
        )
    if kind == "one_day":
        return Episode(
            number,
            line,
            kind,
            begin,
            begin + _DAY_S,
            float(dice.randint(15, 40)),
            float(dice.randint(10, 25)),
        )
    return Episode(
        number, line, kind, begin, begin + _DAY_S, float(dice.randint(1, 2)), dice.uniform(50, 200)
    )


def messages_of(
    episode: Episode, dice: Dice, day: int, own_rate: float, contacts: int, hour: int
) -> list[Message]:
    """Return what the episode adds on `day`. `own_rate`: the line's messages a day; `hour`: a usual hour of its user."""
    begin, end = max(episode.begin_s, day * _DAY_S), min(episode.end_s, (day + 1) * _DAY_S)
    if episode.kind.startswith("rise"):
        return _rise(episode, dice, day, max(own_rate, 2.0), contacts, hour)
    if episode.kind == "burst":
        total = episode.end_s - episode.begin_s
        count = round(episode.amount * (end - begin) / total)
        distinct = max(1, int(episode.amount * episode.detail))
        first = STRANGERS + episode.number * 1000
        return [
            Message(dice.randrange(begin, end), first + dice.randrange(distinct), -1, 0) for _ in range(count)
        ]
    if episode.kind == "one_day":
        people = int(episode.detail)
        late = [dice.chance(0.5) for _ in range(int(episode.amount))]
        return [
            Message(
                day * _DAY_S
                + (dice.randrange(0, 4) * 3600 if night else dice.randrange(9, 23) * 3600)
                + dice.randrange(3600),
                dice.randrange(people)
                if dice.chance(0.6)
                else STRANGERS + episode.number * 1000 + dice.randrange(people),
                -1,
                0,
            )
            for night in late
        ]
    if episode.kind in ("premium", "premium_oneoff"):
        count = int(episode.amount) if episode.kind == "premium_oneoff" else _poisson(dice, episode.amount)
        destination = ROAMING if episode.roaming else PREMIUM
        numbers = [STRANGERS + episode.number * 1000 + k for k in range(1 + episode.number % 3)]
        return [
            Message(
                dice.randrange(begin + 7 * 3600, max(begin + 8 * 3600, end)),
                dice.choice(numbers),
                destination,
                int(episode.detail),
            )
            for _ in range(count)
        ]
    return []


def _rise(episode: Episode, dice: Dice, day: int, rate: float, contacts: int, hour: int) -> list[Message]:
    """More conversations of the usual kind: four in five with the line's own contacts, the others with six new ones."""
    ramp = 1.0
    if episode.kind == "rise_gradual":
        ramp = min(
            1.0, (day + 1 - episode.begin_s / _DAY_S) / (0.6 * (episode.end_s - episode.begin_s) / _DAY_S)
        )
    extra = (episode.amount - 1.0) * rate * ramp * dice.gammavariate(4.0, 0.25)
    added: list[Message] = []
    for _ in range(_poisson(dice, extra / 4.0)):
        own = dice.chance(0.8)
        recipient = (
            int(contacts * dice.random() ** 2)
            if own
            else STRANGERS + episode.number * 1000 + dice.randrange(6)
        )
        at = day * _DAY_S + int(min(23.5, max(6.5, dice.gauss(hour, 3.5))) * 3600)
        for _ in range(1 + min(30, int(dice.expovariate(1 / 3.5)))):
            if at < episode.end_s:
                added.append(Message(at, recipient, -1, 0))
            at += 10 + int(dice.expovariate(1 / 90))
    return added


def _poisson(dice: Dice, mean: float) -> int:
    """Return a Poisson number."""
    if mean > 60:
        return max(0, round(dice.gauss(mean, math.sqrt(mean))))
    count, product, limit = 0, dice.random(), math.exp(-mean)
    while product > limit:
        count += 1
        product *= dice.random()
    return count
