"""What the desktop says of the contact that a decision is for."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

import msgspec

__all__ = ["Call", "topic_of"]

#: Characters of what was said that words are looked for in: enough for a turn, bounded for a flood.
_TEXT_READ = 2000


class Call(msgspec.Struct, frozen=True, gc=False):
    """The contact: every field may be empty, and then the customer's open call says, if there is one."""

    call_id: str = ""
    channel: str = "call"
    reason: str = ""
    intent: str = ""
    queue: str = ""
    rep_id: str = ""
    #: Language of the call, and of the representative's sentence.
    language: str = ""
    #: What the customer just said or wrote.
    text: str = ""


def topic_of(reason: str, text: str, topics: Mapping[str, tuple[str, ...]]) -> str:
    """Return the policy's topic that the reason stands for, else the first one a word of which the text has; or ""."""
    if reason:
        label = _fold(reason)
        for topic, words in topics.items():
            if label == topic or label in words:
                return topic
    if text:
        said = _fold(text[:_TEXT_READ])
        for topic, words in topics.items():
            if any(word in said for word in words):
                return topic
    return ""


def _fold(text: str) -> str:
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", text).casefold()
