"""Which plan, price, allowance and contract hold for the account and for each line, at any instant.

Window: the four plans that begin last, per line and for the account; the last renewal and the last cancellation.
Equals: of all plans said, the one with the latest beginning not after the instant asked for (of two beginnings at the
same instant, the later said). A cancellation holds unless a renewal was said after it. Order-free. No tick: a plan or
cancellation said for a later day holds from that day's local midnight on, which readers see by themselves.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from datetime import date, tzinfo

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.billing import ContractCancelled, ContractRenewed, PlanChanged
from cem.domain.events.enums import Initiative
from cem.domain.events.envelope import Received
from cem.domain.events.profiles import ProfileChanged
from cem.domain.facts.journey import begin_term
from cem.domain.localtime import day_of, midnight_ms, zone
from cem.domain.state.profile import Contract, Plan, Profile, Supply

__all__ = [
    "PLANS_KEPT",
    "SUPPLIES_KEPT",
    "allowance_of",
    "cancel_contract",
    "change_plan",
    "contract_of",
    "next_plan_ms",
    "plan_of",
    "renew_contract",
    "take_supplies",
]

PLANS_KEPT = 4
#: Lines with a plan or contract of their own; what is said of further ones is not kept.
SUPPLIES_KEPT = 500


def change_plan(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `plan.changed`."""
    event = received.event
    assert isinstance(event, PlanChanged)
    supply = _supply(customer.profile, event.line)
    begin_ms = _begin_ms(event.effective, received.time_ms, zone(customer.profile.timezone, ctx.timezone))
    if event.end is not None:
        begin_term(customer, begin_ms, ctx.lane_time_ms)
    _say_plan(
        supply,
        begin_ms,
        received.time_ms,
        event.plan,
        event.price_minor,
        event.sms_allowance,
    )
    _say_term(supply, event.end, received.time_ms)


