"""Real Redis servers that belong together: a cluster of three, or a primary with a replica and sentinels."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.servers.child import Child, Started, free_port, wait_until
from tests.servers.redis import RedisServer
from tests.servers.redis_wire import RedisFailed, ask

__all__ = ["RedisCluster", "RedisSentinels"]


class RedisCluster(Started):
    """A Redis Cluster of `size` primaries without replicas; slots in equal, contiguous shares."""

    def __init__(self, *, size: int = 3, options: Mapping[str, str | int] | None = None) -> None:
        """Prepare the servers; nothing is started yet."""
        self._folder = Path(tempfile.mkdtemp(prefix="cem-redis-cluster-"))
        self.servers = [
            RedisServer(
                data_dir=self._folder / str(i),
                options={
                    "cluster-enabled": "yes",
                    "cluster-config-file": "nodes.conf",
                    "cluster-port": free_port(),
                    "cluster-node-timeout": 2000,
                    **(options or {}),
                },
            )
            for i in range(size)
        ]

    @property
    def url(self) -> str:
        """The store URL of the cluster."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{s.port}" for s in self.servers)

    def start(self, *, timeout_s: float = 30.0) -> Self:
        """Start the servers, join them, share the slots out, and return once all of them agree."""
        for server in self.servers:
            server.start()
        first = self.servers[0]
        size = len(self.servers)
        for index, server in enumerate(self.servers):
            shares = [round(i * 16384 / size) for i in (index, index + 1)]
            server.command("CLUSTER", "ADDSLOTS", *range(*shares))
            if server is not first:
                bus = first.options["cluster-port"]
                server.command("CLUSTER", "MEET", "127.0.0.1", first.port, bus)

        def joined() -> bool:
            states = [s.command("CLUSTER", "INFO") for s in self.servers]
            return all(b"cluster_state:ok" in t and b"cluster_known_nodes:%d" % size in t for t in states)

        wait_until(joined, timeout_s=timeout_s, what="the cluster's nodes know each other")
        self.wait_agreed()
        return self

    def node_id(self, server: RedisServer) -> str:
        """Return the cluster's name of a server."""
        return str(server.command("CLUSTER", "MYID").decode())

    def server_of(self, slot: int) -> RedisServer:
        """Return the server that says of itself that it has the slot; what the others believe may lag behind."""
        return next(s for s in self.servers if self._owner_according_to(s, slot) == s.port)

    def _owner_according_to(self, server: RedisServer, slot: int) -> int | None:
        for first, last, primary, *_ in server.command("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return int(primary[1])
        return None

    def move_slot(self, slot: int, target: RedisServer, *, finish: bool = True) -> None:
        """Move a slot with its keys. With `finish=False` it stays half-way: the keys are at the target already."""
        source = self.server_of(slot)
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", self.node_id(source))
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", self.node_id(target))
        while keys := source.command("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source.command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
        if finish:
            self.finish_move(slot, target)

    def finish_move(self, slot: int, target: RedisServer) -> None:
        """Give the slot to `target` for good."""
        name = self.node_id(target)
        for server in (target, *(s for s in self.servers if s is not target)):
            server.command("CLUSTER", "SETSLOT", slot, "NODE", name)

        self.wait_agreed()

    def wait_agreed(self) -> None:
        """Return once all nodes have the same view of who has what, and since which epoch.

        A move that begins before that can end with a slot that nobody has: the new owner does not yet know which
        epoch it has to outbid.
        """

        def view(server: RedisServer) -> list[tuple[bytes, ...]]:
            lines = [line.split() for line in server.command("CLUSTER", "NODES").splitlines()]
            return sorted((fields[0], fields[6], *fields[8:]) for fields in lines)

        def agreed() -> bool:
            views = [view(server) for server in self.servers]
            epochs = [fields[1] for fields in views[0]]
            return all(v == views[0] for v in views) and len(set(epochs)) == len(epochs)

        wait_until(agreed, timeout_s=20, what="the cluster's nodes agree")

    def flush(self) -> None:
        """Empty all servers."""
        for server in self.servers:
            server.command("FLUSHALL")

    def close(self) -> None:
        """End all servers at once and remove their data."""
        for server in self.servers:
            server.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class RedisSentinels(Started):
    """A primary, one replica, and three sentinels that promote the replica when the primary is silent for 1 s."""

    SERVICE = "cem"

    def __init__(self, *, options: Mapping[str, str | int] | None = None) -> None:
        """Prepare the servers; nothing is started yet."""
        self._folder = Path(tempfile.mkdtemp(prefix="cem-redis-sentinel-"))
        self.servers = [
            RedisServer(data_dir=self._folder / str(i), options={"repl-timeout": 5, **(options or {})})
            for i in range(2)
        ]
        self.ports = [free_port() for _ in range(3)]
        self.children: list[Child] = []

    @property
    def url(self) -> str:
        """The store URL of the service."""
        return "redis+sentinel://" + ",".join(f"127.0.0.1:{p}" for p in self.ports) + f"/{self.SERVICE}"

    def start(self, *, timeout_s: float = 30.0) -> Self:
        """Start all, and return once the sentinels know each other and the replica."""
        first, second = self.servers
        first.start()
        second.options["replicaof"] = f"127.0.0.1 {first.port}"
        second.start()
        executable = first.executable
        for index, port in enumerate(self.ports):
            config = self._folder / f"sentinel-{index}.conf"
            config.write_text(
                f"port {port}\nbind 127.0.0.1\nprotected-mode no\ndir {self._folder}\n"
                f"sentinel monitor {self.SERVICE} 127.0.0.1 {first.port} 2\n"
                f"sentinel down-after-milliseconds {self.SERVICE} 1000\n"
                f"sentinel failover-timeout {self.SERVICE} 5000\n"
            )
            log = self._folder / f"sentinel-{index}.log"
            self.children.append(Child([executable, str(config), "--sentinel"], log=log))

        def settled() -> bool:
            try:
                for port in self.ports:
                    facts = ask(port, "SENTINEL", "MASTER", self.SERVICE)
                    known = dict(zip(facts[::2], facts[1::2], strict=True))
                    if (known[b"num-slaves"], known[b"num-other-sentinels"]) != (b"1", b"2"):
                        return False
            except (OSError, RedisFailed):
                return False
            return b"master_link_status:up" in second.command("INFO", "replication")

        wait_until(settled, timeout_s=timeout_s, what="the sentinels know each other and the replica")
        return self

    def primary(self) -> RedisServer:
        """Return the server that the first sentinel names."""
        port = int(ask(self.ports[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.SERVICE)[1])
        return next(s for s in self.servers if s.port == port)

    def close(self) -> None:
        """End everything at once and remove the data."""
        for child in self.children:
            child.kill()
        for server in self.servers:
            server.close()
        shutil.rmtree(self._folder, ignore_errors=True)
