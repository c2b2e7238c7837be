"""A text as tokens: words, emoticons, emoji, punctuation; mentions, addresses and numbers each as one sign.

Written for how people type: `haaappy` and `happyyy` are one word each with two of the letter, abbreviations of fast
typing are written in full, Vietnamese is composed (NFC) however it came. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

__all__ = [
    "MAX_CHARACTERS",
    "MENTION",
    "NUMBER",
    "WEB",
    "bare",
    "pieces",
    "split",
    "split_piece",
    "written_out",
]

#: What a text says, it says in its first ten thousand characters; a longer one costs no more than that.
MAX_CHARACTERS: Final = 10_000
#: A longer run without a blank is no word; its beginning stands for it.
_MAX_WORD: Final = 40

WEB: Final = "<web>"
MENTION: Final = "<mention>"
NUMBER: Final = "<number>"

_TOKEN: Final = re.compile(
    r"[^\W\d_xXThw][^\W\d_]*(?:['’][^\W\d_]+)?"  # words that are nothing else by their first letter: most, and quickly
    r"|(?:https?://|www\.)\S+"  # an address
    r"|@\w+"  # a mention
    r"|[<>]?[:;=8xX][\-o*']?[\])(\[dDpP/\\|}{@3]+(?!\w)|<3+|\^_*\^|-_+-|[T;]_+[T;]|=\.+="  # emoticons, also T_T and ^^
    r"|\d+(?:[.,:/]\d+)*"  # numbers, amounts, dates
    r"|[^\W\d_]+(?:['’][^\W\d_]+)?"  # words
    r"|[!?]+|\.\.+"
    r"|[^\w\s]"  # any other sign: emoji, punctuation
)
_REPEATED: Final = re.compile(r"(.)\1{2,}")
_DIGITS: Final = "0123456789"


def split(text: str) -> list[str]:
    """Return the tokens of the text's beginning as they are written."""
    return _TOKEN.findall(_composed(text))


def pieces(text: str) -> list[str]:
    """Return what stands between blanks in the text's beginning: no token reaches beyond its piece."""
    return _composed(text).split()


def split_piece(piece: str) -> list[str]:
    """Return the tokens of one of the `pieces`; a piece that is one of them stays what it is."""
    return _TOKEN.findall(piece)


def _composed(text: str) -> str:
    if len(text) > MAX_CHARACTERS:
        text = text[:MAX_CHARACTERS]
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return text


def written_out(token: str, shorthand: dict[str, str]) -> str:
    """Return what a token stands for: lower case, no more than two of a letter, abbreviations in full."""
    first = token[0]
    if first in _DIGITS or first.isdigit():
        return NUMBER
    if first == "@" and len(token) > 1:
        return MENTION
    if token.startswith(("http://", "https://", "www.")):
        return WEB
    if not first.isalpha():
        return token if len(token) <= 2 else _REPEATED.sub(r"\1\1", token[:_MAX_WORD])
    word = token[:_MAX_WORD].lower().replace("’", "'")
    if len(word) > 2:
        word = _REPEATED.sub(r"\1\1", word)
    return shorthand.get(word, word)


@lru_cache(maxsize=4096)
def bare(word: str) -> str:
    """Return the word without diacritics: "được" is "duoc"."""
    if word.isascii():
        return word
    parts = unicodedata.normalize("NFD", word.replace("đ", "d").replace("Đ", "D"))
    return "".join([each for each in parts if not unicodedata.combining(each)])
