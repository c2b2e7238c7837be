"""What is known of a customer's habits, needs, potential and experience, said in words: English and Vietnamese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cem.domain.money import money
from cem.domain.view import BestHour, Choice
from cem.nba.channel_words import channel_name
from cem.nba.experience import Driver
from cem.nba.needs import Need, Sign
from cem.nba.potential import Potential

__all__ = ["LANGUAGES", "say_choice", "say_driver", "say_hour", "say_need", "say_potential", "say_sign"]

LANGUAGES: Final = ("en", "vi")

_PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "morning": ("morning", "sáng"),
    "afternoon": ("afternoon", "chiều"),
    "evening": ("evening", "tối"),
    "night": ("night", "đêm"),
}
_CHOICES: Final[Mapping[str, tuple[str, str]]] = {
    "said": (
        "Asks for {said}; nothing speaks against it ({answered} of {sent} messages there answered).",
        "Yêu cầu {said}; chưa có gì trái lại (đã trả lời {answered}/{sent} tin qua kênh này).",
    ),
    "unasked": (
        "Asks for {said}; no message was sent there yet.",
        "Yêu cầu {said}; chưa có tin nào gửi qua kênh này.",
    ),
    "confirmed": (
        "Asks for {said}, and answers there: {answered} of {sent} messages.",
        "Yêu cầu {said} và có trả lời qua đó: {answered}/{sent} tin.",
    ),
    "answers": (
        "Answers {best}: {answered} of {sent} messages there; {asks}.",
        "Trả lời qua {best}: {answered}/{sent} tin; {asks}.",
    ),
    "silent": (
        "Asks for {said}, but does not answer there; try {best}.",
        "Yêu cầu {said} nhưng không trả lời qua đó; hãy thử {best}.",
    ),
    "refused": (
        "Asks for {said}, but forbade it for this; {best} is left.",
        "Yêu cầu {said} nhưng đã từ chối kênh đó cho việc này; còn {best}.",
    ),
    "default": ("Has not said where; try {best}.", "Chưa nói kênh nào; hãy thử {best}."),
    "none": ("Has forbidden every channel for this.", "Đã từ chối mọi kênh cho việc này."),
}
_ASKS: Final = (("asks for {said}", "yêu cầu {said}"), ("has not said where", "chưa nói kênh nào"))
_NEEDS: Final[Mapping[str, tuple[str, str]]] = {
    "data": ("more data", "thêm dữ liệu"),
    "texting": ("texting included", "gói nhắn tin"),
    "roaming": ("use abroad", "dùng ở nước ngoài"),
    "family_control": ("control of the children's lines", "kiểm soát thuê bao của con"),
    "coverage": ("better reception", "sóng tốt hơn"),
    "device": ("a new device", "thiết bị mới"),
    "price_certainty": ("bills without surprise", "hóa đơn ổn định"),
}
_SIGNS: Final[Mapping[str, tuple[str, str]]] = {
    "billed": (
        "{money} of it beyond the plan on the last two bills",
        "{money} ngoài gói trên hai hóa đơn gần nhất",
    ),
    "allowance": ("{amount} % of a line's messages used", "đã dùng {amount} % số tin của một thuê bao"),
    "asked": ("asked about it {amount} time(s) in half a year", "đã hỏi {amount} lần trong nửa năm"),
    "took": ("took up {amount} offer(s) of it", "đã nhận {amount} ưu đãi loại này"),
    "texts_abroad": ("{money} for messages abroad this cycle", "{money} tin nhắn chuyển vùng kỳ này"),
    "children": ("{amount} line(s) used by a child", "{amount} thuê bao do con dùng"),
    "child_charges": ("{money} beyond the plan on a child's line", "{money} ngoài gói trên thuê bao của con"),
    "child_alert": (
        "an alert is open on a child's line",
        "đang có cảnh báo trên thuê bao của con",
    ),
    "fault_hours": ("{amount} hours of faults in 30 days", "{amount} giờ sự cố trong 30 ngày"),
    "fault_now": ("a fault is going on", "đang có sự cố"),
    "contract_ends": ("contract ends in {amount} days", "hợp đồng còn {amount} ngày"),
    "bill_swing": ("the last bill differs by {amount} %", "hóa đơn gần nhất chênh {amount} %"),
    "overdue": ("a bill is overdue for {amount} days", "hóa đơn quá hạn {amount} ngày"),
}
_DRIVERS: Final[Mapping[str, tuple[str, str]]] = {
    "waiting": ("waited or was held for {amount} minutes", "phải chờ {amount} phút"),
    "transfers": ("was handed on {amount} time(s)", "bị chuyển máy {amount} lần"),
    "unsolved": ("{amount} contact(s) solved nothing", "{amount} lần liên hệ chưa giải quyết được"),
    "repeats": (
        "had to come back {amount} time(s) about the same",
        "phải liên hệ lại {amount} lần vì cùng một việc",
    ),
    "broken_promises": ("{amount} promise(s) to him broken", "{amount} lời hẹn bị trễ"),
    "fault_now": ("has a fault now", "đang bị sự cố"),
    "faults": ("{amount} hours of faults", "{amount} giờ sự cố"),
    "bill_shock": ("the last bill is {amount} % above the one before", "hóa đơn gần nhất cao hơn {amount} %"),
    "surveys": (
        "his survey answers, on the whole {amount} of 5",
        "các khảo sát đã trả lời, trung bình {amount}/5",
    ),
    "estimate": (
        "estimated from what he says and does: {amount} of 5",
        "ước tính từ lời nói và hành vi: {amount}/5",
    ),
}
_POTENTIAL: Final[Mapping[str, tuple[str, str]]] = {
    "": (
        "Could add about {money} a month: has borne {borne} beyond his plan, pays {reliability} % reliably.",
        "Có thể thêm khoảng {money}/tháng: từng trả {borne} ngoài gói, thanh toán đúng {reliability} %.",
    ),
    "hardship": ("In hardship: nothing to be added.", "Đang khó khăn: không chào thêm."),
    "overdue": ("A bill is long overdue: nothing to be added.", "Hóa đơn quá hạn lâu: không chào thêm."),
}


def say_choice(choice: Choice, language: str) -> str:
    """Return where to tell him something, and why; what he says and what he does."""
    said, best = channel_name(choice.said, language), channel_name(choice.channel, language)
    asks = _in(_ASKS[not choice.said], language).format(said=said)
    # Of nothing sent there is no share to tell.
    words = "unasked" if choice.reason == "said" and not choice.sent else choice.reason
    text = _in(_CHOICES[words], language)
    return text.format(said=said, best=best, asks=asks, answered=choice.answered, sent=choice.sent)


def say_hour(hour: BestHour, language: str) -> str:
    """Return when he answers best."""
    part = _in(_PARTS[hour.part], language)
    if language == "vi":
        return f"Buổi {part} {'cuối tuần' if hour.weekend else 'ngày thường'}, {hour.from_hour}-{hour.to_hour} giờ"
    return f"{'Weekend' if hour.weekend else 'Weekday'} {part}s, {hour.from_hour} to {hour.to_hour}"


def say_need(need: Need, language: str) -> str:
    """Return the need's name."""
    return _in(_NEEDS[need.need], language)


def say_sign(sign: Sign, language: str, currency: str) -> str:
    """Return the sign with its amount."""
    return _in(_SIGNS[sign.code], language).format(
        amount=_number(sign.amount, language), money=money(round(sign.amount), currency, language)
    )


def say_driver(driver: Driver, language: str) -> str:
    """Return what moves the index."""
    return _in(_DRIVERS[driver.code], language).format(amount=_number(driver.amount, language))


def say_potential(potential: Potential, language: str, currency: str) -> str:
    """Return what he could add, and why."""
    return _in(_POTENTIAL[potential.barred], language).format(
        money=money(potential.headroom_minor, currency, language),
        borne=money(potential.borne_minor, currency, language),
        reliability=round(100 * potential.reliability),
    )


def _in(texts: tuple[str, str], language: str) -> str:
    return texts[language == "vi"]


def _number(amount: float, language: str) -> str:
    text = f"{amount:.1f}".removesuffix(".0")
    return text.replace(".", ",") if language == "vi" else text
