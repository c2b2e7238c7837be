"""A small simulated operator lived through on a real Kafka and Redis, with its hidden truth kept for the judge."""

from __future__ import annotations

import asyncio
import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec

from cem.domain.customer import Customer, decode_customer
from cem.domain.events import SmsRated
from cem.simulator import Ask, Parameters, Produced, open_world
from cem.simulator.sending import outgoing
from cem.simulator.truth_file import TruthFile
from cem.stores import RedisStore, Timeouts, open_store
from cem.streams.clock import POLL_S, Anchor, write_anchor
from cem.streams.connection import client_options
from cem.streams.log_reader import KafkaLog
from cem.streams.producer import EventProducer
from cem.streams.topics import LANE_TOPICS
from tests.e2e.system import System
from tests.servers.child import wait_until

__all__ = ["DAY_MS", "Asked", "Operator"]

DAY_MS: Final = 86_400_000
#: What is told in a day is told before the quiet hours, or not at all: each day is brought in at this hour.
_EVENING_MS: Final = 20 * 3_600_000
#: Of the households without a spell so many-th keep their messages: what all lines do is known from them.
_EVERY: Final = 3

T = TypeVar("T")


class Asked(msgspec.Struct, frozen=True):
    """A call in one of the stories, and what its representative was shown as it began."""

    ask: Ask
    story: int
    decision: dict[str, Any]
    conversation: dict[str, Any]


