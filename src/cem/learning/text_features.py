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
from itertools import pairwise
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
from river import base

from cem.learning import text_polarity
from cem.learning.contract import TextInput
from cem.learning.text_lexicon_vi import SHORTHAND
from cem.learning.text_tokens import MENTION, NUMBER, WEB, bare, split, written_out

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

_NEGATOR, _STOP, _VIETNAMESE, _STRENGTHENER, _PHRASE_END, _MOODY = 1, 2, 4, 8, 16, 32

_BEFORE: Final = np.uint32(0x9E3779B1)
_AFTER: Final = np.uint32(0x85EBCA77)
_SKIPPED: Final = np.uint32(0xC2B2AE3D)
_CHANNEL: Final = np.uint32(0x27D4EB2F)

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
    #: Hash of its first word and of its last one.
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
        self._half = 1 << (bits - 1)
        self._shift = np.uint32(33 - bits)
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
        encoded = self.encode(x.text)
        return self.for_channel(encoded, x.channel) if x.channel else encoded

    def encode(self, text: str, fields: tuple[str, ...] = ()) -> EncodedText:
        """Return the features of the text, and of what else is known; `ids` ascend, each stands once."""
        parts, ends, score = self._read(text)
        parts.append(self._always)
        if fields:
            parts.append(_packed([self._position(f"f:{field}") for field in fields]))
        ids = np.frombuffer(b"".join(parts), np.int32)
        if ends:
            ids = np.concatenate((ids, *self._pairs(np.frombuffer(b"".join(ends), np.uint32))))
        ids = np.sort(ids)
        first = np.empty(len(ids) + 1, np.bool_)
        first[0] = first[-1] = True
        np.not_equal(ids[1:], ids[:-1], out=first[1:-1])
        starts = first.nonzero()[0]
        unique = ids.take(starts[:-1])
        values = _WEIGHTS.take(starts[1:] - starts[:-1], mode="clip")
        if self.letters:
            values[unique.searchsorted(self._half) :] *= self._letter_weight
        values *= 1.0 / math.sqrt(values.dot(values))
        return EncodedText(unique.astype(np.int64), values, score)

    def for_channel(self, encoded: EncodedText, channel: str) -> EncodedText:
        """Return the features twice, shared and as the channel's own, which weigh more; `ids` may meet by chance."""
        own = encoded.ids.astype(np.uint32)
        own += np.uint32(crc32(_coded(channel)))
        own *= _CHANNEL
        own >>= self._shift
        twice = np.concatenate((encoded.ids, own | (encoded.ids & self._half)))
        values = np.concatenate((encoded.values * _SHARED, encoded.values * _OWN))
        return EncodedText(twice, values, encoded.score)

    def memory_bytes(self) -> int:
        """Return about how much memory the tokens take that are remembered."""
        return _TOKEN_BYTES * (len(self._tokens) + len(self._older))

    def _read(self, text: str) -> tuple[list[bytes], list[bytes], float]:
        """Return what the tokens contribute, their ends, and the mood that the lists of words find (-1 to 1)."""
        parts: list[bytes] = []
        ends: list[bytes] = []
        english = vietnamese = 0.0
        reach = telling = 0
        stronger = 1.0
        before = ""
        get = self._tokens.get
        for written in split(text):
            positions, end, flags, in_english, in_vietnamese, word = get(written) or self._token(written)
            parts.append(positions)
            ends.append(end)
            if reach:
                if flags & _STOP:
                    reach = 0
                else:
                    reach -= 1
                    parts.append(self._negated(end))
            if flags:
                turned = _FLIP if reach else stronger
                if flags & _PHRASE_END and (phrase := _PHRASES.get((before, word))) is not None:
                    in_english = in_vietnamese = phrase
                    if reach == _NEGATED - 1:  # The phrase holds its negation: "không tốt", "no problem".
                        turned = stronger
                english += in_english * turned
                vietnamese += in_vietnamese * turned
                if flags & _NEGATOR:
                    reach = _NEGATED
                telling += flags & _VIETNAMESE
                stronger = _STRENGTHENED if flags & _STRENGTHENER else 1.0
            else:
                stronger = 1.0
            before = word
        mood = vietnamese if telling else english
        return parts, ends, mood / math.sqrt(mood * mood + _SOFTENED * _SOFTENED)

    def _pairs(self, ends: npt.NDArray[np.uint32]) -> list[npt.NDArray[np.int32]]:
        """Return the positions of neighbours; the first word stands after nothing."""
        last = ends[1::2] * _BEFORE
        first = ends[::2] * _AFTER
        pairs = first.copy()
        pairs[1:] ^= last[:-1]
        pairs *= _AFTER
        pairs >>= self._shift
        found = [pairs.view(np.int32)]
        if self.skip and len(first) > 2:
            skipped = first[2:] ^ last[:-2]
            skipped *= _SKIPPED
            skipped >>= self._shift
            found.append(skipped.view(np.int32))
        return found

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
        for word in words:
            positions.append(self._position(f"w:{word}"))
            if word[0].isalpha():
                positions.append(self._position(f"d:{bare(word)}"))
                positions += self._ngrams(word)
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
        flags |= _PHRASE_END * (words[0] in _PHRASE_ENDS) | _MOODY * bool(english or vietnamese)
        return _Token(
            _packed(positions),
            _packed([crc32(_coded(words[0])), crc32(_coded(words[-1]))]),
            flags,
            english,
            vietnamese,
            words[-1] if words[-1] in _PHRASE_WORDS else "",
        )

    def _position(self, feature: str) -> int:
        return crc32(_coded(feature)) >> int(self._shift)

    def _negated(self, end: bytes) -> bytes:
        return _packed([crc32(b"not", int.from_bytes(end[4:], "little")) >> int(self._shift)])

    def _ngrams(self, word: str) -> list[int]:
        if self.letters is None:
            return []
        low, high = self.letters
        framed = _coded(f"_{word}_")
        shift, half = int(self._shift), self._half
        return [
            half | (crc32(framed[at : at + 4 * n]) >> shift)
            for n in range(low, high + 1)
            for at in range(0, len(framed) - 4 * n + 1, 4)
        ]


def _coded(text: str) -> bytes:
    """Return four bytes a character, of any character there can be."""
    return text.encode("utf-32-le", "surrogatepass")


def _packed(numbers: list[int]) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


#: 1 + ln n for what occurs n times: the second mention says less than the first.
_WEIGHTS: Final = np.array([0.0, *(1 + math.log(n) for n in range(1, 256))], np.float32)
#: A channel's own features weigh 1 where the shared ones weigh 0.6; the squares of both sum to 1.
_SHARED: Final = np.float32(0.6 / math.hypot(0.6, 1.0))
_OWN: Final = np.float32(1.0 / math.hypot(0.6, 1.0))

_PHRASES: Final = {
    (first, second): mood
    for phrase, mood in text_polarity.PHRASES.items()
    for first, second in [phrase.split(" ", 1)]
}
_PHRASE_ENDS: Final = frozenset(second for _, second in _PHRASES)
_PHRASE_WORDS: Final = _PHRASE_ENDS | {first for first, _ in _PHRASES}
