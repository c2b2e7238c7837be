"""Customers built from events, as the tests of facts, alerts and decisions need them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cem.domain.context import Carried
from cem.domain.customer import Customer, new_customer
from cem.domain.events import TOPIC_OF, Event, OutreachRequested, OutreachWithheld, type_of
from cem.domain.events.envelope import Received
from cem.domain.events.rejects import Reject
from cem.domain.finding import Finding
from cem.domain.fold import fold, next_due_ms, tick
from cem.domain.restraint import NOTHING, Restraint
from cem.domain.state.lane import LaneState
from cem.domain.thresholds import AlertPolicy, EscalatePolicy, QuietPolicy, RemedyPolicy, TellPolicy
from cem.domain.value_policy import ValuePolicy
from cem.normal_form import normal_name

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "T0",
    "Context",
    "advance",
    "arrived",
    "go_on",
    "household",
    "received",
]

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
#: 2025-03-03 00:00 UTC, a Monday.
T0 = 1_740_960_000_000


class Context:
    """A fold context that remembers what was emitted and indexed."""

    def __init__(
        self,
        lane_time_ms: int = T0,
        *,
        alerts: AlertPolicy | None = None,
        late_limit_ms: int = 7 * DAY,
        timezone: str = "UTC",
        restraint: Restraint = NOTHING,
    ) -> None:
        self.lane_time_ms = lane_time_ms
        self.late_limit_ms = late_limit_ms
        # T0 is at midnight: unless a test says otherwise, no hour is quiet, and nobody is pressed to acknowledge.
        self.alerts = alerts or AlertPolicy(
            tell=TellPolicy(quiet=QuietPolicy(0, 0)), escalate=EscalatePolicy(times=0)
        )
        self.timezone = timezone
        self.currency = "EUR"
        self.restraint = restraint
        #: What customers would be told, apart from what is emitted otherwise.
        self.contacts: list[OutreachRequested | OutreachWithheld] = []
        self.value = ValuePolicy()
        self.lane = LaneState(0)
        self.emitted: list[Event] = []
        self.kinds: list[str] = []
        self.refused: list[Reject] = []
        #: Name, customer, since when, and whether it finds him.
        self.links: list[tuple[str, str, int, bool]] = []
        self.indexed: dict[str, int] = {}
        #: What is decided on, by type of alert; and what was asked: type, channel, the alert's id.
        self.remedies: dict[str, RemedyPolicy] = {}
        self.proposals: list[tuple[str, str, str]] = []
        #: Answers of models by name; one that is not here has none. And the examples that were made.
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, Any]] = []
        self.examples: list[tuple[str, str, Any, Any]] = []

    def emit(self, event: Event, *, kind: str, key: str | None = None, at_ms: int | None = None) -> str:
        if isinstance(event, OutreachRequested | OutreachWithheld):
            self.contacts.append(event)
            return f"test/0/contact/{len(self.contacts)}/{kind}"
        self.emitted.append(event)
        self.kinds.append(kind)
        return f"test/0/{len(self.emitted)}/{kind}"

    def propose(
        self, customer: Customer, finding: Finding, channel: str, identity: str
    ) -> RemedyPolicy | None:
        self.proposals.append((finding.type, channel, identity))
        return self.remedies.get(finding.type)

    def ask(self, model: str, question: Any) -> Any:
        self.asked.append((model, question))
        answer = self.answers.get(model)
        return answer(question) if callable(answer) else answer

    def example(self, model: str, source: str, x: Any, y: Any) -> None:
        self.examples.append((model, source, x, y))

    def carried(self) -> Carried:
        return Carried("test", (), b"{}", self.lane_time_ms)

    def refuse(self, reject: Reject) -> None:
        self.refused.append(reject)

    def normal_name(self, name: str) -> str:
        return normal_name(name, "")

    def link(self, name: str, customer_id: str, at_ms: int, *, linked: bool) -> None:
        self.links.append((name, customer_id, at_ms, linked))

    def index(self, sorted_set: str, member: str, score_ms: int | None) -> None:
        if score_ms is None:
            self.indexed.pop(member, None)
        else:
            self.indexed[member] = score_ms


def received(event: Event, at_ms: int, **fields: Any) -> Received:
    """Return the event as received at once; its id is made of its content and time unless given."""
    values: dict[str, Any] = {
        "customer_id": "C1",
        "type": type_of(event),
        "id": f"{type_of(event)}-{at_ms}-{hash_of(event)}",
        "source": "test",
        "time_ms": at_ms,
        "ingested_ms": at_ms,
        "sequence": None,
        "traceparent": None,
        "event": event,
        "topic": TOPIC_OF[type_of(event)],
        "partition": 0,
        "offset": 0,
    }
    values.update(fields)
    return Received(**values)


def hash_of(event: Event) -> str:
    """Return a short text that differs for different events, the same in every run."""
    import zlib

    return f"{zlib.crc32(repr(event).encode()):08x}"


def advance(customer: Customer, ctx: Context, to_ms: int) -> None:
    """Let the lane's time pass to `to_ms`, ticking at every instant at which something is due."""
    while (due := next_due_ms(customer)) is not None and due <= to_ms:
        ctx.lane_time_ms = max(ctx.lane_time_ms, due)
        tick(customer, ctx.lane_time_ms, ctx)
    ctx.lane_time_ms = max(ctx.lane_time_ms, to_ms)


def household(
    events: Iterable[tuple[int, Event]], *, customer_id: str = "C1", ctx: Context | None = None
) -> tuple[Customer, Context]:
    """Return a customer to whom these events happened at these times, each told at its time, and the context."""
    ctx = ctx or Context(0)
    customer = new_customer(customer_id)
    go_on(customer, ctx, events)
    return customer, ctx


def go_on(customer: Customer, ctx: Context, events: Iterable[tuple[int, Event]]) -> None:
    """Let these events happen to the customer at these times, each told at its time."""
    for at_ms, event in events:
        advance(customer, ctx, at_ms)
        fold(customer, received(event, at_ms, customer_id=customer.customer_id), ctx)


def arrived(events: Iterable[tuple[int, Event]], now_ms: int) -> Customer:
    """Return the customer after these events came in this order, all of them known at `now_ms`."""
    ctx = Context(now_ms, late_limit_ms=10_000 * DAY)
    customer = new_customer("C1")
    for number, (at_ms, event) in enumerate(events):
        fold(customer, received(event, at_ms, id=f"e{number}"), ctx)
    tick(customer, now_ms, ctx)
    return customer
