"""Examples of all five models: of a simulated world, as the fold makes them.

A world in one process asks for no decisions, so those of propensity are made of what was known at its contacts.
"""

from __future__ import annotations

import random
from itertools import chain
from typing import Any

import msgspec

from bench.learning import Judge, live
from cem.domain.scores import example_emission

__all__ = ["examples_of_all"]


class _Examples(Judge):
    """Writes the examples down instead of learning them; sentiment answers as before its first label."""

    def __init__(self) -> None:
        super().__init__(())
        self.found: list[tuple[str, bytes]] = []

    def ask(self, model: str, question: Any) -> Any:
        return None

    def example(self, model: str, source: str, x: Any, y: Any) -> None:
        made = example_emission(
            model, x, y, about=source, key="", id="", source="", time_ms=self.lane_time_ms, sequence=0
        )
        assert made.value is not None
        self.found.append((model, made.value))


def examples_of_all(customers: int, seed: int, most: int = 2_000) -> list[tuple[str, bytes]]:
    """Return model and record of the examples, the five models in turn, `most` of each at most, as many of each."""
    made = _Examples()
    live(made, customers, 90, seed, "open", messages_every=5)
    of: dict[str, list[bytes]] = {}
    for model, value in made.found:
        of.setdefault(model, []).append(value)
    dice = random.Random(seed)
    contacts = [msgspec.json.decode(value)["x"]["features"] for value in of["satisfaction"]]
    of["propensity"] = [_offer(features, dice) for features in contacts]
    many = min(most, *map(len, of.values()))
    turns = zip(
        *[[(model, value) for value in values[-many:]] for model, values in sorted(of.items())], strict=True
    )
    return list(chain.from_iterable(turns))


def _offer(features: dict[str, Any], dice: random.Random) -> bytes:
    action = dice.randrange(18)
    x = {
        "features": features,
        "action": f"action-{action}",
        "group": f"group-{action // 3}",
        "channel": dice.choice(("call", "sms", "email")),
        "probability": 0.25,
    }
    y = int(dice.random() < 0.1 + 0.04 * (action % 5))
    return msgspec.json.encode({"x": x, "y": y, "time_ms": 0, "source": ""})
