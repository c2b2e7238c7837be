"""`cem nba` for people: the floors that hold stand above the ranking; a wrong instant is a wrong command."""

from __future__ import annotations

from typing import Any

import click
import pytest

from cem.cli import main, nba
from tests.builders.nba import at_price, context, shipped_policy


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def answer(**facts: Any) -> Any:
    """Return what the API answers for the facts."""
    import msgspec

    from cem.nba import answer_of, decide, encode_answer

    policy = at_price(shipped_policy(), 1)
    decision = decide(context(**facts), policy.catalogue, policy.params, 0.5)
    return msgspec.json.decode(encode_answer(answer_of(decision, {}, logged=True)))


def test_a_floor_that_holds_is_named_above_the_ranking(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who sees a higher priority further down reads first why."""
    unhappy = answer(satisfaction=2.0, contract_days_left=20.0, plan_price_minor=9000, call_topic="cancel")
    priorities = [a["priority"] for a in unhappy["actions"]]
    assert priorities[0] < max(priorities)
    monkeypatch.setattr(nba, "get_json", lambda *_: unhappy)
    assert run("nba", "c1") == 0
    out = click.unstyle(capsys.readouterr().out)
    said = "floor.unhappy holds (saw 2): hardship before service before retention, no selling, whatever the priority"
    assert said in out
    assert out.index(said) < out.index("ranked (")


def test_without_a_floor_nothing_is_said_of_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The order is then by priority alone; so is it with an API that does not tell floors yet."""
    calm = answer(satisfaction=4.0)
    assert calm.pop("floors") == []
    monkeypatch.setattr(nba, "get_json", lambda *_: calm)
    assert run("nba", "c1") == 0
    assert "floor" not in capsys.readouterr().out


@pytest.mark.parametrize("text", ["yesterday", "2026-03-01T10:00:00", "2026-13-01T10:00:00Z", ""])
def test_an_instant_that_is_none_is_a_wrong_command(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and an example, before anything is asked."""
    assert run("nba", "c1", "--as-of", text) == 2
    assert "2026-03-01T10:00:00Z" in capsys.readouterr().err
