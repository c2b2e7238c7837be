"""A model is a function of its log, whatever happens to its writer and to the store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cem.learning.examples import Example
from cem.learning.published import champion_in, read_card, read_head, snapshot_in
from cem.learning.pupil import Command, Correction, Lesson, Limits, Pupil, Rebuild
from cem.learning.shelf import ModelShelf
from cem.learning.snapshot import SnapshotError
from cem.ports import LaneStopped
from cem.stores.errors import StoreBroken
from cem.streams.model_watch import LateShelf, watch_models
from cem.streams.model_writer import TakenOver, lesson_of, model_key
from cem.streams.topics import examples_topic, spec_of
from tests.builders.examples_log import (
    HOUR_MS,
    Died,
    ExamplesLog,
    ModelValues,
    advance,
    churn_examples,
    digest_of,
    writer,
)

few = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
KEY = model_key("churn")


def clean(log: ExamplesLog, folder: Path, limits: Limits | None = None) -> bytes:
    """Return what one pass over the log comes to, with nothing kept on the way."""
    return digest_of(advance(writer(log, ModelValues(), folder, every=10**9, limits=limits)))


@few
@given(
    troubles=st.lists(
        st.tuples(
            st.sampled_from(["taken", "before-publish", "published"]), st.integers(1, 60), st.integers(0, 3)
        ),
        max_size=4,
    )
)
def test_killed_anywhere_and_rolled_back_it_is_the_model_of_a_clean_pass(
    troubles: list[tuple[str, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Writers die at any point, and the store goes back by some publications: the model ends the same, byte for byte."""
    folder = tmp_path_factory.mktemp("models")
    log, store = ExamplesLog("churn"), ModelValues()
    churn_examples(log, 100)
    for point, passages, lost in troubles:
        left = [passages]

        def at_point(name: str, point: str = point, left: list[int] = left) -> None:
            if name == point:
                left[0] -= 1
                if left[0] == 0:
                    raise Died

        with contextlib.suppress(Died):
            advance(writer(log, store, folder, at_point=at_point, every=20))
        if lost and len(store.history) > lost:
            del store.history[-lost:]
            store.values = dict(store.history[-1])
    ended = advance(writer(log, store, folder, every=20))
    assert digest_of(ended) == clean(log, folder / "other")


def test_two_writers_are_fenced(tmp_path: Path) -> None:
    """A second writer replaces nothing that it did not write; whoever is fenced again and again lets go."""
    log, store = ExamplesLog("churn"), ModelValues()
    churn_examples(log, 40)
    one, two = writer(log, store, tmp_path / "1"), writer(log, store, tmp_path / "2")

    async def both() -> None:
        await one.open()
        await two.open()
        await one.advance()
        await two.advance()
        assert await one.publish() is True
        assert await two.publish() is False
        assert two.pupil.snapshot() == one.pupil.snapshot()
        churn_examples(log, 5)
        while await one.advance():
            pass
        await one.publish()
        assert await two.publish() is False
        # The third time in a row somebody else was there first.
        await one.publish()
        with pytest.raises(TakenOver):
            await two.publish()

    asyncio.run(both())
    assert digest_of(one) == clean(log, tmp_path / "3")


def test_any_published_version_is_made_again(tmp_path: Path) -> None:
    """From a snapshot kept before it and the log, each later version comes out equal by its hash."""
    log, store = ExamplesLog("churn"), ModelValues()
    churn_examples(log, 120)
    advance(writer(log, store, tmp_path, every=40))
    published = [value[KEY] for value in store.history]
    assert [read_head(value).version for value in published] == [39, 79, 119]
    for value in published[1:]:
        again = Pupil.restored("churn", snapshot_in(published[0]))
        for record in log.records[40 : read_head(value).version + 1]:
            again.take(lesson_of(record))
        assert again.snapshot() == snapshot_in(value)


def test_a_correction_is_learnt_in_its_place(tmp_path: Path) -> None:
    """An hour after it came the model is the one that in-order training with the right label gives; an old one is refused."""
    log, right = ExamplesLog("churn"), ExamplesLog("churn")
    churn_examples(log, 100)
    churn_examples(right, 100)
    example = Example({"contacts_30d": 9.0, "price": 0.0}, 1)
    wrong = {"contacts_30d": 9.0, "price": 0.0}
    for each, label in ((log, 0), (right, 1)):
        each.add(wrong, label, source="churn/late/1", at_ms=200_000)
        for number in range(20):
            each.add(wrong, number % 2, source=f"churn/D{number}/1", at_ms=300_000)
    for each in (log, right):
        each.add(None, 1, source="churn/late/1" if each is log else "churn/nobody/1", at_ms=400_000)
        each.add(None, 1, source="churn/nobody/2", at_ms=400_000)
        each.add(example.x, 1, source="churn/E/1", at_ms=400_000 + HOUR_MS)
        each.add(example.x, 0, source="churn/F/1", at_ms=400_001 + HOUR_MS)
    made = advance(writer(log, ModelValues(), tmp_path / "1", every=30))
    expected = advance(writer(right, ModelValues(), tmp_path / "2", every=30))
    assert made.pupil.repairs == 1 and expected.pupil.repairs == 0
    assert made.pupil.passed_over == {"late_correction": 1}
    assert expected.pupil.passed_over == {"late_correction": 2}
    models = made.pupil.contest.models
    for recipe, model in models.items():
        other = expected.pupil.contest.models[recipe]
        model.version = other.version
        assert model.snapshot() == other.snapshot()
    # Without anything kept on the way, the repair comes to the same.
    assert digest_of(made) == clean(log, tmp_path / "3")


