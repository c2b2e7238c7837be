"""What a customer could use, need by need, and why: apart from what he could afford (`cem.nba.potential`).

Each sign of a need has a weight and a strength, both 0 to 1; the need's score is

    1 - product of (1 - weight x strength) over its signs (noisy or), x 0.7 for each offer of it declined lately

so one strong sign is enough, many weak ones add up, and no score passes 1. Signs come from what he uses, what the bills
hold, what he asked about in the newest 20 contacts of half a year, what he suffered, and what he did with offers. The
weights are stated, not learnt. Nothing is stored: needs are read off the facts at the reader's instant.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from cem.domain.localtime import DAY_MS
from cem.domain.state.contacts_at_hand import contacts_since
from cem.nba.situation import Situation

__all__ = ["NEEDS", "NEED_SHOWN", "OFFERS", "Need", "Sign", "needs_of"]

#: A need below is not worth showing.
NEED_SHOWN: Final = 0.2


class Sign(NamedTuple):
    """Something that speaks for a need."""

    #: What it is: see `cem.nba.customer_words`.
    code: str
    #: By how much it alone would raise the score from nothing.
    worth: float
    #: How much there is of it: percent, contacts, hours, days, lines, minor units.
    amount: float


class Need(NamedTuple):
    """How much he could use something."""

    need: str
    #: 0 to 1.
    score: float
    #: The strongest first.
    signs: tuple[Sign, ...]
    #: Offers of it that he declined lately.
    declined: int


_SINCE_MS: Final = 180 * DAY_MS
#: Worth of a contact about it, and of an offer of it that he took up.
_ASKED: Final = 0.3
_TOOK: Final = 0.5
_DECLINED: Final = 0.7
_TAKEN: Final = ("accepted", "clicked", "replied", "done")

#: Actions that offer what the need wants, and words in the reason of a contact that speak of it.
OFFERS: Final[Mapping[str, tuple[str, ...]]] = {
    "data": ("plan_upgrade", "data_bundle"),
    "texting": ("sms_bundle",),
    "roaming": ("roaming_pack",),
    "family_control": ("usage_control",),
    "coverage": ("solve_reception_fault",),
    "device": ("device_offer",),
    "price_certainty": ("loyalty_bonus", "retention_discount", "plan_downgrade", "spend_cap"),
}
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "data": ("data", "internet", "gigabyte", "upgrade", "dung lượng", "dữ liệu", "nâng gói"),
    "texting": ("sms", "texting", "message", "tin nhắn", "nhắn tin"),
    "roaming": ("roaming", "abroad", "travel", "chuyển vùng", "nước ngoài"),
    "family_control": ("child", "parent", "spend cap", "con cái", "trẻ em", "hạn mức"),
    "coverage": ("coverage", "network", "reception", "signal", "fault", "sóng", "sự cố"),
    "device": ("device", "phone", "handset", "upgrade", "điện thoại", "máy mới"),
    "price_certainty": ("billing", "bill", "invoice", "charge", "price", "hóa đơn", "hoá đơn", "cước", "giá"),
}
#: Causes on a bill that are use of it beyond the plan.
_BILLED: Final[Mapping[str, tuple[str, ...]]] = {
    "data": ("data",),
    "texting": ("sms", "premium"),
    "roaming": ("roaming",),
}


def needs_of(v: Situation) -> tuple[Need, ...]:
    """Return every need with its score and signs at the situation's instant, in the order of NEEDS."""
    asked, offers = _asked(v), _offers(v)
    found = []
    for need, look in NEEDS.items():
        signs = [sign for sign in look(v) if sign.worth > 0]
        if asked.get(need):
            signs.append(Sign("asked", _many(_ASKED, asked[need]), asked[need]))
        took, declined = offers.get(need, (0, 0))
        if took:
            signs.append(Sign("took", _many(_TOOK, took), took))
        rest = 1.0
        for sign in signs:
            rest *= 1 - sign.worth
        signs.sort(key=lambda sign: (-sign.worth, sign.code))
        score = (1 - rest) * _DECLINED ** min(3, declined)
        found.append(Need(need, round(score, 3), tuple(signs), declined))
    return tuple(found)


def _data(v: Situation) -> Iterator[Sign]:
    yield _billed(v, "data")


def _texting(v: Situation) -> Iterator[Sign]:
    yield _billed(v, "texting")
    lines = v.customer.lines
    share = max((c.counted / lines[n].allowance for n, c in v.cycles if lines[n].allowance), default=0.0)
    yield Sign("allowance", 0.6 * _ramp(share, 0.6, 1.2), round(100 * share))


def _roaming(v: Situation) -> Iterator[Sign]:
    yield _billed(v, "roaming")
    abroad = sum(c.charged_minor[4] for _, c in v.cycles if len(c.charged_minor) > 4)
    yield Sign("texts_abroad", 0.5 if abroad else 0.0, abroad)


