"""Whether a system is as its log says, in the words of Jepsen: lost, doubled, missing, differing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from cem.domain.customer import FAMILIES, decode_customer
from cem.domain.subjects import is_customer
from cem.settings import Settings
from cem.stores import Timeouts, open_store
from cem.stores.digest import Digester
from cem.streams.topics import (
    ALERTS,
    AUDIT,
    DEAD_LETTERS,
    EXAMPLE_MODELS,
    INBOX,
    OUTREACH,
    examples_topic,
)
from tests.chaos.brute_force import Count, count_log, read_log
from tests.chaos.history import content_of, has_token, name_of, read_history, token_in
from tests.chaos.load import Load

__all__ = ["Counters", "States", "Violated", "check", "read_states"]


#: Where lanes say something, besides dead letters. What others say there bears no token.
_SAID = (ALERTS, OUTREACH, AUDIT, INBOX, *map(examples_topic, EXAMPLE_MODELS))


class Violated(AssertionError):
    """Something was lost, doubled, or said in two ways; the message has the counters."""


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. A system that holds has zeros in all of `VIOLATIONS`."""

    #: Records in the log; those that count, repeat others, or were refused.
    records: int
    counted: int
    repeated: int
    rejected: int
    customers: int
    saves: int
    ticks: int
    #: Different emissions of the history, and further copies of them on their topics.
    emissions: int
    copies: int
    #: Violations: acknowledged records that the log has not; records that are not as they were written; ...
    lost: int
    changed: int
    #: ... records missing in, or beyond what belongs in, the customers' counts; ...
    uncounted: int
    doubled: int
    #: ... differences in the number of repeats, and between dead letters and what was broken; ...
    wrong_repeats: int
    wrong_rejects: int
    #: ... emissions that are not on their topic, copies that differ, emissions that no history knows; ...
    missing: int
    differing: int
    invented: int
    #: ... customers whose states differ from the journal's replay (or 1 if only the digests do).
    wrong_states: int
    #: Copies said by a publisher of a branch that a rollback of the store had ended: told apart by their token.
    dead_branch: int = 0

    @property
    def violations(self) -> dict[str, int]:
        """Return what must be zero and is not."""
        return {name: number for name in VIOLATIONS if (number := getattr(self, name))}


VIOLATIONS = (
    "lost",
    "changed",
    "uncounted",
    "doubled",
    "wrong_repeats",
    "wrong_rejects",
    "missing",
    "differing",
    "invented",
    "wrong_states",
)


class States(msgspec.Struct):
    """What the store holds."""

    #: Customer to records folded per topic, and repeats passed by.
    counts: dict[str, dict[str, int]]
    repeats: dict[str, int]
    digest: str


def read_states(settings: Settings) -> States:
    """Return counts and digest of everything that the store holds."""

    async def run() -> States:
        states, digester = States({}, {}, ""), Digester()
        timeouts = Timeouts(work_s=10.0, read_s=10.0)  # late is good enough here
        store = open_store(settings.redis_url, settings.partitions, timeouts=timeouts)
        try:
            for lane in range(settings.partitions):
                async for customer_id, data in store.scan_subjects(lane):
                    digester.add(customer_id, data)
                    if not is_customer(customer_id):
                        continue
                    customer = decode_customer(data)
                    states.counts[customer_id] = {
                        topic: number
                        for topic, number in zip(FAMILIES, customer.counts, strict=False)
                        if number
                    }
                    states.repeats[customer_id] = customer.duplicates
        finally:
            await store.close()
        states.digest = digester.result().digest
        return states

    return asyncio.run(run())


def check(
    settings: Settings,
    load: Load | None,
    *,
    dead_branches: bool = False,
    replay: Callable[[], Sequence[str]] | None = None,
) -> Counters:
    """Return what is found in a system whose workers have stopped; everything written has been read.

    dead_branches: the store went back in time, so copies with a token that no history knows may differ.
    replay: returns the customers that differ between the store and the product's own replay.
    """
    count = count_log(settings, load)
    count.check_window()
    states = read_states(settings)
    history = read_history(settings)
    uncounted, doubled = _compare(count, states)
    letters = _said(settings, DEAD_LETTERS)
    places = {(name[1], int(name[2]), int(name[3])) for name in letters}
    differing = invented = copies = dead_branch = 0
    said = {**letters, **_said(settings, *_SAID)}
    for name, heard in said.items():
        known = history.emissions.get(name)
        live = [each for each in heard if each[1] in history.tokens]
        dead = len(heard) - len(live)
        contents = {content for content, _ in (live if dead_branches else heard)}
        dead_branch += dead
        if known is None or (dead and not dead_branches):
            # Nothing is published before its save, so only a rollback leaves what no history knows.
            invented += 0 if dead_branches and not live else 1
        if known is None:
            continue
        if contents - {known[0]}:
            differing += 1
        copies += max(0, len(heard) - 1)
    missing = sum(
        1
        for name, (content, _) in history.emissions.items()
        if not any(found == content for found, _ in said.get(name, ()))
    )
    wrong_states = int(states.digest != history.digest)
    if replay is not None:
        wrong_states = max(wrong_states, len(replay()))
    return Counters(
        records=count.records,
        counted=count.counted,
        repeated=sum(count.repeats.values()),
        rejected=len(places),
        customers=len(states.counts),
        saves=history.saves,
        ticks=history.ticks,
        emissions=len(history.emissions),
        copies=copies,
        lost=count.lost,
        changed=count.changed,
        uncounted=uncounted,
        doubled=doubled,
        wrong_repeats=sum(
            abs(count.repeats[name] - states.repeats.get(name, 0))
            for name in count.repeats.keys() | states.repeats.keys()
        ),
        wrong_rejects=len(places ^ count.broken),
        missing=missing,
        differing=differing,
        invented=invented,
        wrong_states=wrong_states,
        dead_branch=dead_branch,
    )


def _compare(count: Count, states: States) -> tuple[int, int]:
    uncounted = doubled = 0
    for customer in count.counts.keys() | states.counts.keys():
        wanted, has = count.counts.get(customer, {}), states.counts.get(customer, {})
        for topic in wanted.keys() | has.keys():
            difference = has.get(topic, 0) - wanted.get(topic, 0)
            uncounted += max(0, -difference)
            doubled += max(0, difference)
    return uncounted, doubled


def _said(settings: Settings, *topics: str) -> dict[tuple[str, ...], list[tuple[bytes, str]]]:
    """Return content and token of everything on the topics, by name."""
    said: dict[tuple[str, ...], list[tuple[bytes, str]]] = {}
    for topic, _, _, _, key, value, pairs in read_log(settings, topics):
        if not has_token(pairs):
            continue
        said.setdefault(name_of(topic, pairs), []).append((content_of(key, value, pairs), token_in(pairs)))
    return said
