"""The world's machinery: what is planned, what has happened, in which order it reaches the streams.

Behaviour lives in the modules beside this one. Each contributes *planners*, run over everybody at the beginning of a
day, and *handlers*, run when something planned comes due. A handler may say what happens now or later (`say`), plan
(`plan`) and write down what nobody is told (`tell_truth`).

Two worlds of equal parameters that are told the same answers are equal, whatever the steps they were advanced by.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from cem.domain.events import SmsRated
from cem.domain.events.base import Event
from cem.domain.events.enums import SmsDestination
from cem.simulator.draws import Dice, unit
from cem.simulator.parameters import Parameters
from cem.simulator.texts import Texts
from cem.simulator.world.effects import Belief, Effects
from cem.simulator.world.episodes import Episode
from cem.simulator.world.messages import Messages, Unrated
from cem.simulator.world.oracle import Oracle
from cem.simulator.world.people import Household, People
from cem.simulator.world.plans import DESTINATIONS
from cem.simulator.world.texting import Lines

__all__ = ["Ask", "Handler", "Outcome", "Planner", "Produced", "World"]

Data = dict[str, Any]
Handler = Callable[["World", int, int, Data], None]
Planner = Callable[["World", int], None]

SMS_TOPIC: Final = "cem.sms-usage"
INBOX_TOPIC: Final = "cem.inbox"
_BY_LINE: Final = 171
_DESTINATIONS: Final = tuple(SmsDestination(name) for name in DESTINATIONS)


class Produced(msgspec.Struct, frozen=True, gc=False):
    """One event of the stream, as it is to be written."""

    topic: str
    key: str
    event: Event
    time_ms: int
    #: When its record reaches the stream: later than `time_ms` for what arrives late.
    recorded_ms: int
    id: str
    source: str
    #: Counts the records of this key and source.
    sequence: int


class Ask(msgspec.Struct, frozen=True):
    """A representative wants to know what to do for the customer on the line."""

    customer_id: str
    call_id: str
    at_ms: int
    rep_id: str
    reason: str
    intent: str
    line: str
    language: str
    #: What the customer has said so far.
    text: str = ""
    channel: str = "call"


class Outcome(msgspec.Struct, frozen=True):
    """What became of the decision that answered an Ask (or of an outreach)."""

    customer_id: str
    decision_id: str
    state: str
    at_ms: int
    action: str = ""
    reason: str = ""
    rep_id: str = ""


class Totals(msgspec.Struct):
    """What a policy is judged by, since the world began (money in minor units)."""

    paid_minor: int = 0
    spent_minor: int = 0
    calls: int = 0
    repeat_calls: int = 0
    contacts: int = 0
    csat_sum: float = 0.0
    solved: int = 0
    offered: int = 0
    accepted: int = 0
    left: int = 0


class World:
    """A simulated operator. Build one with `cem.simulator.open_world`."""

    def __init__(
        self,
        parameters: Parameters,
        handlers: Mapping[str, Handler],
        planners: Sequence[Planner],
        beliefs: Iterable[Belief] = (),
    ) -> None:
        self.parameters = parameters
        self.handlers = handlers
        self.planners = planners
        #: Everything up to this time has happened.
        self.now_ms = parameters.start_ms - 1
        #: The next day to be planned.
        self.day = 0
        self.people = People()
        self.lines = Lines()
        self.households: list[Household] = []
        self.line_names: list[str] = []
        self.owners: list[int] = []
        self.keys: list[str] = []
        self.episodes: list[Episode] = []
        self.spells = 0
        self.effects = Effects(parameters.seed, parameters.effect_spread, parameters.minor_per_cent, beliefs)
        self.oracle = Oracle()
        self.totals = Totals()
        self.texts = Texts(parameters.texts)
        self._dice = tuple(Dice() for _ in range(16))
        self._thrown = 0
        #: From when on representatives ask; before, they do as they always did.
        self.asks_from_ms = 1 << 60
        self.live_from_day = 1 << 30
        self.pending = Messages.none()
        self.over_midnight = Unrated.none()
        #: Records so far, by topic and household; on `cem.inbox` by line.
        self.sequences: dict[str, list[int]] = {}
        self._by_line: list[bool] = []
        #: Messages of ours that it has been given, by contact, until they would have expired.
        self.reached: dict[str, int] = {}
        #: Facts that no stream carries, as rows of the truth file; None: nobody wants them.
        self.truths: list[Data] | None = None
        self._asks: list[Ask] = []
        self._outcomes: list[Outcome] = []
        self._items: list[tuple[int, int, str, int, Data]] = []
        self._emissions: list[tuple[int, int, int, int, Event]] = []
        self._tie = 0
        self._stop = False

    # What behaviour calls

    def say(self, c: int, at_ms: int, event: Event, late_ms: int = 0) -> None:
        """Let the streams hear of `event` of household `c`, that happens at `at_ms` and is recorded `late_ms` after."""
        self._tie += 1
        heapq.heappush(self._emissions, (at_ms + late_ms, self._tie, c, at_ms, event))

    def plan(self, name: str, at_ms: int, c: int, **data: Any) -> None:
        """Let handler `name` run for household `c` at `at_ms`; `data` are plain values."""
        self._tie += 1
        heapq.heappush(self._items, (max(at_ms, self.now_ms), self._tie, name, c, data))

    def tell_truth(self, at_ms: int, truth: str, **facts: Any) -> None:
        """Write down what no stream carries."""
        if self.truths is not None:
            self.truths.append({"truth": truth, "at_ms": at_ms, **facts})

    def ask(self, ask: Ask) -> None:
        """Let a representative ask for a decision."""
        self._asks.append(ask)
        self._stop = True

    def resolve(self, outcome: Outcome) -> None:
        """Let it be known what became of a decision."""
        self._outcomes.append(outcome)

    def luck(self, c: int, *about: int) -> Dice:
        """Return dice set to what belongs to household `c` and `about`; good until sixteen others were asked for."""
        self._thrown = (self._thrown + 1) % len(self._dice)
        return self._dice[self._thrown].key(self.parameters.seed, c, *about)

    # What the outside calls

    def advance(self, to_ms: int, *, stop_at_ask: bool = False) -> list[Produced]:
        """Let time run to `to_ms` (or to the next Ask) and return what the streams hear, in the order of recording."""
        self._stop = False
        end_ms = to_ms
        while True:
            day_ms = self.parameters.day_start_ms(self.day)
            if self._items and self._items[0][0] <= min(end_ms, day_ms - 1):
                at_ms, _, name, c, data = heapq.heappop(self._items)
                self.now_ms = at_ms
                self.handlers[name](self, at_ms, c, data)
                if self._stop and stop_at_ask:
                    end_ms = at_ms
                    break
            elif day_ms <= end_ms:
                self.now_ms = day_ms
                for planner in self.planners:
                    planner(self, self.day)
                self.day += 1
            else:
                break
        self.now_ms = max(self.now_ms, end_ms)
        return self._drain(end_ms)

    def take_asks(self) -> list[Ask]:
        """Return the Asks since the last call."""
        taken, self._asks = self._asks, []
        return taken

    def take_outcomes(self) -> list[Outcome]:
        """Return the Outcomes since the last call."""
        taken, self._outcomes = self._outcomes, []
        return taken

    def take_truths(self) -> list[Data]:
        """Return the rows of the truth file since the last call."""
        taken = self.truths or []
        if self.truths is not None:
            self.truths = []
        return taken

    # Order of the streams

    def _drain(self, to_ms: int) -> list[Produced]:
        start_ms = self.parameters.start_ms
        out: list[Produced] = []
        emissions = self._emissions
        pending = self.pending
        count = int(pending.arrival.searchsorted((to_ms - start_ms) // 1000, side="right"))
        if count:
            due = pending.part(slice(0, count))
            self.pending = pending.part(slice(count, None))
            names, owners, keys = self.line_names, self.owners, self.keys
            source = self._source(SMS_TOPIC)
            numbers, line_numbers = self._numbers(SMS_TOPIC), self._line_numbers()
            by_line = self._fed_by_line()
            columns = (getattr(due, name).tolist() for name in Messages.__struct_fields__)
            next_ms = emissions[0][0] if emissions else 1 << 62
            for arrival, time, line, recipient, destination, segments, covered, charge in zip(
                *columns, strict=True
            ):
                recorded_ms = start_ms + arrival * 1000
                if next_ms < recorded_ms:
                    while emissions and emissions[0][0] < recorded_ms:
                        out.append(self._produced(*heapq.heappop(emissions)))
                    next_ms = emissions[0][0] if emissions else 1 << 62
                c = owners[line]
                event = SmsRated(
                    line=names[line],
                    segments=segments,
                    destination=_DESTINATIONS[destination],
                    recipient=f"{recipient:016x}",
                    in_allowance=covered,
                    charge_minor=charge,
                )
                if by_line[c]:
                    line_numbers[line] = number = line_numbers[line] + 1
                    topic, key = INBOX_TOPIC, f"line:{names[line]}"
                    # A household's lines lie in lanes of their own, so each is an ordered source of its own.
                    name, of = names[line], f"/simulator/{self.parameters.seed}/lines/{names[line][1:]}"
                else:
                    numbers[c] = number = numbers[c] + 1
                    topic, key, name, of = SMS_TOPIC, keys[c], keys[c], source
                out.append(
                    Produced(
                        topic,
                        key,
                        event,
                        start_ms + time * 1000,
                        recorded_ms,
                        f"{name}-{number}",
                        of,
                        number,
                    )
                )
        while emissions and emissions[0][0] <= to_ms:
            out.append(self._produced(*heapq.heappop(emissions)))
        return out

    def _produced(self, recorded_ms: int, _tie: int, c: int, at_ms: int, event: Event) -> Produced:
        topic = event.TOPIC
        numbers = self._numbers(topic)
        numbers[c] = number = numbers[c] + 1
        key = self.keys[c]
        return Produced(topic, key, event, at_ms, recorded_ms, f"{key}-{number}", self._source(topic), number)

    def _numbers(self, topic: str) -> list[int]:
        numbers = self.sequences.setdefault(topic, [])
        if len(numbers) < len(self.households):
            numbers += [0] * (len(self.households) - len(numbers))
        return numbers

    def _line_numbers(self) -> list[int]:
        numbers = self.sequences.setdefault(INBOX_TOPIC, [])
        numbers += [0] * (len(self.line_names) - len(numbers))
        return numbers

    def _fed_by_line(self) -> list[bool]:
        """Return by household whether its message feed knows the line only."""
        share, seed = self.parameters.share_by_line, self.parameters.seed
        for c in range(len(self._by_line), len(self.households)):
            self._by_line.append(unit(seed, _BY_LINE, c) < share)
        return self._by_line

    def _source(self, topic: str) -> str:
        # One source a topic: a watermark per source needs the order that only a partition gives.
        return f"/simulator/{self.parameters.seed}/{topic.removeprefix('cem.')}"
