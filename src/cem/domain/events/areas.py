"""What a household feels of a fault, told to its area (`cem.inbox`, keyed `area:NAME`)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from cem.domain.events.base import CustomerId, Event, Label, check_identifier
from cem.domain.events.enums import ServiceKind

__all__ = ["AreaFelt"]


class AreaFelt(Event, frozen=True, kw_only=True):
    """A household of the area has lost a service, or has it back. Made by `cem` of `service.degraded` and `service.restored`."""

    TYPE: ClassVar[str] = "area.felt"
    TOPIC: ClassVar[str] = "cem.inbox"
    OF_CUSTOMER: ClassVar[bool] = False
    NAMES_KEY: ClassVar[bool] = True

    area: Annotated[Label, Meta(description="The area. Used for: the key.")]
    customer_id: Annotated[CustomerId, Meta(description="The household. Used for: counting each once.")]
    kind: Annotated[ServiceKind, Meta(description="Which service. Used for: what the outage is of.")]
    ended: Annotated[bool, Meta(description="It has the service back. Used for: the outage's end.")] = False

    def __post_init__(self) -> None:
        check_identifier(self.area)

    def key(self) -> str:
        return f"area:{self.area}"
