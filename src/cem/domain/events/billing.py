"""Bills, payments, plans and contracts (`cem.billing`). `contract.cancelled` is the churn label."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from cem.domain.events.base import Allowance, Amount, Charge, Days, Event, Id, Label, Line
from cem.domain.events.enums import BillCause, Initiative, PaymentMethod, SmsDestination

__all__ = [
    "BillIssued",
    "BillItem",
    "ContractCancelled",
    "ContractRenewed",
    "PaymentFailed",
    "PaymentMade",
    "PaymentOverdue",
    "PlanChanged",
]

TOPIC = "cem.billing"


class BillItem(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One position of a bill."""

    cause: Annotated[BillCause, Meta(description="What it is for. Used for: bill shock split by cause.")]
    amount_minor: Annotated[
        Amount,
        Meta(description="Amount; credits and discounts are negative. Used for: bill shock split by cause."),
    ]
    line: Annotated[
        Line | None, Meta(description="Line that caused it. Used for: attributing the cost to a line.")
    ] = None
    destination: Annotated[
        SmsDestination | None,
        Meta(
            description="Tariff class of the messages, calls or data, where the cause does not name it. "
            "Used for: bill shock split by cause."
        ),
    ] = None


class BillIssued(Event, frozen=True, kw_only=True):
    """A bill has been made out."""

    TYPE: ClassVar[str] = "bill.issued"
    TOPIC: ClassVar[str] = TOPIC

    bill_id: Annotated[
        Id, Meta(description="The bill. Used for: joining payments to it, one alert for each.")
    ]
    total_minor: Annotated[
        Amount,
        Meta(
            description="What is to be paid; negative: a credit. Used for: money of RFM, bill shock, value."
        ),
    ]
    period_start: Annotated[
        date | None, Meta(description="First day billed. Used for: comparing bills by day, pro rata parts.")
    ] = None
    period_end: Annotated[
        date | None, Meta(description="Last day billed. Used for: comparing bills by day.")
    ] = None
    due: Annotated[
        date | None, Meta(description="Last day to pay. Used for: telling of a shock before it.")
    ] = None
    items: Annotated[
        tuple[BillItem, ...],
        Meta(max_length=500, description="Positions. Used for: bill shock split by cause."),
    ] = ()

    def __post_init__(self) -> None:
        if (
            self.period_start is not None
            and self.period_end is not None
            and self.period_end < self.period_start
        ):
            raise ValueError("`period_end` is before period_start")


class PaymentMade(Event, frozen=True, kw_only=True):
    """A payment has arrived."""

    TYPE: ClassVar[str] = "payment.made"
    TOPIC: ClassVar[str] = TOPIC

    amount_minor: Annotated[
        Charge, Meta(description="Amount paid. Used for: money of RFM, what is still owed.")
    ]
    bill_id: Annotated[
        Id | None, Meta(description="Bill that it pays. Used for: closing what was overdue.")
    ] = None
    method: Annotated[
        PaymentMethod | None, Meta(description="How it was paid. Used for: churn and payment-risk features.")
    ] = None
    days_overdue: Annotated[
        Days, Meta(description="Days after the due date. Used for: payment-risk features.")
    ] = 0


class PaymentFailed(Event, frozen=True, kw_only=True):
    """A payment has been refused or returned."""

    TYPE: ClassVar[str] = "payment.failed"
    TOPIC: ClassVar[str] = TOPIC

    amount_minor: Annotated[
        Charge, Meta(description="Amount refused. Used for: hardship, what is still owed.")
    ]
    bill_id: Annotated[
        Id | None, Meta(description="Bill concerned. Used for: joining the later payment.")
    ] = None
    method: Annotated[
        PaymentMethod | None,
        Meta(description="How it should have been paid. Used for: proposing another way."),
    ] = None
    days_overdue: Annotated[Days, Meta(description="Days after the due date. Used for: hardship.")] = 0
    reason: Annotated[
        Label | None, Meta(description="Why it failed. Used for: telling hardship from an old card.")
    ] = None


