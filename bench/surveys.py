"""Surveys of the simulated operator as examples: what the stream knew of a contact when it ended, and the answer.

Features come from the events alone, as a system would have them; the truth file only says what those would have
answered who did not, to judge with.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from cem.learning.satisfaction import SurveyInput

__all__ = ["Contact", "contacts"]

_DAY_S = 86_400.0
#: Who has not answered after so long will not.
PATIENCE_S = 2 * _DAY_S


@dataclasses.dataclass
class Contact:
    """A contact after which a survey went out."""

    x: SurveyInput
    ended_s: float
    answer: float | None = None
    answered_s: float = 0.0
    #: What he really thought, whether or not he said so.
    truth: float | None = None


@dataclasses.dataclass
class _Known:
    """What is known of a customer so far."""

    times: list[tuple[float, str]] = dataclasses.field(default_factory=list)
    words: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    answers: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    bills: list[float] = dataclasses.field(default_factory=list)
    marks: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    language: str = ""

    def lately(self, mark: str, now_s: float, days: float) -> float:
        return float(sum(now_s - at < days * _DAY_S for at in self.marks.get(mark, ())))


#: Events that say something about how somebody feels, counted over the last weeks.
_MARKS = (
    "payment.overdue",
    "payment.failed",
    "service.degraded",
    "ticket.opened",
    "task.due",
    "campaign.contacted",
    "order.promised",
    "plan.changed",
)


def contacts(events: Iterable[str], truths: Iterable[str]) -> list[Contact]:
    """Return the contacts in the order of their ends, with answers and truths filled in."""
    known: dict[str, _Known] = {}
    found: dict[str, Contact] = {}
    for event in _relevant(events):
        customer, data, at_s = event["subject"], event["data"], _seconds(event["time"])
        about = known.setdefault(customer, _Known())
        match event["type"]:
            case "call.turn":
                if data["speaker"] == "customer":
                    about.words.setdefault(data["call_id"], []).append(data["text"])
            case "call.ended":
                if not data.get("abandoned"):
                    found[data["call_id"]] = _contact(
                        about, at_s, "call", data, about.words.pop(data["call_id"], [])
                    )
                about.times.append((at_s, data.get("reason") or ""))
            case "interaction.recorded":
                if data.get("text"):
                    found[data["interaction_id"]] = _contact(
                        about, at_s, data["channel"], data, [data["text"]]
                    )
                about.times.append((at_s, data.get("reason") or ""))
            case "survey.answered":
                if (contact := found.get(data["about"])) is not None and data.get("csat"):
                    contact.answer, contact.answered_s = float(data["csat"]), at_s
                    about.answers.append((at_s, float(data["csat"])))
            case "bill.issued":
                about.bills.append(float(data["total_minor"]))
            case kind:
                about.marks.setdefault(kind, []).append(at_s)
    for line in truths:
        if '"truth":"judged"' in line:
            judged = json.loads(line)
            if (contact := found.get(judged["contact"])) is not None:
                contact.truth = float(judged["csat"])
    return sorted((each for each in found.values() if each.truth is not None), key=lambda each: each.ended_s)


def _relevant(events: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in events:
        if '"type":"sms.rated"' not in line[:200]:
            event = json.loads(line)
            if event["type"] in _WANTED:
                yield event


_WANTED = {*_MARKS, "call.turn", "call.ended", "interaction.recorded", "survey.answered", "bill.issued"}


def _contact(known: _Known, at_s: float, channel: str, data: dict[str, Any], words: list[str]) -> Contact:
    recent = [reason for when, reason in known.times if at_s - when < 30 * _DAY_S]
    features: dict[str, float | str] = {
        "contacts in 30 days": float(len(recent)),
        "same reason in 30 days": float(Counter(recent)[data.get("reason") or ""]),
        "language": data.get("language") or known.language,
    }
    for name in ("wait_s", "hold_s", "transfers", "duration_s"):
        if name in data:
            features[name] = float(data[name] or 0)
    for name in ("reason", "resolution"):
        if data.get(name):
            features[name] = str(data[name])
    if known.answers:
        when, last = known.answers[-1]
        features["last answer"] = last
        features["mean answer"] = sum(answer for _, answer in known.answers) / len(known.answers)
        features["days since the last answer"] = (at_s - when) / _DAY_S
    if len(known.bills) > 1:
        features["bill growth"] = known.bills[-1] / max(1.0, sum(known.bills[:-1]) / (len(known.bills) - 1))
    for mark in _MARKS:
        features[f"{mark} in 30 days"] = known.lately(mark, at_s, 30)
    return Contact(SurveyInput(features, " ".join(words), channel), at_s)


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
