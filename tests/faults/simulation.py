"""The fault simulation: the real `LanePipeline`, hand-stepped against modelled Kafka and Redis by a seeded draw.

A *history* is one lane's life under one seed: up to three worker processes at once (so that some are owners of the
past), records produced meanwhile, and faults of every class at rates drawn per seed, so that some histories are calm
and some are hell. After each save the invariants are checked; then the faults end, one worker is left, and it has to
reach the end of the log within a bounded number of steps.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from cem.pipeline import LanePipeline, Limits
from cem.ports import NO_TOKEN, Fenced, Unavailable
from cem.stores.memory import MemoryCore
from tests.faults.fold import LaneStepper
from tests.faults.models import LANE, TOPICS, Call, KafkaModel, LogPort, PublisherPort, SimState, StorePort
from tests.faults.oracle import Oracle, Violation

PipelineFactory = Callable[..., LanePipeline[SimState, Any]]


class Fault(NamedTuple):
    """One fault that a history took, in the order taken: what shrinking drops one by one."""

    index: int
    what: str


class _NextInput(Call):
    """What a worker's loop waits for between batches: not a call of a port."""

    def __init__(self) -> None:
        super().__init__("input", lambda: None)


class Worker:
    """One worker process: a pipeline, its loop as a bare coroutine, and the call that it waits for."""

    def __init__(self, instance: int, world: History) -> None:
        self.instance = instance
        self.publisher = PublisherPort(world.kafka, instance)
        #: How far this machine's clock is behind (ms).
        self.skew_ms = world.random.randrange(40) if world.random.random() < 0.3 else 0
        self._tokens = 0

        def token() -> str:
            self._tokens += 1
            return f"t{instance}.{self._tokens}"

        async def pause(attempt: int, reason: Unavailable) -> None:
            await Call("pause", lambda: None)

        self.pipeline = world.make_pipeline(
            LANE,
            store=StorePort(world.store),
            publisher=self.publisher,
            log=LogPort(world.kafka),
            stepper=LaneStepper(str(instance % 2), b"model of %d" % instance),
            topics=TOPICS,
            owner=f"w{instance}",
            new_token=token,
            pause=pause,
            limits=Limits(customers=3, bytes=200, cached=4, due=2, followed=3, entries=4),
            rebuild=True,
        )
        self._coroutine: Coroutine[Call, Any, None] = self._life(world)
        self.call: Call | None = None
        self.frozen = False
        self.resume(None)

    async def _life(self, world: History) -> None:
        while True:
            try:
                if not self.pipeline.is_open:
                    await self.pipeline.open()
                work = await _NextInput()
                if work is None:
                    await self.pipeline.tick(world.now_ms - self.skew_ms)
                else:
                    topic, records = work
                    await self.pipeline.apply(topic, records, world.now_ms - self.skew_ms)
            except Fenced:
                world.saw("fenced")
            if self.pipeline.counts.followed:
                world.saw("followed")
                self.pipeline.counts.followed = 0

    def resume(self, answer: Any) -> None:
        """Give the coroutine its answer and take its next call."""
        self.call = self._coroutine.send(answer)

    def fail(self, error: BaseException) -> None:
        """Let the call that the coroutine waits for raise."""
        self.call = self._coroutine.throw(error)

    def kill(self) -> None:
        """End the process where it stands: no clean-up runs (a coroutine closed is a coroutine forgotten)."""
        self._coroutine.close()
        self.call = None


