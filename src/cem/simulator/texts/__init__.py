"""What customers and representatives say: sentences by problem, mood and language, and how each customer writes.

A mood chooses among five bands, with noise, so that a text shows the mood without giving it away. Vietnamese is written
with all diacritics, without any, or as teenagers abbreviate it; English as taught, hastily, or as teenagers do.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final

import yaml

from cem.simulator.draws import Dice

__all__ = ["BANDS", "LANGUAGES", "SELECTIONS", "Texts", "band_of", "restyle"]

LANGUAGES: Final = ("en", "vi")
BANDS: Final = ("furious", "unhappy", "flat", "content", "delighted")
#: Which sentences customers use.
SELECTIONS: Final = ("open", "kept-apart", "all")
_LIMITS: Final = (-0.55, -0.18, 0.22, 0.58)

_TEEN_VI: Final = {
    "không": "ko",
    "được": "đc",
    "gì": "j",
    "rồi": "r",
    "vậy": "z",
    "với": "vs",
    "biết": "bik",
    "người": "ng",
    "quá": "wá",
    "tôi": "t",
    "bạn": "b",
    "mấy": "mí",
    "như": "nhu",
    "nhiều": "nhìu",
    "này": "nì",
    "giờ": "h",
    "cảm": "cám",
    "ơn": "ơn",
    "luôn": "lun",
    "tin": "tin",
    "nhắn": "nt",
    "điện": "đt",
    "thoại": "",
    "muốn": "mún",
    "phải": "fải",
    "thích": "thík",
    "chưa": "chx",
    "hóa": "hóa",
    "các": "mấy",
}
_TEEN_EN: Final = {
    "you": "u",
    "are": "r",
    "your": "ur",
    "please": "pls",
    "thanks": "thx",
    "thank": "thx",
    "because": "cuz",
    "before": "b4",
    "really": "rly",
    "people": "ppl",
    "messages": "msgs",
    "what": "wat",
    "for": "4",
    "to": "2",
    "great": "gr8",
    "i'm": "im",
    "don't": "dont",
    "can't": "cant",
    "isn't": "isnt",
}
_MARKS: Final = {
    "en": {"furious": (" 😡", "!!!", " wtf"), "delighted": (" ❤️", " 😍", "!!")},
    "vi": {"furious": (" 😡", "!!!", " vl"), "delighted": (" ❤️", " 😍", " <3")},
}


def band_of(mood: float, noise: float) -> str:
    """Return the band in which a mood shows; `noise` is a standard normal number."""
    shown = mood + 0.16 * noise
    return BANDS[sum(shown > limit for limit in _LIMITS)]


@cache
def _table(language: str) -> dict[str, Any]:
    text = resources.files("cem.simulator.texts").joinpath(f"{language}.yaml").read_text("utf-8")
    table: dict[str, Any] = yaml.safe_load(text)
    return table


def plain(text: str) -> str:
    """Return a Vietnamese text without its diacritics."""
    decomposed = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


@lru_cache(maxsize=8192)
def restyle(text: str, language: str, style: int) -> str:
    """Return a sentence as it is written in a style: 0 as taught, 1 hasty or without diacritics, 2 as teenagers do."""
    if style == 0:
        return text
    if style == 1:
        return plain(text) if language == "vi" else text.lower().rstrip(".")
    words = _TEEN_VI if language == "vi" else _TEEN_EN
    written = []
    for word in text.lower().split(" "):
        core = word.rstrip(".,!?:")
        written.append(words.get(core, core) + word[len(core) :].replace(".", "").replace(",", ""))
    return " ".join(part for part in written if part)


class Texts:
    """The sentences of one world."""

    def __init__(self, selection: str = "open") -> None:
        """Take the sentences of a selection: `open`, `kept-apart` or `all`. Raises ValueError."""
        if selection not in SELECTIONS:
            raise ValueError(f"texts is one of {', '.join(SELECTIONS)}, not {selection!r}")
        self._parts = {"open": ("open",), "kept-apart": ("kept",), "all": ("open", "kept")}[selection]
        self._cache: dict[tuple[str, ...], list[str]] = {}

    def choices(self, language: str, *path: str) -> list[str]:
        """Return the sentences in use at a place of the table, e.g. ("mood", "flat")."""
        found = self._cache.get((language, *path))
        if found is None:
            place: Any = _table(language)
            for name in path:
                place = place[name]
            found = place if isinstance(place, list) else [s for part in self._parts for s in place[part]]
            self._cache[(language, *path)] = found
        return found

    def say(self, dice: Dice, language: str, style: int, *path: str, **values: object) -> str:
        """Return a sentence of that place, filled in and styled."""
        sentence = restyle(dice.choice(self.choices(language, *path)), language, style)
        return sentence.format(**values) if "{" in sentence else sentence

    def complaint(
        self, dice: Dice, language: str, style: int, kind: str, mood: float, again: bool, **values: object
    ) -> str:
        """Return how a customer brings up a problem in this mood."""
        band = band_of(mood, dice.gauss(0.0, 1.0))
        parts = [self.say(dice, language, style, "problem", kind, **values)]
        if again:
            parts.insert(dice.randrange(2), self.say(dice, language, style, "again"))
        if band != "flat" or dice.chance(0.5):
            parts.insert(dice.choice((0, len(parts))), self.say(dice, language, style, "mood", band))
        return " ".join(parts) + self.mark(dice, language, style, band)

    def mark(self, dice: Dice, language: str, style: int, band: str) -> str:
        """Return what teenagers put behind a sentence in an extreme mood, or nothing."""
        marks = _MARKS[language].get(band)
        return dice.choice(marks) if marks and style == 2 and dice.chance(0.5) else ""
