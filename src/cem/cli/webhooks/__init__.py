"""`cem webhooks`: consumers' end points - register them, send to them, see what became of it."""

from __future__ import annotations

import click

from cem.cli.webhooks.deliver import deliver
from cem.cli.webhooks.registering import add, remove, rotate
from cem.cli.webhooks.replaying import recover, resend
from cem.cli.webhooks.showing import attempts, list_

__all__ = ["command"]


@click.group("webhooks")
def command() -> None:
    """Send alerts to consumers' end points, signed, until each was taken or is noise.

    End points are records of cem.control: what one host registers, the sender of any other sends to.
    """


for _one in (add, list_, remove, rotate, attempts, resend, recover, deliver):
    command.add_command(_one)
