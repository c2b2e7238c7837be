"""`cem webhooks resend`: a place that the log does not have is refused before anything is promised."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from cem.cli.errors import FAILED, USAGE, Failure
from cem.cli.webhooks.replaying import _require_in_log


class Bounds:
    """The part of a log that is asked: four partitions, with offsets 5 to 9."""

    def __init__(self, first: int = 5, end: int = 10) -> None:
        self._found = (first, end)

    async def bounds(self, partition: int, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
        return dict.fromkeys(topics, self._found)


def check(place: str, log: Bounds) -> None:
    asyncio.run(_require_in_log(log, 4, place))  # type: ignore[arg-type]


def test_a_place_in_the_log_passes() -> None:
    """From the first offset that the log still has to the last."""
    check("3/5", Bounds())
    check("0/9", Bounds())


@pytest.mark.parametrize(
    ("place", "log", "code", "sentence"),
    [
        ("4/5", Bounds(), USAGE, "has the partitions 0 to 3"),
        ("3/4", Bounds(), FAILED, "holds offsets 5 to 9 now"),
        ("3/10", Bounds(), FAILED, "holds offsets 5 to 9 now"),
        ("3/0", Bounds(7, 7), FAILED, "holds nothing now"),
    ],
)
def test_another_place_is_refused(place: str, log: Bounds, code: int, sentence: str) -> None:
    """With what there is."""
    with pytest.raises(Failure, match=sentence) as refused:
        check(place, log)
    assert refused.value.exit_code == code
