"""How far the world's time runs while the wall's does."""

from __future__ import annotations

from cem.simulator import Parameters, World, open_world
from cem.simulator.pacing import FixedRate, FixedSpeed, Pace


def step(world: World, pace: Pace, elapsed_s: float) -> list[int]:
    while (to_ms := pace.target_ms(elapsed_s)) is not None and to_ms > world.now_ms:
        pace.made(world.advance(to_ms))
    return [event.recorded_ms for event in pace.due(elapsed_s)]


def open_by_day() -> World:
    world = open_world(Parameters(customers=50))
    world.advance(world.parameters.start_ms + 12 * 3_600_000)
    return world


def test_a_fixed_speed_lets_k_seconds_pass_a_second() -> None:
    """After two seconds at 600 twenty minutes have passed, and everything until then is due."""
    world = open_by_day()
    pace = FixedSpeed(world.now_ms, 600.0)
    begin = world.now_ms
    times = [t for tenth in range(1, 21) for t in step(world, pace, tenth / 10)]
    assert world.now_ms == begin + 1_200_000 == pace.sent_ms
    assert pace.speed == 600.0
    assert times == sorted(times)


def test_a_fixed_rate_gives_n_events_a_second() -> None:
    """By day and by night, whatever the world's own pace."""
    world = open_by_day()
    pace = FixedRate(world, 500.0)
    counts = [len(step(world, pace, second / 20)) for second in range(1, 201)]
    assert sum(counts) == 5000
    assert max(counts) <= 26
    assert pace.sent_ms <= world.now_ms
    assert pace.speed > 1.0


def test_what_a_fixed_rate_hands_out_stays_in_order() -> None:
    """Events come in the order of recording, none twice."""
    world = open_by_day()
    pace = FixedRate(world, 300.0)
    times = [t for second in range(1, 100) for t in step(world, pace, second / 20)]
    assert times == sorted(times)
