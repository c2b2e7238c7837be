"""Calls: how they begin, what is said, what the representative presents, and how they end.

A call begins with the customer's problem. The representative may ask what to do; when the answer has come (or nobody
will give one) he presents it, tries to solve the problem, and the household reacts by its mood, needs and purse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cem.domain.events import CallEnded, CallStarted, NoteWritten
from cem.domain.events.enums import Resolution, Speaker
from cem.simulator.draws import Dice
from cem.simulator.parameters import HOUR_MS, MINUTE_MS
from cem.simulator.world.core import Ask, Handler, World
from cem.simulator.world.effects import TrueAction
from cem.simulator.world.moods import feel
from cem.simulator.world.people import Call, Offered, Problem
from cem.simulator.world.presenting import present, try_to_solve
from cem.simulator.world.problems import KINDS, waking
from cem.simulator.world.surveys import judge
from cem.simulator.world.tickets import promise_callback
from cem.simulator.world.words import filling, say_turn

__all__ = ["HANDLERS", "answer_ask", "start_call"]

_CALL, _TALK = 61, 62
#: A representative waits so long for an answer before he goes on without.
_PATIENCE_MS: Final = 10 * MINUTE_MS
#: What the centre did before it had anybody to ask: it pushed this to so many callers, whatever they wanted.
OLD_HABIT: Final = ("plan_upgrade", 0.3)


def start_call(world: World, at_ms: int, c: int, problem: Problem) -> None:
    """Let the household call about a problem."""
    household, parameters = world.households[c], world.parameters
    if household.call is not None:
        world.plan("contact", at_ms + HOUR_MS, c, problem=problem.number)
        return
    about = KINDS[problem.kind]
    number = household.next_number()
    dice = world.luck(c, _CALL, number)
    call_id = f"call-{c + 1}-{number}"
    rep = dice.randrange(parameters.reps)
    rep_id = f"rep-{rep + 1:02d}"
    wait_s = int(dice.expovariate(1 / 75.0))
    reason = about.reason if dice.chance(0.8) else None
    line = world.line_names[household.lines[0]]
    queue = (
        f"{'sales' if not about.weighs and problem.kind != 'question' else 'service'}-{household.language}"
    )
    world.say(
        c,
        at_ms,
        CallStarted(
            call_id=call_id,
            line=line,
            queue=queue,
            rep_id=rep_id,
            reason=reason,
            intent=about.reason if dice.chance(0.5) else None,
            language=household.language,
        ),
    )
    world.totals.calls += 1
    world.totals.repeat_calls += problem.contacts > 0
    if wait_s > 240 and dice.chance(0.4):
        feel(world, c, -0.06)
        world.say(c, at_ms, CallEnded(call_id=call_id, wait_s=wait_s, abandoned=True, queue=queue, line=line))
        again_ms = at_ms + int(dice.uniform(1, 20) * HOUR_MS)
        world.plan("contact", waking(parameters, household, dice, again_ms), c, problem=problem.number)
        return
    mood = float(world.people.mood[c])
    world.tell_truth(
        at_ms,
        "contact",
        customer=household.customer_id,
        contact=call_id,
        channel="call",
        problem=problem.kind,
        cause=problem.cause,
        nth=problem.contacts + 1,
        line=world.line_names[problem.line] if problem.line >= 0 else None,
        mood=round(mood, 4),
        story=problem.story or None,
    )
    call = Call(call_id, problem.number, rep, at_ms, wait_s, 0, reason=about.reason)
    household.call = call
    problem.contacts += 1
    texts, values = world.texts, filling(world, household, problem, dice)
    talk = dice
    say_turn(
        world, c, call, at_ms + 2000, Speaker.REP, texts.say(talk, household.language, 0, "rep", "greeting")
    )
    complaint = texts.complaint(
        talk, household.language, household.style, problem.kind, mood, problem.contacts > 1, **values
    )
    say_turn(world, c, call, at_ms + 9000, Speaker.CUSTOMER, complaint)
    say_turn(
        world, c, call, at_ms + 21_000, Speaker.REP, texts.say(talk, household.language, 0, "rep", "looking")
    )
    if at_ms >= world.asks_from_ms:
        call.asked = True
        world.ask(
            Ask(
                household.customer_id,
                call_id,
                at_ms,
                rep_id,
                reason or "",
                about.reason,
                line,
                household.language,
                complaint,
            )
        )
    world.plan("decided", at_ms + 40_000, c, call=call_id)


def answer_ask(world: World, c: int, call_id: str, decision_id: str, actions: Sequence[Offered]) -> bool:
    """Let the representative in call `call_id` have his answer; an empty one: nobody gives any. False: too late."""
    call = world.households[c].call
    if call is None or call.call_id != call_id or call.answered:
        return False
    call.answered, call.decision_id, call.actions = True, decision_id, list(actions)
    return True


def decided(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the representative go on with the call once he knows what to do."""
    household = world.households[c]
    call = household.call
    if call is None or call.call_id != data["call"]:
        return
    if call.asked and not call.answered and at_ms - call.started_ms < _PATIENCE_MS:
        world.plan("decided", at_ms + 15_000, c, call=call.call_id)
        return
    call.answered = True
    problem = household.problem(call.problem)
    dice = world.luck(c, _TALK, call.problem, call.started_ms)
    presented = list(call.actions)
    if not call.asked and dice.chance(OLD_HABIT[1]):
        presented = [Offered(OLD_HABIT[0])]
    clock = at_ms + 5000
    kind = problem.kind if problem is not None else "question"
    weighs = KINDS[kind].weighs
    accepted: list[TrueAction] = []
    sold_instead = False
    for place, offered in enumerate(presented[:2]):
        true = world.effects.of(offered.action)
        sold_instead = sold_instead or (place == 0 and weighs and not true.serves)
        clock = present(world, clock, c, call, offered, true, kind, dice, accepted, place)
        if accepted or dice.chance(0.4):
            break
    solved, pending = try_to_solve(world, clock, c, call, problem, accepted, sold_instead, dice)
    end_call(world, clock, c, call, problem, solved, pending, dice)


