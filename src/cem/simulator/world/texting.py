"""How the lines text: a whole day of all lines at once, in bulk.

A line has a heavy-tailed rate of its own, lively and quiet days, a slow drift, days away, a week and a day rhythm, and
it texts in conversations, mostly with the same few people. Holidays, examinations and new lines move the rate without
anything being wrong; episodes (`episodes.py`) come on top. Records may arrive late.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from cem.simulator.draws import Dice, Floats, Ints, generator, mix, mix_array, unit
from cem.simulator.parameters import Parameters
from cem.simulator.world.columns import Columns
from cem.simulator.world.episodes import STRANGERS, Episode, Message, messages_of
from cem.simulator.world.messages import Messages, Unrated
from cem.simulator.world.plans import (
    INTERNATIONAL,
    INTERNATIONAL_CENTS,
    OFFNET,
    ONNET,
    PREMIUM,
    ROAMING,
    ROAMING_CENTS,
)

__all__ = ["UNLIMITED", "Lines", "line_key", "text_day"]

_DAY_S: Final = 86_400
_TEXTS, _DRIFT, _CALENDAR, _EPISODE = 1, 2, 3, 4
UNLIMITED: Final = 1 << 40
#: Relative liveliness of the hours of a day, and of the days of a week from Monday.
_HOURS: Final = np.array(
    [3, 2, 1, 1, 1, 1, 5, 11, 13, 14, 15, 17, 18, 16, 16, 17, 19, 21, 23, 22, 19, 16, 11, 6.0]
)
_HOUR_ENDS: Final = np.cumsum(_HOURS) / _HOURS.sum()
_WEEK: Final = (1.0, 0.98, 1.0, 1.02, 1.15, 1.1, 0.85)
#: A conversation has 1 + floor(exponential(2.5)) messages, 3.03 on average, 30 at most.
_TURNS: Final = 2.5
_MEAN_TURNS: Final = 1 + 1 / math.expm1(1 / _TURNS)


class Lines(Columns):
    """What the texting of each line depends on. `used` and `charges` (by tariff class) belong to the running cycle."""

    COLUMNS: ClassVar = {
        "owner": ("i8", 0, 1),
        "key": ("u8", 0, 1),
        "rate": ("f8", 0, 1),
        "phase": ("i8", 0, 1),
        "contacts": ("i8", 1, 1),
        "child": ("?", 0, 1),
        "alive": ("?", 1, 1),
        "first_day": ("i8", 0, 1),
        "drift": ("f8", 0, 1),
        "away_until": ("i8", -1, 1),
        "abroad": ("?", 0, 1),
        "premium_rate": ("f8", 0, 1),
        "barred": ("?", 0, 1),
        "plan": ("i8", 0, 1),
        "allowance": ("i8", UNLIMITED, 1),
        "overage": ("i8", 0, 1),
        "used": ("i8", 0, 1),
        "charges": ("i8", 0, 5),
        "night": ("f8", 0, 1),
    }
    owner: Ints
    key: NDArray[np.uint64]
    rate: Floats
    phase: Ints
    contacts: Ints
    child: NDArray[np.bool_]
    alive: NDArray[np.bool_]
    first_day: Ints
    drift: Floats
    away_until: Ints
    abroad: NDArray[np.bool_]
    premium_rate: Floats
    barred: NDArray[np.bool_]
    plan: Ints
    allowance: Ints
    overage: Ints
    used: Ints
    charges: Ints
    night: Floats


def calendar_factors(parameters: Parameters, day: int) -> tuple[float, float]:
    """Return the day's factors: of everybody (holiday, else 1) and of those in examinations (else 1)."""
    everybody, students = 1.0, 1.0
    if unit(parameters.seed, _CALENDAR, day) < parameters.holidays_per_year / 365:
        everybody = 2.0 + 3.0 * unit(parameters.seed, _CALENDAR, day, 1)
    monday = day - parameters.weekday(day)
    for begin in (monday - 7, monday):
        if unit(parameters.seed, _CALENDAR, begin, 2) < parameters.exam_weeks_per_year / 52:
            since = day - begin
            students = 0.3 if since < 5 else 2.0 if since < 7 else students
    return everybody, students


