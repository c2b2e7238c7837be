"""Brings Kafka's topics in line with the table, and says where they are not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, TypeAlias

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, for_code

from cem.ports import Unavailable
from cem.settings import Settings
from cem.streams.connection import client_options
from cem.streams.probe import probe_kafka
from cem.streams.stopping import start_client
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

_Pairs: TypeAlias = "Sequence[tuple[TopicSpec, TopicState]]"


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
    """Where topics are not as the table says. `fail`: the service cannot run; `warn`: it runs, with less safety."""

    topics: tuple[str, ...]
    level: Literal["warn", "fail"]
    message: str
    remedy: str


def differences(settings: Settings, states: Mapping[str, TopicState]) -> list[Difference]:
    """Return how the topics in Kafka differ from the table; what several have in common is one difference. Pure."""
    missing = [spec.name for spec in TOPICS if spec.name not in states]
    found = (
        [Difference(tuple(missing), "fail", f"{_named(missing)} missing", "run cem topics create")]
        if missing
        else []
    )
    there = [(spec, states[spec.name]) for spec in TOPICS if spec.name in states]
    return (
        found
        + _wrong_partitions(settings, there)
        + _few_replicas(settings, there)
        + _other_config(settings, there)
    )


def _wrong_partitions(settings: Settings, there: _Pairs) -> list[Difference]:
    groups: dict[tuple[str, int, int], list[str]] = {}
    for spec, state in there:
        wanted = spec.partitions(settings.partitions)
        if state.partitions != wanted:
            groups.setdefault((spec.cut, state.partitions, wanted), []).append(spec.name)
    lanes = sum(spec.cut == "per_lane" for spec in TOPICS)
    found = []
    for (cut, has, wanted), names in groups.items():
        message = f"{_named(names, 'has', 'have')} {_counted(has, 'partition')}, not {wanted}"
        if cut == "per_lane" and len(names) == lanes:
            remedy = f"set CEM_PARTITIONS={has}"
        elif cut == "per_lane":
            remedy = (
                "delete and create anew (cem topics create): all topics of a lane need the same number, and adding "
                "partitions would tear its customers apart"
            )
        else:
            remedy = "delete and create anew (cem topics create): its single writer needs one"
        found.append(Difference(tuple(names), "fail", message, remedy))
    return found


def _few_replicas(settings: Settings, there: _Pairs) -> list[Difference]:
    groups: dict[int, list[str]] = {}
    for spec, state in there:
        if state.replication < settings.replication:
            groups.setdefault(state.replication, []).append(spec.name)
    return [
        Difference(
            tuple(names),
            "warn",
            f"{_named(names, 'has', 'have')} {_counted(has, 'replica')}, not {settings.replication}",
            "reassign the partitions to more brokers",
        )
        for has, names in groups.items()
    ]


def _other_config(settings: Settings, there: _Pairs) -> list[Difference]:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for spec, state in there:
        for name, wanted in spec.config(min(state.replication, settings.replication)).items():
            has = None if state.config is None else state.config.get(name)
            if has is not None and has != wanted:
                groups.setdefault((name, has, wanted), []).append(spec.name)
    return [
        Difference(
            tuple(names),
            "warn",
            f"{_named(names, 'has', 'have')} {name}={has}, not {wanted}",
            f"set {name}={wanted}, unless that was a choice",
        )
        for (name, has, wanted), names in groups.items()
    ]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _named(names: Sequence[str], one: str = "is", many: str = "are") -> str:
    if len(names) == 1:
        return f"topic {names[0]} {one}"
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{len(names)} topics ({', '.join(names[:2])}{more}) {many}"


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
    there = [(spec, states[spec.name]) for spec in TOPICS if spec.name in states]
    for wrong in _wrong_partitions(settings, there):
        raise TopicsWrong(f"{wrong.message}: {wrong.remedy}")


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
            await start_client(admin)
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
