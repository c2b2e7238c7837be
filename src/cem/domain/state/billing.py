"""Bills and payments as far back as facts look."""

from __future__ import annotations

import struct
from collections.abc import Collection
from operator import itemgetter
from zlib import crc32

import msgspec

__all__ = [
    "CAUSES",
    "METHODS",
    "PAYMENTS",
    "Bill",
    "Billing",
    "OpenBill",
    "Part",
    "Payment",
    "Purchase",
    "bill_key",
    "cause_key",
    "earlier_totals",
    "pack_earlier",
    "payment_code",
]

_by_place = itemgetter(0)
_EARLIER = struct.Struct("<Hi")

#: Causes of a bill's items, by code. Append only.
CAUSES = (
    "other",
    "plan",
    "sms",
    "calls",
    "data",
    "roaming",
    "premium",
    "international",
    "device",
    "fee",
    "proration",
    "discount",
    "credit",
    "tax",
)


class Part(msgspec.Struct, frozen=True, gc=False):
    """What a line (or the account, line "") caused on a bill, summed over its items."""

    line: str
    cause: str
    amount_minor: int
    #: Tariff class of what was used, where the bill names it; "" = not said.
    destination: str = ""


class Bill(msgspec.Struct, array_like=True, gc=False):
    """A bill; days are counted from the epoch, 0 = not said."""

    bill_id: str
    issued_s: int
    total_minor: int
    due_day: int = 0
    period_start_day: int = 0
    period_end_day: int = 0
    #: Minor units by line ("" = the account), in order, and `cause_key`.
    sums: dict[str, dict[int | str, int]] = {}

    @property
    def issued_ms(self) -> int:
        """When it was made out, to the second."""
        return self.issued_s * 1000

    def sum_of(self, wanted: Collection[str]) -> int:
        """Return minor units of all parts of these causes."""
        found = 0
        for causes in self.sums.values():
            for key, minor in causes.items():
                if (key.partition("/")[0] if isinstance(key, str) else CAUSES[key]) in wanted:
                    found += minor
        return found

    def is_credited(self) -> bool:
        """Return whether anything was given back on it."""
        for causes in self.sums.values():
            for key, minor in causes.items():
                # Hardly any part is below zero.
                if minor < 0 and (key.partition("/")[0] if isinstance(key, str) else CAUSES[key]) == "credit":
                    return True
        return False

    def amounts_by_place(self) -> dict[tuple[str, str, str], int]:
        """Return minor units by line, cause and destination, in their order: what costs half of `parts`."""
        return dict(self._placed())

    @property
    def parts(self) -> list[Part]:
        """What the bill is made of, ordered by line, cause and destination."""
        return [Part(line, cause, minor, destination) for (line, cause, destination), minor in self._placed()]

    def _placed(self) -> list[tuple[tuple[str, str, str], int]]:
        """Return places and minor units in the order of places; a state of before there were codes may name one twice."""
        found = []
        for line, causes in self.sums.items():
            for key, minor in causes.items():
                cause, _, destination = (key if isinstance(key, str) else CAUSES[key]).partition("/")
                found.append(((line, cause, destination), minor))
        found.sort(key=_by_place)
        return found


def cause_key(cause: str, destination: str = "") -> int | str:
    """Return how a bill's sums name a cause: its code, or "cause/destination" where the bill names both.

    States of before there were codes have the names of causes; they are read as well.
    """
    if destination:
        return f"{cause}/{destination}"
    return _CAUSE_CODE.get(cause, cause)


#: Kinds of `Payment`, by code. Append only.
PAYMENTS = ("made", "failed", "overdue")
_KIND_CODE = {kind: code for code, kind in enumerate(PAYMENTS)}
_CAUSE_CODE = {cause: code for code, cause in enumerate(CAUSES)}
#: Ways to pay, by code. Append only; "" = not said.
METHODS = ("", "other", "direct_debit", "card", "transfer", "cash", "wallet", "voucher")
_METHOD_CODE = {method: code for code, method in enumerate(METHODS)}
_OTHER = _METHOD_CODE["other"]


class Payment(msgspec.Struct, array_like=True, gc=False):
    """Money that came (made), was refused (failed) or is missing (overdue)."""

    at_s: int
    #: Index in PAYMENTS, and four times the index in METHODS: see `payment_code`.
    code: int
    #: CRC-32 of the bill's id; 0 = none named.
    bill: int
    amount_minor: int
    days_overdue: int = 0

    @property
    def at_ms(self) -> int:
        """When it happened, to the second."""
        return self.at_s * 1000

    @property
    def kind(self) -> str:
        """One of PAYMENTS."""
        return PAYMENTS[self.code & 3]

    @property
    def method(self) -> str:
        """One of METHODS."""
        return METHODS[self.code >> 2]


def payment_code(kind: str, method: str) -> int:
    """Return the code of a payment of PAYMENTS; a way to pay that is not in METHODS is "other"."""
    return _KIND_CODE[kind] | _METHOD_CODE.get(method, _OTHER) << 2


def bill_key(bill_id: str | None) -> int:
    """Return the key by which payments name the bill; 0 = none."""
    return crc32(bill_id.encode()) if bill_id else 0


class OpenBill(msgspec.Struct, array_like=True, gc=False):
    """What is still to be paid of a bill that is no longer kept."""

    #: As `bill_key` gives it.
    bill: int
    #: Last day to pay (since the epoch); 0 = not said.
    due_day: int
    owed_minor: int


class Purchase(msgspec.Struct, array_like=True, gc=False):
    """Something that he bought."""

    at_ms: int
    product: str
    amount_minor: int
    line: str = ""


class Billing(msgspec.Struct, array_like=True, gc=False):
    """The last bills and payments, oldest first, and totals over all time."""

    bills: list[Bill] = []
    payments: list[Payment] = []
    purchases: list[Purchase] = []
    billed_minor: int = 0
    paid_minor: int = 0
    made: int = 0
    failed: int = 0
    overdue: int = 0
    bought: int = 0
    bought_minor: int = 0
    #: Packed totals of the bills before those kept (`earlier_totals`), oldest first.
    earlier: bytes = b""
    #: Of bills that are no longer kept, those not paid, in the order of their due days.
    unpaid: list[OpenBill] = []
    #: Payments that came after the due day.
    late: int = 0

    def payments_of(self, kind: str) -> list[Payment]:
        """Return the payments of one of PAYMENTS, oldest first."""
        if not getattr(self, kind):
            # The totals bear the kinds' names, and hardly anybody's payment was ever refused or missing.
            return []
        code = _KIND_CODE[kind]
        return [payment for payment in self.payments if payment.code & 3 == code]


def earlier_totals(packed: bytes) -> list[tuple[int, int]]:
    """Return (day of issue, total in minor units) of each earlier bill, oldest first."""
    return list(_EARLIER.iter_unpack(packed))


def pack_earlier(rows: list[tuple[int, int]]) -> bytes:
    """Return the rows as bytes; a total is held up to 2**31 minor units, a day up to the year 2149."""
    limit = 2**31 - 1
    packed = b""
    for day, total_minor in rows:
        packed += _EARLIER.pack(max(0, min(day, 65_535)), max(-limit, min(total_minor, limit)))
    return packed
