"""Redis's errors in two kinds: those that may pass, and those that a person has to look at."""

from __future__ import annotations

import pytest
from redis import exceptions as redis_errors
from redis._parsers.base import BaseParser

from cem.ports import LaneStopped, Unavailable
from cem.stores.errors import ConnectionLost, StoreBroken, StoreUnavailable, from_reply, from_transport

PASSING = [
    "LOADING Redis is loading the dataset in memory",
    "READONLY You can't write against a read only replica.",
    "MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "NOREPLICAS Not enough good replicas to write.",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "CLUSTERDOWN Hash slot not served",
    "CLUSTERDOWN The cluster is down",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "EXECABORT Transaction discarded because of previous errors.",
]
REFUSING = [
    "NOAUTH Authentication required.",
    "WRONGPASS invalid username-password pair or user is disabled.",
    "NOPERM this user has no permissions to run the 'evalsha' command",
    "ERR Protocol error: unauthenticated multibulk length",
]
#: The same inside a script, as Redis 6.2 and as Redis 7 word it.
IN_A_SCRIPT = [
    "ERR Error running script (call to f_abc): @user_script:88: @user_script: 88: -{} rest of it",
    "{} rest of it script: abc, on @user_script:88.",
]


def as_redis_py_reads(text: str) -> Exception:
    """Return the exception that redis-py makes of an error reply."""
    return BaseParser.parse_error(text)


@pytest.mark.parametrize("text", PASSING)
def test_errors_that_pass(text: str) -> None:
    """The caller may ask again, and hears what is waited for."""
    error = as_redis_py_reads(text)
    mapped = (
        from_reply(error, "h:1")
        if isinstance(error, redis_errors.ResponseError)
        else from_transport(error, "h:1")
    )
    assert isinstance(mapped, StoreUnavailable)
    assert isinstance(mapped, Unavailable)
    assert mapped.retryable
    assert str(mapped).startswith("Redis at h:1 ")


@pytest.mark.parametrize("code", ["OOM", "READONLY", "MISCONF", "NOREPLICAS"])
@pytest.mark.parametrize("form", IN_A_SCRIPT)
def test_errors_that_pass_inside_a_script(code: str, form: str) -> None:
    """A refused write is recognised wherever Redis puts its code."""
    mapped = from_reply(as_redis_py_reads(form.format(code)), "h:1")
    assert isinstance(mapped, StoreUnavailable)
    assert mapped.retryable


@pytest.mark.parametrize("text", REFUSING)
def test_errors_that_a_setting_causes(text: str) -> None:
    """Asking again does not help, and the exception says so."""
    error = as_redis_py_reads(text)
    mapped = (
        from_reply(error, "h:1")
        if isinstance(error, redis_errors.ResponseError)
        else from_transport(error, "h:1")
    )
    assert isinstance(mapped, StoreUnavailable)
    assert not mapped.retryable


@pytest.mark.parametrize(
    "text",
    [
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "CROSSSLOT Keys in request don't hash to the same slot",
        "ERR Error running script (call to f_abc): @user_script:9: @user_script: 9: WRONGTYPE Operation against a key",
        "ERR unknown command 'EVALSHA'",
        "ERR something nobody has seen yet",
    ],
)
def test_errors_that_a_person_has_to_see(text: str) -> None:
    """Anything else stops the lane; it is never retried as if it could pass."""
    mapped = from_reply(as_redis_py_reads(text), "h:1")
    assert isinstance(mapped, StoreBroken)
    assert isinstance(mapped, LaneStopped)
    assert "h:1" in str(mapped)


@pytest.mark.parametrize(
    "error",
    [
        redis_errors.ConnectionError("Error 111 connecting to h:1."),
        redis_errors.MaxConnectionsError("Too many connections"),
        as_redis_py_reads("ERR max number of clients reached"),
        ConnectionResetError(104, "Connection reset by peer"),
        OSError("anything"),
    ],
)
def test_connections_that_break(error: Exception) -> None:
    """A broken connection may be made again."""
    mapped = from_transport(error, "h:1")
    assert isinstance(mapped, ConnectionLost)
    assert mapped.retryable


def test_time_outs_and_certificates() -> None:
    """Silence may pass; a certificate that does not verify will not."""
    late = from_transport(redis_errors.TimeoutError("Timeout connecting to server"), "h:1")
    assert isinstance(late, StoreUnavailable)
    assert late.retryable
    untrusted = from_transport(redis_errors.ConnectionError("[SSL: CERTIFICATE_VERIFY_FAILED] bad"), "h:1")
    assert isinstance(untrusted, StoreUnavailable)
    assert not untrusted.retryable


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Error 111 connecting to h:1. Connect call failed ('127.0.0.1', 1).", "nobody listens there"),
        ("Error 111 connecting to h:1.", "nobody listens there"),
        ("Error -2 connecting to h:1. Name or service not known.", "Name or service not known"),
        ("Error 2 connecting to /tmp/x.sock. No such file or directory.", "No such file or directory"),
        ("Error 113 connecting to h:1.", "error 113"),
        ("Connection closed by server.", "Connection closed by server."),
    ],
)
def test_a_connection_that_is_not_made_is_said_once(said: str, shown: str) -> None:
    """The address stands in the sentence once, and the reason in words."""
    mapped = from_transport(redis_errors.ConnectionError(said), "h:1")
    assert str(mapped) == f"no connection to Redis at h:1: {shown}"
