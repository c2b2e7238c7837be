"""The lanes' states in Redis: one server, Sentinel or Cluster.

Nothing here is sent twice by the driver. A save whose reply was lost may or may not have been applied; called again,
it finds its own token and answers `already`, or it is applied now.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, cast

from cem.ports import NO_TOKEN, Emission, LaneHeader, LaneImage, Save, SaveAnswer
from cem.stores.base import Timeouts
from cem.stores.codec import (
    RESTORING,
    check_save,
    decode_header,
    decode_outbox,
    encode_header,
    encode_outbox,
)
from cem.stores.connections import Command
from cem.stores.errors import StoreBroken, damaged, half_saved
from cem.stores.keys import LaneKeys
from cem.stores.redis_admin import RedisAdmin
from cem.stores.redis_reader import RedisReader
from cem.stores.restoring import Values, restore_lane
from cem.stores.scripts import SAVE_IF_CURRENT

__all__ = ["RedisStore", "open_store"]

_OUTCOMES: dict[bytes, Literal["saved", "already", "fenced"]] = {
    b"saved": "saved",
    b"already": "already",
    b"fenced": "fenced",
}


class RedisStore(RedisReader, RedisAdmin):
    """`StateStore` and `CustomerReader` on Redis, and what the command line needs beside them.

    Calls raise StoreUnavailable when Redis is away or refuses, StoreBroken when it holds what was not written.
    """

    def __init__(self, url: str, partitions: int, *, timeouts: Timeouts | None = None) -> None:
        """Open nothing yet. Raises StoreUrlError if `url` cannot be used."""
        super().__init__(url, partitions, timeouts=timeouts)
        #: Lanes whose last load found some of the keys absent.
        self._some_absent: set[int] = set()

    async def open_lane(self, lane: int) -> LaneImage:
        """Return the lane as it is: its header, the outbox of its last save, its earliest due time (ms)."""
        keys = self.keys(lane)
        *_, image = await self._work(
            keys.slot,
            (b"MULTI",),
            (b"HMGET", keys.lane, b"token", b"header"),
            (b"GET", keys.outbox),
            (b"ZRANGE", keys.due, b"0", b"0", b"WITHSCORES"),
            (b"EXEC",),
        )
        (token, header), outbox, due = image
        next_due_ms = int(float(due[1])) if due else None
        if token is None and header is None:
            if outbox is not None or due:
                msg = (
                    f"lane {lane}: its header is gone from the store, but other keys of it are there. Redis may have "
                    "evicted it (maxmemory-policy must be noeviction), or somebody deleted it. Restore a backup, or "
                    "empty the store and start the worker with --rebuild."
                )
                raise StoreBroken(msg)
            return LaneImage(None, (), None)
        if token is not None and token.startswith(RESTORING.encode()):
            raise half_saved(lane)
        if token is None or header is None:
            raise damaged(lane, "the store has half of its header")
        return LaneImage(
            decode_header(header, token.decode(), lane),
            () if outbox is None else decode_outbox(outbox, lane),
            next_due_ms,
        )

    async def load(self, lane: int, suffixes: Sequence[str]) -> tuple[str, list[bytes | None]]:
        """Return the lane's token and the values in the order asked for, read at one moment.

        One round trip, and a second one when some are not there and the last time all of them were.
        """
        keys = self.keys(lane)
        names = [keys.of(s) for s in suffixes]
        if not names:
            (token,) = await self._work(keys.slot, (b"HGET", keys.lane, b"token"))
            return _text(token), []
        values: list[bytes | None]
        there: int | None = None
        if lane in self._some_absent:
            # Where customers are new, more are to be expected: what has to be asked about them is asked at once.
            token, values, there = await self._at_one_moment(keys, (b"MGET", *names), (b"EXISTS", *names))
        else:
            token, values = await self._at_one_moment(keys, (b"MGET", *names))
        absent = [name for name, value in zip(names, values, strict=True) if value is None]
        if not absent:
            self._some_absent.discard(lane)
            return _text(token), values
        self._some_absent.add(lane)
        if there is None:
            (hidden,) = await self._work(keys.slot, (b"EXISTS", *absent))
        else:
            hidden = there - (len(names) - len(absent))
        if hidden:
            await self._check_kinds(lane, keys, absent)
        return _text(token), values

    async def save(self, lane: int, save: Save) -> SaveAnswer:
        """Apply `save` if the lane's token is `save.expected`; see SaveAnswer. Safe to call again after any error."""
        check_save(save)
        return await self.apply_unchecked(lane, save)

    async def _check_kinds(self, lane: int, keys: LaneKeys, absent: Sequence[bytes]) -> None:
        """Raise StoreBroken if a key is there after all, as another type: MGET hides that, a save would overwrite it."""
        kinds = await self._work(keys.slot, *((b"TYPE", name) for name in absent))
        strange = [n for n, kind in zip(absent, kinds, strict=True) if kind not in {b"none", b"string"}]
        if strange:
            msg = (
                f"lane {lane}: {_some(strange)} hold something else than a state; "
                f"see TYPE in redis-cli at {self.shown}"
            )
            raise StoreBroken(msg)

    async def due(self, lane: int, until_ms: int, limit: int) -> tuple[str, list[str]]:
        """Return the lane's token and the members of "due" with score <= until_ms, read at one moment.

        Earliest first (ties by name), at most `limit`.
        """
        keys = self.keys(lane)
        count = b"%d" % max(0, limit)
        token, members = await self._at_one_moment(
            keys, (b"ZRANGEBYSCORE", keys.due, b"-inf", b"%d" % until_ms, b"LIMIT", b"0", count)
        )
        return _text(token), [m.decode() for m in members]

    async def restore_lane(
        self,
        lane: int,
        header: LaneHeader,
        values: Values,
        sorted_sets: Mapping[str, Mapping[str, int]],
        outbox: Sequence[Emission] = (),
    ) -> None:
        """Make an empty lane what the arguments say. Raises Fenced if it is not empty. See `stores.restoring`."""
        await restore_lane(self, lane, header, values, sorted_sets, outbox)

    async def apply_unchecked(self, lane: int, save: Save, drop: Sequence[str] = ()) -> SaveAnswer:
        """Apply a save that `check_save` was not asked about; `drop` are suffixes of whole keys to delete first."""
        keys = self.keys(lane)
        names, arguments = _script_input(keys, save, drop)
        status, due, found = await self.client.run_script(
            keys.slot, SAVE_IF_CURRENT, names, arguments, timeout_s=self.timeouts.work_s
        )
        if status == b"broken":
            msg = f"lane {lane}: nothing was saved, because {found.decode(errors='replace')}"
            raise StoreBroken(msg)
        outcome = _OUTCOMES[status]
        return SaveAnswer(
            outcome,
            None if due is None else int(float(due)),
            found.decode() if outcome == "fenced" else NO_TOKEN,
        )

    async def _at_one_moment(self, keys: LaneKeys, *commands: Command) -> list[Any]:
        """Return the lane's token and the commands' replies."""
        *_, replies = await self._work(
            keys.slot, (b"MULTI",), (b"HGET", keys.lane, b"token"), *commands, (b"EXEC",)
        )
        return cast(list[Any], replies)

    async def _work(self, slot: int, *commands: Command) -> list[Any]:
        # Only reads come here, so trying again is harmless.
        return await self.client.read_together(slot, commands, purpose="work", timeout_s=self.timeouts.work_s)