class History:
    """One seed's history. `run` raises Violation; `trace` is a hash of all that happened."""

    def __init__(
        self,
        seed: int,
        *,
        make_pipeline: PipelineFactory = LanePipeline,
        make_store: Callable[[], MemoryCore] = MemoryCore,
        without: frozenset[int] = frozenset(),
        records: int = 24,
    ) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.make_pipeline = make_pipeline
        self.kafka = KafkaModel()
        self.store = make_store()
        self.now_ms = 1_000
        self.seen: Counter[str] = Counter()
        self.faults: list[Fault] = []
        self._without = without
        self._records = records
        self._instances = 0
        self._late: list[Call] = []
        self._hash = hashlib.blake2b(digest_size=16)
        draw = self.random
        # Each class of fault is off in about a third of the histories.
        self.rates = {
            name: (draw.random() ** 2 * top if draw.random() > 0.33 else 0.0)
            for name, top in (
                ("crash", 0.12),
                ("lost_request", 0.2),
                ("lost_reply", 0.2),
                ("late_request", 0.12),
                ("partial_publish", 0.3),
                ("freeze", 0.06),
                ("second_owner", 0.06),
                ("rollback", 0.05),
                ("unknown_offset", 0.2),
                ("append_in_doubt", 0.1),
            )
        }
        self._oracle = Oracle(seed, self.kafka, self.store)
        self.workers: list[Worker] = []

    # -- bookkeeping -------------------------------------------------------------------------------------------

    def saw(self, what: str) -> None:
        self.seen[what] += 1
        self._hash.update(what.encode())

    @property
    def trace(self) -> str:
        """A hash of everything that happened, in order."""
        return self._hash.hexdigest()

    def _fault(self, what: str, happens: bool) -> bool:
        """Take a fault unless this run leaves it out (shrinking)."""
        if not happens:
            return False
        index = len(self.faults)
        self.faults.append(Fault(index, what))
        if index in self._without:
            return False
        self.saw(what)
        return True

    # -- the world ---------------------------------------------------------------------------------------------

    def run(self) -> History:
        """Live through faults, then heal and converge."""
        self._start()
        produced = steps = 0
        while produced < self._records or steps < 12 * self._records:
            steps += 1
            draw = self.random
            what = draw.random()
            if what < 0.12 and produced < self._records:
                self.kafka.produce(
                    draw.choice(TOPICS), f"k{draw.randrange(6)}", draw.randrange(60), self.now_ms
                )
                produced += 1
            elif what < 0.2:
                self.now_ms += draw.randrange(1, 30)
            else:
                self._disturb()
                self._move(draw.choice(self.workers))
        self._heal()
        return self

    def _start(self) -> None:
        self._instances += 1
        self.workers.append(Worker(self._instances, self))

    def _disturb(self) -> None:
        draw, rates = self.random, self.rates
        if self._fault("second_owner", draw.random() < rates["second_owner"] and len(self.workers) < 3):
            self._start()
        if self._late and draw.random() < 0.2:
            self._arrive_late(self._late.pop(draw.randrange(len(self._late))))
        saves = self.store.history_length(LANE)
        if self._fault("rollback", draw.random() < rates["rollback"]) and saves:
            self.store.rollback(LANE, 1 + draw.randrange(min(4, saves)))
        for worker in self.workers:
            if worker.frozen:
                worker.frozen = draw.random() > 0.08
            else:
                worker.frozen = self._fault("freeze", draw.random() < rates["freeze"])

    def _arrive_late(self, call: Call) -> None:
        """A request takes effect after its sender gave up on it."""
        self.saw(f"late:{call.name}")
        with contextlib.suppress(Unavailable):
            self._effect(call)

    def _move(self, worker: Worker) -> None:
        if worker.frozen:
            return
        draw, rates = self.random, self.rates
        call = worker.call
        assert call is not None
        if isinstance(call, _NextInput):
            self._feed(worker)
            return
        if call.name == "pause":
            worker.resume(None)
            return
        if self._fault(f"crash:before:{call.name}", draw.random() < rates["crash"]):
            self._replace(worker)
        elif self._fault(f"lost_request:{call.name}", draw.random() < rates["lost_request"]):
            worker.fail(Unavailable("the request was lost"))
        elif call.name == "append_journal" and self._fault(
            "append_in_doubt", draw.random() < rates["append_in_doubt"]
        ):
            # It is there, its owner hears nothing and stands still, and another one takes over.
            self._effect(call)
            worker.fail(Unavailable("no answer in time"))
            worker.frozen = True
            if len(self.workers) < 3:
                self._start()
        elif self._fault(f"late_request:{call.name}", draw.random() < rates["late_request"]):
            self._late.append(call)
            worker.fail(Unavailable("no answer in time"))
        elif self._fault(f"lost_reply:{call.name}", draw.random() < rates["lost_reply"]):
            self._effect(call)
            worker.fail(Unavailable("the reply was lost"))
        elif self._fault(f"crash:after:{call.name}", draw.random() < rates["crash"]):
            self._effect(call)
            self._replace(worker)
        else:
            if call.name == "publish" and self._fault(
                "partial_publish", draw.random() < rates["partial_publish"]
            ):
                worker.publisher.cut_after = draw.randrange(3)
            self._answer(worker, call)

    def _answer(self, worker: Worker, call: Call) -> None:
        try:
            answer = self._effect(call)
        except Unavailable as error:
            worker.fail(error)
            return
        if call.name == "save":
            self.saw(f"save:{answer.outcome}")
        if call.name == "append_journal" and self._fault(
            "unknown_offset", self.random.random() < self.rates["unknown_offset"]
        ):
            # A broker that has a batch already does not say where.
            answer = -1
        worker.resume(answer)

    def _effect(self, call: Call) -> Any:
        """Make the call on the models, checking the invariants when it was a save."""
        answer = call.fn()
        self._hash.update(call.name.encode())
        if call.name == "append_journal":
            entry = self.kafka.journal[answer]
            if any(
                e.previous == entry.previous and e.token != entry.token for e in self.kafka.journal[:answer]
            ):
                self.saw("lost_the_journal")
        if call.name == "save" and answer.outcome == "saved":
            self._oracle.saved()
        return answer

    def _replace(self, worker: Worker) -> None:
        worker.kill()
        self.workers.remove(worker)
        if not self.workers:
            self._start()

    def _feed(self, worker: Worker) -> None:
        """Give the worker something to do: records from its position on (or before it: redelivery), or a tick."""
        draw = self.random
        choices: list[tuple[str, int]] = []
        for topic in TOPICS:
            position = worker.pipeline.position(topic).next_offset
            if position < len(self.kafka.inputs[topic]):
                choices.append((topic, position))
        if not choices or draw.random() < 0.3:
            worker.resume(None)
            return
        topic, position = draw.choice(choices)
        if position and draw.random() < 0.1:
            position -= 1 + draw.randrange(min(position, 3))
            self.saw("redelivery")
        log = self.kafka.inputs[topic]
        worker.resume((topic, log[position : position + 1 + draw.randrange(6)]))

    def _heal(self) -> None:
        """End all faults but the owners of the past, then let a single worker converge."""
        self.rates = dict.fromkeys(self.rates, 0.0)
        for worker in list(self.workers):
            worker.frozen = False
        # Late requests arrive, late owners finish what they are at.
        while self._late:
            self._arrive_late(self._late.pop())
        for _ in range(40):
            self._move(self.random.choice(self.workers))
        survivor = self.workers[0]
        for worker in self.workers[1:]:
            worker.kill()
        self.workers = [survivor]
        self.now_ms += 1_000
        for _ in range(4_000):
            if isinstance(survivor.call, _NextInput):
                pending = [
                    t for t in TOPICS if survivor.pipeline.position(t).next_offset < len(self.kafka.inputs[t])
                ]
                due = survivor.pipeline.next_due_ms
                if not pending and (due is None or due > self.now_ms - survivor.skew_ms):
                    header = self.store.open_lane(LANE).header
                    if (header.token if header else NO_TOKEN) == survivor.pipeline.header.token:
                        break
                    # A rollback behind its back shows at the next save; make it look.
                    survivor.pipeline.close()
                    survivor.resume(None)
                    continue
            self._move(survivor)
        else:
            raise Violation(f"seed {self.seed}: no convergence: {survivor.call}")
        self._oracle.end()
