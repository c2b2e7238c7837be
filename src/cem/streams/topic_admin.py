"""Brings Kafka's topics in line with the table, and says where they are not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, for_code

from cem.ports import Unavailable
from cem.settings import Settings
from cem.streams.connection import client_options
from cem.streams.probe import probe_kafka
from cem.streams.topics import TOPICS, TopicSpec

__all__ = [
    "Difference",
    "TopicState",
    "TopicsWrong",
    "describe_topics",
    "differences",
    "ensure_topics",
]

_DEADLINE_S: Final = 20.0
_TOPIC_ALREADY_EXISTS: Final = 36


class TopicsWrong(ValueError):
    """Topics that are there, but not as the lanes need them; the message says which and what to do."""


class TopicState(msgspec.Struct, frozen=True):
    """One topic as Kafka has it."""

    name: str
    partitions: int
    replication: int
    #: Kafka's names and values; None when the broker does not tell (the embedded one).
    config: dict[str, str] | None = None


class Difference(msgspec.Struct, frozen=True):
    """Where a topic is not as the table says. `fail`: the service cannot run; `warn`: it runs, with less safety."""

    topic: str
    level: Literal["warn", "fail"]
    message: str
    remedy: str


def differences(settings: Settings, states: Mapping[str, TopicState]) -> list[Difference]:
    """Return how the topics in Kafka differ from the table, in the table's order. Pure."""
    found: list[Difference] = []
    for spec in TOPICS:
        state = states.get(spec.name)
        if state is None:
            found.append(
                Difference(spec.name, "fail", f"topic {spec.name} is missing", "run cem topics create")
            )
        else:
            found += _differences(spec, state, settings)
    return found


def _differences(spec: TopicSpec, state: TopicState, settings: Settings) -> list[Difference]:
    found: list[Difference] = []
    wanted = spec.partitions(settings.partitions)
    if state.partitions != wanted:
        remedy = "delete it and run cem topics create"
        if spec.cut == "per_lane":
            remedy = (
                f"set CEM_PARTITIONS={state.partitions} if all topics have so many, else delete it and run "
                "cem topics create (adding partitions would tear its customers' lanes apart)"
            )
        found.append(
            Difference(
                spec.name,
                "fail",
                f"topic {spec.name} has {state.partitions} partitions, not {wanted}",
                remedy,
            )
        )
    if state.replication < settings.replication:
        message = f"topic {spec.name} has {state.replication} replicas, not {settings.replication}"
        found.append(Difference(spec.name, "warn", message, "reassign its partitions to more brokers"))
    for name, value in spec.config(min(state.replication, settings.replication)).items():
        has = None if state.config is None else state.config.get(name)
        if has is not None and has != value:
            message = f"topic {spec.name} has {name}={has}, not {value}"
            found.append(
                Difference(spec.name, "warn", message, f"set {name}={value} on it, if that was no choice")
            )
    return found


async def describe_topics(settings: Settings) -> dict[str, TopicState]:
    """Return those of the table's topics that Kafka has. Raises Unavailable, SettingsError."""
    async with _admin(settings) as admin:
        return await _describe(admin, with_config=True)


async def ensure_topics(settings: Settings) -> list[str]:
    """Return the names of the topics that were missing, and are there now, as the table says.

    Raises TopicsWrong when another one has a wrong number of partitions, Unavailable, SettingsError.
    """
    async with _admin(settings) as admin:
        states = await _describe(admin, with_config=False)
        _refuse_wrong(settings, states)
        missing = [spec for spec in TOPICS if spec.name not in states]
        if missing:
            await _create(admin, settings, missing)
            names = {spec.name for spec in missing}
            # The brokers learn of a new topic one after the other; `_admin` ends a wait that is too long.
            while not names <= (await _describe(admin, with_config=False)).keys():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        return [spec.name for spec in missing]


def _refuse_wrong(settings: Settings, states: Mapping[str, TopicState]) -> None:
    wrong = [d for d in differences(settings, states) if d.level == "fail" and d.topic in states]
    if wrong:
        more = f" ({len(wrong) - 1} more like it)" if len(wrong) > 1 else ""
        raise TopicsWrong(f"{wrong[0].message}{more}: {wrong[0].remedy}")


async def _create(admin: AIOKafkaAdminClient, settings: Settings, specs: Sequence[TopicSpec]) -> None:
    new = [
        NewTopic(
            spec.name,
            spec.partitions(settings.partitions),
            settings.replication,
            topic_configs=spec.config(settings.replication),
        )
        for spec in specs
    ]
    answer = await admin.create_topics(new, timeout_ms=int(_DEADLINE_S * 1000))
    for name, code, *said in answer.topic_errors:
        # Somebody else has created it meanwhile: as good.
        if code not in (0, _TOPIC_ALREADY_EXISTS):
            detail = (said[0] if said and said[0] else None) or for_code(code).__name__
            raise TopicsWrong(f"Kafka does not create topic {name}: {detail}")


async def _describe(admin: AIOKafkaAdminClient, *, with_config: bool) -> dict[str, TopicState]:
    ours = {spec.name for spec in TOPICS}
    # All topics are asked for: asking for one by name would create it on a broker that creates topics by itself.
    found = {
        topic["topic"]: TopicState(
            topic["topic"],
            len(topic["partitions"]),
            min((len(partition["replicas"]) for partition in topic["partitions"]), default=0),
        )
        for topic in await admin.describe_topics()
        if topic["topic"] in ours and topic["error_code"] == 0
    }
    if not with_config or not found:
        return found
    configs = await _configs(admin, sorted(found))
    return {name: msgspec.structs.replace(state, config=configs.get(name)) for name, state in found.items()}


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    try:
        answers: list[Any] = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        )
    except IncompatibleBrokerVersion:
        return {}
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for code, _, _, name, entries in answer.resources
        if code == 0
    }


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Give an admin client; every error of it leaves as Unavailable, and none takes for ever."""
    await probe_kafka(settings)
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=int(_DEADLINE_S * 1000))
    try:
        async with asyncio.timeout(_DEADLINE_S):
            await admin.start()
            yield admin
    except TimeoutError:
        raise Unavailable(
            f"Kafka at {settings.kafka_bootstrap} did not answer within {_DEADLINE_S:g} s"
        ) from None
    except KafkaError as error:
        raise Unavailable(
            f"Kafka at {settings.kafka_bootstrap}: {str(error) or type(error).__name__}"
        ) from None
    finally:
        with contextlib.suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(2.0):
                await admin.close()
