"""`cem dead-letters show`: one record as it came, and what is wrong with it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

import click

from cem.cli.connection import settings_from
from cem.cli.dead_letters.reading import find, key_text, moment, opened_log
from cem.cli.dead_letters.receipts import RECEIPTS, SentAgain, read_receipts, sent_again
from cem.cli.output import counted, json_option, print_json
from cem.settings import Settings
from cem.streams.dead_letters import DeadLetter

__all__ = ["show"]


@click.command("show")
@click.argument("letter", metavar="PARTITION/OFFSET")
@click.option(
    "--value", "value_only", is_flag=True, help="Write the value's bytes and nothing else: to mend them."
)
@json_option
@click.pass_context
def show(ctx: click.Context, letter: str, value_only: bool, as_json: bool) -> None:
    """Show one dead letter: where it came from, what is wrong where, its headers and its bytes."""
    found, again = asyncio.run(_read(settings_from(ctx), letter))
    if value_only:
        sys.stdout.buffer.write(found.value or b"")
    elif as_json:
        print_json(_as_json(found, again))
    else:
        _print(found, again)


async def _read(settings: Settings, name: str) -> tuple[DeadLetter, SentAgain]:
    async with opened_log(settings) as log:
        letter = await find(log, settings, name)
        cluster_id = await log.cluster_id()
    again = sent_again(read_receipts(settings.state_dir / RECEIPTS), cluster_id)
    return letter, again.get(letter.name, SentAgain())


def _as_json(letter: DeadLetter, again: SentAgain) -> dict[str, object]:
    text = _text(letter.value)
    return {
        "letter": letter.name,
        "stored": moment(letter.stored_ms),
        "topic": letter.topic,
        "partition": letter.source_partition,
        "offset": letter.source_offset,
        "ingested": moment(letter.ingested_ms),
        "reason": letter.code,
        "detail": letter.detail,
        "path": letter.path,
        "redrives": letter.redrives,
        "sent_again": again.times,
        "sent_again_last": again.last,
        "key": None if letter.key is None else key_text(letter),
        "headers": {name: value.decode(errors="backslashreplace") for name, value in letter.headers},
        "value": text,
        "value_hex": None if letter.value is None or text is not None else letter.value.hex(),
    }


def _print(letter: DeadLetter, again: SentAgain) -> None:
    came = f"{letter.topic}[{letter.source_partition}] at offset {letter.source_offset}"
    for name, text in (
        ("letter", f"{letter.name}, since {moment(letter.stored_ms)}"),
        ("came from", f"{came}, taken in {moment(letter.ingested_ms)}"),
        ("reason", letter.code),
        ("what", letter.detail),
        ("where", letter.path),
        ("sent again", str(again)),
        *([("before that", f"came back {counted(letter.redrives, 'time')}")] if letter.redrives else []),
        ("key", "none" if letter.key is None else key_text(letter)),
    ):
        click.echo(f"{name:<12}{_visible(text)}")
    click.echo("headers")
    for name, value in letter.headers:
        click.echo(f"  {_visible(name)}: {_visible(value.decode(errors='backslashreplace'))}")
    size = "none (null)" if letter.value is None else f"{len(letter.value):,} bytes"
    click.echo(f"value       {size}")
    content = _text(letter.value)
    if content is not None:
        click.echo("\n".join(_visible(line) for line in content.split("\n")))
    else:
        for line in _dump(letter.value or b""):
            click.echo(line)


def _text(value: bytes | None) -> str | None:
    """Return the value as text, None if it is none."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _visible(text: str) -> str:
    """Return the text with control characters spelled out, so that bytes from outside cannot steer the terminal."""
    return "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in text)


def _dump(value: bytes, most: int = 4096) -> Iterator[str]:
    """Yield lines of sixteen bytes: place, hexadecimal, and what of it is ASCII."""
    for start in range(0, min(len(value), most), 16):
        row = value[start : start + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{start:08x}  {row.hex(' '):<47}  {shown}"
    if len(value) > most:
        yield f"... {len(value) - most:,} bytes more (--value writes them all)"
