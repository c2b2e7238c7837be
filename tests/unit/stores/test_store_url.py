"""Store URLs: every way to name a Redis, every mistake in a sentence, no password in sight."""

from __future__ import annotations

import pytest

from cem.stores import StoreUrl, StoreUrlError, Timeouts, open_store


@pytest.mark.parametrize(
    ("url", "shown", "addresses", "db"),
    [
        ("redis://localhost", "redis://localhost:6379", (("localhost", 6379),), 0),
        ("redis://10.0.0.1:7000/5", "redis://10.0.0.1:7000", (("10.0.0.1", 7000),), 5),
        ("redis://h?db=2", "redis://h:6379", (("h", 6379),), 2),
        ("redis://[::1]:6380", "redis://::1:6380", (("::1", 6380),), 0),
        ("rediss://h", "rediss://h:6379", (("h", 6379),), 0),
        ("unix:///run/redis.sock", "unix:///run/redis.sock", (("/run/redis.sock", 0),), 0),
        ("unix:///a%20b.sock?db=4", "unix:///a b.sock", (("/a b.sock", 0),), 4),
        (
            "redis+sentinel://a,b:7/main/1", "redis+sentinel://a:26379,b:7/main",
            (("a", 26379), ("b", 7)), 1,
        ),
        ("redis+cluster://a:1,b:2", "redis+cluster://a:1,b:2", (("a", 1), ("b", 2)), 0),
        ("rediss+cluster://a", "rediss+cluster://a:6379", (("a", 6379),), 0),
    ],
)  # fmt: skip
def test_where(url: str, shown: str, addresses: tuple[tuple[str, int], ...], db: int) -> None:
    """Servers, ports (6379; sentinels 26379) and database are found."""
    parsed = StoreUrl.parse(url)
    assert (parsed.shown, parsed.addresses, parsed.db) == (shown, addresses, db)


def test_who() -> None:
    """User and password are unquoted, the sentinels' own stand in the query, and none of them is shown."""
    parsed = StoreUrl.parse(
        "redis+sentinel://me:s%40cret%2F@h/main?sentinel_username=you&sentinel_password=hush"
    )
    assert (parsed.username, parsed.password) == ("me", "s@cret/")
    assert (parsed.sentinel_username, parsed.sentinel_password) == ("you", "hush")
    for text in (repr(parsed), str(parsed), parsed.shown):
        assert "cret" not in text
        assert "hush" not in text
    assert StoreUrl.parse("redis://:only@h").password == "only"
    assert StoreUrl.parse("redis://h").password is None


def test_tls() -> None:
    """How certificates are checked is in the query, as redis-py names it."""
    parsed = StoreUrl.parse(
        "rediss://h?ssl_ca_certs=/ca.pem&ssl_certfile=/c&ssl_keyfile=/k&ssl_check_hostname=no"
    )
    assert parsed.tls
    assert parsed.tls_options == {
        "ssl_ca_certs": "/ca.pem", "ssl_certfile": "/c", "ssl_keyfile": "/k", "ssl_check_hostname": False,
    }  # fmt: skip
    assert StoreUrl.parse("rediss://h?ssl_cert_reqs=none").tls_options["ssl_check_hostname"] is False


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://h", "begins with redis://"),
        ("h:6379", "begins with"),
        ("", "begins with"),
        ("redis://", "names no host"),
        ("redis://h:port", "is not host:port"),
        ("redis://h:99999", "is not host:port"),
        ("redis://a,b", "takes one server"),
        ("redis://h/x", "is a number"),
        ("redis://h/²", "is a number"),
        ("redis://h/0/1", "nothing is known of '1'"),
        ("unix://h/run/redis.sock", "absolute path"),
        ("unix://", "absolute path"),
        ("redis+sentinel://h", "name of the service"),
        ("redis+cluster://h/1", "only database 0"),
        ("redis://h?ssl_ca_certs=x", "needs TLS"),
        ("redis://h?timeout=1", "unknown option 'timeout'"),
        ("rediss://h?ssl_cert_reqs=maybe", "required, optional, none"),
        ("rediss://h?ssl_check_hostname=maybe", "true or false"),
    ],
)
def test_mistakes(url: str, says: str) -> None:
    """What is wrong is said in a sentence that holds no password."""
    with pytest.raises(StoreUrlError, match=says):
        StoreUrl.parse(url)
    if "://" in url:
        scheme, _, rest = url.partition("://")
        with pytest.raises(StoreUrlError) as failure:
            StoreUrl.parse(f"{scheme}://me:s3cret@{rest}")
        assert "s3cret" not in str(failure.value)


def test_opening_a_store_opens_nothing() -> None:
    """A store is made without a server, an event loop or a connection; a mistake in its URL is found at once."""
    store = open_store("redis://me:s3cret@nowhere.invalid:1/3", 24, timeouts=Timeouts(read_s=0.02))
    assert store.shown == "redis://nowhere.invalid:1"
    assert (store.timeouts.read_s, store.timeouts.work_s) == (0.02, 5.0)
    assert open_store("redis://h", 24).timeouts.read_s == 0.05
    with pytest.raises(StoreUrlError):
        open_store("redis://a,b", 24)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+sentinel", "redis+cluster"])
@pytest.mark.parametrize("mark", ["/", "?", "#", "@/", "@?", "@#", "/?", "?#", "?db=", "]["])
@pytest.mark.parametrize("first", ["canary", "4242"])
def test_a_password_that_was_not_escaped_is_not_shown(scheme: str, mark: str, first: str) -> None:
    """Not a piece of it, whatever the URL then seems to say."""
    url = f"{scheme}://someone:{first}{mark}canary@h:6379/0"
    with pytest.raises(StoreUrlError) as refused:
        StoreUrl.parse(url)
    assert "canary" not in str(refused.value)
    assert "4242" not in str(refused.value)
    assert "someone" not in str(refused.value)
    assert refused.value.__cause__ is None
