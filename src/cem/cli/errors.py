"""How a command ends: the exit codes, and the one exception that carries a sentence and a code to the terminal."""

from __future__ import annotations

from typing import IO, Any, Final

import click

from cem.settings import SettingsError

__all__ = [
    "DONE",
    "EXIT_CODES",
    "FAILED",
    "INTERRUPTED",
    "REJECTS",
    "UNREACHABLE",
    "USAGE",
    "WATCHDOG",
    "Failure",
    "explain",
]

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
REJECTS: Final = 3
UNREACHABLE: Final = 4
WATCHDOG: Final = 70
INTERRUPTED: Final = 130

EXIT_CODES: Final[dict[int, str]] = {
    DONE: "done",
    FAILED: "failed: the sentence on standard error says why",
    USAGE: "the command, a map or a setting is wrong; nothing was done",
    REJECTS: "done, but some records or rows were rejected",
    UNREACHABLE: "Kafka, Redis or the API cannot be reached, or refuses the credentials",
    WATCHDOG: "a watchdog ended the process: it stood still; restart it",
    INTERRUPTED: "interrupted from the terminal (Ctrl-C)",
}


#: Exceptions of ours that say what failed.
_FAILURES: Final = ("LaneStopped", "BrokerFailed", "RedisFailed", "TopicsWrong", "FileError", "ImportBusy")


class Failure(click.ClickException):
    """Ends the command with one sentence on standard error and an exit code."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = code

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence on standard error."""
        label = click.style("cem:", fg="red", bold=True)
        click.echo(f"{label} {self.format_message()}", file=file, err=True)


def explain(error: Exception) -> Failure | None:
    """Return the failure that says what `error` means to a user; None when it is a bug of ours.

    Libraries are recognised by where an exception class lives, so that explaining imports none of them.
    """
    if isinstance(error, Failure):
        return error
    if isinstance(error, SettingsError):
        return Failure(str(error), USAGE)
    kinds = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(error).__mro__}
    said = str(error).strip() or type(error).__name__
    if kinds & {("cem", "MapError")}:
        return Failure(said, USAGE)
    if kinds & {("cem", "StoreUrlError")}:
        return Failure(f"CEM_REDIS_URL: {said}", USAGE)
    if kinds & {("cem", "Unavailable"), ("cem", "LogUnavailable")}:
        return Failure(said, UNREACHABLE)
    if kinds & {("cem", name) for name in _FAILURES}:
        return Failure(said, FAILED)
    if kinds & {("redis", "AuthenticationError"), ("redis", "NoPermissionError")}:
        return Failure(f"Redis refuses these credentials ({said}); check CEM_REDIS_URL", UNREACHABLE)
    if kinds & {("redis", "ConnectionError"), ("redis", "TimeoutError")}:
        return Failure(
            f"cannot reach Redis ({said}); is it running, and is CEM_REDIS_URL right?", UNREACHABLE
        )
    if kinds & {
        ("aiokafka", "AuthenticationFailedError"),
        ("aiokafka", "SaslAuthenticationFailed"),
        ("aiokafka", "AuthorizationError"),
    }:
        return Failure(f"Kafka refuses these credentials ({said}); check CEM_KAFKA_*", UNREACHABLE)
    if kinds & {("aiokafka", "KafkaConnectionError"), ("aiokafka", "KafkaTimeoutError")}:
        return Failure(
            f"cannot reach Kafka ({said}); is it running, and is CEM_KAFKA_BOOTSTRAP right?", UNREACHABLE
        )
    if kinds & {("httpx", "TransportError"), ("aiohttp", "ClientConnectionError")}:
        return Failure(
            f"cannot reach the API ({said}); is it running, and is CEM_API_URL right?", UNREACHABLE
        )
    if isinstance(error, ConnectionError):
        return Failure(f"the connection broke ({said})", UNREACHABLE)
    if isinstance(error, OSError) and error.filename is not None:
        return Failure(f"{error.filename}: {error.strerror}", FAILED)
    return None
