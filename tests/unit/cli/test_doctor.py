"""What the doctor makes of what it is told."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cem.cli.doctor import misspelt
from cem.cli.doctor.examination import assess_brakes, assess_dead_letters
from cem.cli.doctor.finding import Finding, exit_code, ok, verdict, warn
from cem.cli.doctor.lanes import LogBounds, assess_lag, assess_lanes, unread_of
from cem.cli.doctor.local import FLOORS, at_least, check_disk, check_versions, installed
from cem.cli.doctor.log import LogFacts, release_of
from cem.cli.doctor.store import assess_clock, assess_server, assess_version
from cem.ports import LaneHeader, Position
from cem.stores import ServerInfo

HEALTHY = ServerInfo(
    address="r:6379",
    version="8.2.2",
    role="master",
    cluster=False,
    maxmemory_bytes=0,
    maxmemory_policy="noeviction",
    used_memory_bytes=1_000_000,
    aof=True,
    aof_fsync="everysec",
    aof_last_write_ok=True,
    rdb_last_save_ok=True,
    loading=False,
    replicas=0,
)
FAIL = Finding(check="x", level="fail", message="x")


def levels(**changes: object) -> list[str]:
    """Return what is wrong with a server that is healthy but for the changes."""
    changed = msgspec.structs.replace(HEALTHY, **changes)
    return [
        f"{found.check} {found.level}"
        for found in assess_server(changed, embedded=False)
        if found.level != "ok"
    ]


def test_a_healthy_server_is_ok() -> None:
    """Nothing to do, nothing to read."""
    assert levels() == []


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"role": "slave"}, ["redis role fail"]),
        ({"maxmemory_policy": "allkeys-lru"}, ["redis eviction warn"]),
        ({"maxmemory_policy": "allkeys-lru", "maxmemory_bytes": 10**9}, ["redis eviction fail"]),
        ({"aof": False}, ["redis persistence warn"]),
        ({"aof_fsync": "no"}, ["redis persistence warn"]),
        ({"aof_fsync": None}, []),
        ({"aof_last_write_ok": False}, ["redis disk fail"]),
        ({"maxmemory_bytes": 10**6}, ["redis memory warn"]),
        ({"loading": True}, ["redis warn"]),
        ({"version": "6.2.14"}, ["redis version warn"]),
    ],
    ids=str,
)
def test_what_would_lose_states_is_named(changes: dict[str, object], wrong: list[str]) -> None:
    """Eviction, no persistence, a full disk, the wrong server."""
    assert levels(**changes) == wrong


@pytest.mark.parametrize(
    ("version", "level", "upgrade"),
    [
        ("6.2.20", "ok", ""),
        ("6.2.14", "warn", "6.2.20"),
        ("7.0.15", "warn", "7.2.11"),
        ("7.2.11", "ok", ""),
        ("7.4.5", "warn", "7.4.6"),
        ("8.0.3", "warn", "8.0.4"),
        ("8.2.1", "warn", "8.2.2"),
        ("8.10.0", "ok", ""),
    ],
)
def test_old_redis_versions_have_known_holes(version: str, level: str, upgrade: str) -> None:
    """Each line has its own first safe release; a line without one is left behind."""
    found = assess_version(version, embedded=False)
    assert found.level == level
    assert upgrade in found.remedy


def test_the_embedded_redis_is_old_behind_a_private_socket() -> None:
    """Nobody else reaches it."""
    assert assess_version("6.2.14", embedded=True).level == "ok"


@pytest.mark.parametrize(("apart_ms", "level"), [(0, "ok"), (999, "ok"), (-1000, "warn"), (60_000, "fail")])
def test_clocks_may_differ_by_less_than_a_second(apart_ms: int, level: str) -> None:
    """Lag in seconds is the difference of two clocks."""
    assert assess_clock(10**12, 10**12 + apart_ms, "Redis").level == level


def header(cluster_id: str = "k", **offsets: int) -> LaneHeader:
    """Return a lane's header with its positions in cem.calls and cem.billing."""
    positions = {f"cem.{name}": Position(offset, 1_000) for name, offset in offsets.items()}
    return LaneHeader("t", "", "w", 0, 0, cluster_id, positions)


BOUNDS: LogBounds = {("cem.calls", 0): (10, 20), ("cem.billing", 0): (0, 5), ("cem.calls", 1): (0, 7)}


def assess(headers: dict[int, LaneHeader], *, embedded: bool = False) -> list[Finding]:
    return assess_lanes(headers, BOUNDS, partitions=2, cluster_id="k", embedded=embedded)


def test_positions_inside_the_log_are_well() -> None:
    """From the first record that is there to the end."""
    assert [found.level for found in assess({0: header(calls=10, billing=5), 1: header(calls=7)})] == ["ok"]


def test_lanes_that_have_not_begun_are_counted() -> None:
    """A new deployment is no failure."""
    (found,) = assess({0: header(calls=10)})
    assert (found.level, "1 of 2 lanes have begun" in found.message) == ("ok", True)


def test_records_that_kafka_no_longer_has_are_named_with_their_offsets() -> None:
    """And the decision that a person has to take."""
    (found,) = assess({0: header(calls=4)})
    assert found.level == "fail"
    assert "cem.calls[0] (offsets 4 to 9)" in found.message
    assert "CEM_ACCEPT_LOSS" in found.remedy


