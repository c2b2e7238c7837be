"""What a store's URL says: which servers, how they are found, who we are, and how TLS is checked.

    redis://[user:password@]host[:port][/db]
    unix://[user:password@]/path/to/redis.sock[?db=0]
    redis+sentinel://[user:password@]host:port,host:port/service[/db]
    redis+cluster://[user:password@]host:port,host:port

`rediss` in place of `redis` means TLS, with these in the query, named as redis-py names them: `ssl_ca_certs` (file;
default: the system's), `ssl_cert_reqs` (required, optional, none), `ssl_check_hostname` (true, false), and for mutual
TLS `ssl_certfile`, `ssl_keyfile`. For Sentinel's own sign-in: `sentinel_username`, `sentinel_password`.
"""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import msgspec

__all__ = ["Address", "StoreUrl", "StoreUrlError"]

#: Host and port, or the path of a Unix socket and 0.
Address = tuple[str, int]

_KINDS: Final[dict[str, Literal["single", "sentinel", "cluster"]]] = {
    "redis": "single",
    "unix": "single",
    "redis+sentinel": "sentinel",
    "redis+cluster": "cluster",
}
_TLS_OPTIONS: Final = frozenset(
    {"ssl_ca_certs", "ssl_cert_reqs", "ssl_check_hostname", "ssl_certfile", "ssl_keyfile"}
)
_OPTIONS: Final = frozenset({"db", "sentinel_username", "sentinel_password"})
#: Said in the place of what a password with such characters leads to, so that no piece of it is shown.
_OPEN: Final = "in user and password of a store URL, / ? # and @ are written as %2F %3F %23 and %40"


class StoreUrlError(ValueError):
    """A store URL that cannot be used; the message says why and never shows a password."""


class StoreUrl(msgspec.Struct, frozen=True):
    """A store's URL, taken apart. Its `repr` shows no password."""

    kind: Literal["single", "sentinel", "cluster"]
    addresses: tuple[Address, ...]
    service: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = None
    tls: bool = False
    #: Keyword arguments of redis-py's SSLConnection.
    tls_options: dict[str, str | bool] = {}
    sentinel_username: str | None = None
    sentinel_password: str | None = None

    @classmethod
    def parse(cls, url: str) -> StoreUrl:
        """Return what `url` says. Raises StoreUrlError."""
        try:
            parts = urlsplit(url)
        except ValueError:
            raise StoreUrlError("the store URL is none") from None
        is_path = parts.scheme == "unix"
        if parts.fragment or ("@" in parts.path and not is_path):
            raise StoreUrlError(_OPEN)
        try:
            return cls._of(parts)
        except StoreUrlError:
            # What a message would show may be a piece of the password.
            if "@" in parts.query:
                raise StoreUrlError(_OPEN) from None
            raise

    @classmethod
    def _of(cls, parts: SplitResult) -> StoreUrl:
        scheme = parts.scheme.replace("rediss", "redis", 1)
        kind = _KINDS.get(scheme)
        if kind is None:
            msg = f"a store URL begins with {', '.join(f'{k}://' for k in _KINDS)} or rediss..., not {parts.scheme!r}"
            raise StoreUrlError(msg)
        userinfo, _, hosts = parts.netloc.rpartition("@")
        username, _, password = userinfo.partition(":")
        query = _query(parts.query, tls=parts.scheme.startswith("rediss"))
        path = [unquote(p) for p in parts.path.split("/") if p]
        service = ""
        if scheme == "unix":
            if hosts or not path:
                msg = "unix:// takes an absolute path: unix:///run/redis.sock"
                raise StoreUrlError(msg)
            addresses: tuple[Address, ...] = ((unquote(parts.path), 0),)
            path = []
        else:
            default = 26_379 if kind == "sentinel" else 6_379
            addresses = tuple(_address(h, default) for h in hosts.split(","))
            if kind == "single" and len(addresses) != 1:
                msg = "redis:// takes one server; for several write redis+cluster:// or redis+sentinel://"
                raise StoreUrlError(msg)
            if kind == "sentinel":
                if not path:
                    msg = "redis+sentinel:// ends with the name of the service: redis+sentinel://host:26379/mymaster"
                    raise StoreUrlError(msg)
                service = path.pop(0)
        if len(path) > 1:
            msg = f"nothing is known of {'/'.join(path[1:])!r} at the end of the store URL"
            raise StoreUrlError(msg)
        db = _db(path[0] if path else query.pop("db", "0"))
        if kind == "cluster" and db != 0:
            msg = "a Redis Cluster has only database 0"
            raise StoreUrlError(msg)
        options: dict[str, str | bool] = {k: v for k, v in query.items() if k in _TLS_OPTIONS}
        if "ssl_check_hostname" in options:
            options["ssl_check_hostname"] = _truth("ssl_check_hostname", query["ssl_check_hostname"])
        if options.get("ssl_cert_reqs", "required") not in {"required", "optional", "none"}:
            msg = "ssl_cert_reqs is one of required, optional, none"
            raise StoreUrlError(msg)
        if options.get("ssl_cert_reqs") == "none":
            options["ssl_check_hostname"] = False
        return cls(
            kind, addresses, service, db, unquote(username) or None, unquote(password) or None,
            parts.scheme.startswith("rediss"), options,
            query.get("sentinel_username"), query.get("sentinel_password"),
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"StoreUrl({self.shown})"

    @property
    def shown(self) -> str:
        """The URL without user, password and query, for messages and logs."""
        if self.addresses[0][1] == 0:
            return f"unix://{self.addresses[0][0]}"
        scheme = ("rediss" if self.tls else "redis") + ("" if self.kind == "single" else f"+{self.kind}")
        hosts = ",".join(f"{h}:{p}" for h, p in self.addresses)
        return f"{scheme}://{hosts}" + (f"/{self.service}" if self.service else "")


def _query(text: str, *, tls: bool) -> dict[str, str]:
    query = dict(parse_qsl(text, keep_blank_values=True))
    for name in query:
        if name not in _OPTIONS and name not in _TLS_OPTIONS:
            msg = f"unknown option {name!r} in the store URL; known: {', '.join(sorted(_OPTIONS | _TLS_OPTIONS))}"
            raise StoreUrlError(msg)
        if name in _TLS_OPTIONS and not tls:
            msg = f"{name} needs TLS: write rediss in place of redis"
            raise StoreUrlError(msg)
    return query


def _address(text: str, default_port: int) -> Address:
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        msg = f"{text!r} is not host:port"
        raise StoreUrlError(msg) from None
    if not parts.hostname:
        msg = "the store URL names no host"
        raise StoreUrlError(msg)
    return parts.hostname, port or default_port


def _db(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        msg = f"the database of a store URL is a number, not {text!r}"
        raise StoreUrlError(msg)
    return int(text)


def _truth(name: str, text: str) -> bool:
    if text.lower() in {"true", "yes", "1"}:
        return True
    if text.lower() in {"false", "no", "0"}:
        return False
    msg = f"{name} is true or false, not {text!r}"
    raise StoreUrlError(msg)
