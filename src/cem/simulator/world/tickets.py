"""Work that a contact leaves behind: tickets for technicians, and promises to call back."""

from __future__ import annotations

from typing import Any, Final

from cem.domain.events import TaskClosed, TaskDue, TicketClosed, TicketOpened, TicketUpdated
from cem.domain.events.enums import Resolution, TicketSeverity
from cem.simulator.draws import Dice
from cem.simulator.parameters import DAY_MS, HOUR_MS
from cem.simulator.world.core import Handler, World
from cem.simulator.world.moods import feel
from cem.simulator.world.people import Call, Problem
from cem.simulator.world.problems import KINDS, close_problem, seek_contact
from cem.simulator.world.words import moment

__all__ = ["HANDLERS", "open_ticket", "promise_callback"]

_TICKET: Final = 81


def open_ticket(
    world: World, at_ms: int, c: int, problem: Problem, about: str, cure: float, dice: Dice
) -> None:
    """Give the problem to the technicians, who solve it with chance `cure`; there is one ticket a problem."""
    if problem.ticket_id:
        return
    household = world.households[c]
    problem.ticket_id = f"ticket-{c + 1}-{household.next_number()}"
    due_ms = at_ms + dice.randint(2, 4) * DAY_MS
    world.say(
        c,
        at_ms,
        TicketOpened(
            ticket_id=problem.ticket_id,
            category=KINDS[problem.kind].reason,
            severity=TicketSeverity.HIGH if world.people.mood[c] < -0.4 else TicketSeverity.NORMAL,
            line=world.line_names[problem.line] if problem.line >= 0 else None,
            due=moment(due_ms),
            about=about,
        ),
    )
    late = dice.chance(0.2)
    if late:
        world.plan("ticket_moved", due_ms - 3 * HOUR_MS, c, problem=problem.number, ticket=problem.ticket_id)
    done_ms = (
        at_ms + int(dice.uniform(0.5, 3.0) * DAY_MS)
        if not late
        else due_ms + int(dice.uniform(1, 3) * DAY_MS)
    )
    world.plan("ticket_done", done_ms, c, problem=problem.number, ticket=problem.ticket_id, cure=cure)


def ticket_moved(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the technicians need longer than they said."""
    world.say(
        c,
        at_ms,
        TicketUpdated(
            ticket_id=data["ticket"], resolution=Resolution.FOLLOW_UP, due=moment(at_ms + 3 * DAY_MS)
        ),
    )
    feel(world, c, -0.08)


def ticket_done(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the technicians be done: the problem is solved, or they only think so."""
    dice = world.luck(c, _TICKET, data["problem"])
    problem = world.households[c].problem(data["problem"])
    solved = dice.chance(data["cure"])
    world.say(
        c,
        at_ms,
        TicketClosed(
            ticket_id=data["ticket"],
            resolution=Resolution.RESOLVED if solved or dice.chance(0.6) else Resolution.UNRESOLVED,
        ),
    )
    if problem is None:
        return
    if solved:
        if problem.kind == "coverage":
            world.people.bad_reception_until[c] = world.parameters.day_of(at_ms)
        close_problem(world, c, problem, at_ms, "ticket")
        feel(world, c, 0.2)
    else:
        problem.ticket_id = ""
        feel(world, c, -0.1)
        world.people.failures[c] += 0.5
        seek_contact(world, c, problem, at_ms, chance=KINDS[problem.kind].again)


def promise_callback(world: World, at_ms: int, c: int, call: Call, dice: Dice) -> None:
    """Promise to call back by a time, which is mostly done."""
    household = world.households[c]
    task_id = f"task-{c + 1}-{household.next_number()}"
    due_ms = at_ms + dice.randint(1, 3) * DAY_MS
    world.say(
        c,
        at_ms + 50_000,
        TaskDue(
            task_id=task_id,
            due=moment(due_ms),
            by=f"rep-{call.rep + 1:02d}",
            text=world.texts.say(dice, household.language, 0, "note", "unsolved", reason=call.reason),
            about=call.call_id,
        ),
    )
    kept = dice.chance(0.75)
    done_ms = (
        at_ms + int(dice.uniform(0.2, 0.95) * (due_ms - at_ms))
        if kept
        else due_ms + int(dice.uniform(0.2, 2) * DAY_MS)
    )
    world.plan("task_over", done_ms, c, task=task_id, call=call.call_id, problem=call.problem, kept=kept)


def task_over(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the call back take place, in time or not."""
    kept = bool(data["kept"])
    world.say(c, at_ms, TaskClosed(task_id=data["task"], done=kept, about=data["call"]))
    problem = world.households[c].problem(data["problem"])
    feel(world, c, 0.06 if kept else -0.12)
    if kept and problem is not None and world.luck(c, _TICKET, problem.number, 1).chance(0.4):
        close_problem(world, c, problem, at_ms, "callback")


HANDLERS: Final[dict[str, Handler]] = {
    "ticket_moved": ticket_moved,
    "ticket_done": ticket_done,
    "task_over": task_over,
}
