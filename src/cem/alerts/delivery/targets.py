"""Where webhooks may go: public addresses over https, and beyond them only what the operator has named."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

__all__ = ["allowed_names", "is_named", "is_public", "refused_url"]

#: What `is_global` lets through although it leads to an inner network, or to nobody: translated, tunnelled and
#: reserved addresses.
_NOT_PUBLIC: Final = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("64:ff9b::/96"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("2001::/23"),
    IPv6Network("2002::/16"),
    IPv6Network("fec0::/10"),
    IPv6Network("::/96"),
)
_SCHEMES: Final = {"http": 80, "https": 443}


def allowed_names(text: str) -> tuple[str, ...]:
    """Return the hosts (or host:port) of a comma-separated list."""
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


def is_public(address: str) -> bool:
    """Return whether the address, as the system resolved it, is one of the public internet."""
    try:
        ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if not ip.is_global or ip.is_multicast or ip.is_reserved or ip.is_unspecified:
        return False
    return not any(ip.version == network.version and ip in network for network in _NOT_PUBLIC)


def refused_url(url: str, allowed: Collection[str]) -> str | None:
    """Return why nothing may be sent to `url`, None if it may (its address is judged when it is connected to)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "it is no URL"
    host = (parts.hostname or "").lower()
    if parts.scheme not in _SCHEMES or not host:
        return "it is no http(s) URL with a host"
    if parts.username is not None or parts.password is not None:
        return "a name or password does not belong into it"
    if is_named(host, port or _SCHEMES[parts.scheme], allowed):
        return None
    if parts.scheme != "https":
        return f"it is not https, and {host} is not in CEM_WEBHOOK_ALLOW"
    try:
        ip_address(host)
    except ValueError:
        return None
    return None if is_public(host) else f"{host} is not a public address, and not in CEM_WEBHOOK_ALLOW"


def is_named(host: str, port: int, allowed: Collection[str]) -> bool:
    """Return whether the operator has named the host, or this port of it."""
    shown = f"[{host}]" if ":" in host else host
    return host in allowed or shown in allowed or f"{shown}:{port}" in allowed
