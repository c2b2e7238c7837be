"""Policies are judged by what they do to the customers."""

from __future__ import annotations

from collections.abc import Sequence

from cem.domain.events import OutcomeRecorded
from cem.simulator import Ask, Offered, Parameters, Produced, World, answer, open_world, reach
from cem.simulator.closed_loop import Answered, run
from cem.simulator.snapshot import freeze, thaw
from tests.builders.simulation import pusher, solver

PARAMETERS = Parameters(customers=250, seed=11)


def before() -> bytes:
    world = open_world(PARAMETERS)
    world.advance(PARAMETERS.day_start_ms(25) - 1)
    return freeze(world)


BEFORE = before()


def test_a_policy_that_solves_beats_one_that_sells() -> None:
    """Solving first leaves customers more content, brings fewer of them back, and makes fewer want to leave."""
    solved, sold = (run(thaw(BEFORE), policy, 45) for policy in (solver, pusher))
    assert solved.asks > 100
    assert solved.csat > sold.csat + 0.3
    assert solved.repeat_calls < sold.repeat_calls
    assert solved.solved_share > sold.solved_share
    assert solved.hazard < sold.hazard
    assert solved.value_minor(month_minor=2500) > sold.value_minor(month_minor=2500)


def test_the_same_policy_gives_the_same_end() -> None:
    """Nothing but the policy differs between two runs."""
    assert run(thaw(BEFORE), solver, 10) == run(thaw(BEFORE), solver, 10)


def test_the_policy_is_asked_after_it_has_seen_the_call_begin() -> None:
    """Everything up to the call, and its outcomes after it, is observed in order."""
    seen: set[str] = set()
    outcomes: list[OutcomeRecorded] = []
    last_ms = 0

    def observe(events: Sequence[Produced]) -> None:
        nonlocal last_ms
        for produced in events:
            assert produced.recorded_ms >= last_ms
            last_ms = produced.recorded_ms
            if produced.event.TYPE == "call.started":
                seen.add(produced.event.call_id)
            if isinstance(produced.event, OutcomeRecorded):
                outcomes.append(produced.event)

    def decide(ask: Ask) -> Answered:
        assert ask.call_id in seen
        assert ask.text
        return Answered([Offered("just_help")], f"d-{ask.call_id}")

    judged = run(thaw(BEFORE), decide, 10, observe=observe)
    assert judged.asks > 10
    assert {str(o.state) for o in outcomes} == {"accepted", "declined"}
    assert all(o.decision_id.startswith("d-call-") for o in outcomes)


def asks_of(world: World, days: int) -> list[Ask]:
    world.asks_from_ms = world.now_ms
    world.advance(world.now_ms + days * 86_400_000, stop_at_ask=True)
    return world.take_asks()


def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    """A representative goes on after ten minutes; what comes then is of no use."""
    world = thaw(BEFORE)
    (ask,) = asks_of(world, 5)
    world.advance(world.now_ms + 3_600_000)
    assert not answer(world, ask, "d-1", [Offered("just_help")])
    assert not answer(world, ask, "d-1", [])


def test_the_representative_waits_for_his_answer() -> None:
    """Minutes later it still counts."""
    world = thaw(BEFORE)
    (ask,) = asks_of(world, 5)
    world.advance(world.now_ms + 300_000)
    assert answer(world, ask, "d-1", [Offered("just_help")])
    world.advance(world.now_ms + 3_600_000)
    assert [o.decision_id for o in world.take_outcomes()] == ["d-1"]


def test_an_unknown_customer_cannot_be_reached() -> None:
    """Only customers of this operator."""
    world = thaw(BEFORE)
    assert not reach(world, "C999999", at_ms=world.now_ms, contact_id="m-1", channel="sms")
    assert not reach(world, "somebody", at_ms=world.now_ms, contact_id="m-1", channel="sms")


def test_messages_are_answered_on_the_channel_that_is_really_used() -> None:
    """Told over the channel that they use, customers answer; over another one they hardly do."""
    answered = {}
    for name in ("does", "other"):
        world = thaw(BEFORE)
        for c, household in enumerate(world.households):
            others = [channel for channel in ("email", "sms", "app") if channel != household.does]
            channel = household.does if name == "does" else others[c % 2]
            at_ms = world.now_ms + 1000 + household.hour * 3_600_000
            assert reach(
                world,
                household.customer_id,
                at_ms=at_ms,
                contact_id=f"m-{c}",
                channel=channel,
                action="sms_bundle",
            )
        events = world.advance(world.now_ms + 3 * 86_400_000)
        answered[name] = sum(e.event.TYPE == "contact.answered" for e in events)
        assert sum(e.event.TYPE in ("contact.delivered", "contact.failed") for e in events) > 200
    assert answered["does"] > 4 * answered["other"]
