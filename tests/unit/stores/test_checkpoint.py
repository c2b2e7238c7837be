"""Checkpoints: what was written comes back, and a file that is not whole is never taken for one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cem.ports import Fenced, LaneImage
from cem.stores import MemoryCore, MemoryStore
from cem.stores.checkpoint import find_checkpoint, restore_checkpoint, write_checkpoint
from cem.stores.checkpoint_file import CheckpointDamaged, CheckpointReader, CheckpointWriter, checkpoint_path
from tests.builders.stores import emission, header, save

PARTITIONS = 6


def a_store(*, customers: int = 5, token: str = "t1") -> MemoryStore:
    """Return a store whose lane 2 has that many customers, with due times, an alert and an outbox."""
    store = MemoryStore(PARTITIONS)
    values: dict[str, bytes | None] = {f"c:{i}": b"state %d" % i for i in range(customers)}
    due = {str(i): 1000 + i for i in range(customers)}
    change = save(
        token, values={**values, "t:0": b"cold"}, due=due, alerts={"0|a": 7}, outbox=[emission("x")]
    )
    assert store.core.save(2, change).outcome == "saved"
    return store


def written(store: MemoryStore, folder: Path) -> Path:
    """Write the checkpoint of lane 2."""
    path = asyncio.run(write_checkpoint(store, folder, 2, PARTITIONS, written_ms=5))
    assert path is not None
    return path


def contents(core: MemoryCore, lane: int = 2) -> tuple[object, ...]:
    """Return all that a lane holds."""
    return core.open_lane(lane), core.values(lane), {n: s.items() for n, s in core.sorted_sets(lane).items()}


@pytest.mark.parametrize("customers", [0, 1, 2_500])
def test_a_lane_comes_back(tmp_path: Path, customers: int) -> None:
    """A lane restored from its checkpoint into an empty store is the lane that was written."""
    store = a_store(customers=customers)
    reader = CheckpointReader(written(store, tmp_path))
    assert (reader.lane, reader.partitions, reader.written_ms) == (2, PARTITIONS, 5)
    assert reader.header.token == "t1"
    other = MemoryStore(PARTITIONS)
    asyncio.run(restore_checkpoint(other, reader))
    assert contents(other.core) == contents(store.core)


def test_a_lane_with_a_history_is_left_alone(tmp_path: Path) -> None:
    """A checkpoint is not restored over a lane that was saved."""
    reader = CheckpointReader(written(a_store(), tmp_path))
    store = a_store(token="other")
    before = contents(store.core)
    with pytest.raises(Fenced):
        asyncio.run(restore_checkpoint(store, reader))
    assert contents(store.core) == before


def test_nothing_to_keep(tmp_path: Path) -> None:
    """A lane that was never saved has no checkpoint."""
    assert (
        asyncio.run(write_checkpoint(MemoryStore(PARTITIONS), tmp_path, 2, PARTITIONS, written_ms=5)) is None
    )
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="never saved"):
        CheckpointWriter(tmp_path, 2, PARTITIONS, LaneImage(None, (), None), written_ms=5)


def test_a_lane_that_is_saved_meanwhile(tmp_path: Path) -> None:
    """A checkpoint that would mix two saves is not made, and the one before it stays."""
    store = a_store()
    path = written(store, tmp_path)
    before = path.read_bytes()

    class Disturbed(MemoryStore):
        async def scan_values(self, lane: int, prefix: str = "") -> AsyncIterator[tuple[str, bytes]]:
            async for item in super().scan_values(lane, prefix):
                yield item
            self.core.save(lane, save("t2", "t1", {"c:0": b"new"}))

    disturbed = Disturbed(PARTITIONS, core=store.core)
    assert asyncio.run(write_checkpoint(disturbed, tmp_path, 2, PARTITIONS, written_ms=6)) is None
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_one_before_is_kept(tmp_path: Path) -> None:
    """The newest is found; when the disk has spoilt it, the one before it is, with a word about the other."""
    store = a_store()
    written(store, tmp_path)
    store.core.save(2, save("t2", "t1"))
    newest = written(store, tmp_path)
    reader, passed = find_checkpoint(tmp_path, 2, PARTITIONS)
    assert reader is not None
    assert (reader.header.token, passed) == ("t2", [])
    newest.write_bytes(newest.read_bytes()[:-1])
    reader, passed = find_checkpoint(tmp_path, 2, PARTITIONS)
    assert reader is not None
    assert reader.header.token == "t1"
    assert [str(newest) in p for p in passed] == [True]


def test_none_is_found(tmp_path: Path) -> None:
    """Another lane's file, or one of another number of partitions, is passed over, saying so."""
    path = written(a_store(), tmp_path)
    assert find_checkpoint(tmp_path, 3, PARTITIONS) == (None, [])
    reader, passed = find_checkpoint(tmp_path, 2, PARTITIONS + 1)
    assert reader is None
    assert ["of 2 of 7" in p for p in passed] == [True]
    path.rename(checkpoint_path(tmp_path, 3))
    reader, passed = find_checkpoint(tmp_path, 3, PARTITIONS)
    assert reader is None
    assert len(passed) == 1
    assert find_checkpoint(tmp_path / "nowhere", 2, PARTITIONS) == (None, [])


def test_every_damaged_byte_is_noticed(tmp_path: Path) -> None:
    """A file with any one byte changed, cut anywhere, or with more at its end is not a checkpoint."""
    path = written(a_store(), tmp_path)
    whole = path.read_bytes()
    draw = random.Random(1)
    damaged = [
        whole[:i] + bytes([whole[i] ^ draw.randrange(1, 256)]) + whole[i + 1 :] for i in range(len(whole))
    ]
    damaged += [whole[:i] for i in range(len(whole))]
    damaged += [whole + b"\x00", b"", whole * 2]
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(CheckpointDamaged, match="lane-0002"):
            CheckpointReader(path)


def test_a_writer_that_gives_up(tmp_path: Path) -> None:
    """What was not committed leaves nothing behind; what a killed process left is cleared away by the next."""
    image = LaneImage(header("t1"), (), None)
    with CheckpointWriter(tmp_path, 2, PARTITIONS, image, written_ms=5) as writer:
        writer.values([("c:a", b"A")])
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".lane-0002.1.writing").write_bytes(b"killed in the midst of it")
    path = written(a_store(), tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_later_values_win(tmp_path: Path) -> None:
    """Of several values for one suffix the last one counts; sorted sets may come in parts."""
    image = LaneImage(header("t1"), (), None)
    with CheckpointWriter(tmp_path, 2, PARTITIONS, image, written_ms=5) as writer:
        writer.values([("c:a", b"old"), ("c:b", b"B")])
        writer.values([("c:a", b"new")])
        writer.scores("due", {"a": 1})
        writer.scores("due", {"b": 2})
        path = writer.commit()
    store = MemoryStore(PARTITIONS)
    asyncio.run(restore_checkpoint(store, CheckpointReader(path)))
    assert store.core.values(2) == {"c:a": b"new", "c:b": b"B"}
    assert store.core.sorted_sets(2)["due"].items() == {"a": 1, "b": 2}
