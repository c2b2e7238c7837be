"""`cem state show` says where a customer answers, what he needs, what he could afford, how he fares."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
import pytest

from bench.households import fill_redis, household_id
from cem.cli import main
from tests.servers.redis import RedisServer, missing

pytestmark = pytest.mark.redis


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Redis of the test's own that holds one household, whose id this is."""
    if reason := missing():
        pytest.skip(reason)
    with RedisServer() as server:
        fill_redis(server.port, [0], 24)
        monkeypatch.setenv("CEM_REDIS_URL", server.url)
        monkeypatch.setenv("CEM_PARTITIONS", "24")
        yield household_id(0)


def test_what_follows_from_a_state_is_shown_behind_it(
    filled: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As rows for people, and the same for scripts; nothing empty, amounts with their currency."""
    assert run("state", "show", filled) == 0
    shown = click.unstyle(capsys.readouterr().out)
    assert "en: Asks for e-mail" in shown
    assert "headroom_minor: " in shown
    assert "(€" in shown
    assert "experience:" in shown
    assert "None" not in shown
    assert run("state", "show", filled, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["reach"]["said"] == "email"
    assert 0 <= found["experience"]["index"] <= 100
    assert all(need["score"] >= 0.2 for need in found.get("needs", ()))
