"""How well what is learnt of customers meets what the simulator hides: channel, hour, mood, reliability, needs.

Worlds are lived in process, texting left out, and every household that is still there is judged. The baseline of the
channel is what the household asked for; that of the hour, the evening for everybody; that of the mood, survey answers alone.

    python -m bench.customer [--customers 250] [--seeds 7 8]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import NamedTuple

import numpy as np

from bench.common import Row, Target, check_targets, show, write_results
from cem.domain.customer import Customer
from cem.domain.view import best_channel, best_hour, csat_level
from cem.nba import Call
from cem.nba.experience import experience_of
from cem.nba.needs import NEEDS, needs_of
from cem.nba.potential import potential_of
from cem.nba.situation import Situation
from cem.simulator import Parameters, World, open_world
from tests.builders.known_customers import known_customers

__all__ = ["main"]

DAYS = (120, 365)
#: Shares of households that answer on another channel than they ask for: the simulator's own, and a hard one.
DIFFERS = (0.15, 0.5)


class Judged(NamedTuple):
    """What is known of one household, beside the truth."""

    said_right: bool
    found_right: bool
    #: None: not clear where he answers.
    does_right: bool | None
    evening_right: bool
    hour_right: bool
    mood: float
    index: float
    csat: float
    pays_badly: float
    reliability: float
    needs: tuple[float, ...]
    true_needs: tuple[float, ...]


def judged(world: World, known: dict[str, Customer], now_ms: int) -> Iterator[Judged]:
    """Yield every household that is still there."""
    for household in world.households:
        customer = known.get(household.customer_id)
        if customer is None or not world.people.active[household.number]:
            continue
        situation = Situation(customer, Call(), now_ms, {}, "UTC")
        choice = best_channel(customer, "service", now_ms)
        hour = best_hour(customer, choice.channel, now_ms, UTC)
        true_part = "morning" if household.hour < 12 else "afternoon" if household.hour < 17 else "evening"
        potential = potential_of(situation)
        yield Judged(
            household.said == household.does,
            choice.channel == household.does,
            choice.does == household.does if choice.does else None,
            true_part == "evening",
            hour is not None and hour.part == true_part,
            float(world.people.mood[household.number]),
            experience_of(situation).index,
            csat_level(customer, now_ms),
            household.pays_badly,
            potential.reliability if potential else float("nan"),
            tuple(need.score for need in needs_of(situation)),
            tuple(household.needs[need] for need in NEEDS),
        )


def rows_of(judged: Sequence[Judged], where: str) -> list[Row]:
    """Return the figures of some households."""
    said = Row(f"said channel is the true one, {where}", _share(j.said_right for j in judged), "share")
    evening = Row(f"evening is the true part, {where}", _share(j.evening_right for j in judged), "share")
    clear = [j.does_right for j in judged if j.does_right is not None]
    mood = [j.mood for j in judged]
    answers = Row(f"survey answers against mood, {where}", _correlation(mood, [j.csat for j in judged]), "r")
    payers = [j for j in judged if not np.isnan(j.reliability)]
    return [
        said,
        Row.against(
            f"channel found is the true one, {where}", _share(j.found_right for j in judged), "share", said
        ),
        Row(f"'does' is known, {where}", len(clear) / len(judged), "share"),
        Row(f"'does' is true where known, {where}", _share(bool(right) for right in clear), "share"),
        evening,
        Row.against(
            f"part of day found is the true one, {where}",
            _share(j.hour_right for j in judged),
            "share",
            evening,
        ),
        answers,
        Row.against(
            f"experience index against mood, {where}",
            _correlation(mood, [j.index for j in judged]),
            "r",
            answers,
        ),
        Row(
            f"reliability against paying badly, {where}",
            _correlation([j.pays_badly for j in payers], [j.reliability for j in payers]),
            "r",
        ),
        *(
            Row(
                f"need {need} against the true one, {where}",
                _correlation([j.true_needs[n] for j in judged], [j.needs[n] for j in judged]),
                "r",
            )
            for n, need in enumerate(NEEDS)
        ),
    ]


def main() -> int:
    """Measure, print, write `bench/results/customer.json`; 1 when a baseline is not passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=250)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8])
    asked = parser.parse_args()
    rows: list[Row] = []
    for differs in DIFFERS:
        found: dict[int, list[Judged]] = {days: [] for days in DAYS}
        for seed in asked.seeds:
            given = Parameters(customers=asked.customers, seed=seed, share_channel_differs=differs)
            world = open_world(given)
            known: dict[str, Customer] = {}
            for days in DAYS:
                now_ms = given.day_start_ms(days)
                known_customers(world.advance(now_ms - 1), now_ms, known)
                found[days] += judged(world, known, now_ms)
        for days in DAYS:
            rows += rows_of(found[days], f"{differs:.0%} differ, {days} days")
    lines = [
        (row.name, round(row.value, 3), "" if row.ratio is None else round(row.ratio, 2)) for row in rows
    ]
    show("What is learnt against what is hidden", ("", "value", "of the baseline"), lines)
    good = check_targets(rows, [Target(row.name, least=1.0) for row in rows if row.ratio is not None])
    write_results("customer", rows, customers=asked.customers)
    return 0 if good else 1


def _share(right: Iterator[bool]) -> float:
    found = list(right)
    return sum(found) / len(found) if found else 0.0


def _correlation(true: Sequence[float], found: Sequence[float]) -> float:
    if len(set(found)) < 2 or len(set(true)) < 2:
        return 0.0
    return float(np.corrcoef(true, found)[0, 1])


if __name__ == "__main__":
    sys.exit(main())
