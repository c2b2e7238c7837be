"""Whether Kafka can be reached, and if not, why: the reason that aiokafka's clients only write into their log."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError

from cem.ports import Unavailable
from cem.settings import Settings
from cem.streams.connection import client_options

__all__ = ["probe_kafka"]


async def probe_kafka(settings: Settings, *, timeout_s: float = 5.0) -> str:
    """Return the address of the first bootstrap server that takes us in.

    Raises Unavailable with a sentence about the first that does not when none does, SettingsError.
    """
    options = client_options(settings)
    servers: list[str] = options.pop("bootstrap_servers")
    reasons: list[str] = []
    for server in servers:
        host, _, port = server.rpartition(":")
        try:
            async with asyncio.timeout(timeout_s):
                connection = await create_conn(
                    host.strip("[]"), int(port), request_timeout_ms=int(timeout_s * 1000), **options
                )
        except (KafkaError, OSError, TimeoutError) as error:
            reasons.append(_reason(server, error, settings, timeout_s))
            continue
        closing = connection.close()
        if closing is not None:
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(1.0):
                    await closing
        return server
    # A refusal says more than an address at which nobody listens.
    reasons.sort(key=lambda reason: "refuses" not in reason)
    raise Unavailable(reasons[0])


def _reason(server: str, error: Exception, settings: Settings, timeout_s: float) -> str:
    name, said = type(error).__name__, str(error)
    if "Authentication" in name or "SaslMechanism" in name or "IllegalSasl" in name:
        return (
            f"Kafka at {server} refuses {settings.kafka_username or 'us'} by {settings.kafka_sasl_mechanism}: "
            "check CEM_KAFKA_USERNAME, CEM_KAFKA_PASSWORD and CEM_KAFKA_SASL_MECHANISM"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Kafka at {server} shows a certificate that does not verify ({error.verify_message}): check CEM_KAFKA_CA_FILE"
    if isinstance(error, ssl.SSLError):
        return f"Kafka at {server} does not speak TLS there ({error.reason or said}): check port and CEM_KAFKA_SECURITY"
    if isinstance(error, ConnectionRefusedError):
        return f"cannot reach Kafka: nobody listens at {server} (CEM_KAFKA_BOOTSTRAP)"
    if isinstance(error, TimeoutError):
        return f"cannot reach Kafka: {server} does not answer within {timeout_s:g} s (CEM_KAFKA_BOOTSTRAP)"
    if isinstance(error, KafkaError | ConnectionResetError | BrokenPipeError):
        return f"Kafka at {server} closes the connection: check that CEM_KAFKA_SECURITY={settings.kafka_security} suits it"
    return f"cannot reach Kafka at {server}: {getattr(error, 'strerror', None) or said or name} (CEM_KAFKA_BOOTSTRAP)"