class PaymentOverdue(Event, frozen=True, kw_only=True):
    """A bill has not been paid in time."""

    TYPE: ClassVar[str] = "payment.overdue"
    TOPIC: ClassVar[str] = TOPIC

    bill_id: Annotated[
        Id, Meta(description="Bill concerned. Used for: counting open bills, joining the payment.")
    ]
    amount_minor: Annotated[
        Charge, Meta(description="Amount still owed. Used for: hardship, instalment offers.")
    ]
    days_overdue: Annotated[Days, Meta(description="Days after the due date. Used for: hardship.")] = 0
    method: Annotated[
        PaymentMethod | None, Meta(description="How it is usually paid. Used for: proposing another way.")
    ] = None


class PlanChanged(Event, frozen=True, kw_only=True):
    """A line or the account is on another plan."""

    TYPE: ClassVar[str] = "plan.changed"
    TOPIC: ClassVar[str] = TOPIC

    plan: Annotated[Label, Meta(description="The new plan. Used for: eligibility, segments, fitting offers.")]
    price_minor: Annotated[
        Charge | None,
        Meta(description="Its price a month. Used for: value, bill shock foreseen, step of the price."),
    ] = None
    line: Annotated[
        Line | None, Meta(description="Line concerned; absent: all. Used for: facts per line.")
    ] = None
    sms_allowance: Annotated[
        Allowance | None,
        Meta(description="Segments a cycle included, per line. Used for: thresholds of the allowance."),
    ] = None
    end: Annotated[
        date | None, Meta(description="Last day of the contract term. Used for: renewal, churn, value.")
    ] = None
    effective: Annotated[
        date | None, Meta(description="First day of the plan. Used for: from when its facts hold.")
    ] = None
    reason: Annotated[
        Label | None, Meta(description="Why. Used for: telling upgrades sold from rescue offers.")
    ] = None


class ContractRenewed(Event, frozen=True, kw_only=True):
    """The contract has been prolonged."""

    TYPE: ClassVar[str] = "contract.renewed"
    TOPIC: ClassVar[str] = TOPIC

    end: Annotated[
        date | None, Meta(description="New last day of the term. Used for: renewal, churn, value.")
    ] = None
    line: Annotated[
        Line | None, Meta(description="Line concerned; absent: all. Used for: facts per line.")
    ] = None
    plan: Annotated[Label | None, Meta(description="Plan from then on. Used for: eligibility, segments.")] = (
        None
    )
    price_minor: Annotated[Charge | None, Meta(description="Its price a month. Used for: value.")] = None
    effective: Annotated[
        date | None, Meta(description="First day of the new term. Used for: from when it holds.")
    ] = None
    reason: Annotated[
        Label | None, Meta(description="What led to it. Used for: effect of retention offers.")
    ] = None


class ContractCancelled(Event, frozen=True, kw_only=True):
    """A contract has been cancelled; it takes effect on `effective`."""

    TYPE: ClassVar[str] = "contract.cancelled"
    TOPIC: ClassVar[str] = TOPIC

    effective: Annotated[
        date | None,
        Meta(description="Day on which it takes effect; absent: at once. Used for: the churn label."),
    ] = None
    line: Annotated[
        Line | None, Meta(description="Line concerned; absent: the whole account. Used for: the churn label.")
    ] = None
    reason: Annotated[Label | None, Meta(description="Why, as said. Used for: what to mend, win-back.")] = (
        None
    )
    initiative: Annotated[
        Initiative,
        Meta(description="Who wanted it. Used for: leaving unpaid accounts out of the churn label."),
    ] = Initiative.CUSTOMER
    plan: Annotated[Label | None, Meta(description="Plan that ends. Used for: churn by plan.")] = None
    price_minor: Annotated[Charge | None, Meta(description="Its price a month. Used for: value lost.")] = None
    end: Annotated[
        date | None, Meta(description="Last day of the term left. Used for: leaving early or at term.")
    ] = None
