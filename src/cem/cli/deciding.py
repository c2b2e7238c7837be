"""What people decide for all customers at the terminal: by whom and why, and the record that says it."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from cem.settings import Settings

if TYPE_CHECKING:
    from cem.domain.events import Event

__all__ = ["SOURCE", "by", "by_and_reason", "say"]

SOURCE: Final = "cem/cli"


def by_and_reason(who: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what gives a command the options --reason and --by, passed as `reason` and `by_`; `who` says who that is."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        command = click.option("--by", "by_", help=f"{who}  [default: who runs the command]")(command)
        return click.option("--reason", help="Why, for those who look later.")(command)

    return decorate


def by() -> str:
    """Return who runs the command."""
    try:
        return getpass.getuser()[:128]
    except (KeyError, OSError):
        return "cem"


async def say(settings: Settings, event: Event) -> None:
    """Write the record of what was decided to `cem.control`. Nothing is looked up first. Raises Unavailable."""
    from cem.bootstrap import open_parts
    from cem.bootstrap.objects import set_object

    async with open_parts(settings) as parts:
        await set_object(parts.publisher, event, source=SOURCE)
