"""The whole stream job over a history, in event time: what would have been noticed, told and proposed, and when.

One lane, everything in memory. The time is that of the records: before each one, whatever fell due by then happens
first, at its own instant. What a fold says on a topic that lanes read (a forward, a link) is folded at once. Everybody
is told, nobody is held out: there is nobody to compare with in a history.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, Final

import msgspec

from cem.domain.customer import Customer
from cem.domain.events import CallEnded, CallStarted, Event, InteractionRecorded, Received, decode
from cem.domain.events.alerts import Alert, AlertOpened
from cem.domain.events.enums import CallDirection, Tell
from cem.domain.events.rejects import Reject
from cem.domain.subject_states import Subject
from cem.domain.thresholds import LedgerPolicy
from cem.nba import Call, Context, Policy, decide, draw_of, facts_of, history_of
from cem.pilot.history import Piece
from cem.ports import Emission
from cem.step import CemStepper
from cem.step_rules import Rules
from cem.stepper import Moment, Outcome
from cem.streams.dead_letters import dead_letter
from cem.streams.topics import ALERTS, LANE_TOPICS

__all__ = ["Contacted", "Lived", "Told", "live"]

_STRETCH: Final = 2_000


class Told(msgspec.Struct, frozen=True):
    """An alert that would have been told."""

    at_ms: int
    alert: Alert


class Contacted(msgspec.Struct, frozen=True):
    """A time that the customer turned to the company, and what would have been proposed then."""

    at_ms: int
    customer_id: str
    channel: str
    reason: str
    #: The next best action, and the sentence that says why.
    action: str
    sentence: str


class Lived(msgspec.Struct):
    """What came of a history."""

    told: list[Told] = []
    contacts: list[Contacted] = []
    customers: int = 0
    records: int = 0
    #: Records that could not be used, by reason.
    rejected: dict[str, int] = {}
    #: Records that still wait for somebody to say whose they are.
    waiting: int = 0
    first_ms: int = 0
    last_ms: int = 0


def live(
    pieces: Sequence[Piece],
    rules: Rules,
    policy: Policy,
    *,
    on_pieces: Callable[[int], None] = lambda count: None,
    on_alert: Callable[[int, Alert], None] = lambda at_ms, alert: None,
) -> Lived:
    """Return what came of the pieces, which are in the order of their times; `on_pieces` hears how far it is.

    on_alert: hears each alert, and when (ms), as it opens, changes and ends.
    """
    life = _Life(rules, policy, on_alert)
    for number, piece in enumerate(pieces, start=1):
        life.pass_time(piece.timestamp)
        life.take(piece)
        if number % _STRETCH == 0:
            on_pieces(number)
    return life.ended()


class _Life:
    def __init__(self, rules: Rules, policy: Policy, on_alert: Callable[[int, Alert], None]) -> None:
        self._on_alert = on_alert
        # Everybody is told: a history has nobody to compare with.
        self._rules = copy(rules)
        self._rules.alerts = msgspec.structs.replace(rules.alerts, ledger=LedgerPolicy(holdout_share=0.0))
        self._stepper = CemStepper(self._rules, dead_letter=dead_letter, lane_of=lambda subject: 0)
        self._policy = policy
        self._states: dict[str, Subject] = {}
        #: (when, whom) of ticks, some of them stale; when each subject is really due.
        self._queue: list[tuple[int, str]] = []
        self._dues: dict[str, int | None] = {}
        self._now_ms = 0
        self._ticks = 0
        self._offset = 0
        #: Calls of which the start has been seen and the end has not.
        self._started: dict[str, None] = {}
        self._lived = Lived()
        for name in self._stepper.standing(0):
            self._states[name] = self._stepper.new_state(name)

    def pass_time(self, to_ms: int) -> None:
        """Let everything happen that falls due by then."""
        while self._queue and self._queue[0][0] <= to_ms:
            due_ms, subject = heapq.heappop(self._queue)
            if self._dues.get(subject) != due_ms:
                continue
            self._now_ms = max(self._now_ms, due_ms)
            self._ticks += 1
            moment = Moment(0, "", self._now_ms, self._ticks)
            self._settle(self._stepper.tick(self._states, [subject], moment))
        self._now_ms = max(self._now_ms, to_ms)

    def take(self, piece: Piece) -> None:
        """Fold one record, and what comes of it on the topics that lanes read."""
        lived = self._lived
        lived.records += 1
        lived.first_ms = lived.first_ms or piece.timestamp
        lived.last_ms = max(lived.last_ms, piece.timestamp)
        self._offset = max(self._offset, piece.offset)
        following: deque[Piece] = deque([piece])
        while following:
            following.extend(self._fold(following.popleft()))

    def ended(self) -> Lived:
        """Return what came of it."""
        self._lived.customers = sum(
            type(state) is Customer and bool(state.as_of_ms) for state in self._states.values()
        )
        return self._lived

    def _fold(self, piece: Piece) -> list[Piece]:
        stepper = self._stepper
        items = stepper.read([piece])
        for subject in stepper.customers(items):
            if subject not in self._states:
                self._states[subject] = stepper.new_state(subject)
        for _, item in items:
            if isinstance(item, Reject):
                self._lived.rejected[item.code] = self._lived.rejected.get(item.code, 0) + 1
        received = [item for _, item in items if isinstance(item, Received)]
        # A call of which only the end is known was answered before that was: so is what to do then.
        before = [item for item in received if isinstance(item.event, CallEnded)]
        self._note_contacts(before)
        said = self._settle(stepper.step(self._states, items, Moment(0, piece.topic, self._now_ms)))
        self._note_contacts([item for item in received if item not in before])
        return said

    def _note_contacts(self, items: Sequence[Received]) -> None:
        for item in items:
            if (contacted := self._contact(item)) is not None:
                self._lived.contacts.append(contacted)

    def _settle(self, outcome: Outcome) -> list[Piece]:
        """Take note of alerts and due times; return what lanes are to read."""
        for subject in outcome.changed:
            due_ms = self._stepper.due_of(self._states[subject])
            if due_ms != self._dues.get(subject):
                self._dues[subject] = due_ms
                if due_ms is not None:
                    heapq.heappush(self._queue, (due_ms, subject))
        following: list[Piece] = []
        for emission in outcome.emissions:
            if emission.topic == ALERTS:
                self._hear(emission)
            elif emission.topic in LANE_TOPICS:
                self._offset += 1
                following.append(
                    Piece(
                        emission.topic,
                        self._offset,
                        self._now_ms,
                        emission.key or b"",
                        emission.value or b"",
                        tuple(emission.headers),
                    )
                )
        return following

    def _hear(self, emission: Emission) -> None:
        event = _event_of(emission, self._now_ms)
        if isinstance(event, Alert):
            self._on_alert(self._now_ms, event)
        if isinstance(event, AlertOpened) and event.tell.who is not Tell.NOBODY:
            self._lived.told.append(Told(self._now_ms, event))

    def _contact(self, item: Received) -> Contacted | None:
        """Return the contact that the record is, with what would have been proposed; None if it is none."""
        event: Any = item.event
        if isinstance(event, CallStarted | CallEnded):
            if isinstance(event, CallStarted):
                self._started[event.call_id] = None
            elif event.call_id in self._started:
                del self._started[event.call_id]
                return None  # told of when it began
            channel = "call"
        elif isinstance(event, InteractionRecorded):
            channel = str(event.channel)
        else:
            return None
        customer = self._states[item.customer_id]
        if event.direction is CallDirection.OUTBOUND or type(customer) is not Customer:
            return None
        reason = getattr(event, "reason", None) or ""
        catalogue, params = self._policy.catalogue, self._policy.params
        facts = facts_of(
            customer,
            Call(channel=channel, reason=reason),
            self._now_ms,
            catalogue.fact_names,
            params.topics,
            self._rules.timezone,
            segments=lambda customer, now_ms: self._rules.segments.members(
                customer, now_ms, self._rules.timezone, anew=True
            ),
        )
        decision_id = f"{item.customer_id}.pilot{item.offset}"
        history = history_of(customer, self._now_ms)
        context = Context(decision_id, item.customer_id, self._now_ms, facts, history, {})
        decision = decide(context, catalogue, params, draw_of(decision_id))
        return Contacted(
            self._now_ms,
            item.customer_id,
            channel,
            reason,
            decision.ranked[0].action,
            decision.sentences.rep,
        )


def _event_of(emission: Emission, now_ms: int) -> Event | None:
    piece = Piece(
        emission.topic, 0, now_ms, emission.key or b"", emission.value or b"", tuple(emission.headers)
    )
    found = decode(piece)
    return found.event if isinstance(found, Received) else None
