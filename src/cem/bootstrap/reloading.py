"""Taking up changed policy files while a process runs: new rules from one step to the next, or none if they are wrong.

In a worker the version of the rules is part of every journal entry, so a step that is made again is made under the rules
of its time, in which worker ever; they are kept (`RulesArchive`) before the first step is made under them. In the API the
hash of the policy is part of every decision; it is put on the log before the first decision is made by it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Generic, Protocol, TypeVar

from cem.bootstrap.rules import ALERTS_FILE
from cem.nba.policy import ACTIONS_FILE, DECISION_FILE
from cem.nba.value_policy import VALUE_FILE
from cem.ports import LaneStopped, Unavailable
from cem.segments import FILE as SEGMENTS_FILE
from cem.settings import Settings, SettingsError

__all__ = ["RulesWatch"]

_log = logging.getLogger(__name__)

_EVERY_S: Final = 2.0
_FILES: Final = (ACTIONS_FILE, ALERTS_FILE, DECISION_FILE, SEGMENTS_FILE, VALUE_FILE)
#: Of each file when it was changed last, and its size; None: it is not there.
_Stamp = tuple[tuple[int, int] | None, ...]


class _Versioned(Protocol):
    """Rules, whatever is made of them."""

    @property
    def version(self) -> str: ...


R = TypeVar("R", bound=_Versioned)


class RulesWatch(Generic[R]):
    """The rules in force, and why the files as they are now are refused ("": they are not)."""

    def __init__(
        self,
        settings: Settings,
        rules: R,
        *,
        read: Callable[[Settings], R],
        keep: Callable[[R], Awaitable[None]],
        use: Callable[[R], None],
        every_s: float = _EVERY_S,
    ) -> None:
        """Take the rules read at the start, how they are read and kept, and what is told of those that hold from now on.

        `read` raises SettingsError, with file and line, for files that are wrong; `keep` Unavailable when it has to be
        tried again.
        """
        self.rules = rules
        self.refused = ""
        self._settings = settings
        self._read = read
        self._keep = keep
        self._use = use
        self._every_s = every_s
        # The files may have changed since they were read.
        self._taken: _Stamp = ()
        self._before: _Stamp = ()

    async def run(self) -> None:
        """Look until cancelled. The shipped policies do not change, so without a folder there is nothing to look at."""
        while self._settings.policies is not None:
            await asyncio.sleep(self._every_s)
            await self.look()

    async def look(self) -> None:
        """Take up what was changed, once two looks have found the files the same: an editor may be in the midst of it."""
        stamp, before = self._stamp(), self._before
        self._before = stamp
        if stamp == self._taken or stamp != before:
            return
        try:
            rules = await asyncio.to_thread(self._read, self._settings)
            if rules.version != self.rules.version:
                await self._keep(rules)
        except (SettingsError, OSError, UnicodeError) as error:
            self._taken = stamp
            self.refused = str(error)
            _log.error("the rules in force stay, as the changed files are refused: %s", error)
            return
        except (Unavailable, LaneStopped) as error:
            _log.warning("changed rules wait to be kept before they hold: %s", error)
            return
        self._taken, self.refused = stamp, ""
        if rules.version != self.rules.version:
            _log.warning("rules %s hold from now on, in place of %s", rules.version, self.rules.version)
            self.rules = rules
            self._use(rules)

    def _stamp(self) -> _Stamp:
        folder = self._settings.policies
        found: list[tuple[int, int] | None] = []
        for name in _FILES if folder is not None else ():
            try:
                known = (folder / name).stat()  # type: ignore[operator]
            except OSError:
                found.append(None)
            else:
                found.append((known.st_mtime_ns, known.st_size))
        return tuple(found)