def open_store(url: str, partitions: int, *, timeouts: Timeouts | None = None) -> RedisStore:
    """Return the store at `url`; nothing is opened yet. Raises StoreUrlError."""
    return RedisStore(url, partitions, timeouts=timeouts)


def _script_input(keys: LaneKeys, save: Save, drop: Sequence[str]) -> tuple[list[bytes], list[bytes]]:
    """Return KEYS and ARGV of save_if_current.lua; `drop` are suffixes of whole keys to delete before the rest."""
    of = keys.of
    values: Collection[bytes | None] = save.values.values()
    if None in values:
        kept = {s: v for s, v in save.values.items() if v is not None}
        to_delete = [of(s) for s, v in save.values.items() if v is None]
        to_set, values = list(map(of, kept)), kept.values()
    else:  # nearly always: this is the hot path
        prefix = keys.prefix
        to_set, to_delete = [prefix + suffix.encode() for suffix in save.values], []
    to_delete += [of(s) for s in drop]
    # "due" comes first, changed or not: the script answers its earliest score.
    sets = {"due": save.sorted_sets.get("due", {})} | dict(save.sorted_sets)
    counts: list[bytes] = []
    members: list[bytes] = []
    for changes in sets.values():
        gone = [m.encode() for m, score in changes.items() if score is None]
        counts += (b"%d" % (len(changes) - len(gone)), b"%d" % len(gone))
        for member, score in changes.items():
            if score is not None:
                members += (b"%d" % score, member.encode())
        members += gone
    names = [keys.lane, keys.outbox, keys.names, *(of(n) for n in sets), *to_set, *to_delete]
    arguments = [
        save.expected.encode(), save.header.token.encode(), encode_header(save.header), encode_outbox(save.outbox),
        b"%d" % len(sets), b"%d" % len(to_set), b"%d" % len(to_delete),
        *counts, *members, *cast(Collection[bytes], values),
    ]  # fmt: skip
    return names, arguments


def _text(token: bytes | None) -> str:
    return NO_TOKEN if token is None else token.decode()


def _some(names: Sequence[bytes]) -> str:
    shown = ", ".join(n.decode(errors="replace") for n in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
