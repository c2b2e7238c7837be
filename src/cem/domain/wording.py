"""What a customer is told about an alert, in English and Vietnamese: a few short sentences with his own numbers.

Only counts and amounts, never whom a line wrote to or what: the payer learns no more of a member of his household. The
user of a line is told of his own line only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cem.domain.events.enums import Tell
from cem.domain.money import money
from cem.domain.state.alerts import StoredAlert

__all__ = ["LANGUAGES", "language_of", "wording"]

LANGUAGES: Final = ("en", "vi")

#: Sentences by language and name. Those of an alert begin with its type; one of another type has `other`.
_SENTENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "line": "Line {subject} of your account",
        "own": "Your line",
        "sms_allowance": "{line} has used {used_percent} % of its {allowance_segments} included messages.",
        "sms_velocity": "{line} has sent messages to unusually many numbers within a day.",
        "sms_rise": "{line} has been sending far more messages than usual.",
        "sms_night": "{line} has been sending unusually many messages at night.",
        "sms_money": "{line} has been sending messages that are charged apart.",
        "bill_shock": "Your new bill is {total}; usually it is about {usual}.",
        "other": "Something on your account needs your attention.",
        "cost": "{cost} has been charged for it so far.",
        "remedy": "We can help for {price}: reply to this, or call us.",
        "help": "We can help: reply to this, or call us.",
    },
    "vi": {
        "line": "Thuê bao {subject} của quý khách",
        "own": "Thuê bao của quý khách",
        "sms_allowance": "{line} đã dùng {used_percent} % trong {allowance_segments} tin nhắn của gói.",
        "sms_velocity": "{line} đã nhắn tin đến nhiều số bất thường trong một ngày.",
        "sms_rise": "{line} đang nhắn tin nhiều hơn hẳn bình thường.",
        "sms_night": "{line} đang nhắn tin nhiều bất thường vào ban đêm.",
        "sms_money": "{line} đang nhắn những tin tính cước ngoài gói.",
        "bill_shock": "Hóa đơn mới của quý khách là {total}; bình thường khoảng {usual}.",
        "other": "Tài khoản của quý khách có việc cần lưu ý.",
        "cost": "Cước phát sinh đến nay là {cost}.",
        "remedy": "Chúng tôi có thể giúp với giá {price}: hãy trả lời tin này hoặc gọi cho chúng tôi.",
        "help": "Chúng tôi có thể giúp: hãy trả lời tin này hoặc gọi cho chúng tôi.",
    },
}
#: Types whose cost is in their own sentence, or is not a charge.
_COST_SAID: Final = ("bill_shock",)


def language_of(said: str) -> str:
    """Return the language, of those that there are, for one in BCP 47; English for others."""
    short = said.partition("-")[0].lower()
    return short if short in LANGUAGES else LANGUAGES[0]


def wording(alert: StoredAlert, language: str, currency: str) -> str:
    """Return what whom it concerns is told about the alert."""
    say = _SENTENCES[language]
    evidence = alert.evidence
    who = "own" if alert.tell_who == str(Tell.USER) else "line"
    values: dict[str, object] = dict(evidence)
    values["line"] = say[who].format(subject=alert.subject)
    for name in ("total", "usual"):
        minor = evidence.get(f"{name}_minor")
        if isinstance(minor, int):
            values[name] = money(minor, currency, language)
    try:
        sentences = [say.get(alert.type, say["other"]).format(**values)]
    except KeyError:
        # Evidence that an older version did not keep.
        sentences = [say["other"]]
    if alert.cost_minor > 0 and alert.type not in _COST_SAID:
        sentences.append(say["cost"].format(cost=money(alert.cost_minor, currency, language)))
    if alert.action and alert.price_minor > 0:
        sentences.append(say["remedy"].format(price=money(alert.price_minor, currency, language)))
    elif alert.action:
        sentences.append(say["help"])
    return " ".join(sentences)
