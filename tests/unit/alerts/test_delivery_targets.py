"""Where webhooks may go: no way into the operator's own network, by no spelling of an address."""

from __future__ import annotations

import pytest

from cem.alerts.delivery.targets import allowed_names, is_public, refused_url

INNER = [
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "169.254.0.1",
    "100.64.0.1",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "100::1",
    "localhost",
    "nonsense",
]
URLS = [
    "http://example.com/",
    "ftp://example.com/",
    "https:///x",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://10.0.0.1:8443/x",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1]/",
    "https://169.254.169.254/latest/meta-data",
    "https://user@example.com/",
    "https://user:word@example.com/",
    "https://example.com:99999/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "https://[64:ff9b::7f00:1]/",
    "http://localhost:9/",
    "//example.com/",
    "example.com",
    "javascript:alert(1)",
    "https://0.0.0.0/",
    "https://[::]/",
]


@pytest.mark.parametrize("address", INNER)
def test_an_inner_address_is_not_public(address: str) -> None:
    """Private, shared, loopback, link-local, translated, tunnelled, multicast, reserved, or none at all."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_an_outer_address_is(address: str) -> None:
    """Nobody has to name it."""
    assert is_public(address)


@pytest.mark.parametrize("url", URLS)
def test_such_a_url_is_refused_with_a_reason(url: str) -> None:
    """Before anything is connected to."""
    assert refused_url(url, ())


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "https://example.com:8443/",
        "http://hooks.inner:80/x",
        "https://10.0.0.1/",
        "http://[::1]:9000/",
    ],
)
def test_public_https_and_what_is_named_may_be_sent_to(url: str) -> None:
    """A name allows its host at any port, or one port of it."""
    assert refused_url(url, allowed_names("hooks.inner:80, 10.0.0.1,[::1]:9000")) is None


def test_a_named_port_allows_no_other() -> None:
    """What else listens on that host is not meant."""
    assert refused_url("http://hooks.inner:81/", allowed_names("hooks.inner:80"))
