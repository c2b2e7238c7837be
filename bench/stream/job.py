"""The peers' fold as a job of the product's pipeline: de-duplicated, saved, journalled and published like any other."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, ClassVar, cast

import msgspec

from bench.stream.records import ALERT_ABOVE_MINOR
from cem.domain.duplicates import first_time
from cem.ports import Emission, Record
from cem.stepper import Moment, Outcome

__all__ = ["BenchStepper", "State"]


class Message(msgspec.Struct, gc=False):
    """One rated message. What the product's rule for duplicates asks of an event stands here too."""

    source: ClassVar[str] = "/bench"
    sequence: ClassVar[None] = None
    forwarded: ClassVar[None] = None

    id: str
    customer: str
    time: int
    type: str
    line: str
    segments: int
    destination: str
    in_allowance: bool
    charge_minor: int
    ingested_ms: int = 0


class State(msgspec.Struct, array_like=True, gc=False):
    """One customer, encoded as the product's states are: a MessagePack array."""

    version: int
    customer: str
    count: int = 0
    segments: int = 0
    charge_minor: int = 0
    premium: int = 0
    mean: float = 0.0
    last: int = 0
    alerted: bool = False
    #: Ids seen, as `cem.domain.duplicates` keeps them.
    seen: bytes = b""
    seen_mark_s: int = 0
    seen_marked: int = 0


_decode_message = msgspec.json.Decoder(Message).decode
_decode_state = msgspec.msgpack.Decoder(State).decode
_encode_state = msgspec.msgpack.Encoder().encode
#: The rule looks at ids, times and what a state remembers of them: these have the product's names here.
_first_time = cast(Callable[[Any, Any], bool], first_time)
_encode_alert = msgspec.json.Encoder().encode

Item = tuple[Record, Message]


class BenchStepper:
    """`cem.stepper.Stepper` with the peers' fold; alerts go to `alerts`. `at_first` is called at the first record."""

    def __init__(self, alerts: str, at_first: Callable[[], None]) -> None:
        self._alerts = alerts
        self._at_first: Callable[[], None] | None = at_first

    @property
    def versions(self) -> dict[str, str]:
        return {"rules": "bench"}

    def at(self, versions: Mapping[str, str]) -> BenchStepper:
        return self

    def read(self, records: Sequence[Record], known: Container[str] = ()) -> list[Item]:
        if self._at_first is not None:
            self._at_first()
            self._at_first = None
        decode = cast(Callable[[Any], Message], _decode_message)
        return [(record, decode(record.value)) for record in records]

    def customers(self, items: Sequence[Item]) -> list[str]:
        return list(dict.fromkeys([message.customer for _, message in items]))

    def standing(self, lane: int) -> Sequence[str]:
        return ()

    def new_state(self, customer_id: str) -> State:
        return State(1, customer_id)

    def decode_state(self, subject: str, data: bytes) -> State:
        return _decode_state(data)

    def encode_state(self, state: State) -> bytes:
        return _encode_state(state)

    def due_of(self, state: State) -> int | None:
        return None

    def step(self, states: Mapping[str, State], items: Sequence[Item], moment: Moment) -> Outcome:
        emissions: list[Emission] = []
        changed: dict[str, None] = {}
        for record, message in items:
            customer = message.customer
            state = states[customer]
            message.ingested_ms = record.timestamp
            changed[customer] = None
            if not _first_time(state, message):
                continue
            state.count += 1
            state.segments += message.segments
            if not message.in_allowance:
                state.charge_minor += message.charge_minor
            if message.destination == "premium":
                state.premium += 1
            state.mean = state.mean * 0.9 + message.segments * 0.1
            state.last = message.time
            if state.charge_minor > ALERT_ABOVE_MINOR and not state.alerted:
                state.alerted = True
                emissions.append(self._alert(customer, record.offset, moment))
        return Outcome(list(changed), emissions, {}, [])

    def tick(self, states: Mapping[str, State], customers: Sequence[str], moment: Moment) -> Outcome:
        return Outcome([], [], {}, [])

    def _alert(self, customer: str, offset: int, moment: Moment) -> Emission:
        name = f"{moment.topic}/{moment.lane}/{offset}/overage"
        headers = (("ce_id", name.encode()), ("ce_type", b"sms.overage"))
        value = _encode_alert({"customer": customer, "type": "sms.overage"})
        return Emission(self._alerts, customer.encode(), value, headers)
