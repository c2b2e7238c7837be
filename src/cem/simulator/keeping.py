"""Keeps a world over restarts: a snapshot, and beside it a journal of what the outside has done since.

A world is equal to its snapshot once the same answers were given to it at the same times. So what a kill takes away is
made again from the journal, event for event and with the same ids, and sent again, which counts for nothing where it
had arrived.
"""

from __future__ import annotations

import fcntl
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

import msgspec

from cem.simulator.errands import Errand
from cem.simulator.facade import answer, deliver
from cem.simulator.snapshot import SnapshotError, freeze, thaw
from cem.simulator.world import Ask, Produced, World
from cem.simulator.world.people import Offered
from cem.whole_file import write_whole

__all__ = ["Keeper", "KeeperBusy", "Resumed", "SnapshotError"]

_WORLD: Final = "world-{}.msgpack"
_JOURNAL: Final = "journal-{}.jsonl"
_LOG: Final = "log"


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was done to the world."""

    #: Time was let run to here.
    advance_ms: int | None = None
    #: This ask was answered so.
    ask: Ask | None = None
    decision_id: str = ""
    actions: list[Offered] = []
    #: This message of ours was handed over.
    errand: Errand | None = None


class Resumed(msgspec.Struct, frozen=True):
    """A world that goes on, and what it said since its snapshot: to be sent again."""

    world: World
    events: list[Produced]
    #: False: a new world, that nothing was heard of before.
    again: bool = True


class KeeperBusy(Exception):
    """Another process lives in the world."""


class Keeper:
    """One world's files in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._journal: IO[bytes] | None = None
        self._lock: IO[bytes] | None = None

    def lock(self) -> None:
        """Make sure that no other process lives in this world until `close`. Raises KeeperBusy, OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self._folder / "lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise KeeperBusy(f"another cem simulate uses {self._folder}") from None

    def begin(self, log: str) -> None:
        """Forget what was kept; a new world begins, whose events go to the log of this id."""
        self.forget()
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / _LOG).write_text(log, "utf-8")

    def resume(self, log: str | None = None) -> Resumed | None:
        """Return the world as it was when the last process ended, or None when there is none.

        log: only if its events went to the log of this id; None: to whichever. Raises SnapshotError.
        """
        of = self._folder / _LOG
        if log is not None and (not of.exists() or of.read_text("utf-8") != log):
            return None
        numbers = sorted(
            int(path.stem.partition("-")[2])
            for path in self._folder.glob(_WORLD.format("*"))
            if path.stem.partition("-")[2].isdecimal()
        )
        if not numbers:
            return None
        self._number = numbers[-1]
        world = thaw((self._folder / _WORLD.format(self._number)).read_bytes())
        events: list[Produced] = []
        for entry in self._entries():
            if entry.advance_ms is not None:
                events += world.advance(entry.advance_ms)
            elif entry.ask is not None:
                answer(world, entry.ask, entry.decision_id, entry.actions)
            elif entry.errand is not None:
                deliver(world, entry.errand)
        # Those who wait for an answer ask again; what came of earlier decisions has been told.
        world.take_outcomes()
        return Resumed(world, events)

    def _entries(self) -> list[Entry]:
        path = self._folder / _JOURNAL.format(self._number)
        if not path.exists():
            return []
        entries: list[Entry] = []
        for line in path.read_bytes().splitlines():
            try:
                entries.append(msgspec.json.decode(line, type=Entry))
            except msgspec.DecodeError:
                # The last line of a killed process may be cut.
                break
        return entries

    def keep(self, world: World) -> None:
        """Write a snapshot; the journal begins anew."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._end_journal()
        before, self._number = self._number, self._number + 1
        path = self._folder / _WORLD.format(self._number)
        write_whole(path, freeze(world))
        self._journal = (self._folder / _JOURNAL.format(self._number)).open("wb")
        for old in (_WORLD.format(before), _JOURNAL.format(before)):
            (self._folder / old).unlink(missing_ok=True)

    def advanced(self, to_ms: int) -> None:
        """Note that time is let run to `to_ms`."""
        self._note(Entry(advance_ms=to_ms))

    def answered(self, ask: Ask, decision_id: str, actions: Sequence[Offered]) -> None:
        """Note that an ask is answered so."""
        self._note(Entry(ask=ask, decision_id=decision_id, actions=list(actions)))

    def delivering(self, errand: Errand) -> None:
        """Note that a message of ours is handed over."""
        self._note(Entry(errand=errand))

    def _note(self, entry: Entry) -> None:
        if self._journal is not None:
            self._journal.write(msgspec.json.encode(entry) + b"\n")
            self._journal.flush()

    def forget(self) -> None:
        """Remove the world."""
        self._end_journal()
        for pattern in (_WORLD, _JOURNAL):
            for path in self._folder.glob(pattern.format("*")):
                path.unlink()
        self._number = 0

    def close(self) -> None:
        """Let another process have the world."""
        self._end_journal()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _end_journal(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None
