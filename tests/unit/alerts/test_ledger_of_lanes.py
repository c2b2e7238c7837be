"""The ledger of all lanes: sums, and what they let one conclude."""

from __future__ import annotations

from cem.alerts.ledger import ledger_of
from cem.domain.state.lane import LaneState
from cem.domain.state.ledger import LEDGER, Tally


def lane(number: int, told: dict[str, Tally], held_out: dict[str, Tally]) -> bytes:
    """Return a lane's own state with these sums."""
    state = LaneState(number)
    ledger = state.look(LEDGER)
    ledger.told, ledger.held_out = told, held_out
    state.touch(LEDGER)
    return state.encode()


def test_lanes_are_added_up() -> None:
    """Over lanes, also those without a state of their own; by type, in order."""
    rows = ledger_of(
        [
            lane(0, {"repeat_call": Tally(10, 4, 1, 0)}, {"repeat_call": Tally(2, 1, 0, 0)}),
            None,
            lane(2, {"repeat_call": Tally(5, 1, 0, 1)}, {"bill_shock": Tally(1, 1, 1, 1)}),
        ]
    )
    assert [(r.type, r.told, r.held_out) for r in rows] == [
        ("bill_shock", Tally(), Tally(1, 1, 1, 1)),
        ("repeat_call", Tally(15, 5, 1, 1), Tally(2, 1, 0, 0)),
    ]
    assert all(r.calls is None and r.helps is None for r in rows)


def test_what_is_certain_is_said() -> None:
    """Fewer calls, more calls, and what cannot be told apart."""
    many = Tally(20_000, 4_000, 400, 100)
    rows = ledger_of(
        [
            lane(
                0,
                {"a": Tally(20_000, 3_000, 400, 100), "b": Tally(20_000, 5_000, 400, 100), "c": many},
                {"a": many, "b": many, "c": many},
            )
        ]
    )
    assert [r.helps for r in rows] == [True, False, None]
    (first, *_) = rows
    assert first.calls is not None
    assert first.calls.low < 0.05 < first.calls.high
    assert first.complaints is not None
    assert not first.complaints.helps