class Operator:
    """One operator from its first day on. After `history_days` calls are shown to representatives, and judged."""

    def __init__(self, system: System, parameters: Parameters, *, history_days: int, days: int) -> None:
        self.system = system
        self.parameters = parameters
        self.live_ms = parameters.day_start_ms(history_days)
        self.end_ms = parameters.day_start_ms(days)
        self.world = open_world(parameters, live_from_day=history_days)
        self.truth_file = system.state_dir / "truth.jsonl"
        self.asked: list[Asked] = []
        #: What was said, message for message: alerts as they opened and changed; requests to tell somebody.
        self.alerts: list[dict[str, Any]] = []
        self.outreach: list[dict[str, Any]] = []
        #: What the workers have heard beside messages.
        self.heard: list[Produced] = []
        self.states: dict[str, Customer] = {}
        self._url = ""
        self._runner = asyncio.Runner()
        self._store: RedisStore
        self._log: KafkaLog
        self._producer: EventProducer
        self._texting = _texting(parameters, days)

    def __enter__(self) -> Self:
        self._do(self._connect())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._disconnect())
        self._runner.close()

    def run(self, shown: Mapping[int, int]) -> None:
        """Live to the end, evening by evening. Of each of these stories so many calls about a matter are shown at once."""
        system, world = self.system, self.world
        truth = TruthFile(self.truth_file, world, append=False)
        evening_ms = self.parameters.day_start_ms(0) - DAY_MS + _EVENING_MS
        self._take([], evening_ms)
        worker, api = system.worker("w"), system.start("api", "--port", "0", name="api")
        wait_until(self._listens, timeout_s=120, what="the API listens")
        while evening_ms < self.end_ms:
            evening_ms += DAY_MS
            waiting: list[Produced] = []
            while world.now_ms < evening_ms:
                waiting += world.advance(evening_ms, stop_at_ask=True)
                for ask in world.take_asks():
                    story, contacts = self._story_of(ask)
                    if contacts <= shown.get(story, 0):
                        self._take(waiting, world.now_ms)
                        waiting = []
                        self._do(self._all_read())
                        self.asked.append(self._show(ask, story))
            self._take(waiting, evening_ms)
        truth.close()
        self._do(self._all_read())
        self.states = self._do(self._read_states())
        self.alerts = [msgspec.json.decode(r.value) for r in system.read_topic("cem.alerts")]
        self.outreach = [msgspec.json.decode(r.value) for r in system.read_topic("cem.outreach")]
        assert (system.stop(worker), system.stop(api)) == (0, 0)

    def truths(self, *names: str) -> Iterator[dict[str, Any]]:
        """Return the rows of the truth file with one of these names, in their order."""
        for line in self.truth_file.read_bytes().splitlines():
            row = json.loads(line)
            if row["truth"] in names:
                yield row

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    async def _connect(self) -> None:
        settings = self.system.settings
        options = client_options(settings)
        timeouts = Timeouts(work_s=5.0, read_s=5.0)
        self._store = open_store(settings.redis_url, settings.partitions, timeouts=timeouts)
        self._log = KafkaLog(options)
        self._producer = EventProducer(options)
        await self._producer.start()

    async def _disconnect(self) -> None:
        await self._producer.stop()
        await self._log.stop()
        await self._store.close()

    def _story_of(self, ask: Ask) -> tuple[int, int]:
        """Return in which story the call plays (0: in none), and the how-manieth contact about its matter it is."""
        household = self.world.households[int(ask.customer_id[1:]) - 1]
        problem = household.problem(household.call.problem) if household.call else None
        return (problem.story, problem.contacts) if problem else (0, 0)

    def _take(self, events: list[Produced], to_ms: int) -> None:
        """Let the clock show `to_ms`, and then the workers hear of these events. The lanes' time waits for what is unread."""

        self.heard += [event for event in events if not isinstance(event.event, SmsRated)]

        async def send() -> None:
            await write_anchor(self._store, Anchor(time.time_ns() // 1_000_000, to_ms, 0.0))
            # By now worker and API have looked at the clock.
            await asyncio.sleep(1.4 * POLL_S)
            await self._producer.send_many(
                outgoing(event)
                for event in events
                if not isinstance(event.event, SmsRated) or event.event.line in self._texting
            )
            await self._producer.flush()

        self._do(send())

    async def _all_read(self, within_s: float = 180.0) -> None:
        """Return when every record has been applied, those included that were passed on meanwhile."""
        lanes, quiet, deadline = range(self.system.settings.partitions), 0, time.monotonic() + within_s
        while quiet < 2:
            bounds = [await self._log.bounds(lane, LANE_TOPICS) for lane in lanes]
            headers = await self._store.headers()
            behind = [
                (topic, lane)
                for lane, ends in zip(lanes, bounds, strict=True)
                for topic, (_, end) in ends.items()
                if end and (lane not in headers or _position(headers[lane], topic) < end)
            ]
            assert time.monotonic() < deadline, f"still unread: {behind}"
            quiet = 0 if behind else quiet + 1
            await asyncio.sleep(0.05)

    async def _read_states(self) -> dict[str, Customer]:
        found = await self._store.read_many(self.world.keys)
        return {
            name: decode_customer(data)
            for name, data in zip(self.world.keys, found, strict=True)
            if data is not None
        }

    def _show(self, ask: Ask, story: int) -> Asked:
        query = {"call_id": ask.call_id, "reason": ask.reason, "intent": ask.intent, "text": ask.text}
        given = urllib.parse.urlencode({name: value for name, value in query.items() if value})
        path = f"/v1/customers/{ask.customer_id}"
        return Asked(ask, story, self._get(f"{path}/next-best-action?{given}"), self._get(path))

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self._url + path, timeout=30) as answer:
            return json.load(answer)

    def _listens(self) -> bool:
        found = re.search(r"http://127\.0\.0\.1:\d+", self.system.log("api"))
        self._url = found.group() if found else ""
        return bool(found)


def _position(header: Any, topic: str) -> int:
    position = header.positions.get(topic)
    return position.next_offset if position is not None else 0


def _texting(parameters: Parameters, days: int) -> frozenset[str]:
    """Return the lines whose messages are sent: of households with a spell, and of some others. The rest keeps the run short."""
    world = open_world(parameters)
    world.truths = []
    world.advance(parameters.day_start_ms(days) - 1)
    spells = {row["customer"] for row in world.take_truths() if row["truth"] == "abuse"}
    return frozenset(
        name
        for name, owner in zip(world.line_names, world.owners, strict=True)
        if world.keys[owner] in spells or owner % _EVERY == 0
    )
