"""What the customer answered in surveys.

Unit: answers (CSAT 1-5, NPS 0-10, CES 1-7). Window: the last five by event time; the number for ever. Equals: the
newest five. Order-free. No tick: the level is weighted by age at the reader's instant (`cem.domain.view.csat_level`).
"""

from __future__ import annotations

from bisect import insort

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.calls import SurveyAnswered
from cem.domain.events.envelope import Received
from cem.domain.state.contacts import contact_key
from cem.domain.state.satisfaction import Answer

__all__ = ["ANSWERS_KEPT", "add_answer"]

ANSWERS_KEPT = 5


def add_answer(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `survey.answered`; an answer of text alone counts, but has no level to keep."""
    event = received.event
    assert isinstance(event, SurveyAnswered)
    satisfaction = customer.satisfaction
    satisfaction.total += 1
    if event.csat is None and event.nps is None and event.ces is None:
        return
    answer = Answer(
        received.time_ms,
        contact_key(event.about) if event.about else 0,
        event.csat or 0,
        -1 if event.nps is None else event.nps,
        event.ces or 0,
    )
    insort(satisfaction.answers, answer, key=_at)
    del satisfaction.answers[:-ANSWERS_KEPT]


def _at(answer: Answer) -> int:
    return answer.at_ms
