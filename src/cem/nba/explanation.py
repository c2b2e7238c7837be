"""What would have changed the decision: the smallest change of each factor after which another action is first."""

from __future__ import annotations

from collections.abc import Sequence

from cem.nba.arbitration import Candidate
from cem.nba.decision import Flip

__all__ = ["PRICE", "flips_of"]

#: Name of the price of satisfaction among the factors of a flip.
PRICE = "price_of_satisfaction"


def flips_of(
    winner: Candidate, rivals: Sequence[Candidate], hopefuls: Sequence[Candidate]
) -> tuple[Flip, ...]:
    """Return the flips, smallest relative change first.

    `rivals` are the other candidates that priority alone decides against; `hopefuls` those that are worth nothing at
    the present price, which only another price can bring back.
    """
    flips: list[tuple[float, Flip]] = []
    if rivals and winner.priority > 0:
        best = max(rivals, key=lambda c: c.priority)
        flips += _factors(winner, best)
    price = _price(winner, [*rivals, *hopefuls])
    if price is not None:
        flips.append(price)
    return tuple(flip for _, flip in sorted(flips, key=lambda f: (f[0], f[1].factor)))


def _factors(winner: Candidate, rival: Candidate) -> list[tuple[float, Flip]]:
    """Return, for each factor, the smaller of the winner's loss and the rival's gain that would swap them."""
    down = rival.priority / winner.priority
    up = winner.priority / rival.priority if rival.priority > 0 else None
    found: list[tuple[float, Flip]] = []
    for factor in ("propensity", "context", "value", "lever"):
        his: float = getattr(winner, factor)
        its: float = getattr(rival, factor)
        if factor == "propensity":
            lost, gained = winner.propensity_for(rival.priority), rival.propensity_for(winner.priority)
            if lost is not None and not 0 < lost <= 1:
                lost = None
            if gained is not None and not 0 < gained <= 1:
                gained = None
        else:
            lost, gained = his * down, None if up is None else its * up
        loss = None if lost is None or his <= 0 else abs(lost / his - 1)
        gain = None if gained is None or its <= 0 else abs(gained / its - 1)
        if loss is not None and lost is not None and (gain is None or loss <= gain):
            found.append((loss, Flip(winner.action.action, factor, his, lost, rival.action.action)))
        elif gain is not None and gained is not None:
            found.append((gain, Flip(rival.action.action, factor, its, gained, rival.action.action)))
    return found


def _price(winner: Candidate, others: Sequence[Candidate]) -> tuple[float, Flip] | None:
    """Return the nearest price of satisfaction at which another action's line crosses the winner's from below."""
    now = winner.price
    a, b = winner.line_over_price()
    nearest: tuple[float, float, Candidate] | None = None
    for other in others:
        c, d = other.line_over_price()
        if d == b:
            continue
        at = (a - c) / (d - b)
        if at <= 0 or a + b * at <= 0 or (at > now) != (d > b):
            continue
        if nearest is None or abs(at - now) < nearest[0]:
            nearest = (abs(at - now), at, other)
    if nearest is None:
        return None
    gap, at, other = nearest
    name = other.action.action
    return (gap / now if now > 0 else gap), Flip(name, PRICE, now, at, name)
