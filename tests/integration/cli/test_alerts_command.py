"""`cem alerts` reads the store as the API does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click
import pytest

from cem.cli import main
from cem.embedded.redis import EmbeddedRedis


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_store_without_alerts_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is wrong: an empty list for scripts, a remark for people, exit code 0."""

    async def scenario() -> None:
        redis = await EmbeddedRedis.start(tmp_path / "redis", tmp_path / "redis.log")
        monkeypatch.setenv("CEM_REDIS_URL", redis.url)
        try:
            assert await asyncio.to_thread(run, "alerts", "--json") == 0
            assert json.loads(capsys.readouterr().out) == {"alerts": [], "next": None}
            assert await asyncio.to_thread(run, "alerts", "--state", "any") == 0
            assert "no such alerts" in click.unstyle(capsys.readouterr().err)
            assert await asyncio.to_thread(run, "alerts", "--state", "any", "--customer", "c-1") == 0
            assert "no customer c-1 is known" in click.unstyle(capsys.readouterr().err)
        finally:
            await redis.stop()

    asyncio.run(scenario())


def test_a_store_that_is_away_is_exit_code_4(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one sentence."""
    monkeypatch.setenv("CEM_REDIS_URL", "redis://127.0.0.1:9")
    assert run("alerts") == 4
    assert "127.0.0.1:9" in capsys.readouterr().err