def test_rollback_and_pin_are_part_of_the_log(tmp_path: Path) -> None:
    """What was learnt since a version is forgotten; the same log gives the same again."""
    log = ExamplesLog("churn")
    churn_examples(log, 60)
    log.command(Command(pin="bayes", by="ann", why="cheaper"))
    churn_examples(log, 20)
    log.command(Command(rollback=30, by="ann"))
    log.command(Command(pin="nobody"))
    log.add({"contacts_30d": 1.0}, 0, source="x")
    made = advance(writer(log, ModelValues(), tmp_path / "1", every=25))
    assert made.pupil.examples == 32
    assert made.pupil.rollbacks == 1
    whys = [change.why for change in made.pupil.contest.changes]
    assert whys[-1] == "back to version 30 by ann"
    assert made.pupil.passed_over["not_read"] == 1
    assert digest_of(made) == clean(log, tmp_path / "2")


def test_what_is_no_example_changes_nothing(tmp_path: Path) -> None:
    """Broken JSON, foreign types, labels out of range, NaN and repeats are passed over by reason."""
    log = ExamplesLog("churn")
    churn_examples(log, 30)
    good = advance(writer(log, ModelValues(), tmp_path / "1")).pupil
    log._append(b"{", 0, [])
    log._append(b'{"x": {"a": NaN}, "y": 1}', 0, [])
    log._append(b'{"x": [1], "y": 1}', 0, [])
    log.add({"contacts_30d": 1.0}, "maybe")
    log.add({"contacts_30d": 1.0}, 0, lane="/lanes/0/ticks", sequence=7)
    bad = advance(writer(log, ModelValues(), tmp_path / "2")).pupil
    assert bad.passed_over == {"not_read": 3, "label": 1, "repeat": 1}
    for recipe, model in good.contest.models.items():
        other = bad.contest.models[recipe]
        assert model.predict_one({"contacts_30d": 9.0}) == other.predict_one({"contacts_30d": 9.0})


def test_another_log_needs_a_word(tmp_path: Path) -> None:
    """A model of another Kafka's log is not gone on with unless somebody says so; then it keeps what it knows."""
    log, store = ExamplesLog("churn"), ModelValues()
    churn_examples(log, 60)
    advance(writer(log, store, tmp_path, every=60))
    new = ExamplesLog("churn", "cluster-2")
    churn_examples(new, 10)
    with pytest.raises(LaneStopped, match="CEM_ADOPT_NEW_LOG"):
        advance(writer(new, store, tmp_path))
    gone_on = advance(writer(new, store, tmp_path, adopt_new_log=True))
    assert (gone_on.pupil.version, gone_on.pupil.examples) == (9, 70)


def test_a_process_takes_what_is_published(tmp_path: Path) -> None:
    """A shelf answers with the published version; a value that cannot be used leaves the old one in force."""
    log, store = ExamplesLog("churn"), ModelValues()
    churn_examples(log, 300)
    advance(writer(log, store, tmp_path, every=300))
    late = LateShelf()
    assert late("churn", b"\x01") is None
    heard: list[tuple[str, int]] = []

    async def watch() -> None:
        there = asyncio.Event()

        def loaded(name: str, version: int) -> None:
            heard.append((name, version))
            there.set()

        task = asyncio.create_task(watch_models(late, store, ["churn"], every_s=0.01, loaded=loaded))
        await asyncio.wait_for(there.wait(), 20)
        task.cancel()

    asyncio.run(watch())
    assert heard == [("churn", 299)]
    version, (chance, _, _) = late("churn", bytes([255] * 5 + [9])) or (0, (0, 0, 0))
    assert version == 299 and chance > 5_000
    with pytest.raises(SnapshotError):
        champion_in("churn", store.values[KEY][:-7])
    assert read_card(store.values[KEY]).figures["examples"] == 300


def test_lessons_have_what_tells_repeats() -> None:
    """A record without a number of its own is never taken for a repeat."""
    log = ExamplesLog("churn")
    log.add({}, 0)
    log.add({}, 0, lane="/x", sequence=3)
    assert [lesson_of(r) for r in log.records] == [
        Lesson(0, 0, log.records[0].value, "example.made"),
        Lesson(1, 0, log.records[1].value, "example.made", "/x", 3),
    ]


