"""What a word says of the mood before any label was seen: from the lists of words of both languages. Pure."""

from __future__ import annotations

from typing import Final

from cem.learning import text_lexicon_en as en
from cem.learning import text_lexicon_vi as vi
from cem.learning.text_tokens import bare

__all__ = [
    "PHRASES",
    "emoji_polarity",
    "english_polarity",
    "is_negator",
    "is_strengthener",
    "is_vietnamese",
    "vietnamese_polarity",
]

_LETTERS: Final = frozenset("ăâđêôơưáàảãạấầẩẫậắằẳẵặéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ")


def _with_bare(words: dict[str, float]) -> dict[str, float]:
    """Return the list with each entry also as it stands without diacritics, where that is not another word."""
    both = {
        bare(word): strength
        for word, strength in words.items()
        if not word.isascii() and bare(word) not in vi.AMBIGUOUS_BARE
    }
    return both | words


_VIETNAMESE: Final = _with_bare(vi.POLARITY)
_ENGLISH: Final = {word: strength for word, strength in en.POLARITY.items() if not word.endswith("*")}
_PREFIXES: Final = {word[:-1]: strength for word, strength in en.POLARITY.items() if word.endswith("*")}
_LONGEST: Final = max(map(len, _PREFIXES))
#: What the prefixes begin with, so that most words are known not to have one at once.
_BEGINNINGS: Final = frozenset(word[:3] for word in _PREFIXES)

#: Phrases of two words in either language.
PHRASES: Final = {word: strength for word, strength in (_ENGLISH | _VIETNAMESE).items() if " " in word}

_NEGATORS: Final = en.NEGATORS | vi.NEGATORS | {bare(word) for word in vi.NEGATORS} - {"dung", "cha"}
_STRENGTHENERS: Final = en.STRENGTHENERS | vi.STRENGTHENERS | {"rat", "qua", "sieu"}


def english_polarity(word: str) -> float:
    """Return the strength of an English word: its own entry, or that of the longest prefix."""
    found = _ENGLISH.get(word)
    if found is not None:
        return found
    if word[:3] not in _BEGINNINGS:
        return 0.0
    for length in range(min(len(word), _LONGEST), 2, -1):
        found = _PREFIXES.get(word[:length])
        if found is not None:
            return found
    return 0.0


def vietnamese_polarity(word: str) -> float:
    """Return the strength of a Vietnamese syllable, with or without diacritics."""
    return _VIETNAMESE.get(word, 0.0)


def emoji_polarity(token: str) -> float:
    """Return the strength of an emoji or emoticon, 0 for any other token."""
    found = vi.EMOJI.get(token)
    if found is None and len(token) > 1:
        found = vi.EMOJI.get(token[:2])
    return found or 0.0


def is_vietnamese(word: str) -> bool:
    """Return whether the word tells that its text is Vietnamese."""
    return word in vi.TELLING or not _LETTERS.isdisjoint(word)


def is_negator(word: str) -> bool:
    """Return whether the word turns the next ones round."""
    return word in _NEGATORS or word.endswith("n't")


def is_strengthener(word: str) -> bool:
    """Return whether the word makes the next one stronger."""
    return word in _STRENGTHENERS
