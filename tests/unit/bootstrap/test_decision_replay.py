"""A decision is made again from the log alone: its record, and the policy that it names."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import pytest

from cem.bootstrap.decisions import make_again
from cem.bootstrap.policies import find_policy, keep_policy, policy_record, read_policy
from cem.domain.events import DecisionMade, Received, decode
from cem.ports import Emission, Unavailable
from cem.settings import Settings
from cem.streams.partition import lane_of
from tests.builders.api import Api
from tests.builders.nba import NOW_MS
from tests.builders.records import LogRecord
from tests.builders.typical_customer import typical_customer

PARTITIONS = 4
SETTINGS = Settings.from_env({})
POLICY, TEXTS = read_policy(SETTINGS)


class ListLog:
    """One topic's partitions in lists; `away` times it cannot be written to."""

    def __init__(self) -> None:
        self.records: dict[int, list[LogRecord]] = {n: [] for n in range(PARTITIONS)}
        self.away = 0
        self.reads = 0

    async def publish(self, emissions: Sequence[Emission]) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("it is away")
        for e in emissions:
            assert e.key is not None
            lane = lane_of(e.key.decode(), PARTITIONS)
            kept = self.records[lane]
            kept.append(LogRecord(e.topic, lane, len(kept), NOW_MS, e.key, e.value, e.headers))

    async def bounds(self, partition: int, topics: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        return {topic: (0, len(self.records[partition])) for topic in topics}

    async def read(self, topic: str, partition: int, first: int, stop: int) -> Sequence[LogRecord]:
        self.reads += 1
        return self.records[partition][first:stop]


def decided(**said: str) -> tuple[LogRecord, DecisionMade]:
    """Return the record that the API wrote of a decision under the shipped policy."""
    api = Api(typical_customer(), policy=POLICY)
    assert api.get("/v1/customers/C0012345/next-best-action", params=said).status_code == 200
    (e,) = api.log.emissions
    record = LogRecord(e.topic, 0, 0, NOW_MS, e.key, e.value, e.headers)
    received = decode(record)
    assert isinstance(received, Received)
    assert isinstance(received.event, DecisionMade)
    return record, received.event


@pytest.mark.parametrize(
    "said", [{}, {"reason": "billing", "text": "Sao hóa đơn cao thế?", "language": "vi"}]
)
def test_a_decision_of_the_api_comes_out_in_the_same_bytes(said: dict[str, str]) -> None:
    """The record on the log, read, decided again and written, is the record on the log."""
    record, event = decided(**said)
    again = make_again(record, event, POLICY, "here")
    assert again.equal
    assert again.different == []
    assert again.answer.actions == event.ranked


def test_a_record_that_was_tampered_with_is_different() -> None:
    """The fields that do not come out as they stand there are named."""
    record, event = decided()
    better = msgspec.structs.replace(event, action="just_help", probability=0.5)
    found = make_again(record._replace(value=msgspec.json.encode(better)), better, POLICY, "here")
    assert not found.equal
    assert set(found.different) == {"action", "probability"} - (
        {"action"} if event.action == "just_help" else set()
    )


def test_an_older_policy_is_found_by_its_hash() -> None:
    """Its files are kept whole on the log, among those of other times and other things."""
    older = {**TEXTS, "decision.yaml": TEXTS["decision.yaml"] + "\n# as it was\n"}
    old_settings_policy = policy_of(older)
    log = ListLog()
    log.away = 1

    async def run() -> None:
        for policy, texts in ((old_settings_policy, older), (POLICY, TEXTS), (POLICY, TEXTS)):
            await keep_policy(log.publish, policy_record(policy, texts, "EUR", NOW_MS))
        wanted = old_settings_policy.catalogue.version
        found = await find_policy(log, PARTITIONS, wanted)  # type: ignore[arg-type]
        assert found is not None
        assert found.catalogue.version == wanted != POLICY.catalogue.version
        assert await find_policy(log, PARTITIONS, "0" * 32) is None  # type: ignore[arg-type]

    asyncio.run(run())


def test_a_lane_passes_the_kept_policy_by() -> None:
    """It is a proper event of the log, about no customer."""
    e = policy_record(POLICY, TEXTS, "EUR", NOW_MS)
    received = decode(LogRecord(e.topic, 0, 0, NOW_MS, e.key, e.value, e.headers))
    assert isinstance(received, Received), received
    assert not received.event.OF_CUSTOMER
    assert received.customer_id == f"policy:{POLICY.catalogue.version}"


def policy_of(texts: dict[str, str]):  # type: ignore[no-untyped-def]
    """Return the policy of these texts."""
    from cem.nba import load_policy

    return load_policy(texts, currency="EUR")
