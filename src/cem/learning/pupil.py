"""One model as its writer has it: everything that is a function of the log of examples, and nothing else.

The log is read in order, each record once. A record is an example, a correction of one, or a command that somebody
gave (`cem models pin`, `cem models rollback`): a command is part of the log, so a second pass does the same at the same
place. The model's version is the offset of the last record taken. The same records give the same bytes.

*Repeats.* A publisher may write a record again after a failure. Records of a lane carry their source and a number that
rises; one that does not rise is a repeat, and is passed over.

*Corrections.* A correction names the source of an example that was learnt with another label. They are collected; an
hour (by the log's times) after the first, the model becomes what it would be if all examples had come with the right
labels (`Rebuild`). One whose example is older than the limits is counted and refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
import numpy as np

from cem.learning.contract import NOTHING_LEARNT
from cem.learning.examples import ExampleError, decode_example
from cem.learning.quality import Quality
from cem.learning.snapshot import Snapshot, SnapshotError, read_snapshot, write_snapshot
from cem.learning.stream_models import MODELS, contest_of

__all__ = ["COMMAND_TYPE", "Command", "Correction", "Lesson", "Limits", "Pupil", "Rebuild", "encode_command"]

#: CloudEvents type of a command on a topic of examples.
COMMAND_TYPE: Final = "model.command"
_LAYOUT: Final = 1
_SOURCES_KEPT: Final = 20_000
_HOUR_MS: Final = 3_600_000
#: For how long a topic of examples keeps its records (`cem.streams.topics`).
_LOG_MS: Final = 90 * 24 * _HOUR_MS


class Limits(msgspec.Struct, frozen=True):
    """How far back corrections reach, and how often they are repaired."""

    days: int = 7
    examples: int = 1_000_000
    every_ms: int = _HOUR_MS


class Lesson(msgspec.Struct, frozen=True):
    """A record of a topic of examples."""

    offset: int
    timestamp_ms: int
    value: bytes | None
    type: str = ""
    #: Which stream wrote it, and its number there; "" and 0: a file, or a person.
    source: str = ""
    sequence: int = 0


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody wants of a model."""

    #: Recipe to speak whatever the others do; "" = let quality decide.
    pin: str | None = None
    #: Version to go back to.
    rollback: int | None = None
    by: str = ""
    why: str = ""


class Rebuild(msgspec.Struct, frozen=True):
    """What a pupil needs before it can go on: itself as of `until`, made again from the log."""

    #: Records with offset <= until are learnt ...
    until: int
    #: ... and the model then has this version.
    version: int
    why: str
    #: Source -> label of the corrections that wait; none for a rollback.
    wanted: dict[str, Any] = {}
    #: Offset and time before which examples are not corrected any more.
    since: int = 0
    since_ms: int = 0


class Correction(msgspec.Struct, array_like=True, frozen=True):
    """A label that an example got later."""

    #: Of the example.
    source: str
    y: Any
    timestamp_ms: int
    offset: int


