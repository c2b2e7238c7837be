"""`cem ledger` adds up what the lanes have found, and overrules what follows from it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click
import pytest

from cem.domain.state.lane import LaneState
from cem.domain.state.ledger import LEDGER, Tally
from cem.domain.subjects import lane_subject, state_suffix
from cem.embedded.broker import start_broker
from cem.embedded.redis import EmbeddedRedis
from cem.ports import LaneHeader
from cem.stores import open_store
from tests.integration.cli.test_alerts_command import run


def found_by(lane: int, held_out: Tally) -> bytes:
    """Return the lane's own state with many told and these held out."""
    state = LaneState(lane)
    ledger = state.look(LEDGER)
    ledger.told["repeat_call"], ledger.held_out["repeat_call"] = Tally(4_000, 800, 80, 40), held_out
    state.touch(LEDGER)
    return state.encode()


def test_lanes_are_added_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is known a remark; then one row a type, with what is certain."""

    async def scenario() -> None:
        redis = await EmbeddedRedis.start(tmp_path / "redis", tmp_path / "redis.log")
        monkeypatch.setenv("CEM_REDIS_URL", redis.url)
        monkeypatch.setenv("CEM_PARTITIONS", "2")
        monkeypatch.setenv("CEM_KAFKA_BOOTSTRAP", "127.0.0.1:1")
        store = open_store(redis.url, 2)
        try:
            assert await asyncio.to_thread(run, "ledger") == 0
            assert "nobody has been watched" in click.unstyle(capsys.readouterr().err)
            for lane in range(2):
                header = LaneHeader(f"t{lane}", "", "me", 0, 0, "", {})
                values = {state_suffix(lane_subject(lane)): found_by(lane, Tally(1_000, 400, 20, 10))}
                await store.restore_lane(lane, header, list(values.items()), {})
            assert await asyncio.to_thread(run, "ledger", "--json") == 0
            (row,) = json.loads(capsys.readouterr().out)["types"]
            assert (row["type"], row["helps"]) == ("repeat_call", True)
            assert row["told"] == {"of": 8_000, "calls": 1_600, "complaints": 160, "churned": 80}
            assert row["held_out"]["of"] == 2_000
            assert row["avoided"]["calls"]["low"] > 0.1
            assert (row["paused"], row["decided_by"]) == (None, None)
            assert await asyncio.to_thread(run, "ledger") == 0
            shown = capsys.readouterr().out
            assert "20.0 % (" in shown
            assert "fewer calls" in shown
        finally:
            await store.close()
            await redis.stop()

    asyncio.run(scenario())


def test_people_pause_a_type_and_leave_it_to_the_ledger_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each decision is shown with who took it and why; duty notices and names that there are not are refused."""

    async def scenario() -> None:
        broker, address = await start_broker(2, tmp_path / "broker.log")
        redis = await EmbeddedRedis.start(tmp_path / "redis", tmp_path / "redis.log")
        monkeypatch.setenv("CEM_REDIS_URL", redis.url)
        monkeypatch.setenv("CEM_KAFKA_BOOTSTRAP", address)
        monkeypatch.setenv("CEM_PARTITIONS", "2")

        async def shown() -> tuple[object, ...]:
            capsys.readouterr()
            assert await asyncio.to_thread(run, "ledger", "--json") == 0
            (row,) = json.loads(capsys.readouterr().out)["types"]
            return tuple(row[name] for name in ("type", "paused", "decided_by", "reason"))

        try:
            decided = ("--by", "mai", "--reason", "new wording")
            assert await asyncio.to_thread(run, "ledger", "pause", "sinking", *decided) == 0
            assert await shown() == ("sinking", True, "mai", "new wording")
            assert await asyncio.to_thread(run, "ledger", "tell", "sinking", "--by", "mai") == 0
            assert await shown() == ("sinking", False, "mai", None)
            assert await asyncio.to_thread(run, "ledger", "auto", "sinking") == 0
            assert await shown() == ("sinking", False, None, None)
            for wrong, said in (("sinkin", "'sinking'"), ("sms_allowance", "duty"), ("outage", "nobody")):
                assert await asyncio.to_thread(run, "ledger", "pause", wrong) == 2
                assert said in capsys.readouterr().err
        finally:
            await redis.stop()
            await broker.stop(5)

    asyncio.run(scenario())
