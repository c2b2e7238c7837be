"""The simulated operator's messages through the folds of the stream, its hidden truth as judge: are alerts in time?

Two questions. Of the abusive episodes that are detected at all, how many before the customer calls about them (he calls
because of the money, whether or not anybody was told)? And of the cycles told as projected, how many did not exceed
their allowance, and how many days ahead were the others told?
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import Any

from bench.common import Row
from cem.domain.customer import Customer, new_customer
from cem.domain.events import TOPIC_OF, Event, type_of
from cem.domain.events.alerts import Alert
from cem.domain.events.envelope import Received
from cem.domain.events.sms import SmsRated
from cem.domain.finding import Finding
from cem.domain.fold import fold, next_due_ms, tick
from cem.domain.restraint import Restraint
from cem.domain.state.lane import LaneState
from cem.domain.thresholds import AlertPolicy
from cem.domain.value_policy import ValuePolicy
from cem.normal_form import normal_name
from cem.simulator import Parameters, open_world
from cem.simulator.parameters import DAY_MS
from cem.simulator.world.core import Produced

__all__ = ["Judged", "judge", "rows_of"]

_DAY_S = 86_400
_USE = ("sms_rise", "sms_night", "sms_velocity", "sms_money", "sms_allowance")


class _Context:
    """A lane's surroundings; keeps the alerts that were emitted."""

    def __init__(self) -> None:
        self.lane_time_ms = 0
        self.late_limit_ms = 7 * DAY_MS
        self.alerts = AlertPolicy()
        self.value = ValuePolicy()
        self.timezone = "UTC"
        self.currency = "EUR"
        self.restraint = Restraint()
        self.lane = LaneState(0)
        self.told: list[tuple[int, Alert]] = []

    def emit(self, event: Event, *, kind: str, key: str | None = None, at_ms: int | None = None) -> str:
        if isinstance(event, Alert):
            self.told.append((self.lane_time_ms, event))
        return kind

    def ask(self, model: str, question: object) -> None:
        """No model is asked."""

    def example(self, model: str, source: str, x: object, y: object) -> None:
        """No model is taught."""

    def propose(self, customer: Customer, finding: Finding, channel: str, identity: str) -> None:
        """Nothing is decided on: the policy's own remedy stands."""

    def normal_name(self, name: str) -> str:
        """Return the name in its one form; the simulator's lines have it already."""
        return normal_name(name, "")

    def link(self, name: str, customer_id: str, at_ms: int, *, linked: bool) -> None:
        """Nobody asks whose a line is."""

    def index(self, sorted_set: str, member: str, score_ms: int | None) -> None:
        """Nobody asks for the list."""


class Judged:
    """What came of it."""

    def __init__(self) -> None:
        #: Per abusive episode that was detected: kind, hours from its start to the alert, hours from the alert to the
        #: first contact about it (None: there was none).
        self.episodes: list[tuple[str, float, float | None]] = []
        self.abuse = 0
        #: Days from the notice to the message that went beyond the allowance; None: none did.
        self.projected: list[float | None] = []
        #: Cycles that exceeded their allowance and had a projection to be had.
        self.exceeded = 0
        #: Every alert of use, with when it was told.
        self.told: list[tuple[int, Alert]] = []


def judge(parameters: Parameters, days: int) -> Judged:
    """Return what the alerts of a world were worth, its first `days` days long."""
    world = open_world(parameters)
    world.truths = []
    events = sorted(
        world.advance(parameters.day_start_ms(days) - 1), key=lambda e: (e.recorded_ms, e.topic, e.id)
    )
    ctx, customers = _Context(), dict[str, Customer]()
    use: dict[tuple[str, int], list[int]] = {}
    for produced in events:
        customer = customers.setdefault(produced.key, new_customer(produced.key))
        while (due_ms := next_due_ms(customer)) is not None and due_ms <= produced.recorded_ms:
            ctx.lane_time_ms = due_ms
            tick(customer, due_ms, ctx)
        ctx.lane_time_ms = produced.recorded_ms
        fold(customer, _received(produced), ctx)
        if isinstance(produced.event, SmsRated):
            line = customer.lines[produced.event.line]
            cycle = line.cycle
            if cycle is not None and line.allowance and cycle.counted > line.allowance and line.previous:
                use.setdefault((produced.event.line, cycle.start_s), [produced.time_ms, cycle.end_s])
    found = Judged()
    found.told = [(at_ms, alert) for at_ms, alert in ctx.told if alert.type in _USE]
    _judge_episodes(found, world.take_truths())
    end_s = parameters.day_start_ms(days) // 1000
    _judge_projections(found, use, end_s)
    return found


