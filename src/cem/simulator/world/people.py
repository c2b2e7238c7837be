"""The households: what can be seen of them, and what cannot (mood, needs, patience, channel that they answer)."""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from cem.simulator.draws import Floats, Ints
from cem.simulator.world.columns import Columns

__all__ = ["NEEDS", "NEVER", "Bill", "Call", "Household", "Offered", "People", "Problem"]

#: What a household may need, 0 to 1 each.
NEEDS: Final = ("data", "texting", "roaming", "family_control", "coverage", "device", "price_certainty")
#: A day that does not come.
NEVER: Final = 1 << 30


class People(Columns):
    """The hidden numbers of every household, by its number; a day's arithmetic runs over all of them at once."""

    COLUMNS: ClassVar = {
        "active": ("?", 0, 1),
        "area": ("i8", 0, 1),
        # -1 (furious) to 1 (delighted): the level it returns to, and now.
        "base": ("f8", 0, 1),
        "mood": ("f8", 0, 1),
        # What is his own in the logarithm of the daily hazard of leaving.
        "own": ("f8", 0, 1),
        "sensitivity": ("f8", 0.5, 1),
        "joined": ("i8", 0, 1),
        "contract_end": ("i8", -NEVER, 1),
        # Problems unsolved; contacts that solved nothing (fading); days of the oldest arrears.
        "open": ("i8", 0, 1),
        "failures": ("f8", 0, 1),
        "arrears": ("i8", 0, 1),
        # What retention has earned (fading), taken off the logarithm of the hazard.
        "goodwill": ("f8", 0, 1),
        "leaving": ("?", 0, 1),
        "left": ("i8", NEVER, 1),
        "dismissed": ("i8", NEVER, 1),
        "cycle_day": ("i8", 1, 1),
        "growth_limit": ("f8", 0, 1),
        "child_lines": ("i8", 0, 1),
        "bad_reception_until": ("i8", -1, 1),
    }
    active: NDArray[np.bool_]
    area: Ints
    base: Floats
    mood: Floats
    own: Floats
    sensitivity: Floats
    joined: Ints
    contract_end: Ints
    open: Ints
    failures: Floats
    arrears: Ints
    goodwill: Floats
    leaving: NDArray[np.bool_]
    left: Ints
    dismissed: Ints
    cycle_day: Ints
    growth_limit: Floats
    child_lines: Ints
    bad_reception_until: Ints


class Problem(msgspec.Struct):
    """Something that the household wants from the operator, until it is solved or forgotten."""

    number: int
    #: Key of `problems.KINDS`.
    kind: str
    since_ms: int
    line: int = -1
    #: What caused it: a bill, an incident, an order, an episode.
    cause: str = ""
    #: Contacts about it so far.
    contacts: int = 0
    ticket_id: str = ""
    #: Requirement story that it plays in; 0 for none.
    story: int = 0


class Bill(msgspec.Struct):
    """A bill that is not paid yet."""

    bill_id: str
    amount_minor: int
    due_day: int
    attempts: int = 0


class Offered(msgspec.Struct, frozen=True):
    """An action as the representative, or a message, presents it."""

    action: str
    treatment: str = ""
    channel: str = "call"
    price_minor: int = 0
    #: Name of the line that it is about; empty: nobody has said.
    line: str = ""


class Call(msgspec.Struct):
    """A call that is going on."""

    call_id: str
    problem: int
    rep: int
    started_ms: int
    wait_s: int
    turns: int
    #: Whether somebody was asked what to do, and what the answer was.
    asked: bool = False
    decision_id: str = ""
    actions: list[Offered] = msgspec.field(default_factory=list)
    answered: bool = False
    reason: str = ""


class Household(msgspec.Struct):
    """One paying account."""

    number: int
    customer_id: str
    language: str
    #: How its members write: 0 as taught, 1 without diacritics (or hastily), 2 as teenagers do.
    style: int
    #: Channel it asked for, and the one that it really answers.
    said: str
    does: str
    #: Hour of the day at which it is usually reached.
    hour: int
    needs: dict[str, float]
    lines: list[int]
    #: Index of the user's role per line: payer, adult, child; and year of birth.
    roles: list[str]
    births: list[int]
    method: str
    #: Chance that a payment fails or comes late.
    pays_badly: float
    marketing: bool
    #: Never complains, only leaves.
    silent: bool
    status: str = "active"
    shop: str = ""
    seller: str = ""
    campaign: str = ""
    problems: list[Problem] = msgspec.field(default_factory=list)
    bills: list[Bill] = msgspec.field(default_factory=list)
    call: Call | None = None
    #: Orders under way, to what was ordered.
    orders: dict[str, str] = msgspec.field(default_factory=dict)
    #: Positions for the next bill: cause, line (-1: none), amount.
    positions: list[tuple[str, int, int]] = msgspec.field(default_factory=list)
    #: What a bill, and the extra on a bill, usually is.
    usual_minor: float = 0.0
    usual_extra_minor: float = 0.0
    #: Lines with a texting bundle, to its price a month.
    bundles: dict[int, int] = msgspec.field(default_factory=dict)
    discount_percent: int = 0
    discount_until: int = -1
    #: Things numbered so far (calls, bills, problems, ...).
    counted: int = 0
    #: The last day on which it was put out by what the running cycle costs.
    growth_noticed: int = -1

    def next_number(self) -> int:
        """Return the number of the household's next thing."""
        self.counted += 1
        return self.counted

    def problem(self, number: int) -> Problem | None:
        """Return the open problem of this number."""
        return next((p for p in self.problems if p.number == number), None)

    def problem_of(self, kind: str) -> Problem | None:
        """Return the oldest open problem of this kind."""
        return next((p for p in self.problems if p.kind == kind), None)
