"""What can go wrong with a store, in two kinds, each with a sentence that a person understands.

    Unavailable (ports)
        StoreUnavailable    Redis did not do what was asked. Nothing is wrong with the data; asking again may help,
                            unless `retryable` is False (wrong password, missing right)
    LaneStopped (ports)
        StoreBroken         what Redis holds is not what was written there; a person has to look

Any other exception that leaves a store is a bug.
"""

from __future__ import annotations

import re
from typing import Final

from redis import exceptions as redis_errors

from cem.ports import LaneStopped, Unavailable

__all__ = [
    "ConnectionLost",
    "StoreBroken",
    "StoreUnavailable",
    "damaged",
    "from_reply",
    "from_transport",
    "half_saved",
]


class StoreUnavailable(Unavailable):
    """Redis did not do what was asked. A save that ended so may have been applied or not; repeating it is safe."""


class ConnectionLost(StoreUnavailable):
    """There was no connection, or it broke. A read may be tried again at once on another one."""


class StoreBroken(LaneStopped):
    """Redis holds something that was not written by this program, or lost part of what was."""


def damaged(lane: int, how: str) -> StoreBroken:
    """Return the exception for a lane that the store does not hold as it was written; `how` says what was found."""
    return StoreBroken(
        f"lane {lane}: {how}. Something else has written to the store, or it was damaged. Restore it from a backup, or "
        "empty it and start the worker with --rebuild."
    )


def half_saved(lane: int) -> StoreBroken:
    """Return the exception for a lane of which a save, or a restoration, was carried out in part."""
    return StoreBroken(
        f"lane {lane}: the store has half of a save of it, or of its restoration. Start the worker with --rebuild; "
        "where there is no checkpoint of the lane, empty the store before."
    )


#: Error codes that may pass, and what each means. In a script's error the code stands somewhere inside the text,
#: differently in Redis 6.2 and 7; the order is the order of search.
_PASSING: Final[dict[str, str]] = {
    "LOADING": "is still loading its data set",
    "READONLY": "is a read-only replica: the primary has changed",
    "MISCONF": "refuses writes because it cannot write to its disk (see its log; df -h)",
    "OOM": "has reached maxmemory and refuses writes: raise maxmemory or free memory",
    "NOREPLICAS": "refuses writes because too few replicas follow it (min-replicas-to-write)",
    "TRYAGAIN": "is moving the lane's keys to another node",
    "CLUSTERDOWN": "says that the cluster is down or does not cover all slots",
    "MASTERDOWN": "is a replica that has lost its primary",
    "BUSY": "is busy with a script",
    "EXECABORT": "refused a transaction",
    "UNBLOCKED": "became a replica",
}
#: Error codes that stay until somebody changes a setting.
_REFUSING: Final[dict[str, str]] = {
    "NOAUTH": "wants a user and password: put them into CEM_REDIS_URL (redis://USER:PASSWORD@host)",
    "WRONGPASS": "does not accept the user or password in CEM_REDIS_URL",
    "NOPERM": "does not allow this user to do that (ACL)",
}
#: How redis-py begins: "Error 111 connecting to host:6379. ..."
_CONNECTING = re.compile(r"Error (?P<number>-?\d+) connecting to \S+\.(?=\s|$)(?P<why>.*)", re.DOTALL)
#: ECONNREFUSED on Linux and on macOS.
_REFUSED: Final = frozenset({61, 111})
_CODE = re.compile(rf"(?:^|[\s-])({'|'.join((*_PASSING, *_REFUSING, 'WRONGTYPE', 'CROSSSLOT'))})\b")


def from_reply(error: redis_errors.RedisError, address: str) -> StoreUnavailable | StoreBroken:
    """Return the exception for an error that the server at `address` answered."""
    text = str(error)
    code = _code_of(error, text)
    if code in _PASSING:
        return StoreUnavailable(f"Redis at {address} {_PASSING[code]}")
    if code in _REFUSING:
        return StoreUnavailable(f"Redis at {address} {_REFUSING[code]}: {text}", retryable=False)
    if code == "WRONGTYPE":
        return StoreBroken(f"Redis at {address} holds a value of another type than was written: {text}")
    return StoreBroken(f"Redis at {address} answered with an error: {text}")


def from_transport(error: Exception, address: str) -> StoreUnavailable | StoreBroken:
    """Return the exception for a connection that could not be made or broke."""
    if isinstance(error, redis_errors.AuthenticationError | redis_errors.AuthorizationError):
        text = str(error)
        needs = "NOAUTH" if "required" in text.lower() else "WRONGPASS"
        return StoreUnavailable(f"Redis at {address} {_REFUSING[needs]}: {text}", retryable=False)
    if isinstance(error, redis_errors.BusyLoadingError):
        return StoreUnavailable(f"Redis at {address} {_PASSING['LOADING']}")
    if isinstance(error, redis_errors.ResponseError):
        return from_reply(error, address)
    if isinstance(error, TimeoutError | redis_errors.TimeoutError):
        return StoreUnavailable(f"Redis at {address} did not answer in time")
    detail = f"{error}" or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in detail or "certificate verify failed" in detail:
        return StoreUnavailable(
            f"Redis at {address} shows a certificate that does not verify (check ssl_ca_certs in CEM_REDIS_URL): {detail}",
            retryable=False,
        )
    return ConnectionLost(f"no connection to Redis at {address}: {_shortened(detail)}")


def _shortened(detail: str) -> str:
    """Return why there is no connection, without the address that the sentence has named already."""
    found = _CONNECTING.match(detail)
    if found is None:
        return detail
    if int(found["number"]) in _REFUSED or "[Errno 111]" in detail:
        return "nobody listens there"
    return found["why"].strip().rstrip(".") or f"error {found['number']}"


def _code_of(error: redis_errors.RedisError, text: str) -> str | None:
    # redis-py cuts the code off the text of the errors that it has a class for.
    for kind, code in _CLASSES:
        if isinstance(error, kind):
            return code
    if "unauthenticated" in text:  # what a long command hears before signing in
        return "NOAUTH"
    found = _CODE.search(text)
    return found.group(1) if found else None


_CLASSES: Final[tuple[tuple[type[redis_errors.RedisError], str], ...]] = (
    (redis_errors.BusyLoadingError, "LOADING"),
    (redis_errors.ReadOnlyError, "READONLY"),
    (redis_errors.OutOfMemoryError, "OOM"),
    (redis_errors.TryAgainError, "TRYAGAIN"),
    (redis_errors.MasterDownError, "MASTERDOWN"),
    (redis_errors.ClusterDownError, "CLUSTERDOWN"),
    (redis_errors.ClusterCrossSlotError, "CROSSSLOT"),
    (redis_errors.NoPermissionError, "NOPERM"),
    (redis_errors.ExecAbortError, "EXECABORT"),
)