def _received(produced: Produced) -> Received:
    return Received(
        customer_id=produced.key,
        type=type_of(produced.event),
        id=produced.id,
        source=produced.source,
        time_ms=produced.time_ms,
        ingested_ms=produced.recorded_ms,
        sequence=produced.sequence,
        traceparent=None,
        event=produced.event,
        topic=TOPIC_OF[type_of(produced.event)],
        partition=0,
        offset=0,
    )


def _judge_episodes(found: Judged, truths: list[dict[str, Any]]) -> None:
    told: dict[str, list[int]] = defaultdict(list)
    for at_ms, alert in found.told:
        told[alert.subject].append(at_ms)
    contacts: dict[str, int] = {}
    for truth in truths:
        if truth["truth"] == "contact" and truth.get("cause"):
            contacts.setdefault(truth["cause"], truth["at_ms"])
    for truth in truths:
        if truth["truth"] != "abuse":
            continue
        found.abuse += 1
        start_ms, end_ms = truth["start"] * 1000, (truth["end"] + _DAY_S) * 1000
        first_ms = min((at for at in told[truth["line"]] if start_ms <= at <= end_ms), default=None)
        if first_ms is None:
            continue
        called_ms = contacts.get(f"episode-{truth['episode']}")
        ahead_h = None if called_ms is None else (called_ms - first_ms) / 3_600_000
        found.episodes.append((truth["kind"], (first_ms - start_ms) / 3_600_000, ahead_h))


def _judge_projections(found: Judged, use: dict[tuple[str, int], list[int]], end_s: int) -> None:
    for at_ms, alert in found.told:
        if alert.TYPE != "alert.opened" or alert.evidence.get("reason") != "projected":
            continue
        over = [
            beyond_ms
            for (line, start_s), (beyond_ms, ends_s) in use.items()
            if line == alert.subject and start_s * 1000 <= at_ms < ends_s * 1000
        ]
        assert alert.deliver_before is not None
        if over:
            found.projected.append((over[0] - at_ms) / DAY_MS)
        elif str(alert.evidence["cycle_end"]) <= _date(end_s):
            found.projected.append(None)
    found.exceeded = sum(ends_s <= end_s for _, ends_s in use.values())


def _date(at_s: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at_s, UTC).date().isoformat()


def rows_of(found: Judged) -> list[Row]:
    """Return the figures."""
    called = [ahead_h for _, _, ahead_h in found.episodes if ahead_h is not None]
    in_time = sum(ahead_h > 0 for ahead_h in called)
    late = len(called) - in_time
    detected = len(found.episodes)
    ahead = [days for days in found.projected if days is not None]
    return [
        Row("simulator: abusive episodes", found.abuse, "episodes"),
        Row("simulator: detected", detected, "episodes"),
        Row("simulator: detected and called about", len(called), "episodes"),
        Row("simulator: of those detected, not after the call", _share(detected - late, detected), "share"),
        Row("simulator: of those called about, before the call", _share(in_time, len(called)), "share"),
        Row("simulator: allowances projected", len(found.projected), "cycles"),
        Row("simulator: allowances exceeded", found.exceeded, "cycles"),
        Row(
            "simulator: projected and not exceeded",
            _share(len(found.projected) - len(ahead), len(found.projected)),
            "share",
        ),
        Row("simulator: days ahead", round(statistics.median(ahead), 1) if ahead else 0, "days"),
    ]


def _share(part: int, whole: int) -> float:
    return round(part / whole, 3) if whole else 0.0
