"""How often a consumer asks for the leaders of partitions that have none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from cem.streams.fetch_calm import PAUSE_S, use_calm


def test_leaders_are_asked_for_at_once_and_then_seldom() -> None:
    """The first time without a delay: a leader may just have changed. All else that is to be asked is left as it is."""
    now = [100.0]
    leaderless = [True]
    fetcher: Any = SimpleNamespace(
        _get_actions_per_node=lambda assignment: (["fetch"], {}, 0.2, leaderless[0], ["resumed"])
    )
    use_calm(fetcher, lambda: now[0])
    asked = 0
    for _ in range(101):
        fetches, resets, pause_s, asks, resumed = fetcher._get_actions_per_node(None)
        assert (fetches, resets, resumed) == (["fetch"], {}, ["resumed"])
        assert 0 < pause_s <= 0.2
        asked += asks
        now[0] += PAUSE_S / 50
    assert asked == 3
    leaderless[0] = False
    assert fetcher._get_actions_per_node(None)[3] is False
    leaderless[0] = True
    now[0] += PAUSE_S
    assert fetcher._get_actions_per_node(None)[3] is True