def text_day(
    parameters: Parameters,
    lines: Lines,
    episodes: Sequence[Episode],
    day: int,
    dice: Dice,
    before: Unrated,
) -> tuple[Messages, Unrated]:
    """Return the day's messages, booked on the lines' cycles, and those that fall into the next day.

    before: those of the day before that fall into this one.
    """
    seed = parameters.seed
    line, at, contact = _conversations(parameters, lines, day)
    recipient = mix_array(lines.key[line], contact.astype(np.uint64))
    kind = (recipient >> np.uint64(9)) % np.uint64(1000)
    destination = np.where(kind < 590, ONNET, OFFNET)
    destination[(kind >= 988) & (contact < STRANGERS)] = INTERNATIONAL
    price = np.zeros(len(line), dtype=np.int64)

    added = _added(parameters, lines, episodes, day, dice)
    if added:
        more = np.array([row[0] for row in added], dtype=np.int64)
        whom = mix_array(lines.key[more], np.array([row[1].recipient for row in added], dtype=np.uint64))
        where = np.array([row[1].destination for row in added], dtype=np.int64)
        nets = np.where((whom >> np.uint64(9)) % np.uint64(1000) < 590, ONNET, OFFNET)
        line = np.concatenate([line, more])
        at = np.concatenate([at, np.array([row[1].at_s for row in added], dtype=np.int64)])
        recipient = np.concatenate([recipient, whom])
        destination = np.concatenate([destination, np.where(where < 0, nets, where)])
        price = np.concatenate(
            [price, np.array([parameters.money(row[1].cents) for row in added], dtype=np.int64)]
        )

    g = generator(seed, _TEXTS, day * 2 + 1)
    # Night shift: the line's own messages move into its quietest hours.
    moved = g.random(len(line)) < lines.night[line]
    at = np.where(moved, day * _DAY_S + (at % _DAY_S) // 4, at)
    destination[lines.abroad[line] & (lines.away_until[line] > day) & (destination != PREMIUM)] = ROAMING

    line = np.concatenate([before.line, line])
    at = np.concatenate([before.time, at])
    recipient = np.concatenate([before.recipient, recipient])
    destination = np.concatenate([before.destination, destination])
    price = np.concatenate([before.price, price])
    allowed = lines.alive[line] & ~(lines.barred[line] & (destination == PREMIUM))
    later = at >= (day + 1) * _DAY_S
    over = Unrated(*(column[allowed & later] for column in (line, at, recipient, destination, price)))
    order = np.lexsort((np.arange(len(line)), at, line))
    order = order[(allowed & ~later)[order]]
    line, at, recipient = line[order], at[order], recipient[order]
    destination, price = destination[order], price[order]
    u = g.random(len(line))
    segments = 1 + (u < 0.06).astype(np.int64) + (u < 0.01)
    covered, charge = _rate(parameters, lines, line, destination, segments, price)

    np.add.at(lines.charges, (line, destination), charge)
    delay = np.where(
        g.random(len(line)) < parameters.share_late, np.minimum(g.exponential(1200, len(line)), 21_600), 0.0
    ).astype(np.int64)
    arrival = at + delay
    by_arrival = np.argsort(arrival, kind="stable")
    batch = Messages(arrival, at, line, recipient, destination, segments, covered, charge).part(by_arrival)
    return batch, over


def _conversations(parameters: Parameters, lines: Lines, day: int) -> tuple[Ints, Ints, Ints]:
    """Return line, second and contact of each ordinary message of the day."""
    seed, rows = parameters.seed, lines.rows
    g = generator(seed, _TEXTS, day * 2)
    slow = generator(seed, _DRIFT, day)
    if day % 7 == 0:
        lines.drift = 0.8 * lines.drift + slow.normal(0.0, 0.2, rows)
    leaves = (slow.random(rows) < 1 / 84) & (lines.away_until <= day)
    lines.away_until = np.where(leaves, day + slow.integers(2, 10, rows), lines.away_until)
    lines.abroad = np.where(leaves, slow.random(rows) < 0.02, lines.abroad)

    holiday, exams = calendar_factors(parameters, day)
    mean = lines.rate * (_WEEK[parameters.weekday(day)] * np.exp(lines.drift) * g.gamma(1.2, 1 / 1.2, rows))
    if holiday > 1:
        mean = np.where(mean > 0, np.maximum(mean, 1.0) * holiday, mean)
    if exams != 1:
        sits = lines.child & (mix_array(lines.key, np.full(rows, day // 7, np.uint64)) % np.uint64(10) < 6)
        mean = np.where(sits, mean * exams, mean)
    mean *= np.clip(0.1 + 0.9 * (day - lines.first_day) / 14, 0.0, 1.0)
    away = lines.away_until > day
    mean = np.where(away, np.where(lines.abroad, 0.5 * mean, 0.0), mean)
    mean = np.where(lines.alive & (lines.first_day <= day), np.where(lines.night > 0, 1.25 * mean, mean), 0.0)

    who = np.repeat(np.arange(rows), g.poisson(mean / _MEAN_TURNS))
    count = len(who)
    hour = np.searchsorted(_HOUR_ENDS, g.random(count)) + lines.phase[who]
    begin = hour * 3600 + g.integers(0, 3600, count)
    contact = (np.exp(g.random(count) * np.log(lines.contacts[who] + 1.0)) - 1.0).astype(np.int64)
    strange = g.random(count) < (0.3 if holiday > 1 else 0.03)
    contact = np.where(strange, (STRANGERS << 8) + g.integers(0, 1 << 40, count), contact)
    turns = np.minimum(30, 1 + g.exponential(_TURNS, count).astype(np.int64))

    which = np.repeat(np.arange(count), turns)
    gaps = np.cumsum(10 + g.exponential(90, len(which)).astype(np.int64))
    first = np.cumsum(turns) - turns
    at = day * _DAY_S + np.clip(begin, 0, _DAY_S - 1)[which] + gaps - gaps[first[which]]
    return who[which], at, contact[which]


def _added(
    parameters: Parameters, lines: Lines, episodes: Sequence[Episode], day: int, dice: Dice
) -> list[tuple[int, Message]]:
    """Return what episodes and the legitimate use of paid numbers add, with the line of each message."""
    seed = parameters.seed
    added: list[tuple[int, Message]] = []
    for episode in episodes:
        if episode.active_on(day) and lines.alive[episode.line]:
            i = episode.line
            dice.key(seed, _EPISODE, episode.number, day)
            hour = 15 + int(lines.phase[i])
            rows = messages_of(episode, dice, day, float(lines.rate[i]), int(lines.contacts[i]), hour)
            added += [(i, row) for row in rows]
    paid = generator(seed, _EPISODE, day).random(lines.rows) < lines.premium_rate / 7
    for i in np.nonzero(paid & lines.alive)[0].tolist():
        dice.key(seed, _EPISODE, int(lines.key[i]), day)
        at = day * _DAY_S + dice.randrange(8 * 3600, 23 * 3600)
        added.append((i, Message(at, STRANGERS + dice.randrange(3), PREMIUM, dice.randrange(50, 200, 10))))
    return added


def _rate(
    parameters: Parameters, lines: Lines, line: Ints, destination: Ints, segments: Ints, price: Ints
) -> tuple[NDArray[np.bool_], Ints]:
    """Return per message (sorted by line and time) whether the plan covers it and what it costs."""
    domestic = np.where(destination <= OFFNET, segments, 0)
    running = np.cumsum(domestic)
    first = np.searchsorted(line, line, side="left")
    within = running - (running - domestic)[first] + lines.used[line]
    covered = (destination <= OFFNET) & (within <= lines.allowance[line])
    lines.used += np.bincount(line, domestic, lines.rows).astype(np.int64)
    tariff = np.where(
        destination == INTERNATIONAL,
        parameters.money(INTERNATIONAL_CENTS),
        np.where(destination == ROAMING, parameters.money(ROAMING_CENTS), lines.overage[line]),
    )
    charge = np.where(price > 0, price, tariff * segments)
    return covered, np.where(covered, 0, charge)


def line_key(seed: int, customer: int, place: int) -> int:
    """Return the key of a line: of its recipients' hashes and of its own draws."""
    return mix(seed, customer, place, 77)
