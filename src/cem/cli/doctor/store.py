"""Redis: versions with known holes, settings that would lose states, clocks that disagree. Pure."""

from __future__ import annotations

from typing import Final

from cem.cli.doctor.finding import Finding, ok, warn
from cem.cli.doctor.local import at_least
from cem.stores import ServerInfo

__all__ = ["assess_clock", "assess_server", "assess_version"]

#: The first release of each line without the known holes in Lua (CVE-2025-49844 and its kin).
_SAFE: Final = {"6.2": "6.2.20", "7.2": "7.2.11", "7.4": "7.4.6", "8.0": "8.0.4", "8.2": "8.2.2"}
_NEARLY_FULL: Final = 0.8
_SKEW_WARN_MS: Final = 1_000
_SKEW_FAIL_MS: Final = 60_000


def assess_version(version: str, *, embedded: bool) -> Finding:
    """Judge a Redis version by the floors of its line."""
    check = "redis version"
    if embedded:
        return ok(check, f"Redis {version} (embedded: a private Unix socket, no TCP)")
    line = ".".join(version.split(".")[:2])
    safe = _SAFE.get(line)
    if safe is None and not at_least(version, "8.2.2"):
        newer = next((floor for floor in _SAFE.values() if at_least(floor, version)), "8.2.2")
        return warn(check, f"Redis {version} gets no security fixes", f"upgrade to {newer} or newer")
    if safe is not None and not at_least(version, safe):
        return warn(check, f"Redis {version} has known holes (CVE-2025-49844)", f"upgrade to {safe} or newer")
    return ok(check, f"Redis {version}")


def assess_server(info: ServerInfo, *, embedded: bool) -> list[Finding]:
    """Judge one primary."""
    at = info.address
    findings = [assess_version(info.version, embedded=embedded)]
    if info.role != "master":
        findings.append(_fail("redis role", f"{at} is a {info.role}", "point CEM_REDIS_URL at the primary"))
    if info.loading:
        findings.append(warn("redis", f"{at} is still loading its data", "wait"))
    findings += [_eviction(info), _persistence(info)]
    if info.maxmemory_bytes and info.used_memory_bytes > _NEARLY_FULL * info.maxmemory_bytes:
        share = info.used_memory_bytes / info.maxmemory_bytes
        remedy = "raise maxmemory or add nodes: a full Redis refuses every save"
        findings.append(warn("redis memory", f"{at} uses {share:.0%} of maxmemory", remedy))
    else:
        findings.append(ok("redis memory", f"{at} uses {info.used_memory_bytes / 1e6:,.0f} MB"))
    if not (info.aof_last_write_ok and info.rdb_last_save_ok):
        findings.append(_fail("redis disk", f"{at} could not write to its disk", "see its log; df -h"))
    return findings


def assess_clock(here_ms: int, there_ms: int, whose: str) -> Finding:
    """Judge how far this machine's clock and another's are apart."""
    apart_ms = abs(here_ms - there_ms)
    message = f"this machine and {whose} are {apart_ms / 1000:.1f} s apart"
    if apart_ms >= _SKEW_FAIL_MS:
        return _fail("clock", message, "set both clocks (NTP): lag and deadlines are measured with them")
    if apart_ms >= _SKEW_WARN_MS:
        return warn("clock", message, "set both clocks (NTP): lag is measured with them")
    return ok("clock", message)


def _eviction(info: ServerInfo) -> Finding:
    check, at, policy = "redis eviction", info.address, info.maxmemory_policy
    remedy = "CONFIG SET maxmemory-policy noeviction, and in redis.conf"
    if policy == "noeviction":
        return ok(check, f"{at} evicts nothing")
    if info.maxmemory_bytes:
        return _fail(check, f"{at} throws states away when it is full ({policy})", remedy)
    return warn(check, f"{at} would throw states away if it had a maxmemory ({policy})", remedy)


def _persistence(info: ServerInfo) -> Finding:
    check, at = "redis persistence", info.address
    if not info.aof:
        return warn(
            check,
            f"{at} keeps no append-only file: after a restart the states are rebuilt from checkpoint and journal",
            "set appendonly yes and appendfsync everysec",
        )
    if info.aof_fsync == "no":
        return warn(check, f"{at} leaves flushing to the system (appendfsync no)", "set appendfsync everysec")
    return ok(check, f"{at} keeps an append-only file (appendfsync {info.aof_fsync or 'unknown'})")


def _fail(check: str, message: str, remedy: str) -> Finding:
    return Finding(check=check, level="fail", message=message, remedy=remedy)