def end_call(
    world: World,
    at_ms: int,
    c: int,
    call: Call,
    problem: Problem | None,
    solved: bool,
    pending: bool,
    dice: Dice,
) -> None:
    """Say good-bye, write down how it ended, and let the customer judge."""
    household = world.households[c]
    language = household.language
    ending = "solved" if solved else "ticket" if pending else "unsolved"
    words = world.texts.say(dice, language, 0, "rep", ending, days=dice.randint(2, 5))
    say_turn(world, c, call, at_ms, Speaker.REP, words)
    last = "thanks" if solved or (pending and world.people.mood[c] > -0.3) else "disappointed"
    say_turn(
        world,
        c,
        call,
        at_ms + 5000,
        Speaker.CUSTOMER,
        world.texts.say(dice, language, household.style, "reply", last),
    )
    say_turn(
        world, c, call, at_ms + 11_000, Speaker.REP, world.texts.say(dice, language, 0, "rep", "closing")
    )
    work_s = int(dice.lognormvariate(4.9, 0.5))
    end_ms = at_ms + 14_000 + min(work_s, 900) * 1000
    hold_s = int(dice.expovariate(1 / 40.0)) if dice.chance(0.4) else 0
    transfers = 0 if solved else int(dice.chance(0.3)) + int(dice.chance(0.08))
    if not solved and not pending and dice.chance(0.2):
        promise_callback(world, end_ms, c, call, dice)
    wrong = dice.random()
    resolution = (
        Resolution.RESOLVED
        if solved or (not pending and wrong < 0.2)
        else Resolution.FOLLOW_UP
        if pending or wrong < 0.45
        else Resolution.UNRESOLVED
    )
    about = KINDS[problem.kind].reason if problem is not None else call.reason
    rep_id = f"rep-{call.rep + 1:02d}"
    world.say(
        c,
        end_ms,
        CallEnded(
            call_id=call.call_id,
            duration_s=(end_ms - call.started_ms) // 1000,
            wait_s=call.wait_s,
            hold_s=hold_s,
            transfers=transfers,
            resolution=resolution,
            line=world.line_names[household.lines[0]],
            rep_id=rep_id,
            reason=about,
        ),
    )
    if dice.chance(0.3):
        note = world.texts.say(dice, language, 0, "note", "solved" if solved else "unsolved", reason=about)
        world.say(c, end_ms + 45_000, NoteWritten(text=note, by=rep_id, about=call.call_id))
    feel(world, c, -0.03 * transfers - 0.0004 * min(call.wait_s + hold_s, 600))
    world.totals.solved += solved
    judge(world, end_ms, c, call.call_id, solved, dice)
    world.plan("hang_up", end_ms, c, call=call.call_id)


def hang_up(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Free the line again."""
    household = world.households[c]
    if household.call is not None and household.call.call_id == data["call"]:
        household.call = None


HANDLERS: Final[dict[str, Handler]] = {"decided": decided, "hang_up": hang_up}
