"""The stream job of the simulation: small, and sensitive to every record, its order, and the lane's time."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from zlib import crc32

import msgspec

from cem.domain.subjects import lane_subject
from cem.ports import Emission, Record
from cem.stepper import Moment, Outcome
from tests.faults.models import SimState

_decode = msgspec.msgpack.Decoder(SimState).decode
_encode = msgspec.msgpack.Encoder().encode


class SimStepper:
    """Chains every event into its customer; says something now and then; wants to be woken now and then."""

    versions: dict[str, str] = {"fold": "1"}

    def at(self, versions: Mapping[str, str]) -> SimStepper:
        return self

    def read(self, records: Sequence[Record], known: Container[str] = ()) -> Sequence[Record]:
        return records

    def customers(self, items: Sequence[Record]) -> list[str]:
        return list(dict.fromkeys((r.key or b"").decode() for r in items if r.value != b"bad"))

    def standing(self, lane: int) -> Sequence[str]:
        return ()

    def new_state(self, customer_id: str) -> SimState:
        return SimState(customer_id)

    def decode_state(self, subject: str, data: bytes) -> SimState:
        return _decode(data)

    def encode_state(self, state: SimState) -> bytes:
        return _encode(state)

    def due_of(self, state: SimState) -> int | None:
        return state.due_ms or None

    def step(self, states: Mapping[str, SimState], items: Sequence[Record], moment: Moment) -> Outcome:
        changed: dict[str, None] = {}
        emissions: list[Emission] = []
        for record in items:
            key = (record.key or b"").decode()
            state = states[key]
            value = int(record.value or b"0")
            state.count += 1
            state.chain = crc32(b"%s/%d/%d" % (record.topic.encode(), record.offset, value), state.chain)
            if value % 4 == 0 and not state.due_ms:
                state.due_ms = moment.lane_time_ms + 1 + value
            if value % 3 == 0:
                emissions.append(_say(f"{record.topic}/{record.offset}", state))
            changed[key] = None
        return Outcome(list(changed), emissions, {}, [])

    def tick(self, states: Mapping[str, SimState], customers: Sequence[str], moment: Moment) -> Outcome:
        emissions = []
        for customer_id in customers:
            state = states[customer_id]
            state.due_ms = 0
            state.woken += 1
            state.chain = crc32(b"tick %d" % moment.lane_time_ms, state.chain)
            emissions.append(_say(f"tick/{moment.tick}/{customer_id}", state))
        return Outcome(list(customers), emissions, {}, [])


class LaneStepper(SimStepper):
    """The same with all that the product's job asks of a pipeline.

    A state of the lane itself, which every step is given; customers that are forgotten; a sorted set; rules that have
    versions; and a model, whose answers are other ones in each process.
    """

    def __init__(self, rules: str = "1", model: bytes = b"") -> None:
        self.versions = {"fold": rules}
        self._model = model

    def at(self, versions: Mapping[str, str]) -> LaneStepper:
        return LaneStepper(versions["fold"], self._model)

    def standing(self, lane: int) -> Sequence[str]:
        return (lane_subject(lane),)

    def encode_state(self, state: SimState) -> bytes:
        return b"" if state == SimState(state.customer_id) else _encode(state)

    def step(self, states: Mapping[str, SimState], items: Sequence[Record], moment: Moment) -> Outcome:
        own = states[lane_subject(moment.lane)]
        said = self._model if moment.scores is None else moment.scores
        changed: dict[str, None] = {}
        alerts: dict[str, int | None] = {}
        emissions: list[Emission] = []
        for record in items:
            key = (record.key or b"").decode()
            state, value = states[key], int(record.value or b"0")
            what = f"{record.topic}/{record.offset}"
            cause = b"%s %d %s %s" % (what.encode(), value, self.versions["fold"].encode(), said)
            own.count += 1
            own.chain = crc32(cause, own.chain)
            if value % 13 == 0 and not own.due_ms:
                own.due_ms = moment.lane_time_ms + 1 + value
            changed[key] = changed[own.customer_id] = None
            if value % 17 == 0:  # forgotten: what comes later finds nobody
                state.count = state.chain = state.due_ms = state.woken = state.alert = 0
                alerts[key] = None
                continue
            state.count += 1
            state.chain = crc32(cause, state.chain)
            if value % 4 == 0 and not state.due_ms:
                state.due_ms = moment.lane_time_ms + 1 + value
            if value % 3 == 0:
                emissions.append(_say(what, state))
            if value % 5 < 2:
                state.alert = value % 5 and value
                alerts[key] = state.alert or None
        return Outcome(list(changed), emissions, {"alerts": alerts} if alerts else {}, [], said)

    def tick(self, states: Mapping[str, SimState], customers: Sequence[str], moment: Moment) -> Outcome:
        own = states[lane_subject(moment.lane)]
        for customer_id in customers:
            own.chain = crc32(b"%s %d" % (customer_id.encode(), moment.lane_time_ms), own.chain)
        outcome = super().tick(states, customers, moment)
        outcome.changed = list(dict.fromkeys([*customers, own.customer_id]))
        return outcome


def _say(cause: str, state: SimState) -> Emission:
    return Emission("out", cause.encode(), b"%d/%d" % (state.chain, state.count), ())
