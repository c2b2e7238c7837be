"""One worker looks at the ledger's sums and says on the log what is paused; every worker takes it from there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from cem.alerts.ledger import LedgerRow
from cem.alerts.pauses import Tellings
from cem.bootstrap.brakes import Brakes
from cem.bootstrap.judge import ledger_judge
from cem.bootstrap.lanes_watch import LanesWatch
from cem.bootstrap.parts import open_parts
from cem.domain.events import ControlTellingJudged, ControlTellingRuled, Event, Received, decode
from cem.domain.events.enums import Ruling
from cem.domain.restraint import Restraint
from cem.domain.state.lane import LaneState
from cem.domain.state.ledger import LEDGER, Tally
from cem.domain.thresholds import LedgerPolicy
from cem.ports import Emission, JournalEntry
from cem.settings import Settings
from cem.streams.clock import wall_ms
from cem.streams.control_feed import Setting
from tests.builders.records import LogRecord


def own_state(called: int) -> bytes:
    """Return a lane's own state: of 4,000 told so many called, of 4,000 held out 600."""
    state = LaneState(0)
    ledger = state.look(LEDGER)
    ledger.told["repeat_call"], ledger.held_out["repeat_call"] = Tally(4_000, called), Tally(4_000, 600)
    state.touch(LEDGER)
    return state.encode()


class Log:
    """Keeps what is published, and the lanes' states that a test sets."""

    def __init__(self) -> None:
        self.called = 1_000
        self.said: list[Event] = []
        self.tellings: Tellings | None = Tellings()
        self.is_first = True

    async def own_states(self) -> list[bytes | None]:
        """Return the states of two lanes."""
        return [own_state(self.called), None]

    async def publish(self, emissions: Sequence[Emission]) -> None:
        """Read what was published as every worker does."""
        for e in emissions:
            received = decode(LogRecord(e.topic, 0, 0, wall_ms(), e.key, e.value, e.headers))
            assert isinstance(received, Received), received
            self.said.append(received.event)
            assert self.tellings is not None
            self.tellings.take(received.event, 0)

    async def append_journal(self, entry: JournalEntry) -> int:
        """Not for this."""
        raise AssertionError

    def judge(self) -> LanesWatch[list[LedgerRow]]:
        """Return one that looks at these lanes."""
        return ledger_judge(self.own_states, self, lambda: self.tellings, LedgerPolicy, lambda: self.is_first)


def test_a_verdict_goes_to_the_log_once_and_is_taken_back() -> None:
    """As a record that a worker can read, keyed by the type."""
    log = Log()

    async def looks() -> None:
        judge = log.judge()
        await judge.look()
        await judge.look()
        log.called = 300
        await judge.look()

    asyncio.run(looks())
    assert [(e.key(), e.paused) for e in log.said if isinstance(e, ControlTellingJudged)] == [
        ("judged:repeat_call", True),
        ("judged:repeat_call", False),
    ]


@pytest.mark.parametrize("why", ["another worker has lane 0", "the log has not said what holds"])
def test_only_one_judges_and_never_blindly(why: str) -> None:
    """Nothing is said."""
    log = Log()
    if why.startswith("another"):
        log.is_first = False
    else:
        log.tellings = None
    asyncio.run(log.judge().look())
    assert log.said == []


def test_every_worker_takes_the_pause_into_its_restraint(caplog: pytest.LogCaptureFixture) -> None:
    """Beside brakes and shadow; nothing before all was read; what changes later is logged with its reason."""
    settings = Settings(shadow=True)

    async def scenario() -> None:
        async with open_parts(settings) as parts:
            brakes = Brakes(parts, settings)
            take = brakes._take

            def hear(event: Event) -> None:
                take(str(event.key()), Setting(event, 0, 0))

            hear(ControlTellingJudged(alert_type="sinking", paused=True))
            assert brakes.restraint == Restraint(("all",), shadow=True)
            assert brakes.tellings is None
            brakes._feed.complete.set()
            assert brakes.restraint == Restraint((), shadow=True, paused=("sinking",))
            hear(
                ControlTellingRuled(alert_type="sinking", ruling=Ruling.TELL, by="mai", reason="new wording")
            )
            assert brakes.restraint == Restraint((), shadow=True)

    asyncio.run(scenario())
    assert "sinking are told again, decided by mai (new wording)" in caplog.text
