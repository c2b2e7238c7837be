"""How much of everything an operator needs, from what one record, request and customer were measured to cost."""

from __future__ import annotations

from cem.sizing.costs import Costs, measured_costs
from cem.sizing.plan import FAMILIES, Demand, Plan, plan_for

__all__ = ["FAMILIES", "Costs", "Demand", "Plan", "measured_costs", "plan_for"]
