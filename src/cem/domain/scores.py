"""What models say, as an input of the fold: asked once, written into the journal, never asked again for the same step.

A fold asks (`FoldContext.ask`) and gets plain data. When a step is made for the first time the model in force answers,
and the answer, with the model's version, goes into the journal entry of the step. When the step is made again (after a
crash, from a checkpoint, by `cem replay`) the answers come from there. So states are equal bit for bit though models
learn on, on other machines too, and no old model has to be found again.

| model | question | answer |
|---|---|---|
| sentiment | text, channel | [mood in hundredths, -100 complaint to 100 praise] |
| about | text, channel | [words on which the mood of the text hangs] |
| reason | text, channel | [reason, certainty in percent]; [] when it does not know |
| satisfaction | portrait, text, channel | [point, low, high, each CSAT in fiftieths; version; drivers] |
| churn | portrait | [chance in ten thousandths, version, drivers] |

A portrait is bytes (`cem.domain.view.portrait`); drivers are its features' numbers from one on, negative where they
lower the estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from cem.domain.events.rfc3339 import format_ms
from cem.ports import Emission

__all__ = ["ASKED", "Answers", "Recorded", "Said", "example_emission"]

#: What can be asked, by the code that the journal has. Append only.
ASKED: Final = ("sentiment", "about", "reason", "satisfaction", "churn")
_CODE: Final = {name: code for code, name in enumerate(ASKED)}


class Said(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One answer."""

    code: int
    #: Of the model that answered: the offset of the last example that it had learnt; -1 = it knows its prior only.
    version: int
    #: None: there was no model to ask.
    answer: Any


#: Answers a question to a model with the model's version and the answer; None if it cannot.
Answers = Callable[[str, Any], tuple[int, Any] | None]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Said]).decode


class Recorded:
    """The answers of one step: given by the models and written down, or read from what was written down."""

    __slots__ = ("_ask", "_at", "_said")

    def __init__(self, ask: Answers | None, written: bytes | None) -> None:
        """written: what `written` returned when the step was made first; None: this is the first time."""
        self._ask = ask
        self._said: list[Said] = _decode(written) if written else []
        #: Place of the next answer to be read; -1 = the models are asked.
        self._at = -1 if written is None else 0

    def ask(self, model: str, question: Any) -> Any:
        """Return the answer, or None."""
        code = _CODE[model]
        if self._at >= 0:
            # A release that asks more than the one which wrote the entry finds no answer, and goes on without one.
            if self._at >= len(self._said) or self._said[self._at].code != code:
                return None
            self._at += 1
            return self._said[self._at - 1].answer
        if self._ask is None:
            return None
        found = self._ask(model, question)
        self._said.append(Said(code, -1, None) if found is None else Said(code, *found))
        return self._said[-1].answer

    def written(self) -> bytes:
        """Return the answers as bytes; none at all if nobody asked."""
        return _encode(self._said) if self._said else b""


_JSON: Final = ("content-type", b"application/json")
_write = msgspec.json.Encoder().encode


def example_emission(
    model: str,
    x: Any,
    y: Any,
    *,
    about: str,
    key: str,
    id: str,  # noqa: A002 - the attribute's name
    source: str,
    time_ms: int,
    sequence: int,
) -> Emission:
    """Return the record on `cem.examples.<model>`: a row as `cem.learning.examples` reads it, with CloudEvents attributes."""
    value = _write({"x": x, "y": y, "time_ms": time_ms, "source": about})
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", b"example.made"),
        ("ce_time", format_ms(time_ms)),
        ("ce_subject", key.encode()),
        _JSON,
        ("ce_sequence", b"%d" % sequence),
    )
    return Emission(f"cem.examples.{model}", key.encode(), value, headers)
