"""The rules of all segments, compiled once, and asked of one customer at a time: only those whose facts were touched.

A rule looks at facts from left to right and only as far as it needs to (`cem.nba.rules.asking`). What it said holds
until a fact that it looked at is touched by a record or reaches its turn (`cem.segments.turns`); the earliest turn is
kept with the answers. So at every instant, to the second, a customer is in the segments whose rules would hold if all
of them were asked anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import compress
from typing import Any, Final
from zlib import crc32

import msgspec

from cem.domain.customer import Customer
from cem.domain.events.sms import SmsRated
from cem.domain.facts.strangers import is_stranger
from cem.domain.localtime import DAY_MS
from cem.domain.state.segments import (
    UNKNOWN,
    Standing,
    members_of,
    pack_standing,
    rows_of,
    segments_due_ms,
    unpack_standing,
    with_shares,
)
from cem.domain.view import csat_level
from cem.nba.facts import COMPUTED
from cem.nba.rules import FactValue, asking
from cem.segments.facts import GROUPS, TYPES
from cem.segments.groups import ALL, ANSWERS, BILLS, CONTACTS, ENDED, LINES, PAID, USAGE, widened
from cem.segments.rules_file import FILE, Segment, read_segments
from cem.segments.situation import Between
from cem.segments.turns import BY_DAY, SHARED, TURNS, Turn

__all__ = ["Explained", "SegmentRules", "load"]

#: The last second that a standing can name.
_LAST_S: Final = 2**32 - 1
#: Groups with which satisfaction and risk, and what he is worth, are read anew.
_MOODS: Final = ANSWERS | CONTACTS | ENDED
_MONEY: Final = BILLS | PAID
#: Sets of segments of which the names are remembered.
_REMEMBERED: Final = 1_024
_Ask = Callable[[Mapping[str, FactValue]], Sequence[Any]]
#: Facts that take few values and do not turn with time: rules that name no other are asked once for each of them.
_SCORES: Final = frozenset({"recency_score", "frequency_score", "money_score"})


def load(text: str, file: str = FILE, *, kept: bool = False) -> SegmentRules:
    """Return the rules of a file's text. Raises `cem.nba.policy_file.PolicyError` with file and line.

    Only of a text that is kept of before (`kept`) may nothing be in it.
    """
    # The policy of actions, the rules of a worker and each version of them that is kept mostly hold the same text.
    return _compiled(text, file, kept)


@lru_cache(maxsize=16)
def _compiled(text: str, file: str, kept: bool) -> SegmentRules:
    return SegmentRules(read_segments(text, file, kept=kept))


class Explained(msgspec.Struct, frozen=True):
    """A segment, whether the customer is in it, by which facts, and since which day (UTC, since the epoch)."""

    segment: Segment
    is_in: bool
    facts: dict[str, FactValue]
    since_day: int | None


class _Facts(dict[str, FactValue]):
    """The facts of one customer at one instant, each computed when it is first asked for."""

    __slots__ = ("situation",)

    def __init__(self, situation: Between) -> None:
        self.situation = situation

    def __missing__(self, name: str) -> FactValue:
        value = self[name] = _COMPUTED[name](self.situation)
        return value


class _Asked:
    """The rules that rest on the same groups, asked all at once."""

    __slots__ = ("_ask", "_ask_scored", "_by_scores", "_in_order", "_plain", "_scored", "numbers", "others")

    def __init__(self, numbers: Sequence[int], segments: Sequence[Segment]) -> None:
        #: Of the rules, and every other number there could be.
        self.numbers = bytes(numbers)
        self.others = bytes(range(256)).translate(None, self.numbers)
        self._scored = bytes([n for n in numbers if _SCORES.issuperset(segments[n].rule.names)])
        self._plain = self.numbers.translate(None, self._scored)
        self._ask: _Ask = asking([segments[n].rule.source for n in self._plain], TYPES)
        self._ask_scored: _Ask = asking([segments[n].rule.source for n in self._scored], TYPES)
        self._by_scores: dict[tuple[int, int, int] | None, bytes] = {}
        self._in_order = not self._scored or not self._plain or self._plain[-1] < self._scored[0]

    def holding(self, facts: _Facts) -> bytes:
        """Return the numbers of the rules that hold, ascending."""
        # An answer is True, False, or None where a fact is unknown.
        held = bytes(compress(self._plain, self._ask(facts)))
        if not self._scored:
            return held
        scores = facts.situation.scores
        scored = self._by_scores.get(scores)
        if scored is None:
            scored = self._by_scores[scores] = bytes(compress(self._scored, self._ask_scored(facts)))
        return held + scored if self._in_order else bytes(sorted(held + scored))


class SegmentRules:
    """The segments of one file. Pure and immutable but for what it has compiled."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = tuple(segments)
        self.names = tuple(s.name for s in self.segments)
        said = json.dumps([(s.name, s.rule.source) for s in self.segments]).encode()
        #: Tells whether a customer's standing is of these rules.
        self.key = crc32(said) & 0xFFFF or 1
        self._key_bytes = self.key.to_bytes(2, "little")
        self._rules = [
            (n, asking([s.rule.source], TYPES), _groups_of(s)) for n, s in enumerate(self.segments)
        ]
        self._resting_on: dict[int, _Asked] = {}
        self._names_of: dict[bytes, tuple[str, ...]] = {}
        named = dict.fromkeys(name for s in self.segments for name in s.rule.names)
        self._turns = {
            name: (TURNS[name], _thresholds(name, self.segments), TURNS[name] in SHARED)
            for name in named
            if name in TURNS
        }
        self._watches_messages = any(GROUPS[name] & USAGE for name in named)
        free = {name for s in self.segments for name in s.rule.free}
        self._every_message = bool(
            free & {"sms_top_line_segments", "sms_allowance_share"}
            # These read the share of an allowance that is used.
            or named.keys() & {"need_texting", "top_need"}
        )
        self._counts = _thresholds("sms_top_line_segments", self.segments)
        self._shares = _thresholds("sms_allowance_share", self.segments)

    def knows(self, customer: Customer) -> bool:
        """Return whether these rules have been asked of the customer."""
        if not self.segments:
            return not customer.segments
        return customer.segments[4:6] == self._key_bytes

    def of_message(self, customer: Customer, event: SmsRated, at_ms: int) -> int:
        """Return the groups that a message, folded already, touches: nearly all leave every rule as it was."""
        line = customer.lines.get(event.line)
        cycle = line.cycle if line is not None else None
        if (
            line is None
            or cycle is None
            or self._every_message
            or event.charge_minor
            or cycle.messages == 1
            or at_ms < cycle.start_s * 1000
        ):
            return USAGE | LINES
        if not self._watches_messages:
            return 0
        after = cycle.segments
        before = after - event.segments
        for count in self._counts:
            if before <= count <= after:
                return USAGE
        if line.allowance:
            after = cycle.counted
            before = after - event.segments
            for share in self._shares:
                if before <= share * line.allowance <= after:
                    return USAGE
        return 0

    def ask(
        self, customer: Customer, groups: int, now_ms: int, timezone: str, stood: bytes | None = None
    ) -> tuple[bytes, bytes] | None:
        """Ask the rules that rest on `groups` and keep what they say; return where he was and is if a share differs.

        `timezone` is the operator's IANA zone; `stood` where the customer was counted, if that has been wiped since.
        Both standings are packed.
        """
        packed = customer.segments
        if is_stranger(customer) or not self.segments:
            new = b""
        elif packed[4:6] != self._key_bytes:
            facts = _Facts(Between(customer, now_ms, timezone))
            new = self._packed(customer, Standing(key=self.key), ALL, facts, self._of(ALL).holding(facts))
        else:
            due_ms = segments_due_ms(packed)
            if 0 < due_ms <= now_ms:
                # A lane that is behind makes no ticks: time has changed something besides.
                groups = widened(groups)
            facts = _Facts(Between(customer, now_ms, timezone))
            asked = self._of(groups)
            held = asked.holding(facts)
            due_s = self._due_s(facts, 0 if groups == ALL else due_ms // 1000)
            shares = _mood(customer, now_ms) if groups & _MOODS else None
            value = customer.billing.billed_minor if groups & _MONEY else None
            rows, members = None, members_of(packed)
            if members.translate(None, asked.others) != held:
                rows = rows_of(
                    packed, sorted(members.translate(None, asked.numbers) + held), now_ms // DAY_MS
                )
            new = with_shares(packed, due_s, shares, value, rows) or self._packed(
                customer, unpack_standing(packed), groups, facts, held
            )
        customer.segments = new
        stood = packed if stood is None else stood
        return None if new[4:] == stood[4:] else (stood, new)

    def _packed(self, customer: Customer, before: Standing, groups: int, facts: _Facts, held: bytes) -> bytes:
        """Return where the customer stands now, in `held` of the segments whose rules rest on the groups."""
        now_ms = facts.situation.now_ms
        day = now_ms // DAY_MS
        numbers = self._of(groups).numbers
        since = {number: entered for number, entered in before.since.items() if number not in numbers}
        since.update((number, before.since.get(number, day)) for number in held)
        due_s = self._due_s(facts, 0 if groups == ALL else before.due_s)
        csat, value = before.csat_centi, before.value_minor
        risk = before.risk_milli
        if groups & _MOODS:
            csat, risk = _mood(customer, now_ms)
        if groups & _MONEY:
            value = customer.billing.billed_minor
        return pack_standing(Standing(due_s, self.key, csat, risk, value, since))

    def _due_s(self, facts: _Facts, due_s: int) -> int:
        """Return when a fact that was looked at turns, or `due_s` if that is earlier and not 0."""
        # A rule that did not look at a fact does not turn with it before it turns with one that it looked at.
        turns = self._turns
        shared: list[Turn] = []
        situation = facts.situation
        for name, seen in facts.items():
            found = turns.get(name)
            if found is not None:
                turn, thresholds, is_shared = found
                if is_shared:
                    if turn in shared:
                        continue
                    shared.append(turn)
                turn_ms = turn(situation, seen, thresholds)
                if (
                    turn_ms is not None
                    and (not due_s or turn_ms <= due_s * 1000)
                    and turn_ms < _LAST_S * 1000
                ):
                    due_s = -(-turn_ms // 1000)
        return due_s

    def explain(self, customer: Customer, now_ms: int, timezone: str) -> list[Explained]:
        """Return what each rule says of the customer now and the facts that it names, in the file's order."""
        kept = unpack_standing(customer.segments)
        since = kept.since if kept.key == self.key else {}
        facts = _Facts(Between(customer, now_ms, timezone))
        stranger = is_stranger(customer)
        found = []
        for number, holds, _ in self._rules:
            segment = self.segments[number]
            values = {name: facts[name] for name in segment.rule.names}
            is_in = not stranger and holds(facts)[0] is True
            found.append(Explained(segment, is_in, values, since.get(number) if is_in else None))
        return found

    def members(
        self, customer: Customer, now_ms: int, timezone: str, *, anew: bool = False
    ) -> tuple[str, ...]:
        """Return the segments that the customer is in at `now_ms`, by the file's order, whatever was asked last.

        anew: True asks every rule, for a state that has been changed since, or another instant than the present.
        """
        due_ms = segments_due_ms(customer.segments)
        if not anew and self.knows(customer) and (not due_ms or now_ms < due_ms):
            return self.names_of(customer) or ()
        if is_stranger(customer):
            return ()
        facts = _Facts(Between(customer, now_ms, timezone))
        return self._named(self._of(ALL).holding(facts))

    def names_of(self, customer: Customer) -> tuple[str, ...] | None:
        """Return the segments that the customer is in, by the file's order; None if other rules were asked last."""
        if not self.knows(customer):
            return None
        return self._named(members_of(customer.segments))

    def _named(self, members: bytes) -> tuple[str, ...]:
        found = self._names_of.get(members)
        if found is None:
            found = tuple([self.names[n] for n in members])
            if len(self._names_of) < _REMEMBERED:
                self._names_of[members] = found
        return found

    def _of(self, groups: int) -> _Asked:
        """Return the rules that rest on any of the groups."""
        found = self._resting_on.get(groups)
        if found is None:
            numbers = [n for n, _, rests_on in self._rules if rests_on & groups or groups == ALL]
            found = self._resting_on[groups] = _Asked(numbers, self.segments)
        return found


def _mood(customer: Customer, now_ms: int) -> tuple[int, int]:
    """Return satisfaction (hundredths) and risk (thousandths), of the models where they have said something."""
    estimates = customer.estimates
    if estimates.satisfied is not None:
        csat = 2 * estimates.satisfied.point
    else:
        csat = round(100 * csat_level(customer, now_ms)) if customer.satisfaction.answers else UNKNOWN
    return csat, UNKNOWN if estimates.churn is None else estimates.churn.chance // 10


def _groups_of(segment: Segment) -> int:
    groups = 0
    for name in segment.rule.names:
        groups |= GROUPS[name]
    return groups


def _thresholds(name: str, segments: Sequence[Segment]) -> tuple[float, ...]:
    found = [number for s in segments for fact, number in s.rule.thresholds if fact == name]
    return tuple(sorted(dict.fromkeys(found)))


def _tonight(name: str, situation: Between) -> FactValue:
    return COMPUTED[name](situation.tonight)


#: Name of a fact to its computation between contacts.
_COMPUTED: Final[dict[str, Callable[[Between], FactValue]]] = {
    **{name: COMPUTED[name] for name in GROUPS},
    **{name: partial(_tonight, name) for name in BY_DAY},
}
