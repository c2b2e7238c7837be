"""One worker looks at what all lanes keep of themselves, again and again."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from cem.bootstrap.lanes_watch import LanesWatch
from cem.ports import LaneStopped, Unavailable


class Enough(Exception):
    """Ends a watch as what it does not expect does."""


class Lanes:
    """Two lanes, one of which has nothing yet; each look is answered by the next of `answers`."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = [*answers]
        self.is_ours = True
        #: What had been seen before each question.
        self.before: list[str | None] = []
        self.watch = LanesWatch(
            self.own_states, lambda: self.is_ours, self.read, every_s=0, missed="nothing was seen"
        )

    async def own_states(self) -> list[bytes | None]:
        """Answer, or fail."""
        self.before.append(self.watch.seen)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [answer, None]

    async def read(self, states: list[bytes | None], before: str | None) -> str:
        """Return what the lanes say, behind what they said before."""
        return f"{before or ''}{b''.join(state or b'-' for state in states).decode()}"


def test_each_look_is_given_what_the_one_before_has_shown() -> None:
    """All lanes' states are read, those that have none as well."""
    lanes = Lanes(b"a", b"b", Enough())
    with pytest.raises(Enough):
        asyncio.run(lanes.watch.run())
    assert lanes.before == [None, "a-", "a-b-"]


def test_nothing_is_asked_or_shown_while_another_worker_looks() -> None:
    """What this one saw before would pass for the present."""
    lanes = Lanes(b"a")
    asyncio.run(lanes.watch.look())
    assert lanes.watch.seen == "a-"
    lanes.is_ours = False
    asyncio.run(lanes.watch.look())
    assert (lanes.watch.seen, lanes.before) == (None, [None])


@pytest.mark.parametrize(
    "trouble",
    [Unavailable("Redis is away"), LaneStopped("a lane of another cluster"), msgspec.DecodeError("no lane")],
    ids=lambda trouble: type(trouble).__name__,
)
def test_what_was_seen_does_not_outlive_a_look_that_failed(
    trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says why, and the watch goes on; what it does not expect ends it."""
    lanes = Lanes(b"a", trouble, b"b", Enough())
    with pytest.raises(Enough):
        asyncio.run(lanes.watch.run())
    assert lanes.before == [None, "a-", None, "b-"]
    assert caplog.messages == [f"nothing was seen: {trouble}"]
