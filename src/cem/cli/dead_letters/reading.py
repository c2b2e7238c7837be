"""What the dead-letter commands share: filters, reading the topic, and how a letter is shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
import msgspec

from cem.cli.errors import FAILED, USAGE, Failure
from cem.cli.reach import require_kafka
from cem.settings import Settings
from cem.streams.connection import client_options
from cem.streams.dead_letter_log import find_dead_letter, read_dead_letters
from cem.streams.dead_letters import DeadLetter
from cem.streams.log_reader import KafkaLog

__all__ = [
    "Filters",
    "Matching",
    "filter_options",
    "find",
    "key_text",
    "masked",
    "matching",
    "moment",
    "opened_log",
]

F = TypeVar("F", bound=Callable[..., Any])


class Filters(msgspec.Struct, frozen=True):
    """Which letters; None does not look."""

    reason: str | None = None
    topic: str | None = None
    customer: str | None = None

    def take(self, letter: DeadLetter) -> bool:
        """Tell whether the letter is one of them."""
        return (
            self.reason in (None, letter.code)
            and self.topic in (None, letter.topic)
            and (self.customer is None or key_text(letter) == self.customer)
        )

    @property
    def named(self) -> bool:
        """Whether anything is looked at."""
        return (self.reason or self.topic or self.customer) is not None


class Matching(msgspec.Struct, frozen=True):
    """The letters that the filters take, and what there is in all."""

    letters: list[DeadLetter]
    total: int
    reasons: frozenset[str]
    topics: frozenset[str]

    def none_because(self, filters: Filters) -> str:
        """Return why there are no letters: a filter that names what no letter has, or nothing to find."""
        if not self.total:
            return "no dead letters"
        for flag, wanted, there in (
            ("--reason", filters.reason, self.reasons),
            ("--topic", filters.topic, self.topics),
        ):
            if wanted is not None and wanted not in there:
                return f"none of {self.total:,} dead letters fits {flag} {wanted}: theirs are {', '.join(sorted(there))}"
        return f"none of {self.total:,} dead letters fits all of the filters"


def filter_options(function: F) -> F:
    """Give the command the options --reason, --topic and --customer."""
    for option in (
        click.option("--customer", metavar="ID", help="Only those of this customer (the record's key)."),
        click.option("--topic", metavar="TOPIC", help="Only those that came from this topic."),
        click.option(
            "--reason", metavar="REASON", help="Only those with this reason, such as invalid_field."
        ),
    ):
        function = option(function)
    return function


@asynccontextmanager
async def opened_log(settings: Settings) -> AsyncIterator[KafkaLog]:
    """Give the log for reading. Raises Failure when Kafka cannot be reached."""
    await require_kafka(settings)
    log = KafkaLog(client_options(settings))
    try:
        yield log
    finally:
        await log.stop()


async def matching(log: KafkaLog, settings: Settings, filters: Filters) -> Matching:
    """Return the letters that the filters take, in the order of their arrival."""
    found: list[DeadLetter] = []
    total, reasons, topics = 0, set(), set()
    async for letter in read_dead_letters(log, settings.partitions):
        total += 1
        reasons.add(letter.code)
        topics.add(letter.topic)
        if filters.take(letter):
            found.append(letter)
    found.sort(key=lambda letter: (letter.stored_ms, letter.partition, letter.offset))
    return Matching(found, total, frozenset(reasons), frozenset(topics))


async def find(log: KafkaLog, settings: Settings, name: str) -> DeadLetter:
    """Return the letter called PARTITION/OFFSET. Raises Failure, for a partition that is not there without asking."""
    partition, slash, offset = name.partition("/")
    if not slash or not partition.isdecimal() or not offset.isdecimal():
        raise Failure(
            f"{name!r} is no dead letter: they are named PARTITION/OFFSET, as in cem dead-letters list", USAGE
        )
    if int(partition) >= settings.partitions:
        there = (
            f"partitions are 0-{settings.partitions - 1}"
            if settings.partitions > 1
            else "there is only partition 0"
        )
        raise Failure(f"there is no dead letter {name}: {there}", USAGE)
    letter = await find_dead_letter(log, int(partition), int(offset))
    if letter is None:
        raise Failure(f"there is no dead letter {name} (any more)", FAILED)
    return letter


def key_text(letter: DeadLetter) -> str:
    """Return the record's key as text; "" for none."""
    return (letter.key or b"").decode(errors="backslashreplace")


def masked(text: str) -> str:
    """Return a customer's or line's name so that it can be told from others, but not looked up."""
    kind, colon, value = text.rpartition(":")
    return kind + colon + (value if len(value) <= 3 else f"{value[:2]}…{value[-1]}")


def moment(ms: int) -> str:
    """Return milliseconds since the epoch in RFC 3339, to the second."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
