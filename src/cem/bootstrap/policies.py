"""The policy of next best actions: read from its files, and kept on the log under its hash.

Each API process says at its start, as a record on `cem.control`, under which policy it decides. The record holds the
files whole and its key is the hash that every decision names, so the log alone is enough to replay a decision.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from cem.bootstrap.policy_files import policy_text
from cem.bootstrap.segments import read_segments, shipped_segments
from cem.domain.events import ControlPolicyUsed, encode
from cem.nba import Policy, PolicyError, load_policy
from cem.nba.policy import ACTIONS_FILE, DECISION_FILE
from cem.ports import Emission, Log, Unavailable
from cem.segments import SegmentRules
from cem.settings import Settings, SettingsError
from cem.streams.partition import lane_of
from cem.streams.topics import CONTROL

__all__ = ["find_policy", "keep_policy", "policy_record", "read_policy"]

_SOURCE = "cem/policies"
#: Records read in one go.
_PIECE = 2_000
_PAUSE_S = 1.0


def read_policy(settings: Settings, segments: SegmentRules | None = None) -> tuple[Policy, dict[str, str]]:
    """Return the policy in force here, and the texts of its files. Raises SettingsError with file and line.

    `segments` are the operator's, if they have been read already.
    """
    files = {name: policy_text(settings, name) for name in (ACTIONS_FILE, DECISION_FILE)}
    texts = {name: text for name, (text, _) in files.items()}
    names = _segments(settings, read_segments(settings) if segments is None else segments)
    try:
        return load_policy(texts, currency=settings.currency, segments=names), texts
    except PolicyError as error:
        raise SettingsError(f"{files[error.file][1]}:{error.line}: {error.message}") from None


def _segments(settings: Settings, segments: SegmentRules) -> list[str]:
    """Return the names of segments that rules may look for.

    The shipped ones too, unless both files are the operator's own: shipped actions go with shipped segments, and find
    nobody in those that his file leaves out.
    """
    names = list(segments.names)
    own = settings.policies
    if own is None or not all((own / name).exists() for name in (ACTIONS_FILE, DECISION_FILE)):
        names += shipped_segments().names
    return list(dict.fromkeys(names))


def policy_record(policy: Policy, texts: Mapping[str, str], currency: str, now_ms: int) -> Emission:
    """Return the record that keeps the policy."""
    event = ControlPolicyUsed(policy_hash=policy.catalogue.version, files=dict(texts), currency=currency)
    key = event.key()
    headers, value = encode(event, id=key, source=_SOURCE, time_ms=now_ms, customer_id=key)
    return Emission(CONTROL, key.encode(), value, headers)


async def keep_policy(publish: Callable[[Sequence[Emission]], Awaitable[None]], record: Emission) -> None:
    """Put the record on the log, however long that has to be tried."""
    while True:
        try:
            return await publish([record])
        except Unavailable:
            await asyncio.sleep(_PAUSE_S)


async def find_policy(log: Log, partitions: int, policy_hash: str) -> Policy | None:
    """Return the policy of that hash as the log keeps it, None if it does not. Raises Unavailable."""
    key = f"policy:{policy_hash}"
    lane = lane_of(key, partitions)
    first, end = (await log.bounds(lane, [CONTROL]))[CONTROL]
    for stop in range(end, first, -_PIECE):
        for record in reversed(await log.read(CONTROL, lane, max(first, stop - _PIECE), stop)):
            if record.key == key.encode() and record.value:
                # Not through `decode`: the texts are hashed as they were written.
                kept = msgspec.json.decode(record.value, type=ControlPolicyUsed)
                policy = load_policy(kept.files, currency=kept.currency)
                return policy if policy.catalogue.version == policy_hash else None
    return None
