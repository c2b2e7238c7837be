"""A text as hashed features: words and pairs of words, n-grams of letters, what is negated; and its prior score.

Words and everything made of words fall into the lower half of the table, n-grams of letters into the upper half, so
that one sort finds what occurs more than once and the half says what it weighs. What a token contributes is cached as
bytes of integers: a known word costs one look-up, and a text's features are joined rather than built.

The hashing trick: Weinberger et al., Feature Hashing for Large Scale Multitask Learning, ICML 2009. Its use for
many sources at once, a shared feature and a copy per source: Daumé III, Frustratingly Easy Domain Adaptation, ACL 2007.
"""

from __future__ import annotations

import math
import struct
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
from river import base

from cem.learning import text_polarity
from cem.learning.contract import TextInput
from cem.learning.text_lexicon_vi import SHORTHAND
from cem.learning.text_tokens import MENTION, NUMBER, WEB, bare, pieces, split_piece, written_out

__all__ = ["EncodedText", "TextFeatures"]

#: Tokens whose contribution is kept in each of two generations; what is used lives on. Changes nothing but time.
_CACHED: Final = 8500
#: What one of them takes on average, measured with tracemalloc on tweets.
_TOKEN_BYTES: Final = 420
#: A negator reaches this many words far, and leaves this much of their mood.
_NEGATED: Final = 4
_FLIP: Final = -0.7
_STRENGTHENED: Final = 1.4
#: Mood at which the score is half-way to certain.
_SOFTENED: Final = 2.0

#: What `_read` looks at; a token with no flag but the first changes no mood.
_VIETNAMESE, _STOP, _NEGATOR, _STRENGTHENER, _PHRASE_WORD, _PHRASE_END, _MOODY = 1, 2, 4, 8, 16, 32, 64

_PRECEDING: Final = 0x9E3779B1
_FOLLOWING: Final = 0x85EBCA77
_PAIR: Final = np.uint32(_FOLLOWING)
_SKIPPED: Final = np.uint32(0xC2B2AE3D)
_CHANNEL: Final = np.uint32(0x27D4EB2F)
_MASK: Final = 0xFFFFFFFF

Hashes = npt.NDArray[np.uint32]
Ids = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]


class EncodedText(NamedTuple):
    """A text as a model sees it."""

    #: Positions in the table. Shape (n,).
    ids: Ids
    #: What each weighs; of length 1 (Euclid) together. Shape (n,).
    values: Values
    #: What the lists of words say of the mood, -1 to 1.
    score: float


class _Token(NamedTuple):
    #: Positions of its own, 32-bit integers.
    positions: bytes
    #: Three of them: its first word as one that follows, its last one as one that precedes, and that one's position negated.
    ends: bytes
    flags: int
    english: float
    vietnamese: float
    #: Its last word, if a phrase has that; else "".
    word: str


