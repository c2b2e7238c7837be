"""Two owners of one lane, stepped by hand: an entry of the journal that its owner does not know to be there."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest

from cem.journal import History
from cem.pipeline import LanePipeline, Limits
from cem.ports import NO_TOKEN, Fenced, Unavailable
from cem.stores.memory import MemoryCore
from tests.faults.fold import LaneStepper
from tests.faults.models import LANE, TOPICS, Call, KafkaModel, LogPort, PublisherPort, SimState, StorePort


class Owners:
    """A log, a store, and owners of their one lane."""

    def __init__(self) -> None:
        self.kafka = KafkaModel()
        self.store = MemoryCore()
        for value in range(3):
            self.kafka.produce("a", "k", 1 + value, 1_000)

    def owner(self, name: str) -> LanePipeline[SimState, Any]:
        """Return a pipeline of the lane that has opened it."""
        tokens = iter(range(100))

        async def pause(attempt: int, reason: Unavailable) -> None:
            await Call("pause", lambda: None)

        made: LanePipeline[SimState, Any] = LanePipeline(
            LANE,
            store=StorePort(self.store),
            publisher=PublisherPort(self.kafka, 1),
            log=LogPort(self.kafka),
            stepper=LaneStepper(),
            topics=TOPICS,
            owner=name,
            new_token=lambda: f"{name}.{next(tokens)}",
            pause=pause,
            limits=Limits(),
        )
        finish(made.open())
        return made

    def apply(self, owner: LanePipeline[SimState, Any], offset: int) -> Coroutine[Call, Any, None]:
        return owner.apply("a", self.kafka.inputs["a"][offset : offset + 1], 2_000)


def until(work: Coroutine[Call, Any, Any], name: str, answer: Any = None) -> Call:
    """Make the calls up to the next one of that name, which is returned; `answer` is that to the last one."""
    call = work.send(answer)
    while call.name != name:
        call = work.send(call.fn())
    return call


def finish(work: Coroutine[Call, Any, Any], answer: Any = None) -> None:
    """Make all calls that are left."""
    with pytest.raises(StopIteration):
        until(work, "", answer)


@pytest.mark.parametrize("saved", [False, True], ids=["announced", "saved"])
def test_an_entry_that_another_owner_has_gone_on_from_is_not_gone_on_from_again(saved: bool) -> None:
    """Its owner, who heard nothing of it, finds it there after he has repeated it, and what followed it as well."""
    owners = Owners()
    late, other = owners.owner("late"), owners.owner("other")
    doubt = owners.apply(late, 0)
    until(doubt, "append_journal").fn()
    # The other one follows it, saves it, and announces what comes next.
    other.close()
    finish(other.open())
    work = owners.apply(other, 1)
    appended = until(work, "append_journal").fn()
    if saved:
        finish(work, appended)
    else:
        save = until(work, "save", appended)
    # The first one wakes up and appends again.
    assert doubt.throw(Unavailable("no answer in time")).name == "pause"
    with pytest.raises(Fenced):
        until(doubt, "", doubt.send(None).fn())
    if not saved:
        finish(work, save.fn())
    # He comes to stand where the other one is, and both go on in one history.
    finish(late.open())
    finish(owners.apply(late, 2))
    history = [entry.token for _, entry in History(enumerate(owners.kafka.journal)).after(NO_TOKEN)]
    assert history == ["late.0", "other.0", "late.1"]
    header = owners.store.header_of(LANE)
    assert header is not None
    assert (header.token, header.positions["a"].next_offset) == ("late.1", 3)


def test_an_entry_that_nobody_followed_is_gone_on_from() -> None:
    """Found where it was put by an append that seemed to fail, it counts, once."""
    owners = Owners()
    late = owners.owner("late")
    doubt = owners.apply(late, 0)
    until(doubt, "append_journal").fn()
    assert doubt.throw(Unavailable("no answer in time")).name == "pause"
    finish(doubt, doubt.send(None).fn())
    finish(owners.apply(late, 1))
    assert [entry.token for entry in owners.kafka.journal] == ["late.0", "late.0", "late.1"]
    assert late.position("a").next_offset == 2
