"""Which customer an identifier finds (`cem.inbox`, keyed `kind:value`)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from cem.domain.events.base import CustomerId, Event, check_identifier
from cem.domain.events.enums import IdentifierKind

__all__ = ["IdentifierLinked", "IdentifierUnlinked"]

TOPIC = "cem.inbox"


class IdentifierLinked(Event, frozen=True, kw_only=True):
    """From now on this identifier finds this customer."""

    TYPE: ClassVar[str] = "identifier.linked"
    TOPIC: ClassVar[str] = TOPIC
    OF_CUSTOMER: ClassVar[bool] = False
    NAMES_KEY: ClassVar[bool] = True

    kind: Annotated[IdentifierKind, Meta(description="Kind of identifier. Used for: the key of its events.")]
    value: Annotated[
        str,
        Meta(min_length=1, max_length=254, description="The identifier. Used for: the key of its events."),
    ]
    customer_id: Annotated[CustomerId, Meta(description="Whom it finds. Used for: forwarding its events.")]

    def __post_init__(self) -> None:
        check_identifier(self.value)

    def key(self) -> str:
        return f"{self.kind}:{self.value}"


class IdentifierUnlinked(Event, frozen=True, kw_only=True):
    """The identifier does not find this customer any more."""

    TYPE: ClassVar[str] = "identifier.unlinked"
    TOPIC: ClassVar[str] = TOPIC
    OF_CUSTOMER: ClassVar[bool] = False
    NAMES_KEY: ClassVar[bool] = True

    kind: Annotated[IdentifierKind, Meta(description="Kind of identifier. Used for: the key of its events.")]
    value: Annotated[
        str,
        Meta(min_length=1, max_length=254, description="The identifier. Used for: the key of its events."),
    ]
    customer_id: Annotated[
        CustomerId, Meta(description="Whom it found. Used for: ending this link, no later one.")
    ]

    def __post_init__(self) -> None:
        check_identifier(self.value)

    def key(self) -> str:
        return f"{self.kind}:{self.value}"