class TextFeatures(base.Transformer):  # type: ignore[misc]
    """Turns texts into hashed features: arrays for our learners, a mapping for River's."""

    def __init__(
        self,
        bits: int = 18,
        letters: tuple[int, int] | None = (3, 5),
        letter_weight: float = 0.3,
        skip: bool = False,
    ) -> None:
        self.bits = bits
        self.letters = letters
        self.letter_weight = letter_weight
        self.skip = skip
        self._half = np.uint32(1 << (bits - 1))
        self._down = 33 - bits
        self._shift = np.uint32(self._down)
        self._always = _packed([self._position("always")])
        self._letter_weight = np.float32(letter_weight)
        #: Kept as one object: `_read` looks tokens up in it while `_token` renews it.
        self._tokens: dict[str, _Token] = {}
        self._older: dict[str, _Token] = {}
        self._signs: dict[str, _Token] = {}
        self._signs = {sign: self._made([sign], sign) for sign in (WEB, MENTION, NUMBER)}

    def transform_one(self, x: str | TextInput) -> dict[int, float]:
        """Return position to weight, for River's estimators."""
        encoded = self.encode(x) if isinstance(x, str) else self.encode_one(x)
        return dict(zip(encoded.ids.tolist(), encoded.values.tolist(), strict=True))

    def encode_one(self, x: TextInput) -> EncodedText:
        """Return the features of the text; with a channel, each of them shared and once more for that channel."""
        return self.encode(x.text, channel=x.channel)

    def encode(self, text: str, fields: tuple[str, ...] = (), channel: str = "") -> EncodedText:
        """Return the features of the text, and of what else is known; `ids` ascend, each stands once.

        With a channel they are followed by its own, which weigh more and may meet the others by chance.
        """
        parts, ends, score = self._read(text)
        if fields:
            parts.append(_packed([self._position(f"f:{field}") for field in fields]))
        ids = np.frombuffer(b"".join(parts), np.uint32)
        ids = self._with_pairs(ids, np.frombuffer(ends, np.uint32)) if ends else ids.copy()
        ids.sort()
        first = np.empty(len(ids) + 1, np.bool_)
        first[0] = first[-1] = True
        np.not_equal(ids[1:], ids[:-1], out=first[1:-1])
        starts = first.nonzero()[0]
        unique = ids.take(starts[:-1])
        values = _WEIGHTS.take(starts[1:] - starts[:-1], mode="clip")
        if self.letters:
            values[unique.searchsorted(self._half) :] *= self._letter_weight
        values *= 1.0 / math.sqrt(values.dot(values))
        if channel:
            unique, values = self._twice(unique, values, channel)
        return EncodedText(unique.astype(np.int64), values, score)

    def memory_bytes(self) -> int:
        """Return about how much memory the tokens take that are remembered."""
        return _TOKEN_BYTES * (len(self._tokens) + len(self._older))

    def _twice(self, ids: Hashes, values: Values, channel: str) -> tuple[Hashes, Values]:
        """Return the features twice, shared and as the channel's own."""
        own = ids + _channel_hash(channel)
        own *= _CHANNEL
        own >>= self._shift
        if self.letters:
            own |= ids & self._half
        return np.concatenate((ids, own)), np.multiply.outer(_SHARED_AND_OWN, values).ravel()

    def _read(self, text: str) -> tuple[list[bytes], bytes, float]:
        """Return what the tokens contribute, their ends, and the mood that the lists of words find (-1 to 1)."""
        tokens: list[_Token] = []
        get = self._tokens.get
        for piece in pieces(text):
            token = get(piece)
            if token is not None:
                tokens.append(token)
            else:
                tokens += [get(written) or self._token(written) for written in split_piece(piece)]
        if not tokens:
            return [self._always], b"", 0.0
        positions, ends, flags, in_english, in_vietnamese, words = zip(*tokens, strict=True)
        parts = [*positions, self._always]
        english = vietnamese = 0.0
        reach = told = 0
        stronger = 1.0
        before = ""
        for at, each in enumerate(flags):
            told |= each
            if reach:
                if each & _STOP:
                    reach = 0
                else:
                    reach -= 1
                    parts.append(ends[at][8:])
            if each > _VIETNAMESE | _STOP:
                phrase = _PHRASES.get((before, words[at])) if before and each & _PHRASE_END else None
                turned = _FLIP if reach else stronger
                if phrase is not None:
                    # The phrase may hold its negation: "không tốt", "no problem".
                    turned = stronger if reach == _NEGATED - 1 else turned
                    english += phrase * turned
                    vietnamese += phrase * turned
                elif each & _MOODY:
                    english += in_english[at] * turned
                    vietnamese += in_vietnamese[at] * turned
                if each & _NEGATOR:
                    reach = _NEGATED
                stronger = _STRENGTHENED if each & _STRENGTHENER else 1.0
                before = words[at]
            else:
                stronger = 1.0
                before = ""
        mood = vietnamese if told & _VIETNAMESE else english
        return parts, b"".join(ends), mood / math.sqrt(mood * mood + _SOFTENED * _SOFTENED)

    def _with_pairs(self, single: Hashes, ends: Hashes) -> Hashes:
        """Return the positions, and behind them those of neighbours; the first word stands after nothing."""
        n, words = len(single), len(ends) // 3
        skipped = max(0, words - 2) if self.skip else 0
        ids = np.empty(n + words + skipped, np.uint32)
        ids[:n] = single
        pairs = ids[n : n + words]
        pairs[0] = ends[0]
        np.bitwise_xor(ends[3::3], ends[1:-3:3], out=pairs[1:])
        pairs *= _PAIR
        pairs >>= self._shift
        if skipped:
            pairs = ids[n + words :]
            np.bitwise_xor(ends[6::3], ends[1:-6:3], out=pairs)
            pairs *= _SKIPPED
            pairs >>= self._shift
        return ids

    def _token(self, written: str) -> _Token:
        """Return what the token contributes, and keep it, unless it is one of the signs, whose writings never end."""
        token = self._older.get(written)
        if token is None:
            full = written_out(written, SHORTHAND)
            if full in self._signs:
                return self._signs[full]
            token = self._made(full.split(" "), written)
        if len(self._tokens) >= _CACHED:
            self._older = self._tokens.copy()
            self._tokens.clear()
        self._tokens[written] = token
        return token

    def _made(self, words: list[str], written: str) -> _Token:
        positions: list[int] = []
        flags = _VIETNAMESE * text_polarity.is_vietnamese(written.lower())
        english = vietnamese = 0.0
        shift = self._down
        hashes: list[int] = []
        for word in words:
            coded = _coded(word)
            hashes.append(crc32(coded))
            positions.append(crc32(coded, _WORD) >> shift)
            if word[0].isalpha():
                positions.append(crc32(coded if word.isascii() else _coded(bare(word)), _BARE) >> shift)
                if self.letters is not None:
                    positions += self._ngrams(coded, *self.letters)
                flags |= _NEGATOR * text_polarity.is_negator(word)
                flags |= _STRENGTHENER * text_polarity.is_strengthener(word)
                english += text_polarity.english_polarity(word)
                vietnamese += text_polarity.vietnamese_polarity(word)
            elif word not in self._signs:
                flags |= _STOP
                mood = text_polarity.emoji_polarity(word)
                if mood:
                    english, vietnamese = mood, mood
                    positions.append(self._position("glad" if mood > 0 else "sad"))
        if len(written) > 1 and written.isupper():
            positions.append(self._position("shouted"))
        if len(words) > 1:
            mood = sum(_PHRASES.get(pair, 0.0) for pair in pairwise(words))
            english, vietnamese = mood or english, mood or vietnamese
        last = words[-1] if words[-1] in _PHRASE_WORDS else ""
        flags |= _PHRASE_WORD * bool(last) | _PHRASE_END * (words[0] in _PHRASE_ENDS)
        flags |= _MOODY * bool(english or vietnamese)
        following, preceding = hashes[0], hashes[-1]
        return _Token(
            _packed(positions),
            _ENDS(
                following * _FOLLOWING & _MASK,
                preceding * _PRECEDING & _MASK,
                crc32(b"not", preceding) >> shift,
            ),
            flags,
            english,
            vietnamese,
            last,
        )

    def _position(self, feature: str) -> int:
        return crc32(_coded(feature)) >> self._down

    def _ngrams(self, coded: bytes, low: int, high: int) -> list[int]:
        framed = _EDGE + coded + _EDGE
        shift, half = self._down, 1 << (self.bits - 1)
        return [
            half | (crc32(framed[at : at + 4 * n]) >> shift)
            for n in range(low, high + 1)
            for at in range(0, len(framed) - 4 * n + 1, 4)
        ]


