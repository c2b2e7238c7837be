"""Which of Kafka's errors pass, which stay until somebody changes something, and what to change."""

from __future__ import annotations

from aiokafka import errors

from cem.ports import LaneStopped, Refused, Unavailable
from cem.streams.reasons import reason_of

__all__ = ["as_stop", "from_kafka", "is_refusal"]

_NOT_ALLOWED = (
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailed,
)
_NOT_KNOWN = (
    errors.AuthenticationFailedError,
    errors.SaslAuthenticationFailed,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
)
_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
#: What the broker will not take however often it is offered.
_UNFIT = (
    errors.PolicyViolationError,
    errors.InvalidTopicError,
    errors.UnsupportedForMessageFormatError,
    errors.InvalidTimestampError,
)


def is_refusal(error: BaseException) -> bool:
    """Tell whether Kafka refuses us or our rights, so that only a person can help."""
    return isinstance(error, (*_NOT_ALLOWED, *_NOT_KNOWN))


def from_kafka(error: BaseException, what: str) -> Unavailable | LaneStopped:
    """Return what a Kafka client's error means for a lane. `what` begins the sentence: what was not done.

    Unavailable passes; with `retryable` False it is a right or a credential that has to be changed first. LaneStopped
    is about the records themselves.
    """
    said = f"{what}: {reason_of(error)}"
    if isinstance(error, _NOT_ALLOWED):
        return Unavailable(
            f"{said} (Kafka does not allow it: give CEM_KAFKA_USERNAME the right)", retryable=False
        )
    if isinstance(error, _NOT_KNOWN):
        return Unavailable(f"{said} (check CEM_KAFKA_USERNAME and CEM_KAFKA_PASSWORD)", retryable=False)
    if isinstance(error, _TOO_LARGE):
        return LaneStopped(
            f"{said} (larger than the topic takes: raise its max.message.bytes, or the broker's message.max.bytes)"
        )
    if isinstance(error, _UNFIT):
        return LaneStopped(f"{said} (the broker will not take it: see the topic's settings)")
    if isinstance(error, errors.CorruptRecordException | errors.UnsupportedCodecError):
        return LaneStopped(
            f"{said} (the log is damaged there: restore it from a replica, or the topic from a backup)"
        )
    return Unavailable(said)


def as_stop(reason: Unavailable | LaneStopped) -> LaneStopped:
    """Return what stops a lane that has nobody to ask again for it."""
    if isinstance(reason, LaneStopped):
        return reason
    return LaneStopped(str(reason)) if reason.retryable else Refused(str(reason))
