"""What the API needs from the outside; `cem.bootstrap` fills it in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cem.alerts.pauses import Tellings
from cem.api.freshness import Freshness
from cem.api.metrics import ApiMetrics
from cem.api.reading import ReadMany
from cem.domain.customer import Customer
from cem.domain.value_policy import ValuePolicy
from cem.nba import Learnt, Policy
from cem.ports import Clock, CustomerReader, Emission, LaneStopped, Unavailable
from cem.segments import SegmentRules
from cem.streams.alert_feed import AlertSource
from cem.streams.lag import LagReport

__all__ = ["KeyValues", "LagSource", "Propensities", "RecordLog", "Services"]

#: Customer, instant (ms), actions with their groups, and channel -> the version of the model, and what it knows of each action.
Propensities = Callable[[Customer, int, Sequence[tuple[str, str]], str], tuple[str, dict[str, Learnt]]]


class RecordLog(Protocol):
    """Takes records for the log: `cem.streams.record_publisher.RecordPublisher` is one."""

    def post(self, emission: Emission, done: Callable[[Unavailable | LaneStopped | None], None]) -> None:
        """Hand one record over; later, or at once, `done` is told None when all in-sync replicas have it, or why not."""


class KeyValues(Protocol):
    """The keys of the API's own (`cem:api:...`): `RedisStore` is one."""

    async def get_raw(self, key: str) -> bytes | None: ...

    async def set_raw(
        self, key: str, value: bytes, *, ttl_ms: int | None = None, only_new: bool = False
    ) -> bool: ...


class LagSource(Protocol):
    """Keeps the lag under view: `cem.streams.lag_watch.LagWatch`."""

    #: None while Kafka or the store cannot be asked; `trouble` says why.
    report: LagReport | None
    trouble: str


@dataclass
class Services:
    """Everything that the routes use. Times are those of `clock`; deadlines are wall time."""

    reader: CustomerReader
    log: RecordLog
    keys: KeyValues
    clock: Clock
    policy: Policy
    freshness: Freshness
    #: Number of lanes.
    partitions: int
    #: Makes the part of a decision's id that tells it from the customer's others: [0-9a-z]{1,40}.
    new_id: Callable[[], str]
    #: Reads many customers in one round trip, if the store can.
    read_many: ReadMany | None = None
    #: Reads each lane's own state; None: the store cannot.
    own_states: Callable[[], Awaitable[list[bytes | None]]] | None = None
    #: What was decided about telling of types of alert; None while that is not known.
    tellings: Callable[[], Tellings | None] = lambda: None
    #: Where streams of alerts come from; None: there are none.
    alerts: AlertSource | None = None
    #: How far the workers are behind; None: nobody looks.
    lag: LagSource | None = None
    #: What the model has learnt of actions (customer, now, actions, channel), and its version; None: no model.
    propensities: Propensities | None = None
    #: True: the clock is simulated, so records say at what time of it they were recorded.
    simulated_clock: bool = False
    #: What lifetime values are reckoned with.
    value: ValuePolicy = field(default_factory=ValuePolicy)
    #: The segments; None: rules that ask for them find nobody in any.
    segments: SegmentRules | None = None
    #: The version of the rules that policy, value and segments are of, as the workers name it; "": nobody says.
    rules_version: Callable[[], str] = lambda: ""
    #: Why the policy files as they are now are refused, with file and line; "": they are not.
    rules_refused: Callable[[], str] = lambda: ""
    timezone: str = "UTC"
    decision_deadline_ms: int = 50
    decision_log_ms: int = 20
    #: Longest wait for the log where an answer depends on it.
    record_log_ms: int = 5000
    #: `hash_key`'s text; "": no key is asked for.
    api_key_hash: str = ""
    #: How the API is reached from outside, for links; "": as it listens.
    public_url: str = ""
    version: str = ""
    metrics: ApiMetrics = field(default_factory=ApiMetrics)
    #: Run beside the API until it stops: what keeps `freshness` and a simulated clock up to date.
    background: Sequence[Callable[[], Awaitable[None]]] = ()

    def decide_by(self, policy: Policy, value: ValuePolicy, segments: SegmentRules) -> None:
        """Let every decision from now on be made by these. Not to be called in the midst of one."""
        self.policy, self.value, self.segments = policy, value, segments
