"""Small made-up labelled texts in both languages, the same in every run."""

from __future__ import annotations

import random
from collections.abc import Iterator

from cem.learning.contract import TextInput

__all__ = ["contacts", "hostile_texts", "messages"]

_GLAD = ("zalfa works", "such a mendori", "mạng zalfa rồi", "mendori lắm")
_SAD = ("brokta again", "what a velkin", "bị brokta hoài", "velkin quá")
_FLAT = ("the tariff from monday", "cho hỏi gói cước", "which form is it", "mở cửa lúc mấy")
_FILLER = [
    "today",
    "line",
    "shop",
    "the",
    "a",
    "my",
    "gói",
    "mạng",
    "with",
    "for",
    "of",
    "and",
    "số",
    "tháng",
]
_REASONS = {
    "billing": ["invoice", "amount", "charged", "twice", "euro", "paid", "debit", "statement"],
    "network": ["signal", "tower", "coverage", "bars", "dead", "indoors", "mast", "dropped"],
    "sim": ["card", "activate", "puk", "pin", "tray", "replacement", "chip", "blocked"],
    "roaming": ["abroad", "border", "airport", "foreign", "spain", "hotel", "travel", "trip"],
}


def messages(count: int, seed: int = 1) -> Iterator[tuple[TextInput, str]]:
    """Yield texts whose mood hangs on words that no list has, with their labels."""
    chance = random.Random(seed)
    for _ in range(count):
        label, words = chance.choice((("positive", _GLAD), ("negative", _SAD), ("neutral", _FLAT)))
        filler = chance.sample(_FILLER, 4)
        yield TextInput(" ".join([*filler[:2], chance.choice(words), *filler[2:]])), label


def contacts(count: int, seed: int = 1) -> Iterator[tuple[TextInput, str]]:
    """Yield what customers say and why they called: four reasons."""
    chance = random.Random(seed)
    for _ in range(count):
        reason = chance.choice(list(_REASONS))
        words = [*chance.sample(_REASONS[reason], 3), *chance.sample(_FILLER, 3)]
        chance.shuffle(words)
        yield TextInput(" ".join(words)), reason


def hostile_texts() -> list[str]:
    """Return texts that nobody should write and somebody will."""
    return [
        "",
        " \n\t ",
        "a" * 100_000,
        "không được " * 10_000,
        "👍" * 5_000,
        "\x00\x01\ufffe\ud800",
        "((((((((((((" * 1_000,
        "!" * 100_000,
        "مرحبا كيف الحال",
        "你好，我的账单不对",
        "Zażółć gęślą jaźń",
        "@" * 300,
        "http://" + "x" * 9_000,
        "1" * 10_000,
        "\u0301" * 400,
        "İstanbul ǅ ß ﬃ",
    ]
