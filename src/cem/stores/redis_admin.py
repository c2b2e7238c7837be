"""What the command line, checkpoints and the doctor need of Redis: whole lanes, deployment facts, server facts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec

from cem.ports import NO_TOKEN
from cem.stores.base import RedisBase
from cem.stores.codec import check_sorted_set
from cem.stores.errors import StoreBroken, StoreUnavailable
from cem.stores.keys import META_KEY, check_outside, slot_of
from cem.stores.scanning import Scanning
from cem.stores.scripts import SWAP_IF_CURRENT
from cem.stores.topology import Node

__all__ = ["RedisAdmin", "ServerInfo"]

#: Keys looked at in one SCAN call: about half a millisecond of the server's time.
_SCAN: Final = 1000
_PAGE: Final = 500


class ServerInfo(msgspec.Struct, frozen=True):
    """What a server says of itself, as far as the doctor cares."""

    address: str
    version: str
    #: "master" or "slave", in Redis's words.
    role: str
    cluster: bool
    maxmemory_bytes: int
    maxmemory_policy: str
    used_memory_bytes: int
    aof: bool
    #: appendfsync; None if this user may not ask.
    aof_fsync: str | None
    aof_last_write_ok: bool
    rdb_last_save_ok: bool
    loading: bool
    replicas: int


class RedisAdmin(RedisBase, Scanning):
    """Whole lanes and servers; calls take as long as they take, each exchange within the worker's deadline."""

    async def token_of(self, lane: int) -> str:
        """Return the token that the lane carries, whatever its header looks like."""
        keys = self.keys(lane)
        token = await self._one(keys.slot, b"HGET", keys.lane, b"token")
        return NO_TOKEN if token is None else str(token.decode())

    async def every_suffix(self, lane: int) -> AsyncIterator[list[str]]:
        """Yield the suffixes of all keys of the lane, in pieces, its own ones and strays included.

        Looks at every key of the server: for what may be anything. Each is yielded at least once.
        """
        keys = self.keys(lane)
        cut = len(keys.prefix)
        cursor = b"0"
        while True:
            cursor, names = await self._one(
                keys.slot, b"SCAN", cursor, b"MATCH", keys.all(), b"COUNT", b"%d" % _SCAN
            )
            if names:
                yield [n[cut:].decode() for n in names]
            if cursor == b"0":
                return

    async def _names(self, lane: int) -> AsyncIterator[list[str]]:
        """Yield the suffixes of the lane's values and sorted sets, each once, in pieces."""
        keys = self.keys(lane)
        seen: set[str] = set()
        cursor = b"0"
        while True:
            cursor, found = await self._one(keys.slot, b"SSCAN", keys.names, cursor, b"COUNT", b"%d" % _SCAN)
            fresh = [n for n in (f.decode() for f in found) if n not in seen]
            seen.update(fresh)
            if fresh:
                yield fresh
            if cursor == b"0":
                return

    async def scan_values(self, lane: int, prefix: str = "") -> AsyncIterator[tuple[str, bytes]]:
        """Yield (suffix, value) of every value of the lane whose suffix begins so, each once, in no order."""
        keys = self.keys(lane)
        async for names in self._names(lane):
            wanted = [n for n in names if ":" in n and n.startswith(prefix)]
            if not wanted:
                continue
            values = await self._one(keys.slot, b"MGET", *(keys.of(n) for n in wanted))
            for name, value in zip(wanted, values, strict=True):
                if value is not None:
                    yield name, value

    async def sorted_set(self, lane: int, name: str) -> dict[str, int]:
        """Return the members of a sorted set with their scores, lowest first (ties by name)."""
        check_sorted_set(name)
        keys = self.keys(lane)
        found: dict[str, int] = {}
        start = 0
        while True:
            flat = await self._one(
                keys.slot,
                b"ZRANGE",
                keys.of(name),
                b"%d" % start,
                b"%d" % (start + 10 * _PAGE - 1),
                b"WITHSCORES",
            )
            found.update(
                (member.decode(), int(float(score)))
                for member, score in zip(flat[::2], flat[1::2], strict=True)
            )
            if len(flat) < 20 * _PAGE:
                return found
            start += 10 * _PAGE

    async def sorted_sets(self, lane: int) -> list[str]:
        """Return the names of the lane's sorted sets that have members."""
        keys = self.keys(lane)
        found = [n async for names in self._names(lane) for n in names if ":" not in n]
        if not found:
            return []
        there = await self.client.run_each(
            [(keys.slot, (b"EXISTS", keys.of(n))) for n in found],
            purpose="work",
            timeout_s=self.timeouts.work_s,
        )
        return sorted(n for n, exists in zip(found, there, strict=True) if exists)

    # -- the deployment ----------------------------------------------------------------------------------------

    async def meta(self) -> dict[str, str]:
        """Return the deployment's facts (cluster_id, partitions); empty for a new store."""
        flat = await self._one(slot_of(META_KEY.encode()), b"HGETALL", META_KEY.encode())
        return {k.decode(): v.decode() for k, v in zip(flat[::2], flat[1::2], strict=True)}

    async def set_meta(self, facts: Mapping[str, str]) -> None:
        """Set those facts, leaving the others."""
        if facts:
            flat = [part.encode() for item in facts.items() for part in item]
            await self._one(slot_of(META_KEY.encode()), b"HSET", META_KEY.encode(), *flat)

    async def get_raw(self, key: str) -> bytes | None:
        """Return the value of a key outside the lanes (`cem:clock`, `cem:api:...`)."""
        name = check_outside(key)
        value = await self._one(slot_of(name), b"GET", name)
        return None if value is None else bytes(value)

    async def set_raw(
        self, key: str, value: bytes, *, ttl_ms: int | None = None, only_new: bool = False
    ) -> bool:
        """Set a key outside the lanes; return False, and change nothing, if `only_new` and it is there already."""
        name = check_outside(key)
        command = [b"SET", name, value]
        if ttl_ms is not None:
            command += (b"PX", b"%d" % ttl_ms)
        if only_new:
            command.append(b"NX")
        return await self._one(slot_of(name), *command, again=not only_new) is not None

    async def part_raw(self, key: str, first: int, last: int) -> bytes:
        """Return the bytes [first, last] of a key outside the lanes; none if it is not there, or ends before."""
        name = check_outside(key)
        return bytes(await self._one(slot_of(name), b"GETRANGE", name, b"%d" % first, b"%d" % last))

    async def swap_raw(self, key: str, first: int, last: int, expected: bytes, value: bytes) -> bool:
        """Set a key outside the lanes if its bytes [first, last] are `expected`; tell whether that was done.

        `expected` is empty for a key that is not there. Sent once: after an error look at what is there.
        """
        name = check_outside(key)
        answer = await self.client.run_script(
            slot_of(name),
            SWAP_IF_CURRENT,
            [name],
            [b"%d" % first, b"%d" % last, expected, value],
            timeout_s=self.timeouts.work_s,
        )
        return bool(answer)

    # -- servers -----------------------------------------------------------------------------------------------

    async def server_info(self) -> list[ServerInfo]:
        """Return what each primary says of itself, by address."""
        nodes = await self.client.topology.primaries()
        return [await self._info(node) for node in nodes]

    async def _info(self, node: Node) -> ServerInfo:
        text = await self.client.on_node(node, (b"INFO",), timeout_s=self.timeouts.work_s)
        fields = dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)
        try:
            reply = await self.client.on_node(
                node, (b"CONFIG", b"GET", b"appendfsync"), timeout_s=self.timeouts.work_s
            )
            fsync = reply[1].decode() if reply else None
        except StoreUnavailable as refused:
            if refused.retryable:
                raise
            fsync = None
        except StoreBroken:
            fsync = None
        return ServerInfo(
            address=node.name,
            version=fields.get("redis_version", "?"),
            role=fields.get("role", "?"),
            cluster=fields.get("cluster_enabled") == "1",
            maxmemory_bytes=int(fields.get("maxmemory", 0)),
            maxmemory_policy=fields.get("maxmemory_policy", "?"),
            used_memory_bytes=int(fields.get("used_memory", 0)),
            aof=fields.get("aof_enabled") == "1",
            aof_fsync=fsync,
            aof_last_write_ok=fields.get("aof_last_write_status", "ok") == "ok",
            rdb_last_save_ok=fields.get("rdb_last_bgsave_status", "ok") == "ok",
            loading=fields.get("loading") == "1",
            replicas=int(fields.get("connected_slaves", 0)),
        )

    async def _one(self, slot: int, *command: bytes, again: bool = True) -> Any:
        (reply,) = await self.client.run(
            slot, [command], purpose="work", timeout_s=self.timeouts.work_s, again=again
        )
        return reply
