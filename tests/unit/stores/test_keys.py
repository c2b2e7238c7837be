"""Names of keys: what Redis Cluster makes of them, and that they never change under a running deployment."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cem.stores.keys import SLOTS, LaneKeys, check_outside, slot_of, tag


def test_slots_as_redis_counts_them() -> None:
    """CRC-16 as in the Redis Cluster specification, of the hash tag where there is one."""
    assert slot_of(b"123456789") == 0x31C3
    assert slot_of(b"foo") == 12182
    assert slot_of(b"cem:{foo}:lane") == slot_of(b"foo")
    assert slot_of(b"foo{}{bar}") == 8363
    assert slot_of(b"foo{{bar}}zap") == slot_of(b"{bar")
    assert slot_of(b"foo{bar}{zap}") == slot_of(b"bar")


def test_a_lanes_keys_share_a_slot() -> None:
    """Everything of a lane hashes to one slot, whatever a customer is called."""
    keys = LaneKeys(5, 24)
    names = [keys.lane, keys.outbox, keys.due, keys.of("alerts"), keys.of("c:{x}"), keys.of("i:line:+49}{1")]
    assert {slot_of(n) for n in names} == {keys.slot}


@pytest.mark.parametrize("partitions", [1, 2, 6, 24, 100, 1024])
def test_lanes_are_spread_evenly(partitions: int) -> None:
    """However many nodes share the slots equally, none has more than two lanes more than another, or any more if they can be equal."""
    slots = [slot_of(tag(lane, partitions).encode()) for lane in range(partitions)]
    assert len(set(slots)) == partitions
    for nodes in (1, 2, 3, 4, 5, 6, 12, 16, 100):
        edges = [round(i * SLOTS / nodes) for i in range(nodes + 1)]
        shares = [sum(first <= s < stop for s in slots) for first, stop in pairwise(edges)]
        assert max(shares) - min(shares) <= (0 if partitions % nodes == 0 else 2), (nodes, shares)


def test_names_are_for_ever() -> None:
    """The tags of a deployment are part of its data: another tag would not find what was saved."""
    assert [tag(lane, 4) for lane in range(4)] == ["0.1", "1.11", "2.1", "3.11"]
    assert [tag(lane, 24) for lane in (0, 1, 11, 23)] == ["0.13", "1.125", "11.40", "23.3"]
    assert LaneKeys(3, 24).of("c:cust-1").endswith(b"}:c:cust-1")


def test_lanes_that_do_not_exist() -> None:
    """A lane outside the partitions, or more partitions than the slots can hold apart, is refused."""
    for lane, partitions in ((-1, 4), (4, 4), (0, 0), (0, 1025)):
        with pytest.raises(ValueError, match="partitions"):
            tag(lane, partitions)


def test_keys_outside_the_lanes() -> None:
    """Only keys under `cem:` and without a tag are outside the lanes."""
    assert check_outside("cem:clock") == b"cem:clock"
    for key in ("cem:{0.1}:lane", "clock", ""):
        with pytest.raises(ValueError, match="outside"):
            check_outside(key)
