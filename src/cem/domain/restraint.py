"""What keeps `cem` from telling anything: a brake that people pull, a shadow run, a type of alert that is paused.

It is an input of the step. Its text form stands in the journal beside the versions of the rules, so a step that is
made again tells and withholds the same.
"""

from __future__ import annotations

import msgspec

from cem.domain.events.enums import WithheldBecause

__all__ = ["ALL", "NOTHING", "Restraint", "read_restraint"]

#: The scope of a brake that stops everything.
ALL = "all"
_SHADOW = "shadow"
_PAUSED = "paused:"


class Restraint(msgspec.Struct, frozen=True):
    """Which contacts are withheld."""

    #: Scopes of the brakes that are on, sorted: all, type:ALERT_TYPE, action:ACTION.
    brakes: tuple[str, ...] = ()
    #: True: everything is decided and recorded, and nobody is told.
    shadow: bool = False
    #: Types of alert of which only a few are told, because telling of them avoids nothing (`cem.alerts.pauses`), sorted.
    paused: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The same as text; "" = nothing is withheld."""
        parts = (*self.brakes, *[_PAUSED + type_ for type_ in self.paused])
        return ",".join((*parts, _SHADOW) if self.shadow else parts)

    def pauses(self, alert_type: str) -> bool:
        """Return whether only a few are told of such alerts."""
        return alert_type in self.paused

    def withholds(self, alert_type: str, action: str) -> WithheldBecause | None:
        """Return what keeps a contact about such an alert, with such a remedy, from being made; None if nothing does."""
        for scope in self.brakes:
            if scope in (ALL, f"type:{alert_type}", f"action:{action}"):
                return WithheldBecause.BRAKE
        return WithheldBecause.SHADOW if self.shadow else None


NOTHING = Restraint()


def read_restraint(text: str) -> Restraint:
    """Return the restraint of its text."""
    if not text:
        return NOTHING
    parts = text.split(",")
    return Restraint(
        tuple(part for part in parts if part != _SHADOW and not part.startswith(_PAUSED)),
        _SHADOW in parts,
        tuple(part.removeprefix(_PAUSED) for part in parts if part.startswith(_PAUSED)),
    )
