"""The enumerations of event fields. A value that a newer producer adds is read as `other`."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "AlertState",
    "AlertTier",
    "BillCause",
    "CallDirection",
    "Channel",
    "Consent",
    "CustomerStatus",
    "IdentifierKind",
    "Initiative",
    "OutcomeState",
    "PaymentMethod",
    "Resolution",
    "Response",
    "Role",
    "Ruling",
    "ServiceKind",
    "Severity",
    "SmsDestination",
    "Speaker",
    "Tell",
    "TicketSeverity",
    "WithheldBecause",
]


class OpenEnum(StrEnum):
    """An enumeration that reads every unknown text as its member `other`."""

    @classmethod
    def _missing_(cls, value: object) -> OpenEnum | None:
        return cls("other") if value != "other" else None


class CallDirection(OpenEnum):
    """Who began the contact: `inbound` is the customer."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    OTHER = "other"


class Speaker(OpenEnum):
    """Who said a turn of a conversation."""

    CUSTOMER = "customer"
    REP = "rep"
    BOT = "bot"
    OTHER = "other"


class Resolution(OpenEnum):
    """How a contact or a ticket ended, as the representative recorded it."""

    RESOLVED = "resolved"
    UNRESOLVED = "unresolved"
    FOLLOW_UP = "follow_up"
    CALLBACK = "callback"
    OTHER = "other"


class Channel(OpenEnum):
    """The way over which a contact runs, in either direction."""

    CALL = "call"
    SMS = "sms"
    EMAIL = "email"
    APP = "app"
    WEB = "web"
    CHAT = "chat"
    SHOP = "shop"
    SOCIAL = "social"
    POST = "post"
    FIELD = "field"
    OTHER = "other"


class SmsDestination(OpenEnum):
    """Tariff class of a message's destination."""

    ONNET = "onnet"
    OFFNET = "offnet"
    INTERNATIONAL = "international"
    PREMIUM = "premium"
    ROAMING = "roaming"
    OTHER = "other"


class BillCause(OpenEnum):
    """What an item of a bill is for."""

    PLAN = "plan"
    SMS = "sms"
    CALLS = "calls"
    DATA = "data"
    ROAMING = "roaming"
    PREMIUM = "premium"
    INTERNATIONAL = "international"
    DEVICE = "device"
    FEE = "fee"
    PRORATION = "proration"
    DISCOUNT = "discount"
    CREDIT = "credit"
    TAX = "tax"
    OTHER = "other"


class PaymentMethod(OpenEnum):
    """How a bill is paid."""

    DIRECT_DEBIT = "direct_debit"
    CARD = "card"
    TRANSFER = "transfer"
    CASH = "cash"
    WALLET = "wallet"
    VOUCHER = "voucher"
    OTHER = "other"


class Initiative(OpenEnum):
    """Who wanted a change: a cancellation by the operator (unpaid bills) is no churn by choice."""

    CUSTOMER = "customer"
    OPERATOR = "operator"
    OTHER = "other"


class Response(OpenEnum):
    """What a customer did with a message that was addressed to him."""

    OPENED = "opened"
    CLICKED = "clicked"
    REPLIED = "replied"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    COMPLAINED = "complained"
    OPTED_OUT = "opted_out"
    IGNORED = "ignored"
    OTHER = "other"


class ServiceKind(OpenEnum):
    """Which service suffers."""

    COVERAGE = "coverage"
    VOICE = "voice"
    SMS = "sms"
    DATA = "data"
    BROADBAND = "broadband"
    TV = "tv"
    OTHER = "other"


class TicketSeverity(OpenEnum):
    """How badly a ticket's problem hurts the customer."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"
    OTHER = "other"


class CustomerStatus(OpenEnum):
    """Where a customer stands in his relation to the operator."""

    PROSPECT = "prospect"
    ACTIVE = "active"
    CLOSED = "closed"
    OTHER = "other"


class Role(OpenEnum):
    """What the user of a line is to the account."""

    PAYER = "payer"
    ADULT = "adult"
    CHILD = "child"
    OTHER = "other"


class Consent(OpenEnum):
    """What a consent is about."""

    MARKETING = "marketing"
    SERVICE = "service"
    PROFILING = "profiling"
    SURVEY = "survey"
    THIRD_PARTY = "third_party"
    OTHER = "other"


class IdentifierKind(OpenEnum):
    """What kind of name finds a customer."""

    LINE = "line"
    ACCOUNT = "account"
    EMAIL = "email"
    HANDLE = "handle"
    DEVICE = "device"
    CARD = "card"
    OTHER = "other"


class OutcomeState(OpenEnum):
    """What became of a decision, in the order in which it may go on."""

    RETURNED = "returned"
    DISPLAYED = "displayed"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    DONE = "done"
    IGNORED = "ignored"
    OTHER = "other"


class AlertTier(OpenEnum):
    """`notice` goes to the line's owner at a lower threshold; `alert` goes to people at the higher one."""

    NOTICE = "notice"
    ALERT = "alert"
    OTHER = "other"


class Severity(OpenEnum):
    """How urgent an alert is; the four that paging services share."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"
    OTHER = "other"


class AlertState(OpenEnum):
    """Where an alert stands in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    RESOLVED = "resolved"
    EXPIRED = "expired"
    OTHER = "other"


class WithheldBecause(OpenEnum):
    """What keeps a message to a customer from being sent."""

    BRAKE = "brake"
    SHADOW = "shadow"
    OTHER = "other"


class Ruling(OpenEnum):
    """What a person decides about telling of a type of alert."""

    PAUSE = "pause"
    TELL = "tell"
    LEDGER = "ledger"
    OTHER = "other"


class Tell(OpenEnum):
    """Whom an alert is told."""

    PAYER = "payer"
    USER = "user"
    REP = "rep"
    SUPERVISOR = "supervisor"
    OPERATIONS = "operations"
    NOBODY = "nobody"
    OTHER = "other"
