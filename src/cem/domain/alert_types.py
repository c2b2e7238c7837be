"""The types that an alert can be of: one a detector."""

from __future__ import annotations

from typing import Final

from cem.domain.detectors import (
    bill_shock,
    outage,
    promise,
    repeat_call,
    service_loss,
    silent_sufferer,
    sinking,
    sms_allowance,
)
from cem.domain.detectors.sms_change import BURST, NIGHT, RISE
from cem.domain.detectors.sms_money import MONEY

__all__ = ["ALERT_TYPES"]

#: Every type of alert that can be.
ALERT_TYPES: Final = (
    sms_allowance.TYPE,
    BURST,
    repeat_call.TYPE,
    bill_shock.TYPE,
    promise.TYPE,
    RISE,
    NIGHT,
    MONEY,
    service_loss.TYPE,
    silent_sufferer.TYPE,
    sinking.TYPE,
    outage.TYPE,
)
