"""What `cem replay` says where the log has lost its beginning."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from cem.cli.replay import too_little_kept, whole_lanes
from cem.embedded.mock_cluster import is_embedded
from cem.ports import NO_TOKEN, JournalEntry, Record


class KeptLog:
    """A log of which each lane has only its bounds and the token before its first save."""

    def __init__(self, lanes: Sequence[tuple[dict[str, tuple[int, int]], str]]) -> None:
        self._lanes = lanes

    async def cluster_id(self) -> str:
        return "cem-embedded-1"

    async def bounds(self, partition: int, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
        kept = self._lanes[partition][0]
        return {topic: kept.get(topic, (0, 0)) for topic in topics}

    async def journal(
        self, lane: int, first: int, stop: int | None = None, most: int | None = None
    ) -> tuple[Sequence[tuple[int, JournalEntry]], int]:
        entry = JournalEntry(lane, "w", "t", self._lanes[lane][1], "cem.calls", 0, 1, 0)
        return [(first, entry)], first + 1

    async def peek(self, partition: int, offsets: Mapping[str, int]) -> dict[str, Record]:
        return {}

    async def read(self, topic: str, partition: int, first: int, stop: int) -> Sequence[Record]:
        return []


def test_a_lane_is_whole_if_journal_and_records_begin_at_its_first_save() -> None:
    """Cut is one whose journal or records begin later, or that goes on from another log; an empty one is neither."""
    log = KeptLog(
        [
            ({"cem.journal": (0, 9), "cem.calls": (0, 5)}, NO_TOKEN),
            ({"cem.journal": (3, 9)}, "t0"),
            ({"cem.journal": (0, 9), "cem.calls": (2, 5)}, NO_TOKEN),
            ({"cem.journal": (0, 9)}, "of the log before"),
            ({}, NO_TOKEN),
        ]
    )
    assert asyncio.run(whole_lanes(log, 5)) == ([0], [1, 2, 3])


def test_the_sentence_says_what_to_do() -> None:
    """A real Kafka, or the lanes that are still whole, if there are any."""
    some, none = too_little_kept([0, 3]), too_little_kept([])
    assert (some.exit_code, none.exit_code) == (1, 1)
    assert "keeps too little for a replay" in some.message
    assert some.message.endswith("or take what it still has whole: --lane 0 --lane 3")
    assert none.message.endswith("(CEM_KAFKA_BOOTSTRAP); no lane is whole any more")


def test_embedded_clusters_are_known_by_their_ids() -> None:
    """Ours, and the one of librdkafka's own naming; a real one's id is random."""
    names = ("cem-embedded-x", "mockCluster7f", "jQoaJgrjRkmXNzpcr9LYBA")
    assert [is_embedded(name) for name in names] == [True, True, False]
