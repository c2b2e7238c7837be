"""Whether each lane can go on from where it stands: its cluster, its positions in the log, its lag. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from cem.cli.doctor.finding import Finding, ok, warn
from cem.cli.output import counted
from cem.ports import LaneHeader
from cem.streams.topics import spec_of

__all__ = ["LogBounds", "Unread", "assess_lag", "assess_lanes", "unread_of"]

#: Topic and partition to (first offset that is there, next one to be written).
LogBounds = Mapping[tuple[str, int], tuple[int, int]]
_LAG_WARN_S: Final = 60.0
_SHOWN: Final = 3


class Unread(msgspec.Struct, frozen=True):
    """What one partition holds that its lane has not applied."""

    topic: str
    partition: int
    #: Offset of the oldest.
    offset: int
    records: int


def unread_of(headers: Mapping[int, LaneHeader], bounds: LogBounds, cluster_id: str) -> list[Unread]:
    """Return the partitions with unread records, in order of lane and topic."""
    found = []
    for (topic, partition), (first, end) in sorted(bounds.items(), key=lambda item: (item[0][1], item[0][0])):
        header = headers.get(partition)
        position = first
        if header is not None and header.cluster_id == cluster_id and topic in header.positions:
            position = header.positions[topic].next_offset
        if position < end:
            found.append(Unread(topic, partition, max(position, first), end - position))
    return found


def assess_lanes(
    headers: Mapping[int, LaneHeader], bounds: LogBounds, *, partitions: int, cluster_id: str, embedded: bool
) -> list[Finding]:
    """Judge cluster and positions of all lanes."""
    beyond = [lane for lane in headers if lane >= partitions]
    if beyond:
        return [
            _fail(
                "lanes", f"the store has a lane {max(beyond)} of {partitions}", "set CEM_PARTITIONS as it was"
            )
        ]
    findings = _clusters(headers, cluster_id, embedded=embedded)
    ours = {lane: header for lane, header in headers.items() if header.cluster_id == cluster_id}
    gone, ahead = _outside(ours, bounds)
    if gone:
        findings.append(
            _fail(
                "positions",
                f"Kafka no longer has what comes next for {_some(gone)}",
                "restore a newer store, or go on without the lost records: CEM_ACCEPT_LOSS=1 cem worker",
            )
        )
    if ahead:
        findings.append(
            _fail(
                "positions",
                f"the log ends before what was applied for {_some(ahead)}: it was cut or replaced",
                "find out why before any worker starts; cem state digest and cem replay show what is kept",
            )
        )
    if not gone and not ahead:
        begun = f"{len(ours)} of {partitions} lanes have begun; " if len(ours) < partitions else ""
        findings.append(ok("positions", f"{begun}all positions lie inside the log"))
    return findings + _old(ours, bounds)


def assess_lag(unread: list[Unread], oldest_s: float | None) -> Finding:
    """Judge the lag: unread records, and the age of the oldest in seconds (None: unknown)."""
    records = sum(item.records for item in unread)
    if not records:
        return ok("lag", "no lag")
    age = "of unknown age" if oldest_s is None else f"the oldest {oldest_s:,.0f} s old"
    message = f"{counted(records, 'unread record')} in {counted(len(unread), 'partition')}, {age}"
    if oldest_s is None or oldest_s >= _LAG_WARN_S:
        return warn(
            "lag", message, "is a worker running (cem worker)? cem lag shows which partition stands still"
        )
    return ok("lag", message)


def _clusters(headers: Mapping[int, LaneHeader], cluster_id: str, *, embedded: bool) -> list[Finding]:
    others = sorted({header.cluster_id for header in headers.values()} - {cluster_id, ""})
    if not others:
        return []
    count = sum(header.cluster_id in others for header in headers.values())
    message = f"{counted(count, 'lane')} folded from another Kafka cluster ({', '.join(others[:_SHOWN])})"
    if embedded:
        # The embedded broker forgets at each start; a lane comes over to the new log with its first record.
        return [ok("lanes", message + ": the log before this start")]
    return [
        _fail(
            "lanes", message, "point CEM_KAFKA_BOOTSTRAP at that cluster, or CEM_REDIS_URL at another store"
        )
    ]


def _outside(headers: Mapping[int, LaneHeader], bounds: LogBounds) -> tuple[list[str], list[str]]:
    gone, ahead = [], []
    for lane, header in sorted(headers.items()):
        for topic, position in sorted(header.positions.items()):
            if (topic, lane) not in bounds:
                continue
            first, end = bounds[topic, lane]
            if position.next_offset < first:
                gone.append(f"{topic}[{lane}] (offsets {position.next_offset} to {first - 1})")
            elif position.next_offset > end:
                ahead.append(f"{topic}[{lane}] (position {position.next_offset}, end {end})")
    return gone, ahead


def _old(headers: Mapping[int, LaneHeader], bounds: LogBounds) -> list[Finding]:
    """Warn of lanes that have used up more than half of what the log keeps for them."""
    late = []
    for lane, header in sorted(headers.items()):
        newest_ms = max((position.timestamp_ms for position in header.positions.values()), default=0)
        for topic, position in sorted(header.positions.items()):
            _, end = bounds.get((topic, lane), (0, 0))
            behind = position.next_offset < end and position.timestamp_ms > 0
            if behind and newest_ms - position.timestamp_ms > spec_of(topic).retention_ms / 2:
                late.append(f"{topic}[{lane}]")
    if not late:
        return []
    return [
        warn(
            "positions",
            f"{_some(late)} lag by more than half their retention",
            "more workers, or mend the one",
        )
    ]


def _some(items: list[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more


def _fail(check: str, message: str, remedy: str) -> Finding:
    return Finding(check=check, level="fail", message=message, remedy=remedy)
