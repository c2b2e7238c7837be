"""How clients reach Kafka: one translation of the settings for aiokafka and one for librdkafka."""

from __future__ import annotations

import ssl
from typing import Any

from cem.settings import Settings, SettingsError, is_loopback

__all__ = ["bootstrap_servers", "client_options", "confluent_options", "ssl_context"]


def bootstrap_servers(settings: Settings) -> list[str]:
    """Return the bootstrap addresses, each host:port. Raises SettingsError when one is not."""
    servers = [part.strip() for part in settings.kafka_bootstrap.split(",") if part.strip()]
    if not servers:
        raise SettingsError("CEM_KAFKA_BOOTSTRAP: names no server; it takes host:port, comma-separated")
    for server in servers:
        host, colon, port = server.rpartition(":")
        if not colon or not host or not port.isdigit() or not 0 < int(port) < 65_536:
            raise SettingsError(f"CEM_KAFKA_BOOTSTRAP: {server!r} is not host:port")
    return servers


def client_options(settings: Settings) -> dict[str, Any]:
    """Return the connection arguments of every aiokafka client.

    Raises SettingsError when a password would cross a network unencrypted, or a credential is missing.
    """
    servers = bootstrap_servers(settings)
    _refuse_unsafe(settings, servers)
    options: dict[str, Any] = {"bootstrap_servers": servers, "security_protocol": settings.kafka_security}
    if settings.kafka_security in ("SSL", "SASL_SSL"):
        options["ssl_context"] = ssl_context(settings)
    if settings.kafka_security.startswith("SASL_"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_username
        options["sasl_plain_password"] = settings.kafka_password
    return options


def confluent_options(settings: Settings) -> dict[str, Any]:
    """Return the same as `client_options` for a confluent-kafka client, with the partitioner that lanes need."""
    servers = bootstrap_servers(settings)
    _refuse_unsafe(settings, servers)
    options: dict[str, Any] = {
        "bootstrap.servers": ",".join(servers),
        "security.protocol": settings.kafka_security,
        "partitioner": "murmur2_random",
    }
    if settings.kafka_security in ("SSL", "SASL_SSL"):
        files = {
            "ssl.ca.location": settings.kafka_ca_file,
            "ssl.certificate.location": settings.kafka_cert_file,
            "ssl.key.location": settings.kafka_key_file,
        }
        options.update({name: str(path) for name, path in files.items() if path is not None})
    if settings.kafka_security.startswith("SASL_"):
        options["sasl.mechanism"] = settings.kafka_sasl_mechanism
        options["sasl.username"] = settings.kafka_username
        options["sasl.password"] = settings.kafka_password
    return options


def ssl_context(settings: Settings) -> ssl.SSLContext:
    """Return a context that verifies the brokers' certificates and host names, and presents ours if there is one.

    Raises SettingsError for a file that cannot be read, or a key without its certificate.
    """
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"CEM_KAFKA_CA_FILE: cannot be read as certificates ({error})") from None
    if settings.kafka_cert_file is not None:
        try:
            context.load_cert_chain(settings.kafka_cert_file, settings.kafka_key_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"CEM_KAFKA_CERT_FILE: cannot be read as certificate and key ({error})"
            ) from None
    elif settings.kafka_key_file is not None:
        raise SettingsError("CEM_KAFKA_KEY_FILE: needs CEM_KAFKA_CERT_FILE beside it")
    return context


def _refuse_unsafe(settings: Settings, servers: list[str]) -> None:
    sasl = settings.kafka_security.startswith("SASL_")
    if sasl and not (settings.kafka_username and settings.kafka_password):
        raise SettingsError(
            f"CEM_KAFKA_USERNAME: CEM_KAFKA_SECURITY={settings.kafka_security} needs a user and CEM_KAFKA_PASSWORD"
        )
    if not sasl and (settings.kafka_username or settings.kafka_password):
        raise SettingsError(
            f"CEM_KAFKA_SECURITY: {settings.kafka_security} would ignore CEM_KAFKA_USERNAME; use SASL_SSL"
        )
    far = next((each for each in servers if not is_loopback(each.rpartition(":")[0].strip("[]"))), None)
    if settings.kafka_security == "SASL_PLAINTEXT" and far is not None:
        raise SettingsError(
            f"CEM_KAFKA_SECURITY: SASL_PLAINTEXT would send the password unencrypted to {far}; use SASL_SSL"
        )
