"""The API takes up changed policy files as workers do, and says by which rules it decides."""

from __future__ import annotations

import asyncio
import os
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from cem.bootstrap.decision_rules import DecisionRules, read_decision_rules
from cem.bootstrap.reloading import RulesWatch
from cem.bootstrap.rules import read_rules
from cem.domain.customer import new_customer
from cem.domain.events import ControlPolicyUsed
from cem.ports import Unavailable
from cem.settings import Settings
from tests.builders.api import Api
from tests.builders.nba import NOW_MS


class Reloading:
    """An API over fakes that decides by a folder of policies, and its watch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._at = 0
        for name in ("actions.yaml", "decision.yaml", "segments.yaml"):
            self.write(name, resources.files("cem.policies").joinpath(name).read_text("utf-8"))
        self.settings = Settings.from_env({}, policies=path)
        self.rules = read_decision_rules(self.settings)
        self.kept: list[str] = []
        self.away = False
        self.watch = RulesWatch(
            self.settings, self.rules, read=read_decision_rules, keep=self._keep, use=self._use
        )
        self.api = Api(
            new_customer("c1"),
            policy=self.rules.policy,
            segments=self.rules.segments,
            rules_version=lambda: self.watch.rules.version,
            rules_refused=lambda: self.watch.refused,
        )

    async def _keep(self, rules: DecisionRules) -> None:
        if self.away:
            raise Unavailable("Kafka is away")
        record = msgspec.json.decode(rules.record("EUR", NOW_MS).value or b"", type=ControlPolicyUsed)
        self.kept.append(record.policy_hash)

    def _use(self, rules: DecisionRules) -> None:
        self.api.services.decide_by(rules.policy, rules.value, rules.segments)

    def write(self, name: str, text: str) -> None:
        """Write a file with a time that is another each time."""
        (self.path / name).write_text(text, "utf-8")
        self._at += 1
        os.utime(self.path / name, (self._at, self._at))

    def change(self, name: str, old: str, new: str) -> None:
        """Replace a text that is there in a file, and look until the file is believed."""
        text = (self.path / name).read_text("utf-8")
        assert old in text
        self.write(name, text.replace(old, new))
        asyncio.run(self.watch.look())
        asyncio.run(self.watch.look())

    def decided_by(self) -> str:
        """Return the hash of the policy by which a decision is recorded now."""
        self.api.log.emissions.clear()
        assert self.api.get("/v1/customers/c1/next-best-action").status_code == 200
        (record,) = self.api.log.received()
        hash_: str = record.event.policy_hash  # type: ignore[attr-defined]
        return hash_

    def ready(self) -> dict[str, Any]:
        """Return what the API says of itself."""
        answer = self.api.get("/readyz?verbose")
        assert answer.status_code == 200
        body: dict[str, Any] = answer.json()
        return body


def test_a_changed_policy_decides_without_a_restart(tmp_path: Path) -> None:
    """Kept on the log first; named as the workers name it."""
    running = Reloading(tmp_path)
    before = running.decided_by()
    running.change("decision.yaml", "per_point: 2000", "per_point: 100")
    after = running.decided_by()
    assert after != before
    assert running.kept == [after]
    assert running.ready()["policy"] == after
    assert running.ready()["rules"] == read_rules(running.settings).version


def test_the_segments_that_rules_ask_for_change_with_them(tmp_path: Path) -> None:
    """A decision never asks old segments under new actions, for all is read and taken up as one."""
    running = Reloading(tmp_path)
    old = running.api.services.segments
    running.change(
        "segments.yaml", "segments:\n", "segments:\n  devotee: {title: F, says: F., when: last_nps >= 9}\n"
    )
    assert running.api.services.segments is not old
    assert running.api.services.segments is not None
    assert "devotee" in running.api.services.segments.names


def test_a_mistake_leaves_the_decisions_as_they_are_and_is_shown(tmp_path: Path) -> None:
    """With file, line and the nearest name; the API stays ready."""
    running = Reloading(tmp_path)
    before = running.decided_by()
    running.change("decision.yaml", "per_point:", "per_pont:")
    assert running.decided_by() == before
    (check,) = [check for check in running.ready()["checks"] if check["name"] == "rules"]
    assert check["ok"] is False
    assert f"{tmp_path}/decision.yaml:" in check["detail"]
    assert "did you mean 'price_of_satisfaction_minor_per_point'?" in check["detail"]
    assert running.ready()["rules"] == running.rules.version


def test_a_policy_that_the_log_does_not_have_decides_nothing_yet(tmp_path: Path) -> None:
    """Or a decision could not be made again; it holds at the first look with the log back."""
    running = Reloading(tmp_path)
    before = running.decided_by()
    running.away = True
    running.change("decision.yaml", "per_point: 2000", "per_point: 100")
    assert running.decided_by() == before
    running.away = False
    asyncio.run(running.watch.look())
    assert running.kept == [running.decided_by()] != [before]
