"""`cem api`: serve the HTTP API; make the hash of an API key."""

from __future__ import annotations

import asyncio
import secrets
import sys

import click

from cem.cli.connection import settings_from
from cem.cli.errors import FAILED, USAGE, Failure
from cem.cli.logs import configure_logs
from cem.cli.output import json_option, note, print_json

__all__ = ["command"]

_SHORTEST = 16


@click.group(invoke_without_command=True)
@click.option("--host", help="Address to listen on; another than loopback needs an API key.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on; 0 takes a free one.")
@click.pass_context
def command(ctx: click.Context, host: str | None, port: int | None) -> None:
    """Serve the HTTP API: next best actions, customers, alerts, outcomes. One of any number of processes.

    Listens on 127.0.0.1:8080 unless CEM_API_HOST and CEM_API_PORT say otherwise. Stop it with Ctrl-C or SIGTERM.
    """
    if ctx.invoked_subcommand is not None:
        return
    from cem.bootstrap import run_api

    settings = settings_from(ctx, api_host=host, api_port=port)
    configure_logs(settings)
    try:
        asyncio.run(run_api(settings, on_listening=lambda address: note(f"cem api listens on {address}")))
    except OSError as error:
        if error.filename is not None or isinstance(error, ConnectionError):
            raise
        where = f"{settings.api_host}:{settings.api_port}"
        raise Failure(f"cannot listen on {where}: {error.strerror or error}", FAILED) from None


@command.command("hash-key")
@click.option("--generate", is_flag=True, help="Make a new key and print it with its hash.")
@json_option
def hash_key(generate: bool, as_json: bool) -> None:
    """Print the hash of an API key, for CEM_API_KEY_HASH.

    Asks for the key, or reads it from standard input: a key on the command line would stand in the process list.
    """
    from cem.api import hash_key as make

    if generate:
        key = secrets.token_urlsafe(32)
    elif sys.stdin.isatty():
        key = click.prompt("API key", hide_input=True, confirmation_prompt=True)
    else:
        key = sys.stdin.readline().rstrip("\r\n")
    if len(key) < _SHORTEST:
        raise Failure(f"an API key needs at least {_SHORTEST} characters; --generate makes one", USAGE)
    made = {"key": key} if generate else {}
    made["hash"] = make(key)
    if as_json:
        print_json(made)
        return
    if generate:
        click.echo(f"key   {key}")
    click.echo(f"hash  {made['hash']}" if generate else made["hash"])
