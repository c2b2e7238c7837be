"""The in-memory twin: the shared contract, going back in time, and no event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from cem.ports import NO_TOKEN, LaneImage
from cem.stores import MemoryCore, MemoryStore
from tests.builders.store_contract import PARTITIONS, StoreContract
from tests.builders.stores import emission, header, save

T = TypeVar("T")


class TestMemoryStore(StoreContract):
    """The contract, in memory."""

    @pytest.fixture
    def make_store(self) -> Callable[[], MemoryStore]:
        """Return a maker of empty stores."""
        return lambda: MemoryStore(PARTITIONS)


def stepped(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that awaits nothing."""
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return end.value.value  # type: ignore[no-any-return]


def test_it_needs_no_event_loop() -> None:
    """Every call ends at its first step, so a simulation can drive the store by hand."""
    store = MemoryStore(PARTITIONS)
    assert stepped(store.open_lane(0)) == LaneImage(None, (), None)
    assert stepped(store.save(0, save("t1", values={"c:a": b"A"}, due={"a": 5}))).outcome == "saved"
    assert stepped(store.load(0, ["c:a"])) == ("t1", [b"A"])
    assert stepped(store.due(0, 5, 1)) == ("t1", ["a"])
    stepped(store.restore_lane(1, header("t9"), [("c:b", b"B")], {"due": {"b": 1}}))
    assert stepped(store.token_of(1)) == "t9"


def test_two_clients_of_one_core() -> None:
    """Stores around one core see each other's saves, as clients of one Redis do."""
    core = MemoryCore()
    ours, theirs = MemoryStore(PARTITIONS, core=core), MemoryStore(PARTITIONS, core=core)
    stepped(ours.save(0, save("t1")))
    assert stepped(theirs.save(0, save("t2"))).outcome == "fenced"


class TestGoingBack:
    """A store that loses its tail, as Redis does in a failover or with a torn append-only file."""

    def test_back_by_some_saves(self) -> None:
        """After going back by k saves a lane is exactly what it was k saves ago."""
        core = MemoryCore()
        images: list[tuple[LaneImage, dict[str, bytes], dict[str, int]]] = []
        token = NO_TOKEN

        def look() -> tuple[LaneImage, dict[str, bytes], dict[str, int]]:
            sets = core.sorted_sets(0)
            return core.open_lane(0), core.values(0), sets["due"].items() if "due" in sets else {}

        for number in range(8):
            images.append(look())
            change = save(
                f"t{number}", token, {"c:a": b"%d" % number, f"c:{number}": b"x", f"c:{number - 2}": None},
                due={"a": number, f"{number - 1}": None, f"{number}": 9}, outbox=[emission(str(number))],
            )  # fmt: skip
            assert core.save(0, change).outcome == "saved"
            token = f"t{number}"
        assert core.history_length(0) == 8
        assert core.rollback(0, 3) == 3
        assert look() == images[5]
        assert core.rollback(0, 100) == 5
        assert look() == images[0]

    def test_back_with_all_lanes(self) -> None:
        """Going back as a whole undoes the last saves of all lanes, in the order in which they were made."""
        core = MemoryCore()
        for lane, token, expected in (
            (0, "a1", ""),
            (1, "b1", ""),
            (1, "b2", "b1"),
            (0, "a2", "a1"),
            (1, "b3", "b2"),
        ):
            assert core.save(lane, save(token, expected)).outcome == "saved"
        assert core.rollback_all(3) == 3
        assert (core.token_of(0), core.token_of(1)) == ("a1", "b1")
        assert core.rollback_all(9) == 2
        assert (core.token_of(0), core.token_of(1)) == (NO_TOKEN, NO_TOKEN)

    def test_only_so_far(self) -> None:
        """It goes back no further than its history reaches."""
        core = MemoryCore(history=2)
        for number in range(5):
            core.save(0, save(f"t{number}", f"t{number - 1}" if number else NO_TOKEN))
        assert core.rollback(0, 5) == 2
        assert core.token_of(0) == "t2"

    def test_a_token_fences_where_a_counter_would_not(self) -> None:
        """An owner that saved before the store went back is fenced by tokens; a counter climbs to its number again."""
        for name, survives in ((lambda owner, n: f"{owner}-{n}", False), (lambda owner, n: str(n), True)):
            core = MemoryCore()
            core.save(0, save(name("ours", 1)))
            core.save(0, save(name("ours", 2), name("ours", 1), {"c:a": b"ours"}))
            core.rollback(0, 1)  # our second save is lost, and we have not heard of it
            core.save(0, save(name("theirs", 2), name("ours", 1), {"c:a": b"theirs"}))
            answer = core.save(0, save(name("ours", 3), name("ours", 2), {"c:b": b"built on what is gone"}))
            assert (answer.outcome == "saved") is survives
