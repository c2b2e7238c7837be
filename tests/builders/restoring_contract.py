"""What every store does when a lane is restored into it: all of it or nothing, whoever else tries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from cem.ports import Fenced, LaneImage
from cem.stores import StoreBroken
from tests.builders.stores import emission, everything, header, save, saved, with_store

__all__ = ["RestoringContract"]


class RestoringContract:
    """The behavioural suite of `restore_lane`."""

    @with_store
    async def test_restoring_an_empty_lane(self, store: Any) -> None:
        """A restored lane is exactly what was given, and the next save goes on from its token."""
        kept = header("t9", "t8", tick=4)
        values = [(f"c:{i}", b"%d" % i) for i in range(1_234)]
        due = {str(i): i for i in range(1_234)}
        await store.restore_lane(5, kept, values, {"due": due, "alerts": {"1|a": 3}}, [emission("last")])
        assert await everything(store, 5) == (
            LaneImage(kept, (emission("last"),), 0), dict(values), {"alerts": {"1|a": 3}, "due": due},
        )  # fmt: skip
        await saved(store, 5, save("t10", "t9", {"c:0": None}))

    @with_store
    async def test_restoring_from_a_stream(self, store: Any) -> None:
        """Values may come one by one; a later one for the same suffix wins, and None takes it away."""

        async def stream() -> AsyncIterator[tuple[str, bytes | None]]:
            for number in range(700):
                yield f"c:{number}", b"old"
            yield "c:0", b"new"
            yield "c:1", None

        await store.restore_lane(0, header("t1"), stream(), {})
        _, (first, second, third) = await store.load(0, ["c:0", "c:1", "c:2"])
        assert (first, second, third) == (b"new", None, b"old")

    @with_store
    async def test_a_lane_with_a_history_is_not_restored(self, store: Any) -> None:
        """Restoring over a lane that was saved is refused, and changes nothing."""
        await saved(store, 0, save("t1", values={"c:a": b"1"}))
        before = await everything(store, 0)
        with pytest.raises(Fenced) as refusal:
            await store.restore_lane(0, header("t9"), [("c:b", b"2")], {})
        assert refusal.value.found == "t1"
        assert await everything(store, 0) == before

    @with_store
    async def test_a_restoration_that_broke_off(self, store: Any) -> None:
        """Half a lane is never opened or saved as if it were whole; restoring again starts from nothing."""

        async def breaks() -> AsyncIterator[tuple[str, bytes | None]]:
            for number in range(600):
                yield f"c:{number}", b"half"
            raise OSError("the checkpoint's disk is gone")

        with pytest.raises(OSError, match="gone"):
            await store.restore_lane(0, header("t9"), breaks(), {"due": {"1": 1}})
        with pytest.raises(StoreBroken, match="restoration"):
            await store.open_lane(0)
        assert (await store.save(0, save("t1", values={"c:a": b"1"}))).outcome == "fenced"
        assert (await store.save(0, save("t10", "t9", {"c:a": b"1"}))).outcome == "fenced"
        await store.restore_lane(0, header("t9"), [("c:whole", b"1")], {"alerts": {"a": 1}})
        _, values, sorted_sets = await everything(store, 0)
        assert (values, sorted_sets) == ({"c:whole": b"1"}, {"alerts": {"a": 1}})

    @with_store
    async def test_two_restorers(self, store: Any) -> None:
        """When a second restorer begins, the first is fenced off, and the second's lane has nothing of the first's."""
        second_done = False

        async def slow() -> AsyncIterator[tuple[str, bytes | None]]:
            nonlocal second_done
            for number in range(600):
                yield f"c:first-{number}", b"1"
            await store.restore_lane(0, header("t9"), [("c:second", b"2")], {})
            second_done = True
            for number in range(600):
                yield f"c:first-more-{number}", b"1"

        with pytest.raises(Fenced):
            await store.restore_lane(0, header("t9"), slow(), {})
        assert second_done
        _, values, _ = await everything(store, 0)
        assert values == {"c:second": b"2"}
