"""A load generator for HTTP GETs, in a process of its own: closed loop, or open loop on a fixed schedule.

Closed: each connection asks again as soon as it is answered. Open: request i is due at `i / rate` seconds, whatever
became of the others; its latency runs from when it was due, so a server that stalls pays for everything that it kept
waiting (no coordinated omission). Prints one JSON object.

    python -m bench.http_load http://127.0.0.1:8080 --paths FILE --seconds 10 [--rate 500] [--connections 16]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import time
from collections import deque
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Load", "main"]


class _Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request under way."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.transport: asyncio.Transport | None = None
        self.since = 0.0
        self.buffer = b""
        self.needed = 0
        self.got = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.load.idle.append(self)

    def ask(self, request: bytes, since: float) -> None:
        """Send one request whose latency counts from `since`."""
        assert self.transport is not None
        self.since = since
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self.needed == 0:
            self.buffer += data
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[:end].lower()
            at = head.index(b"content-length:") + 15
            stop = head.find(b"\r\n", at)
            self.needed = int(head[at : None if stop < 0 else stop]) + end + 4
            self.got = len(self.buffer)
            self.load.statuses[int(head[9:12])] = self.load.statuses.get(int(head[9:12]), 0) + 1
            self.buffer = b""
        else:
            self.got += len(data)
        if self.got >= self.needed:
            self.needed = 0
            self.load.answered(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.lost += not self.load.over


class Load:
    """Asks for the paths in turn and keeps how long each answer took."""

    def __init__(self, url: str, paths: list[str], connections: int) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        head = f" HTTP/1.1\r\nhost: {self.host}:{self.port}\r\naccept: application/json\r\n\r\n"
        self.requests = [f"GET {path}{head}".encode() for path in paths]
        self.connections = connections
        self.idle: deque[_Connection] = deque()
        self.due: deque[float] = deque()
        self.latencies: list[float] = []
        self.statuses: dict[int, int] = {}
        self.lost = 0
        self.asked = 0
        self.over = False
        self.rate: float | None = None

    async def run(self, seconds: float, rate: float | None) -> dict[str, object]:
        """Return the figures of `seconds` of load; `rate` None is the closed loop."""
        loop = asyncio.get_running_loop()
        self.rate = rate
        made = [
            await loop.create_connection(lambda: _Connection(self), self.host, self.port)
            for _ in range(self.connections)
        ]
        gc.freeze()
        began, cpu = time.perf_counter(), time.process_time()
        until = began + seconds
        if rate is None:
            self.until = until
            for connection in list(self.idle):
                self._next(connection, time.perf_counter())
            self.idle.clear()
            await asyncio.sleep(seconds)
            total = self.asked
        else:
            total, number = int(seconds * rate), 0
            while number < total:
                now = time.perf_counter()
                while number < total and (at := began + number / rate) <= now:
                    number += 1
                    if self.idle:
                        self._next(self.idle.popleft(), at)
                    else:
                        self.due.append(at)
                await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        # What is under way when the time is up is answered still, or it would pass for lost.
        for _ in range(5000):
            if len(self.latencies) >= total:
                break
            await asyncio.sleep(0.001)
        took = time.perf_counter() - began
        self.over = True
        for transport, _ in made:
            transport.close()
        return self._figures(took, time.process_time() - cpu)

    def _next(self, connection: _Connection, since: float) -> None:
        request = self.requests[self.asked % len(self.requests)]
        self.asked += 1
        connection.ask(request, since)

    def answered(self, connection: _Connection) -> None:
        """Note the answer and give the connection its next request."""
        now = time.perf_counter()
        self.latencies.append(now - connection.since)
        if self.over:
            return
        if self.rate is None:
            if now < self.until:
                self._next(connection, now)
        elif self.due:
            self._next(connection, self.due.popleft())
        else:
            self.idle.append(connection)

    def _figures(self, took: float, cpu_s: float) -> dict[str, object]:
        values = sorted(self.latencies)

        def at(share: float) -> float:
            return round(values[min(len(values) - 1, int(share * len(values)))] * 1000, 3) if values else -1.0

        return {
            "requests": len(values),
            "unanswered": self.asked + len(self.due) - len(values),
            "lost_connections": self.lost,
            "statuses": self.statuses,
            "per_s": round(len(values) / took, 1),
            "p50_ms": at(0.5),
            "p95_ms": at(0.95),
            "p99_ms": at(0.99),
            "max_ms": at(1.0),
            "generator_cpu_share": round(cpu_s / took, 3),
        }


def main() -> None:
    """Run one load and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--paths", type=Path, required=True, help="file with one path a line")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float, help="requests a second, open loop; default: closed loop")
    parser.add_argument("--connections", type=int, default=16)
    asked = parser.parse_args()
    load = Load(asked.url, asked.paths.read_text().split(), asked.connections)
    figures = asyncio.run(load.run(asked.seconds, asked.rate))
    json.dump(figures, sys.stdout)
    print()


if __name__ == "__main__":
    main()
