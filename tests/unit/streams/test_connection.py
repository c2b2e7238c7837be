"""Settings become client arguments, or a sentence that says why not."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from cem.settings import Settings, SettingsError
from cem.streams.connection import client_options, confluent_options


def settings(**values: object) -> Settings:
    return Settings.from_env({}, **values)


SASL = {"kafka_username": "cem", "kafka_password": "geheim"}


def test_plaintext_needs_nothing() -> None:
    """The default is a local broker without security."""
    options = client_options(settings(kafka_bootstrap="a:1, b:2"))
    assert options == {"bootstrap_servers": ["a:1", "b:2"], "security_protocol": "PLAINTEXT"}


def test_sasl_ssl_verifies_certificate_and_host() -> None:
    """TLS is never half on."""
    options = client_options(settings(kafka_bootstrap="kafka:9093", kafka_security="SASL_SSL", **SASL))
    context = options["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    assert (options["sasl_mechanism"], options["sasl_plain_username"]) == ("SCRAM-SHA-512", "cem")


def test_a_password_never_crosses_a_network_in_the_open() -> None:
    """SASL over plaintext is for loopback only."""
    with pytest.raises(SettingsError, match="unencrypted to kafka:9092"):
        client_options(
            settings(kafka_bootstrap="127.0.0.1:1,kafka:9092", kafka_security="SASL_PLAINTEXT", **SASL)
        )
    assert client_options(settings(kafka_bootstrap="[::1]:9092", kafka_security="SASL_PLAINTEXT", **SASL))


def test_sasl_without_credentials_and_credentials_without_sasl_are_refused() -> None:
    """Half a configuration is a mistake, not a default."""
    with pytest.raises(SettingsError, match="CEM_KAFKA_USERNAME"):
        client_options(settings(kafka_security="SASL_SSL"))
    with pytest.raises(SettingsError, match="would ignore"):
        client_options(settings(**SASL))


@pytest.mark.parametrize("servers", ["", "kafka", "kafka:", "kafka:0", ":9092", "kafka:99999", "kafka:x"])
def test_an_address_that_is_none_is_named(servers: str) -> None:
    """The sentence names the variable."""
    with pytest.raises(SettingsError, match="CEM_KAFKA_BOOTSTRAP"):
        client_options(settings(kafka_bootstrap=servers))


def test_a_missing_ca_file_is_named(tmp_path: Path) -> None:
    """A wrong path is a settings error, not a stack trace."""
    with pytest.raises(SettingsError, match="CEM_KAFKA_CA_FILE"):
        client_options(settings(kafka_security="SSL", kafka_ca_file=tmp_path / "none.pem"))


def test_librdkafka_gets_the_same_and_the_lanes_partitioner() -> None:
    """Both clients put a key into the same lane over the same connection."""
    options = confluent_options(settings(kafka_bootstrap="k:1", kafka_security="SASL_SSL", **SASL))
    assert options["partitioner"] == "murmur2_random"
    assert (options["sasl.username"], options["bootstrap.servers"]) == ("cem", "k:1")


@pytest.mark.parametrize("server", ["localhost:1", "127.0.0.9:1", "[::1]:1"])
def test_on_this_machine_a_password_may_go_unencrypted(server: str) -> None:
    """Loopback is told by address."""
    assert client_options(settings(kafka_bootstrap=server, kafka_security="SASL_PLAINTEXT", **SASL))


@pytest.mark.parametrize("server", ["10.0.0.1:1", "kafka:1", "[fe80::1]:1"])
def test_elsewhere_it_may_not(server: str) -> None:
    """A name that is not localhost may be anywhere."""
    with pytest.raises(SettingsError, match="unencrypted"):
        client_options(settings(kafka_bootstrap=server, kafka_security="SASL_PLAINTEXT", **SASL))