def _family_control(v: Situation) -> Iterator[Sign]:
    children = [user.line for user in v.children]
    yield Sign("children", 0.2 if children else 0.0, len(children))
    extra = sum(sum(c.charged_minor) for name, c in v.cycles if name in children)
    yield Sign("child_charges", 0.5 * _ramp(_of_bill(v, extra), 0.0, 0.15), extra)
    alerts = sum(a.subject in children and a.type.startswith("sms") for a in v.alerts)
    yield Sign("child_alert", 0.5 if alerts else 0.0, alerts)


def _coverage(v: Situation) -> Iterator[Sign]:
    hours = sum(h for _, h in v.faults)
    yield Sign("fault_hours", 0.6 * _ramp(hours, 0.0, 72.0), round(hours, 1))
    yield Sign("fault_now", 0.4 if any(v.going_on(f) for f, _ in v.faults) else 0.0, 1)


def _device(v: Situation) -> Iterator[Sign]:
    ends = [s.contract.end_day - v.today for s in v.profile.supplies if s.contract.end_day]
    left = min(ends, default=1_000)
    yield Sign("contract_ends", 0.3 * (1 - _ramp(abs(left), 30.0, 120.0)), left)


def _price_certainty(v: Situation) -> Iterator[Sign]:
    last, before = v.bill, v.bill_before
    if last is not None and before is not None and before.total_minor > 0:
        swing = abs(last.total_minor / before.total_minor - 1)
        yield Sign("bill_swing", 0.5 * _ramp(swing, 0.05, 0.5), round(100 * swing))
    yield Sign("overdue", 0.2 if v.overdue_days else 0.0, v.overdue_days)


#: Every need, with what is looked at beside contacts and offers.
NEEDS: Final[Mapping[str, Callable[[Situation], Iterator[Sign]]]] = {
    "data": _data,
    "texting": _texting,
    "roaming": _roaming,
    "family_control": _family_control,
    "coverage": _coverage,
    "device": _device,
    "price_certainty": _price_certainty,
}


def _billed(v: Situation, need: str) -> Sign:
    """Return how much of the two newest bills is use beyond the plan."""
    amount = sum(v.once(_beyond).get(cause, 0) for cause in _BILLED[need])
    return Sign("billed", 0.6 * _ramp(_of_bill(v, amount), 0.0, 0.25), amount)


def _beyond(v: Situation) -> dict[str, int]:
    """Return what the two newest bills charge by cause, credits left out."""
    found: dict[str, int] = {}
    for bill in v.customer.billing.bills[-2:]:
        for part in bill.parts:
            if part.amount_minor > 0:
                found[part.cause] = found.get(part.cause, 0) + part.amount_minor
    return found


def _of_bill(v: Situation, amount_minor: int) -> float:
    """Return the amount as a share of the last bill; of an unknown bill, all of it."""
    if amount_minor <= 0:
        return 0.0
    return amount_minor / v.bill.total_minor if v.bill and v.bill.total_minor > 0 else 1.0


def _asked(v: Situation) -> dict[str, int]:
    """Return in how many contacts he asked about each need; this contact counts."""
    contacts = contacts_since(v.customer.contacts, v.now_ms - _SINCE_MS)
    reasons = [c.reason for c in contacts if c.at_ms <= v.now_ms]
    found: dict[str, int] = {}
    for reason in reasons:
        for need in _spoken_of(reason) if reason else ():
            found[need] = found.get(need, 0) + 1
    return found


@lru_cache(maxsize=1024)
def _spoken_of(reason: str) -> tuple[str, ...]:
    """Return the needs that a reason speaks of; an operator has few reasons, and all customers share them."""
    folded = unicodedata.normalize("NFC", reason).casefold()
    return tuple(need for need, words in _WORDS.items() if any(word in folded for word in words))


def _offers(v: Situation) -> dict[str, tuple[int, int]]:
    """Return how many offers of each need he took up and declined: in campaigns and messages, and in calls."""
    found: dict[str, tuple[int, int]] = {}
    said = [(t.action, t.response, t.response_ms) for t in v.customer.outreach.touches if t.response]
    said += [(d.action, d.state, d.state_ms) for d in v.decisions if not d.shadow]
    for action, state, at_ms in said:
        if not v.now_ms - _SINCE_MS < at_ms <= v.now_ms:
            continue
        for need, actions in OFFERS.items():
            if action in actions:
                took, declined = found.get(need, (0, 0))
                found[need] = (took + (state in _TAKEN), declined + (state == "declined"))
    return found


def _many(worth: float, times: int) -> float:
    """Return what several signs of one kind are worth together."""
    return float(1 - (1 - worth) ** min(times, 4))


def _ramp(value: float, least: float, most: float) -> float:
    """Return 0 up to `least`, 1 from `most` on, and straight between."""
    return min(1.0, max(0.0, (value - least) / (most - least)))
