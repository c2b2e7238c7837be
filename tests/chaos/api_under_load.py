"""An API process that is asked all the time: each answer within its deadline, fallbacks marked, never a failure."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from bisect import bisect_left
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tests.chaos.api_load import LIVE, NBA
from tests.chaos.harness import Chaos, is_long
from tests.servers.child import die_with_parent, wait_until
from tests.servers.kafka import ROOT

__all__ = ["Answers", "ApiUnderLoad", "asked_in_long_runs"]

#: What a decision may take here. Ten runs of these tests may share the two cores of a machine.
DEADLINE_S = 0.25
#: What the kernel may take to hand an answer over.
ALLOWANCE_S = 0.1
#: Answers without a dependency that were asked for this close by say how slow the machine itself was.
NEARBY_S = 1.5


@dataclass(frozen=True)
class Answers:
    """The answers of a stretch of time."""

    asked: int
    #: With the customer's facts, without them, and those not in the log within their time.
    full: int
    fallbacks: int
    unlogged: int
    #: Greatest age of an input topic that an answer has named (s), and answers that called an age unknown.
    stalest_s: float
    age_unknown: int
    #: Answers that were no answers: not 200, empty, or too late, as text.
    wrong: list[str]


class ApiUnderLoad:
    """`cem api` and its callers. As a context manager it ends both, and raises if an answer was wrong."""

    def __init__(self, chaos: Chaos, *, kafka: str | None = None, redis: str | None = None) -> None:
        """kafka, redis: where the API finds the servers if not at their own addresses (a proxy)."""
        self._chaos = chaos
        self._environment = {
            "CEM_DECISION_DEADLINE_MS": str(round(DEADLINE_S * 1000)),
            "CEM_DECISION_LOG_MS": "100",
            "CEM_KAFKA_BOOTSTRAP": kafka or chaos.kafka.bootstrap,
            "CEM_REDIS_URL": redis or chaos.redis.url,
        }
        self._lines = chaos.system.state_dir / "answers.jsonl"
        self._log = chaos.system.state_dir / "api.log"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.url = ""

    def __enter__(self) -> Self:
        api = self._chaos.system.start("api", "--port", "0", name="api", **self._environment)
        self._processes.append(api)
        wait_until(self._listens, timeout_s=180, what="the API listens")
        wait_until(
            lambda: self._ready() and self._warm(), timeout_s=180, what="the API is ready", every_s=0.1
        )
        with self._lines.open("wb") as lines:
            command = [sys.executable, "-m", "tests.chaos.api_load", self.url, str(self._chaos.seed)]
            asking = subprocess.Popen(
                [*command, *self._chaos.load.customers[:200], "stranger"],
                stdout=lines,
                cwd=ROOT,
                preexec_fn=die_with_parent,
            )
        self._processes.append(asking)
        wait_until(lambda: self._lines.stat().st_size > 0, timeout_s=180, what="the first answer")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        if kind is None:
            wrong = self.answers().wrong
            assert not wrong, f"{len(wrong)} wrong answers, first of them: {wrong[:5]}"

    def answers(self, since: float = 0.0, until: float = float("inf")) -> Answers:
        """Return what those who asked from `since` on were told before `until` (wall times, s since the epoch)."""
        everything = self._read()
        live = sorted((one["at"], one["took_s"]) for one in everything if one["kind"] == LIVE)
        times = [at for at, _ in live]
        asked = [one for one in everything if since <= one["at"] and one["at"] + one["took_s"] < until]
        decisions = [one for one in asked if one["kind"] == NBA]
        good = [one for one in decisions if one["status"] == 200]
        wrong = [json.dumps(one) for one in asked if one["status"] != 200]
        wrong += [json.dumps(one) for one in good if not one["actions"]]
        for one in good:
            first = bisect_left(times, one["at"] - NEARBY_S)
            last = bisect_left(times, one["at"] + one["took_s"] + NEARBY_S)
            machine_s = max((took for _, took in live[first:last]), default=0.0)
            if one["took_s"] > DEADLINE_S + ALLOWANCE_S + machine_s:
                wrong.append(f"too late (the machine itself: {machine_s:.3f} s): {json.dumps(one)}")
        ages = [one["stalest_s"] for one in good]
        return Answers(
            asked=len(decisions),
            full=sum(1 for one in good if one["tier"] == "full"),
            fallbacks=sum(1 for one in good if one["tier"] == "service_only"),
            unlogged=sum(1 for one in good if not one["logged"]),
            stalest_s=max((age for age in ages if age is not None), default=0.0),
            age_unknown=sum(1 for age in ages if age is None),
            wrong=wrong,
        )

    def wait_full(self, within_s: float = 30.0) -> None:
        """Return when a decision is answered with the customer's facts again."""
        asked_from = time.time()
        wait_until(
            lambda: self.answers(asked_from).full > 0, timeout_s=within_s, what="a full answer", every_s=0.2
        )

    def _read(self) -> list[dict[str, Any]]:
        text = self._lines.read_bytes()
        return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]

    def _listens(self) -> bool:
        for line in self._log.read_text(errors="replace").splitlines():
            if "listens on" in line:
                self.url = line.split()[-1]
        return bool(self.url)

    def _ready(self) -> bool:
        return self._get("/readyz") is not None

    def _warm(self) -> bool:
        # The first decisions pay for imports and connections.
        answer = self._get("/v1/customers/stranger/next-best-action")
        return answer is not None and answer["logged"] and None not in answer["staleness_s"].values()

    def _get(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(self.url + path, timeout=20) as response:
                return json.load(response)
        except (OSError, urllib.error.HTTPError):
            return None


def asked_in_long_runs(chaos: Chaos) -> contextlib.AbstractContextManager[ApiUnderLoad | None]:
    """Return an API under load in `make chaos`; nothing in `make test`, where other rows have one."""
    return ApiUnderLoad(chaos) if is_long() else contextlib.nullcontext()
