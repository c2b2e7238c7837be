"""A customer's state with the names of its fields, for people: structs become dictionaries."""

from __future__ import annotations

from typing import Any

import msgspec

from cem.domain.customer import Customer

__all__ = ["describe"]


def describe(customer: Customer) -> dict[str, Any]:
    """Return the state as nested dictionaries and lists; sections are decoded, packed bytes shown in hexadecimal."""
    plain: dict[str, Any] = {}
    for field in msgspec.structs.fields(Customer):
        name = field.name.lstrip("_")
        plain[name] = _plain(getattr(customer, name))
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {f.name: _plain(getattr(value, f.name)) for f in msgspec.structs.fields(type(value))}
    if isinstance(value, dict):
        return {_key(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, bytes):
        return value.hex()
    return value


def _key(key: Any) -> Any:
    return key.hex() if isinstance(key, bytes) else key
