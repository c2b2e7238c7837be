"""The peers: where `make bench-stream` installed them, and how each is run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from bench.common import CACHE, ROOT
from bench.stream.race import Peer, last_values

__all__ = ["PEERS", "missing_peers"]

JOBS = ROOT / "bench" / "peers"
_STREAMS = CACHE / "kafka-streams"


def _python(peer: str) -> str:
    return str(CACHE / peer / "bin" / "python")


def _quix_counts(out: Path, bootstrap: str, group: str) -> dict[str, tuple[int, int]]:
    """Return the counts in Quix's changelog: the last state of each customer."""
    from confluent_kafka.admin import AdminClient

    names = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=30).topics
    counts = {}
    for name in (n for n in names if n.startswith(f"changelog__{group}--")):
        for key, value in last_values(bootstrap, name):
            if value.startswith(b"{") and b"charge_minor" in value:
                state = json.loads(value)
                customer = key[key.index(b"c") :][:8].decode()
                counts[customer] = state["count"], state["charge_minor"]
    return counts


def _streams(guarantee: str, threads: int) -> dict[str, str]:
    return {"BENCH_GUARANTEE": guarantee, "BENCH_THREADS": str(threads)}


_JAVA = ("java", "-cp", f"{_STREAMS / 'classes'}:{_STREAMS / 'dependency'}/*", "StreamJob")
_QUIX = (_python("quix"), str(JOBS / "quix_job.py"))

PEERS = (
    Peer("streams-exactly", "Kafka Streams, exactly once", _JAVA, _streams("exactly_once_v2", 1)),
    Peer(
        "streams-exactly-2", "Kafka Streams, exactly once, 2 threads", _JAVA, _streams("exactly_once_v2", 2)
    ),
    Peer("streams-least", "Kafka Streams, at least once", _JAVA, _streams("at_least_once", 1)),
    Peer("quix", "Quix Streams, at least once", _QUIX, {"BENCH_GUARANTEE": "at-least-once"}, _quix_counts),
    Peer(
        "quix-exactly", "Quix Streams, exactly once", _QUIX, {"BENCH_GUARANTEE": "exactly-once"}, _quix_counts
    ),
    Peer(
        "bytewax",
        "Bytewax, without recovery",
        (_python("bytewax"), "-m", "bytewax.run", str(JOBS / "bytewax_job.py")),
        writes_counts=True,
    ),
    Peer(
        "faust",
        "plain Faust, table in memory",
        (_python("faust"), str(JOBS / "faust_job.py"), "worker", "--without-web", "-l", "warn"),
        writes_counts=True,
        at_most=30_000,
    ),
)


def missing_peers(wanted: Iterable[str]) -> list[str]:
    """Return which of the wanted peers are not installed."""
    programs = {
        "quix": CACHE / "quix" / "bin" / "python",
        "bytewax": CACHE / "bytewax" / "bin" / "python",
        "faust": CACHE / "faust" / "bin" / "python",
        "streams": _STREAMS / "classes" / "StreamJob.class",
    }
    names = {name.partition("-")[0] for name in wanted}
    return [name for name, path in programs.items() if name in names and not path.exists()]
