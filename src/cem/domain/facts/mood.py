"""How the customer sounds: the mood of each thing he says, of the conversation and over the last conversations.

Unit: utterances: his turns in calls, and what he writes on any other channel or in a survey. Window: 32 utterances of the
newest conversation, one mood of each of the six before. Equals: the utterances in order of their turns, whatever the
order of arrival within a conversation; what arrives after a newer conversation has begun is left out. No tick: age is
weighed at the reader's instant (`cem.domain.view.mood`). What each utterance sounds like is the answer of a model, an
input like the record itself.
"""

from __future__ import annotations

from typing import Final

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.state.estimates import (
    Estimates,
    PastMood,
    Talked,
    past_moods,
    spoken_of,
    with_past_mood,
    with_spoken,
)
from cem.domain.view.moods import talk_shape

__all__ = ["hear", "suppose_early", "suppose_reason"]

#: Characters of an utterance that a model is given.
_LOOKED_AT: Final = 2_000
#: From this mood on, either way, the words that it hangs on are asked for; again if another is stronger by the step.
_STRONG: Final = 40
_STEP: Final = 15
_WORD_CHARS: Final = 24
#: While a call goes on its reason is asked for until the model is so sure (percent), of its first utterances.
_SURE: Final = 80
_ASKED_EARLY: Final = 4


def hear(
    customer: Customer, key: int, channel: str, turn: int, text: str, at_ms: int, ctx: FoldContext
) -> None:
    """Fold something that the customer said or wrote in the contact `key`."""
    if not text.strip():
        return
    estimates = customer.estimates
    talked = _talked(estimates, key, channel, at_ms)
    if talked is None:
        return
    question = [text[:_LOOKED_AT], channel]
    answer = ctx.ask("sentiment", question)
    if answer is None:
        return
    mood = int(answer[0])
    talked.spoken = with_spoken(talked.spoken, turn, mood, len(text.split()))
    strong = abs(mood)
    if strong >= _STRONG and strong >= talked.strongest + (_STEP if talked.strongest else 0):
        words = ctx.ask("about", question)
        if words is not None:
            talked.about = [str(word)[:_WORD_CHARS] for word in words[:3]]
            talked.strongest = strong


def suppose_reason(
    customer: Customer, key: int, channel: str, text: str, at_ms: int, ctx: FoldContext
) -> None:
    """Ask for the reason of a contact of which nobody has said one."""
    answer = ctx.ask("reason", [text[:_LOOKED_AT], channel])
    if not answer:
        return
    talked = _talked(customer.estimates, key, channel, at_ms)
    if talked is not None:
        talked.reason, talked.sure = str(answer[0])[:64], int(answer[1])
        # Answers of before models said their version are still in journals.
        talked.reason_version = int(answer[2]) if len(answer) > 2 else -1


def suppose_early(
    customer: Customer, key: int, channel: str, said: str, at_ms: int, ctx: FoldContext
) -> None:
    """Ask for the reason of a call that goes on, from what he has said so far, until the model is sure."""
    talked = customer.estimates.talked
    here = talked is not None and talked.key == key
    if here and talked is not None and (talked.sure >= _SURE or len(spoken_of(talked.spoken)) > _ASKED_EARLY):
        return
    if said.strip():
        suppose_reason(customer, key, channel, said, at_ms, ctx)


def _talked(estimates: Estimates, key: int, channel: str, at_ms: int) -> Talked | None:
    """Return the conversation, begun if it is a new one; None if a newer one has begun."""
    talked, at_s = estimates.talked, at_ms // 1000
    if talked is not None:
        if talked.key == key:
            talked.at_s = max(talked.at_s, at_s)
            return talked
        if at_s < talked.at_s or any(row.key == key for row in past_moods(estimates.moods)):
            return None
        spoken = spoken_of(talked.spoken)
        if spoken:
            level = round(talk_shape(talked).level * 100)
            estimates.moods = with_past_mood(
                estimates.moods, PastMood(talked.key, talked.at_s, level, len(spoken))
            )
    estimates.talked = Talked(key, at_s, channel)
    return estimates.talked