def test_a_log_that_was_cut_is_named() -> None:
    """Its end lies before what was applied."""
    (found,) = assess({1: header(calls=8)})
    assert (found.level, "cem.calls[1] (position 8, end 7)" in found.message) == ("fail", True)


def test_states_of_another_cluster_are_a_mistake_but_for_the_embedded_broker() -> None:
    """That one forgets at each start."""
    headers = {0: header("other", calls=999)}
    assert [found.level for found in assess(headers)] == ["fail", "ok"]
    assert [found.level for found in assess(headers, embedded=True)] == ["ok", "ok"]


def test_a_store_with_more_lanes_is_named() -> None:
    """The number of lanes cannot be changed by a setting."""
    (found,) = assess({5: header(calls=1)})
    assert (found.level, found.remedy) == ("fail", "set CEM_PARTITIONS as it was")


def test_unread_records_are_counted_from_the_position_or_the_logs_beginning() -> None:
    """A lane that has read nothing of this log has everything before it."""
    unread = unread_of({0: header(calls=15, billing=5)}, BOUNDS, "k")
    assert [(item.topic, item.partition, item.offset, item.records) for item in unread] == [
        ("cem.calls", 0, 15, 5),
        ("cem.calls", 1, 0, 7),
    ]
    assert sum(item.records for item in unread_of({0: header("other", calls=15)}, BOUNDS, "k")) == 22


def test_lag_is_judged_by_the_age_of_the_oldest_record() -> None:
    """A thousand records a second old are no trouble; one an hour old is; unknown is not well."""
    unread = unread_of({}, BOUNDS, "k")
    assert assess_lag([], None).level == "ok"
    assert assess_lag(unread, 1.0).level == "ok"
    assert assess_lag(unread, 3600.0).level == "warn"
    assert assess_lag(unread, None).level == "warn"


def test_the_exit_code_says_the_worst() -> None:
    """Warnings pass; a server that is away comes first."""
    assert exit_code([ok("a", "b"), warn("a", "b", "c")]) == 0
    assert verdict([ok("a", "b"), warn("a", "b", "c")]) == "warn"
    assert exit_code([FAIL]) == 1
    assert exit_code([FAIL, msgspec.structs.replace(FAIL, unreachable=True)]) == 4


def test_libraries_below_their_floor_are_named() -> None:
    """The lock file has better ones."""
    assert [found.level for found in check_versions(FLOORS)] == ["ok"]
    (found,) = check_versions({**FLOORS, "redis": "7.9.9"} | {"aiokafka": "0.9"})
    assert found.level == "warn"
    assert "redis 7.9.9 < 8.1.0" in found.message and "aiokafka 0.9 < 0.14.0" in found.message
    assert set(installed()) == set(FLOORS)


@pytest.mark.parametrize(
    ("version", "holds"), [("0.15.3", True), ("0.15.10", True), ("0.15.2", False), ("1.0", True)]
)
def test_versions_are_compared_by_their_numbers(version: str, holds: bool) -> None:
    """0.15.10 is newer than 0.15.3."""
    assert at_least(version, "0.15.3") is holds


def test_the_release_is_read_from_the_protocol(tmp_path: Path) -> None:
    """Kafka does not say its version; the requests that it knows do."""
    assert [release_of(version) for version in (11, 12, 14, 17, 99)] == [
        "before 2.7",
        "2.7",
        "3.1",
        "3.9",
        "4.1",
    ]
    assert [found.check for found in check_disk(tmp_path)] == ["disk"]
    assert check_disk(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("resent", "level", "said"),
    [
        ((), "warn", "3 records could not be used"),
        (("0/5", "0/1", "1/0", "9/9"), "warn", "1 record could not be used (2 more were sent again)"),
        (("0/5", "0/6", "1/0"), "ok", "all 3 were sent again"),
    ],
)
def test_dead_letters_that_were_sent_again_are_settled(
    resent: tuple[str, ...], level: str, said: str
) -> None:
    """Those of which there is a receipt, among those that the log still has."""
    bounds = {("cem.dead-letters", 0): (5, 7), ("cem.dead-letters", 1): (0, 1), ("cem.calls", 0): (0, 9)}
    found = assess_dead_letters(LogFacts("s", "k", 1, "3.9", {}, bounds), resent)
    assert (found.level, found.message) == (level, said)


def test_brakes_that_are_on_are_said() -> None:
    """Whoever has forgotten one finds here why customers hear nothing."""
    assert assess_brakes([]).level == "ok"
    brake = {"scope": "all", "by": "mai", "at": "2026-05-07T09:00:00Z", "reason": "sai câu chữ"}
    found = assess_brakes([brake, {**brake, "scope": "type:bill_shock", "reason": None}])
    assert found.level == "warn"
    assert found.message == (
        "messages to customers are stopped: all, by mai at 2026-05-07T09:00:00Z (sai câu chữ); "
        "type:bill_shock, by mai at 2026-05-07T09:00:00Z"
    )


def test_a_misspelt_variable_is_said() -> None:
    """Nobody reads it, so the default holds, in silence; variables of flags and of others are nobody's mistake."""
    environ = {"CEM_KAFKA_BOOTSTRP": "x", "CEM_TIMEZONE": "UTC", "CEM_UP_RATE": "5", "CEM_DEBUG": "1"}
    (found,) = misspelt(environ)
    assert found.level == "warn"
    assert "CEM_KAFKA_BOOTSTRP" in found.message
    assert found.remedy == "is CEM_KAFKA_BOOTSTRAP meant?"