class Pupil:
    """A contest of recipes, its place in the log, and how good it is."""

    def __init__(self, name: str, limits: Limits | None = None) -> None:
        """name: one of MODELS. Raises KeyError for another."""
        self.name = name
        self.limits = limits or Limits()
        self.contest = contest_of(name)
        self.quality = Quality(name)
        self.version = NOTHING_LEARNT
        self.examples = 0
        #: By reason: "not_read", "repeat", "late_correction", "label" ...
        self.passed_over: dict[str, int] = {}
        self.repairs = 0
        self.rollbacks = 0
        self.asked_not_answered = 0
        #: Ranges of offsets [first, last] that a rollback took out.
        self.skipped: list[tuple[int, int]] = []
        self.waiting: list[Correction] = []
        #: Those that were learnt in their places, with the offset at which they were: whoever reads the log again needs
        #: them again.
        self.applied: list[Correction] = []
        self._sources: dict[str, int] = {}
        #: Set while the model is made again: labels by source, and up to where.
        self._corrected: Mapping[str, Any] = {}
        self._again_until = NOTHING_LEARNT

    def take(self, lesson: Lesson) -> Rebuild | None:
        """Take the next record of the log; return what has to be made again before the one after it."""
        assert lesson.offset > self.version
        self.version = self.contest.version = lesson.offset
        if any(first <= lesson.offset <= last for first, last in self.skipped):
            return None
        again = lesson.offset <= self._again_until
        if lesson.source and not self._is_new(lesson.source, lesson.sequence):
            self._pass_over("repeat")
            return None
        if lesson.type == COMMAND_TYPE:
            return self._obey(lesson, again=again)
        due = self._due(lesson)
        self._learn(lesson, again=again)
        return due

    def prepare(self, rebuild: Rebuild, of: Pupil, found: Collection[str]) -> None:
        """Make ready to take the records up to `rebuild.until` once more, in the place of `of`.

        found: the sources, of the corrections wanted, whose examples were found.
        """
        known = {each.source: each.y for each in of.applied if each.offset <= rebuild.until}
        known |= {source: y for source, y in rebuild.wanted.items() if source in found}
        self._corrected, self._again_until = known, rebuild.until
        self.skipped, self.waiting = list(of.skipped), []

    def made_again(self, rebuild: Rebuild, fresh: Pupil, found: Collection[str]) -> None:
        """Become `fresh`, which was prepared and has taken the records; what is no part of the model stays."""
        self.contest, self.quality, self.examples = fresh.contest, fresh.quality, fresh.examples
        if rebuild.wanted:
            self.repairs += 1
            # What the log no longer holds is not read again; a correction names its customer, and goes with him.
            begins_ms = rebuild.since_ms - _LOG_MS
            self.applied = [each for each in self.applied if each.timestamp_ms >= begins_ms]
            self.applied += [
                Correction(source, y, rebuild.since_ms, rebuild.version)
                for source, y in rebuild.wanted.items()
                if source in found
            ]
        else:
            self.rollbacks += 1
            self.skipped.append((rebuild.until + 1, rebuild.version))
            self.applied = [each for each in self.applied if each.offset <= rebuild.until]
        self.version = self.contest.version = rebuild.version
        self.contest.note(rebuild.why)

    def corrections_done(self, rebuild: Rebuild, found: Collection[str]) -> None:
        """Let go of the corrections of `rebuild`; those whose example was too old, or never there, are counted."""
        self.waiting = [each for each in self.waiting if each.offset >= rebuild.until]
        for source in rebuild.wanted:
            if source not in found:
                self._pass_over("late_correction")

    def begin_log(self) -> None:
        """Go on at the beginning of another log, with what was learnt from the old one."""
        self.version = self.contest.version = NOTHING_LEARNT
        self._sources, self.skipped, self.waiting, self.applied = {}, [], [], []
        self.contest.note("another log begins")

    def snapshot(self) -> bytes:
        """Return all of it as data: equal pupils give equal bytes."""
        state = {
            "examples": self.examples,
            "passed_over": self.passed_over,
            "repairs": self.repairs,
            "rollbacks": self.rollbacks,
            "unanswered": self.asked_not_answered,
            "skipped": [list(each) for each in self.skipped],
            "waiting": [_row(each) for each in self.waiting],
            "applied": [_row(each) for each in self.applied],
            "sources": self._sources,
            "quality": self.quality.state(),
        }
        contest = np.frombuffer(self.contest.snapshot(), np.uint8)
        name = f"{self.name} pupil"
        return write_snapshot(
            Snapshot(name, self.contest.recipe, _LAYOUT, self.version, state, {"contest": contest})
        )

    @classmethod
    def restored(cls, name: str, data: bytes, limits: Limits | None = None) -> Pupil:
        """Return the pupil in `data`. Raises SnapshotError."""
        found = read_snapshot(data, model=f"{name} pupil", layouts=(_LAYOUT,))
        pupil = cls(name, limits)
        try:
            state = found.state
            pupil.examples = msgspec.convert(state["examples"], int)
            pupil.passed_over = msgspec.convert(state["passed_over"], dict[str, int])
            pupil.repairs = msgspec.convert(state["repairs"], int)
            pupil.rollbacks = msgspec.convert(state["rollbacks"], int)
            pupil.asked_not_answered = msgspec.convert(state["unanswered"], int)
            pupil.skipped = msgspec.convert(state["skipped"], list[tuple[int, int]])
            pupil.waiting = msgspec.convert(state["waiting"], list[Correction])
            pupil.applied = msgspec.convert(state["applied"], list[Correction])
            pupil._sources = msgspec.convert(state["sources"], dict[str, int])
            pupil.quality.become(state["quality"])
            pupil.contest.restore(found.arrays["contest"].tobytes())
        except (KeyError, TypeError, ValueError) as error:
            raise SnapshotError(f"this snapshot of {name} cannot be used: {error}") from None
        pupil.version = found.version
        return pupil

    def figures(self) -> dict[str, float]:
        """Return the figures of quality, and of what was counted."""
        return {"examples": float(self.examples), **self.quality.figures()}

    def _is_new(self, source: str, sequence: int) -> bool:
        last = self._sources.get(source)
        if last is not None and sequence <= last:
            return False
        if last is None and len(self._sources) >= _SOURCES_KEPT:
            self._pass_over("sources")
            return True
        self._sources[source] = sequence
        return True

    def _learn(self, lesson: Lesson, *, again: bool) -> None:
        if lesson.value is None:
            return
        try:
            example = decode_example(lesson.value)
            x = None if example.x is None else MODELS[self.name].read(example.x)
        except (ExampleError, ValueError):
            self._pass_over("not_read")
            return
        y = example.y
        if x is None:
            if not again:
                self.waiting.append(Correction(example.source, y, lesson.timestamp_ms, lesson.offset))
            return
        if self._corrected and example.source in self._corrected:
            y = self._corrected[example.source]
        if self.name == "satisfaction":
            # Whoever is asked answers or does not: that is learnt, too.
            for model in self.contest.models.values():
                model.learn_asked(x, y)  # type: ignore[attr-defined]
            if y is None:
                self.asked_not_answered += 1
                return
        try:
            learnt = self.contest.learn_one(x, y)
        except (TypeError, ValueError, OverflowError):
            # Nothing that stands in a record may end the writer.
            learnt = False
        if learnt:
            self.examples += 1
            self.quality.note(self.contest.said, y)
        else:
            self._pass_over("label")

    def _obey(self, lesson: Lesson, *, again: bool) -> Rebuild | None:
        try:
            command = msgspec.json.decode(lesson.value or b"", type=Command)
        except msgspec.DecodeError:
            self._pass_over("not_read")
            return None
        said = f" by {command.by}" if command.by else ""
        said += f": {command.why}" if command.why else ""
        if command.pin is not None:
            if command.pin and command.pin not in self.contest.models:
                self._pass_over("not_read")
                return None
            self.contest.pin(command.pin or None)
            self.contest.note(
                f"{command.pin} was pinned{said}" if command.pin else f"the pin was taken off{said}"
            )
        if command.rollback is not None and not again:
            if not NOTHING_LEARNT <= command.rollback < lesson.offset:
                self._pass_over("not_read")
                return None
            why = f"back to version {command.rollback}{said}"
            return Rebuild(command.rollback, lesson.offset, why)
        return None

    def _due(self, lesson: Lesson) -> Rebuild | None:
        """Return the repair of what waits, if its time has come."""
        if not self.waiting or lesson.timestamp_ms < self.waiting[0].timestamp_ms + self.limits.every_ms:
            return None
        wanted = {each.source: each.y for each in self.waiting}
        return Rebuild(
            lesson.offset,
            lesson.offset,
            f"{len(wanted)} corrected labels were learnt in their places",
            wanted,
            max(0, lesson.offset - self.limits.examples),
            lesson.timestamp_ms - self.limits.days * 86_400_000,
        )

    def _pass_over(self, reason: str) -> None:
        self.passed_over[reason] = self.passed_over.get(reason, 0) + 1


def _row(each: Correction) -> list[Any]:
    return [each.source, each.y, each.timestamp_ms, each.offset]


def encode_command(command: Command) -> bytes:
    """Return the record's value."""
    return msgspec.json.encode(command)
