"""A real Kafka, a real Redis and the product's own processes on loopback, for benchmarks that measure the whole."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.common import ROOT, say
from tests.servers.child import Child, die_with_parent, free_port, wait_until
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

__all__ = ["Rig"]

#: The server compiler, and a heap that holds what a benchmark writes.
JAVA = ("-XX:TieredStopAtLevel=4", "-Xmx1g", "-Xms512m")
_OPEN_LANES = re.compile(r'^cem_lanes\{state="open"\} (\S+)$', re.MULTILINE)


class Rig:
    """Kafka and Redis with the product's topics, and whatever processes are started on them; all gone at the end."""

    def __init__(
        self,
        *,
        partitions: int = 24,
        redis_options: dict[str, str | int] | None = None,
        java_options: Sequence[str] = (),
    ) -> None:
        self.partitions = partitions
        self.folder = Path(tempfile.mkdtemp(prefix="cem-bench-"))
        self.kafka = KafkaServer(java_options=(*JAVA, *java_options))
        self.redis = RedisServer(options=redis_options)
        self.children: list[Child] = []
        self.environ = {
            "CEM_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "CEM_REDIS_URL": self.redis.url,
            "CEM_PARTITIONS": str(partitions),
            "CEM_STATE_DIR": str(self.folder),
        }

    def __enter__(self) -> Self:
        say("starting Kafka and Redis ...")
        try:
            self.kafka.start()
            self.redis.start()
            self.cem("topics", "create")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything and remove the data."""
        for child in reversed(self.children):
            child.stop(timeout_s=10)
        self.kafka.close()
        self.redis.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cem(self, *arguments: str) -> str:
        """Return what the command prints, run to its end."""
        command = [sys.executable, "-m", "cem", *arguments]
        done = subprocess.run(command, env=self._env({}), capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise RuntimeError(f"cem {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, name: str, *module_and_arguments: str, **more: str) -> Child:
        """Return the started `python -m MODULE ARGUMENTS`; `more` is its further environment."""
        command = [sys.executable, "-m", *module_and_arguments]
        child = Child(command, log=self.folder / f"{name}.log", env=self._env(more))
        self.children.append(child)
        return child

    def worker(self, name: str = "worker", **more: str) -> Child:
        """Return a started worker."""
        return self.watched_worker(name, **more)[0]

    def watched_worker(self, name: str = "worker", **more: str) -> tuple[Child, str]:
        """Return a started worker and the address of its metrics."""
        port = free_port()
        child = self.start(name, "cem", "worker", CEM_METRICS_PORT=str(port), CEM_WORKER_ID=name, **more)
        url = f"http://127.0.0.1:{port}/metrics"
        child.wait_ready(lambda: _answers(url), timeout_s=60)
        return child, url

    def wait_lanes(self, metrics_url: str, *, timeout_s: float = 60.0) -> None:
        """Return once the worker with these metrics has all lanes open: before, what is sent to them waits."""
        what = f"{self.partitions} lanes are open"
        wait_until(lambda: _open_lanes(metrics_url) == self.partitions, timeout_s=timeout_s, what=what)

    def api(self, name: str = "api", **more: str) -> tuple[Child, str]:
        """Return a started API process and its address."""
        port = free_port()
        child = self.start(name, "cem", "api", "--port", str(port), **more)
        url = f"http://127.0.0.1:{port}"
        child.wait_ready(lambda: _answers(f"{url}/readyz"), timeout_s=60)
        return child, url

    def _env(self, more: dict[str, str]) -> dict[str, str]:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
        return {**os.environ, **self.environ, **more, "PYTHONPATH": path}


def wait_for(url: str, *, timeout_s: float = 60.0) -> None:
    """Return once `url` is answered with 200."""
    wait_until(lambda: _answers(url), timeout_s=timeout_s, what=url)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _open_lanes(metrics_url: str) -> int:
    """Return how many lanes the worker says are open; 0 while it does not answer."""
    try:
        with urllib.request.urlopen(metrics_url, timeout=2) as page:
            found = _OPEN_LANES.search(page.read().decode())
    except OSError:
        return 0
    return int(float(found[1])) if found else 0


def settle(seconds: float) -> None:
    """Let start-up costs pass before anything is measured."""
    time.sleep(seconds)


def run_json(command: Sequence[str], *, timeout_s: float) -> str:
    """Return the last line that the command prints."""
    done = subprocess.run(
        [*command],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        cwd=ROOT,
        preexec_fn=die_with_parent,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip().splitlines()[-1]