@lru_cache(maxsize=256)
def _channel_hash(channel: str) -> np.uint32:
    return np.uint32(crc32(_coded(channel)))


def _coded(text: str) -> bytes:
    """Return four bytes a character, of any character there can be."""
    return text.encode("utf-32-le", "surrogatepass")


_EDGE: Final = _coded("_")
#: Hashes of what is put before a word, to go on from.
_WORD: Final = crc32(_coded("w:"))
_BARE: Final = crc32(_coded("d:"))
_ENDS: Final = struct.Struct("<3I").pack


def _packed(numbers: list[int]) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


#: 1 + ln n for what occurs n times: the second mention says less than the first.
_WEIGHTS: Final = np.array([0.0, *(1 + math.log(n) for n in range(1, 256))], np.float32)
#: A channel's own features weigh 1 where the shared ones weigh 0.6; the squares of both sum to 1.
_SHARED_AND_OWN: Final = np.array([0.6 / math.hypot(0.6, 1.0), 1.0 / math.hypot(0.6, 1.0)], np.float32)

_PHRASES: Final = {
    (first, second): mood
    for phrase, mood in text_polarity.PHRASES.items()
    for first, second in [phrase.split(" ", 1)]
}
_PHRASE_ENDS: Final = frozenset(second for _, second in _PHRASES)
_PHRASE_WORDS: Final = _PHRASE_ENDS | {first for first, _ in _PHRASES}