def renew_contract(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `contract.renewed`."""
    event = received.event
    assert isinstance(event, ContractRenewed)
    supply = _supply(customer.profile, event.line)
    tz = zone(customer.profile.timezone, ctx.timezone)
    begin_ms = _begin_ms(event.effective, received.time_ms, tz)
    begin_term(customer, begin_ms, ctx.lane_time_ms)
    if event.plan is not None or event.price_minor is not None:
        _say_plan(supply, begin_ms, received.time_ms, event.plan, event.price_minor, None)
    contract = _agreed(supply)
    contract.said_ms = max(contract.said_ms, received.time_ms)
    _say_term(supply, event.end, received.time_ms)


def cancel_contract(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `contract.cancelled`."""
    event = received.event
    assert isinstance(event, ContractCancelled)
    contract = _agreed(_supply(customer.profile, event.line))
    if received.time_ms < contract.cancel_said_ms:
        return
    tz = zone(customer.profile.timezone, ctx.timezone)
    contract.cancel_said_ms = received.time_ms
    contract.cancel_from_ms = _begin_ms(event.effective, received.time_ms, tz)
    contract.reason = event.reason or ""
    contract.by_operator = event.initiative is Initiative.OPERATOR


def take_supplies(profile: Profile, event: ProfileChanged, at_ms: int) -> None:
    """Fold what `profile.changed` says of plans, prices, allowances and the term, for the account and its lines."""
    if event.plan is not None or event.price_minor is not None or event.sms_allowance is not None:
        _say_plan(_supply(profile, None), at_ms, at_ms, event.plan, event.price_minor, event.sms_allowance)
    if event.contract_end is not None:
        _say_term(_supply(profile, None), event.contract_end, at_ms)
    for line in event.lines or ():
        if line.plan is not None or line.price_minor is not None or line.sms_allowance is not None:
            _say_plan(
                _supply(profile, line.line), at_ms, at_ms, line.plan, line.price_minor, line.sms_allowance
            )


def plan_of(profile: Profile, line: str, at_ms: int) -> Plan | None:
    """Return the plan of the line ("" = the account) at an instant: its own, else the account's, else None.

    What a statement leaves out (name, price, allowance) is as the statements on the same plan before it said.
    """
    for name in (line, "") if line else ("",):
        for supply in profile.supplies:
            if supply.line == name:
                found = _resolved([plan for plan in supply.plans if plan.from_ms <= at_ms])
                if found is not None:
                    return found
    return None


def next_plan_ms(profile: Profile, line: str, after_ms: int, until_ms: int) -> int:
    """Return when the next plan of the line or the account begins after an instant, `until_ms` if none does before."""
    begins = [p.from_ms for s in profile.supplies if s.line in (line, "") for p in s.plans]
    return min([at_ms for at_ms in begins if after_ms < at_ms < until_ms], default=until_ms)


def _resolved(plans: list[Plan]) -> Plan | None:
    """Return the last of the plans (ordered by beginning), completed from those before it that are of one name."""
    if not plans:
        return None
    found = Plan(plans[0].from_ms)
    for plan in plans:
        if plan.name and plan.name != found.name:
            is_first_name = not found.name
            found = Plan(
                plan.from_ms,
                plan.name,
                found.price_minor if is_first_name else -1,
                found.sms_allowance if is_first_name else -1,
            )
        if plan.price_minor >= 0:
            found.price_minor = plan.price_minor
        if plan.sms_allowance >= 0:
            found.sms_allowance = plan.sms_allowance
    return found


def contract_of(profile: Profile, line: str) -> Contract | None:
    """Return the contract of the line ("" = the account): its own, else the account's, else None."""
    for name in (line, "") if line else ("",):
        for supply in profile.supplies:
            if supply.line == name and supply.agreed is not None:
                return supply.agreed
    return None


def allowance_of(customer: Customer, line: str, at_ms: int, by_plan: Mapping[str, int]) -> int:
    """Return the segments a cycle that the line's plan includes; 0 = none or unknown.

    What is said of the line wins over what is said of the account, and both over the policy's table of plans.
    """
    profile = customer.profile
    plans = (plan_of(profile, line, at_ms), plan_of(profile, "", at_ms))
    for plan in plans:
        if plan is not None and plan.sms_allowance >= 0:
            return plan.sms_allowance
    for plan in plans:
        if plan is not None and plan.name in by_plan:
            return by_plan[plan.name]
    return 0


def _say_plan(
    supply: Supply,
    from_ms: int,
    said_ms: int,
    name: str | None,
    price_minor: int | None,
    sms_allowance: int | None,
) -> None:
    """Put a plan among those of the supply; what is not said is not known of it."""
    plan = Plan(
        from_ms,
        name or "",
        -1 if price_minor is None else price_minor,
        -1 if sms_allowance is None else sms_allowance,
        said_ms - from_ms,
    )
    for index, other in enumerate(supply.plans):
        if other.from_ms == from_ms:
            if plan.said_after_ms >= other.said_after_ms:
                supply.plans[index] = plan
            return
    insort(supply.plans, plan, key=_begin)
    if len(supply.plans) > PLANS_KEPT:
        del supply.plans[0]


def _begin(plan: Plan) -> int:
    return plan.from_ms


def _agreed(supply: Supply) -> Contract:
    """Return the supply's contract, making it."""
    if supply.agreed is None:
        supply.agreed = Contract()
    return supply.agreed


def _say_term(supply: Supply, end: date | None, said_ms: int) -> None:
    if end is None:
        return
    contract = _agreed(supply)
    if said_ms >= contract.end_said_ms:
        contract.end_day = day_of(end)
        contract.end_said_ms = said_ms


def _begin_ms(effective: date | None, at_ms: int, tz: tzinfo) -> int:
    """Return the instant from which a change holds: its day's local midnight, or at once."""
    return at_ms if effective is None else midnight_ms(day_of(effective), tz)


def _supply(profile: Profile, line: str | None) -> Supply:
    """Return what is agreed for the line (None: the account), making it."""
    name = line or ""
    for supply in profile.supplies:
        if supply.line == name:
            return supply
    supply = Supply(name)
    if len(profile.supplies) < SUPPLIES_KEPT:
        insort(profile.supplies, supply, key=_line)
    return supply


def _line(supply: Supply) -> str:
    return supply.line
