"""What people have set for all customers, kept over a restart of the embedded broker.

Brakes, rulings about telling and end points of webhooks stand on `cem.control`, which a real Kafka keeps and the embedded
broker forgets when it stops. So `cem up` follows that topic, keeps the newest record of each of them in a file of the
state directory, and writes them to the next embedded log before anything reads it: a brake that is on stays on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from cem.alerts import pauses
from cem.bootstrap import brakes
from cem.cli.errors import FAILED, Failure
from cem.domain.events import encode
from cem.domain.events.enums import Ruling
from cem.settings import Settings
from cem.streams.connection import client_options
from cem.streams.control_feed import ControlFeed, Setting
from cem.streams.log_reader import KafkaLog
from cem.streams.partition import lane_of
from cem.streams.topics import CONTROL
from cem.webhooks.service import WEBHOOK
from cem.whole_file import write_whole

__all__ = ["Decided"]

#: Of the keys that are kept. What is wanted once (`replay:`) names places of the log that is gone.
_PREFIXES: Final = (brakes.PREFIX, *pauses.PREFIXES, WEBHOOK)
_SOURCE: Final = "cem/up"


class _Kept(msgspec.Struct, frozen=True):
    """One record: a line of the file."""

    key: str
    #: When the log took it in first (wall, ms).
    at_ms: int
    headers: dict[str, str]
    value: msgspec.Raw


class Decided:
    """The newest record of each key, in a file."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one. Raises Failure if it cannot be read: a brake must not be lost in silence."""
        self._path = path
        self._kept: dict[str, _Kept] = {}
        try:
            for line in path.read_bytes().splitlines() if path.exists() else ():
                kept = msgspec.json.decode(line, type=_Kept)
                self._kept[kept.key] = kept
        except (OSError, msgspec.MsgspecError) as error:
            raise Failure(
                f"what was set before (brakes, pauses, webhooks) cannot be read from {path}: {error}; "
                "mend it, or move it away to begin with nothing set",
                FAILED,
            ) from None

    async def say(self, settings: Settings) -> int:
        """Write what is kept to the log, each record with its own time; return how many still say something.

        What was taken back again is written too: what says so must not be missing. Raises Failure.
        """
        if not self._kept:
            return 0
        try:
            async with AIOKafkaProducer(**client_options(settings), acks="all") as producer:
                for kept in self._kept.values():
                    await producer.send_and_wait(
                        CONTROL,
                        bytes(kept.value),
                        key=kept.key.encode(),
                        partition=lane_of(kept.key, settings.partitions),
                        timestamp_ms=kept.at_ms,
                        headers=[(name, text.encode()) for name, text in kept.headers.items()],
                    )
        except KafkaError as error:
            why = str(error) or type(error).__name__
            raise Failure(f"what was set before could not be written to the new log: {why}", FAILED) from None
        return sum(map(_holds, self._kept.values()))

    async def follow(self, settings: Settings) -> None:
        """Keep what is set from now on, until cancelled."""
        options = client_options(settings)
        log = KafkaLog(options)
        try:
            await ControlFeed(options, log, settings.partitions, _PREFIXES, self._take).run()
        finally:
            await log.stop()

    def _take(self, key: str, setting: Setting) -> None:
        at_ms = setting.timestamp_ms
        headers, value = encode(
            setting.event, id=f"{key}/{at_ms}-up", source=_SOURCE, time_ms=at_ms, customer_id=key
        )
        kept = _Kept(key, at_ms, {name: text.decode() for name, text in headers}, msgspec.Raw(value))
        if self._kept.get(key) != kept:
            self._kept[key] = kept
            lines = [msgspec.json.encode(each) + b"\n" for each in self._kept.values()]
            write_whole(self._path, b"".join(lines))


def _holds(kept: _Kept) -> bool:
    """Return whether the record sets anything: a brake released or an end point removed takes back what was set."""
    value = msgspec.json.decode(kept.value)
    taken_back = False in (value.get("on"), value.get("active"), value.get("paused"))
    return not taken_back and value.get("ruling") != Ruling.LEDGER
