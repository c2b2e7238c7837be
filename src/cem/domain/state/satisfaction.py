"""What the customer answered when he was asked."""

from __future__ import annotations

import msgspec

__all__ = ["Answer", "Satisfaction"]


class Answer(msgspec.Struct, array_like=True, gc=False):
    """One survey answer; 0 (NPS: -1) = not answered."""

    at_ms: int
    #: Key of the call or interaction asked about (see `contact_key`); 0 = none.
    about: int = 0
    csat: int = 0
    nps: int = -1
    ces: int = 0


class Satisfaction(msgspec.Struct, array_like=True, gc=False):
    """The last answers, oldest first, and how many there were."""

    answers: list[Answer] = []
    total: int = 0
