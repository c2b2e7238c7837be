"""One contestant's run: started, watched from the first record to the last, ended, and checked."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from bench.common import cpu_s
from bench.stream.records import Expected
from tests.servers.child import die_with_parent

__all__ = ["Marks", "Peer", "Process", "Result", "RunFailed", "last_values", "verdict"]

#: Longest time for one contestant to start, and to fold all records (s).
START_S, FOLD_S = 180.0, 600.0
#: Who uses less than a second of CPU in so many stands still: he waits for something that does not come (s).
STALL_S, STALL_CPU_S = 60.0, 1.0


class RunFailed(Exception):
    """A contestant did not get through; the message ends with its last words."""


@dataclasses.dataclass
class Result:
    """What one run took from its first record to its last, in seconds, and whether it counted right."""

    records: int
    wall: float
    #: CPU seconds by process.
    cpu: dict[str, float]
    #: The same for the second half of the records: without start-up and just-in-time compilation.
    late_wall: float
    late_cpu: dict[str, float]
    #: What is wrong with its counts or alerts; None when they are right.
    wrong: str | None = None
    #: Further figures, for people.
    notes: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.wall

    def cpu_us(self, *, late: bool = False, broker: bool = False) -> float:
        """Return CPU microseconds per record: of everything but the broker, or of the broker."""
        cpu = self.late_cpu if late else self.cpu
        records = self.records - self.records // 2 if late else self.records
        return 1e6 * sum(s for name, s in cpu.items() if (name == "broker") == broker) / records

    @property
    def late_rate(self) -> float:
        """Records a second of the second half."""
        return (self.records - self.records // 2) / self.late_wall


class Marks:
    """Time and CPU of all processes at the moments "first", "half" and "last"."""

    def __init__(self, processes: Callable[[], Mapping[str, int]]) -> None:
        self._processes = processes
        self._at: dict[str, tuple[float, dict[str, float]]] = {}
        self.last = threading.Event()
        self.first = threading.Event()

    def set(self, name: str) -> None:
        """Take the moment `name`, once."""
        if name in self._at:
            return
        self._at[name] = (time.perf_counter(), {n: cpu_s(pid) for n, pid in self._processes().items()})
        if name == "first":
            self.first.set()
        if name == "last":
            self.last.set()

    def result(self, records: int) -> Result:
        """Return what lay between the moments."""
        (t0, c0), (t1, c1), (t2, c2) = (self._at[name] for name in ("first", "half", "last"))
        return Result(
            records,
            t2 - t0,
            {name: c2[name] - c0[name] for name in c2},
            t2 - t1,
            {name: c2[name] - c1[name] for name in c2},
        )


class Process:
    """A child whose lines `MARK name` on standard output become marks; its other words go to `log`."""

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], log: Path, at_mark: Callable[[str], None]
    ) -> None:
        self.log = log
        self._log = log.open("wb")
        self._child = subprocess.Popen(
            list(command),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            preexec_fn=die_with_parent,
        )
        self.pid = self._child.pid
        self._reader = threading.Thread(target=self._read, args=(at_mark,), daemon=True)
        self._reader.start()

    def _read(self, at_mark: Callable[[str], None]) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            if line.startswith(b"MARK "):
                with contextlib.suppress(ProcessLookupError):
                    at_mark(line[5:].strip().decode())
            else:
                self._log.write(line)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._child.poll() is None

    def wait(self, event: threading.Event, timeout_s: float, what: str, *, stall_s: float = STALL_S) -> None:
        """Return when `event` is set. Raises RunFailed if the process ends before, stands still, or takes too long."""
        began = busy_at = time.monotonic()
        busy_cpu = 0.0
        while not event.wait(0.2):
            if not self.alive:
                if event.wait(1.0):
                    return
                raise RunFailed(f"ended with {self._child.returncode} before {what}\n{self.tail()}")
            now = time.monotonic()
            with contextlib.suppress(ProcessLookupError):
                if (used := cpu_s(self.pid)) - busy_cpu >= STALL_CPU_S:
                    busy_at, busy_cpu = now, used
            if now - busy_at > stall_s:
                msg = f"stalled: idle for {stall_s:g} s before {what}, its last words:"
                raise RunFailed(f"{msg}\n{self.tail()}")
            if now - began > timeout_s:
                raise RunFailed(f"{what}: not within {timeout_s:g} s\n{self.tail()}")

    def stop(self, timeout_s: float = 60.0) -> None:
        """Ask it to end, and wait; kill it if it does not."""
        if self.alive:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._child.wait()
        self._reader.join(5)
        assert self._child.stdout is not None
        self._child.stdout.close()
        self._log.close()

    def tail(self) -> str:
        """Return the end of what it said."""
        self._log.flush()
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:]) or "(it said nothing)"


@dataclasses.dataclass(frozen=True)
class Peer:
    """A contestant that runs as one process and marks its own first, middle and last record."""

    name: str
    title: str
    command: Sequence[str]
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    #: Reads what it counted: (its out folder, bootstrap, group) -> customer -> (count, charge).
    counts: Callable[[Path, str, str], dict[str, tuple[int, int]]] = lambda out, bootstrap, group: (
        read_counts(out)
    )
    #: Its counts are in `counts.json` as soon as it has written them, after its last record.
    writes_counts: bool = False
    #: It is slow: give it only so many records.
    at_most: int | None = None

    def run(self, env: Mapping[str, str], *, broker_pid: int, records: int, out: Path) -> Result:
        """Return what the run took. Raises RunFailed."""
        pids = {"broker": broker_pid}
        marks = Marks(lambda: pids)
        out.mkdir(parents=True)
        process = Process(self.command, env={**env, **self.env}, log=out / "log.txt", at_mark=marks.set)
        pids["worker"] = process.pid
        try:
            process.wait(marks.first, START_S, "its first record")
            process.wait(marks.last, FOLD_S, "its last record")
            # What was folded last is committed, and its alerts are sent, at the latest when it stops in good order.
            time.sleep(1.0)
            deadline = time.monotonic() + START_S
            while self.writes_counts and not (out / "counts.json").exists() and time.monotonic() < deadline:
                time.sleep(0.2)
        finally:
            process.stop()
        return marks.result(records)


def read_counts(out: Path) -> dict[str, tuple[int, int]]:
    """Return what a peer wrote at its end: `counts.json`, or lines of customer, count and charge in `*.tsv`."""
    path = out / "counts.json"
    if path.exists():
        return {
            customer: (count, charge) for customer, (count, charge) in json.loads(path.read_text()).items()
        }
    counts = {}
    for part in out.glob("*.tsv"):
        for line in part.read_text().splitlines():
            customer, count, charge = line.split("\t")
            counts[customer] = int(count), int(charge)
    return counts


def last_values(bootstrap: str, topic: str) -> list[tuple[bytes, bytes]]:
    """Return key and value of every committed record of `topic`, partition by partition, in order.

    A record that repeats another's `ce_id`, key and value is the same one: consumers of the product drop it by its id.
    """
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "bench-check", "isolation.level": "read_committed",
         "enable.auto.commit": False, "enable.partition.eof": True}
    )  # fmt: skip
    found: list[tuple[bytes, bytes]] = []
    seen: set[tuple[object, object, object]] = set()
    try:
        metadata = consumer.list_topics(topic, timeout=30).topics[topic]
        waiting = set(metadata.partitions)
        consumer.assign([TopicPartition(topic, partition, 0) for partition in waiting])
        while waiting:
            for message in consumer.consume(5000, timeout=30.0):
                if (error := message.error()) is not None:
                    if error.name() != "_PARTITION_EOF":
                        raise RunFailed(f"{topic}: {error}")
                    waiting.discard(message.partition())
                else:
                    if (event_id := dict(message.headers() or ()).get("ce_id")) is not None:
                        repeat = (event_id, message.key(), message.value())
                        if repeat in seen:
                            continue
                        seen.add(repeat)
                    found.append((message.key() or b"", message.value() or b""))
    finally:
        consumer.close()
    return found


def verdict(
    expected: Expected, counts: Mapping[str, tuple[int, int]], alerts: Sequence[tuple[bytes, bytes]]
) -> str | None:
    """Return what is wrong with a contestant's counts and alerts, None when they are right."""
    wrong = [c for c, n in expected.counts.items() if counts.get(c) != (n, expected.charges[c])]
    if wrong or len(counts) != len(expected.counts):
        return f"{len(wrong)} of {len(expected.counts)} customers counted wrong ({len(counts)} found)"
    told = [json.loads(value)["customer"] for _, value in alerts]
    if len(told) != len(set(told)):
        return f"{len(told) - len(set(told))} alerts given twice"
    if set(told) != expected.alerts:
        return f"{len(set(told) ^ expected.alerts)} alerts missing or wrong"
    return None
