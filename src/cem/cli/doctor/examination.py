"""The doctor's round: each server is asked once, whatever is wrong with the others."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from cem.cli.brake import brakes_on
from cem.cli.dead_letters.receipts import RECEIPTS, read_receipts, sent_again
from cem.cli.doctor.finding import Finding, ok, warn
from cem.cli.doctor.lanes import assess_lag, assess_lanes, unread_of
from cem.cli.doctor.local import check_disk, check_versions, installed
from cem.cli.doctor.log import LogFacts, ask_log, oldest_age_s
from cem.cli.doctor.store import assess_clock, assess_server
from cem.cli.errors import Failure
from cem.cli.output import counted
from cem.cli.run_file import read_run_file
from cem.cli.up.plan import api_url
from cem.cli.up.readiness import status_of
from cem.ports import LaneHeader, LaneStopped, Unavailable
from cem.settings import Settings
from cem.stores import RedisStore, Timeouts, open_store
from cem.streams.clock import SimulatedClock, read_anchors
from cem.streams.topic_admin import differences
from cem.streams.topics import DEAD_LETTERS, LANE_TOPICS, TOPICS

__all__ = ["assess_brakes", "assess_dead_letters", "examine"]


async def examine(settings: Settings) -> list[Finding]:
    """Return what was found, in the order in which a person would look."""
    embeds_kafka, embeds_redis = _embedded(settings)
    findings = check_versions(installed()) + check_disk(settings.state_dir)
    log = await _log(settings, findings, embedded=embeds_kafka)
    store = open_store(settings.redis_url, settings.partitions, timeouts=Timeouts(read_s=5.0))
    try:
        headers = await _store(store, settings, findings, embedded=embeds_redis)
    finally:
        await store.close()
    if log is not None and headers is not None:
        bounds = {key: found for key, found in log.bounds.items() if key[0] in LANE_TOPICS}
        findings += assess_lanes(
            headers, bounds, partitions=settings.partitions, cluster_id=log.cluster_id, embedded=embeds_kafka
        )
        unread = unread_of(headers, bounds, log.cluster_id)
        findings.append(assess_lag(unread, await oldest_age_s(settings, unread) if unread else None))
    if log is not None:
        findings.append(assess_dead_letters(log, _sent_again(settings, log)))
        with contextlib.suppress(Failure):
            findings.append(assess_brakes(await brakes_on(settings)))
    findings.append(await _api(settings))
    return findings


async def _log(settings: Settings, findings: list[Finding], *, embedded: bool) -> LogFacts | None:
    try:
        log = await ask_log(settings)
    except Unavailable as error:
        findings.append(_away("kafka", str(error), embedded=embedded))
        return None
    kind = (
        "embedded: for one machine, forgets its log"
        if embedded
        else f"speaks as Kafka {log.release} or newer"
    )
    findings.append(
        ok("kafka", f"{log.server}, cluster {log.cluster_id}, {counted(log.brokers, 'broker')}, {kind}")
    )
    wrong = differences(settings, log.topics)
    findings += [
        Finding(check="topics", level=found.level, message=found.message, remedy=found.remedy)
        for found in wrong
    ]
    if not wrong:
        findings.append(ok("topics", f"all {len(TOPICS)} topics are there, {settings.partitions} lanes"))
    if log.brokers >= 3 and any(state.replication < 3 for state in log.topics.values()):
        findings.append(
            warn(
                "replicas",
                f"topics have fewer than 3 replicas on {log.brokers} brokers",
                "set CEM_REPLICATION=3",
            )
        )
    return log


async def _store(
    store: RedisStore, settings: Settings, findings: list[Finding], *, embedded: bool
) -> dict[int, LaneHeader] | None:
    try:
        servers = await store.server_info()
        findings.append(
            ok("redis", f"{store.shown}, {len(servers)} primary" + ("" if len(servers) == 1 else "s"))
        )
        for info in servers:
            findings += assess_server(info, embedded=embedded)
        for node in await store.client.topology.primaries():
            before = time.time_ns()
            seconds, micros = await store.client.on_node(node, (b"TIME",), timeout_s=5.0)
            here_ms = (before + time.time_ns()) // 2_000_000
            findings.append(
                assess_clock(here_ms, int(seconds) * 1000 + int(micros) // 1000, f"Redis at {node.name}")
            )
        if settings.clock == "simulated":
            findings.append(_simulated(SimulatedClock(await read_anchors(store))))
        known = (await store.meta()).get("partitions")
        if known is not None and int(known) != settings.partitions:
            message = f"the states are cut into {known} lanes, not {settings.partitions}"
            findings.append(
                Finding(check="lanes", level="fail", message=message, remedy=f"set CEM_PARTITIONS={known}")
            )
            return None
        return await store.headers()
    except Unavailable as error:
        findings.append(_away("redis", str(error), embedded=embedded))
    except LaneStopped as error:
        remedy = "restore the store from a backup, or empty it and start the worker with CEM_REBUILD=1"
        findings.append(Finding(check="redis", level="fail", message=str(error), remedy=remedy))
    return None


def _simulated(clock: SimulatedClock) -> Finding:
    if not clock.anchors:
        return warn("clock", "the simulated clock has not been started", "cem simulate starts it")
    shown = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    return ok("clock", f"simulated: {shown:%Y-%m-%d %H:%M} UTC at {clock.speed:g} s a second")


def _sent_again(settings: Settings, log: LogFacts) -> Collection[str]:
    """Return the names of the letters with a receipt; none if the receipts cannot be read."""
    try:
        return sent_again(read_receipts(settings.state_dir / RECEIPTS), log.cluster_id)
    except Failure:
        return ()


def assess_dead_letters(log: LogFacts, resent: Collection[str]) -> Finding:
    """Return what is to be made of the dead letters; those in `resent` (PARTITION/OFFSET) are settled."""
    bounds = {lane: found for (topic, lane), found in log.bounds.items() if topic == DEAD_LETTERS}
    count = sum(end - first for first, end in bounds.values())
    settled = 0
    for name in resent:
        lane, _, offset = name.partition("/")
        first, end = bounds.get(int(lane), (0, 0))
        settled += first <= int(offset) < end
    beside = f" ({settled:,} more were sent again)" if settled else ""
    if count > settled:
        return warn(
            "dead letters",
            f"{counted(count - settled, 'record')} could not be used{beside}",
            "cem dead-letters list shows why",
        )
    return ok("dead letters", f"all {settled:,} were sent again" if settled else "none")


def assess_brakes(brakes: Sequence[Mapping[str, str | None]]) -> Finding:
    """Return what is to be made of the brakes that are on: as long as one is, customers are not told."""
    if not brakes:
        return ok("brakes", "none is on: customers are told")
    said = [
        f"{each['scope']}, by {each['by']} at {each['at']}"
        + (f" ({each['reason']})" if each["reason"] else "")
        for each in brakes
    ]
    return warn(
        "brakes",
        f"messages to customers are stopped: {'; '.join(said)}",
        "cem brake off, with the same --type or --action, lets them go on",
    )


async def _api(settings: Settings) -> Finding:
    url = api_url(settings)
    try:
        async with asyncio.timeout(3.0):
            status = await status_of(url, "/readyz")
    except (OSError, TimeoutError, ValueError):
        return warn("api", f"nobody answers at {url}", "start it with cem api, or set CEM_API_URL")
    if status == 200:
        return ok("api", f"ready at {url}")
    return warn("api", f"{url}/readyz says {status}", "its answer says what it waits for")


def _away(check: str, message: str, *, embedded: bool) -> Finding:
    remedy = "see the logs in the state directory" if embedded else "start it, or mend the setting"
    return Finding(check=check, level="fail", message=message, remedy=remedy, unreachable=True)


def _embedded(settings: Settings) -> tuple[bool, bool]:
    """Tell whether Kafka and Redis are those inside a running `cem up`."""
    run = read_run_file(settings.state_dir) or {}
    inside = run.get("embedded") or {}
    return (
        bool(inside.get("kafka")) and run.get("kafka_bootstrap") == settings.kafka_bootstrap,
        bool(inside.get("redis")) and run.get("redis_url") == settings.redis_url,
    )