def test_a_model_that_fails_has_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    """A lane does not stop for a model: the question goes unanswered, and the failure is logged once."""
    late = LateShelf()
    late.shelf = ModelShelf()
    assert late("sentiment", ["so good", "call"]) is not None
    assert [late("sentiment", None), late("sentiment", None)] == [None, None]
    assert len(caplog.records) == 1


def test_corrections_leave_the_model_with_the_log() -> None:
    """A learnt correction, which names its customer, is kept for as long as the log may have its example, and no longer."""
    kept_ms = int(spec_of(examples_topic("churn")).config(1)["retention.ms"])
    pupil = Pupil("churn")
    pupil.applied = [Correction("churn/C1/1", 1, 999, 3), Correction("churn/C2/1", 1, 1_000, 4)]
    rebuild = Rebuild(10, 11, "corrections", {"churn/C3/1": 1}, since_ms=kept_ms + 1_000)
    pupil.made_again(rebuild, Pupil("churn"), {"churn/C3/1"})
    assert [each.source for each in pupil.applied] == ["churn/C2/1", "churn/C3/1"]
    assert b"churn/C1/1" not in pupil.snapshot()


def test_examples_that_are_gone_are_passed_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where retention took what was not learnt yet, it is said once, also with nothing behind it; what comes is learnt."""

    class Shortened(ExamplesLog):
        async def bounds(self, partition: int, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
            return {topic: (30, len(self.records)) for topic in topics}

    log = Shortened("churn")
    churn_examples(log, 30)
    made = advance(writer(log, ModelValues(), tmp_path))
    advance(made, open_it=False)
    assert [record.message for record in caplog.records] == ["churn: examples 0 to 29 are gone from the log"]
    assert made.pupil.version == 29
    log.add({"price": 1.0}, 1)
    assert advance(made, open_it=False).pupil.examples == 1


def test_a_writer_stopped_while_it_makes_its_model_again_publishes_nothing(tmp_path: Path) -> None:
    """It has read the command, and not obeyed it yet: what it published would have passed the command over for good."""
    log, store = ExamplesLog("churn"), ModelValues()
    churn_examples(log, 60)
    advance(writer(log, store, tmp_path / "1", every=20))
    log.command(Command(rollback=10))
    made = writer(log, store, tmp_path / "1", every=10**9)
    reading_again = asyncio.Event()
    reads: list[int] = []
    usual = log.read

    async def read(topic: str, partition: int, first: int, stop: int) -> Sequence[Any]:
        reads.append(first)
        if len(reads) == 2:
            reading_again.set()
            await asyncio.Future()  # Kafka takes its time for what is read once more
        return await usual(topic, partition, first, stop)

    log.read = read  # type: ignore[method-assign]

    async def main() -> None:
        await made.open()
        taking = asyncio.create_task(made.advance())
        await asyncio.wait_for(reading_again.wait(), 20)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
        # What the process does at its end.
        if made.has_news:
            await made.publish()

    asyncio.run(main())
    log.read = usual  # type: ignore[method-assign]
    next_one = advance(writer(log, store, tmp_path / "1", every=10**9))
    assert next_one.pupil.rollbacks == 1
    assert digest_of(next_one) == clean(log, tmp_path / "2")


def test_a_disk_that_takes_no_snapshots_is_no_reason_to_publish_nothing(tmp_path: Path) -> None:
    """A file stands where the folder should be: the model is published all the same."""
    folder = tmp_path / "taken"
    folder.write_bytes(b"")
    log, store = ExamplesLog("churn"), ModelValues()
    churn_examples(log, 60)
    advance(writer(log, store, folder, every=20))
    assert read_head(store.values[KEY]).version == 59


def test_a_key_that_holds_something_else_keeps_no_process_from_its_other_models(tmp_path: Path) -> None:
    """A model is never what a worker ends for: its last one holds, and the others are taken up."""
    log, store = ExamplesLog("churn"), ModelValues()
    churn_examples(log, 100)
    advance(writer(log, store, tmp_path, every=100))
    usual = store.part_raw

    async def part_raw(key: str, first: int, last: int) -> bytes:
        if key != KEY:
            raise StoreBroken(f"{key} holds a value of another type than was written")
        return await usual(key, first, last)

    store.part_raw = part_raw  # type: ignore[method-assign]

    async def watch() -> None:
        there = asyncio.Event()
        names = ["reason", "churn"]
        task = asyncio.create_task(
            watch_models(LateShelf(), store, names, every_s=0.01, loaded=lambda name, version: there.set())
        )
        waiting = asyncio.create_task(there.wait())
        await asyncio.wait({task, waiting}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        assert there.is_set()
        assert not task.done()
        task.cancel()

    asyncio.run(watch())
