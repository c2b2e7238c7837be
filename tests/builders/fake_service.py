"""A stand-in for the service's processes: `python fake_service.py worker|api|simulate`, steered by files.

It writes what it was started with to `NAME.env`, and ends with code N as soon as `NAME.die` holds N. The API
answers /readyz; the simulator writes one event and, as a lane would, one alert.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import AIOKafkaProducer

from cem.domain.events import AlertOpened, Severity, Tell, TellWhom
from cem.domain.events.envelope import encode

NAME = sys.argv[1] if len(sys.argv) > 1 else ""


async def _api() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    await asyncio.start_server(answer, os.environ["CEM_API_HOST"], int(os.environ["CEM_API_PORT"]))


async def _simulate() -> None:
    alert = AlertOpened(
        alert_id="a-1",
        type="sms.allowance",
        severity=next(iter(Severity)),
        customer_id="c-1",
        subject="+49151",
        opened_at=datetime(2026, 3, 1, 12, 5, tzinfo=UTC),
        tell=TellWhom(who=next(iter(Tell))),
    )
    headers, value = encode(alert, id="1", source="fake", time_ms=1_772_366_700_000, customer_id="c-1")
    async with AIOKafkaProducer(bootstrap_servers=os.environ["CEM_KAFKA_BOOTSTRAP"]) as producer:
        await producer.send_and_wait("cem.calls", b"{}", key=b"c-1")
        while True:
            # Again and again: whoever looks from the log's end on sees one of them.
            await producer.send_and_wait("cem.alerts", value, key=b"c-1", headers=list(headers))
            await asyncio.sleep(1)


async def _run(folder: Path) -> int:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    work = asyncio.create_task({"api": _api, "simulate": _simulate}.get(NAME, stopped.wait)())
    (folder / f"{NAME}.env").write_text(
        "\n".join([*sys.argv[2:], *(f"{k}={v}" for k, v in os.environ.items() if k.startswith("CEM_"))])
    )
    die = folder / f"{NAME}.die"
    while not stopped.is_set():
        if die.exists():
            code = int(die.read_text())
            die.unlink()
            sys.stderr.write(f"the {NAME} was told to end with {code}\n")
            return code
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await stopped.wait()
    work.cancel()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(Path(os.environ["CEM_STATE_DIR"]))))
