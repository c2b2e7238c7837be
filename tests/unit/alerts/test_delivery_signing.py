"""Signatures as the convention publishes them, and secrets that are kept nowhere."""

from __future__ import annotations

import pytest

from cem.alerts.delivery.message import message_id
from cem.alerts.delivery.signing import (
    key_check,
    read_secret,
    secret_of,
    show_secret,
    sign,
    signature_header,
)

KEY = b"k" * 32


def test_the_published_example_has_the_published_signature() -> None:
    """The example that the libraries of the convention are tested with."""
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_differ_by_end_point_and_number_and_come_out_the_same_again() -> None:
    """Whoever has the key has them all; whoever has one has no other."""
    made = {secret_of(KEY, name, number) for name in ("a", "b") for number in (1, 2)}
    assert len(made) == 4
    assert secret_of(KEY, "a", 1) in made
    assert read_secret(show_secret(secret_of(KEY, "a", 1))) == secret_of(KEY, "a", 1)
    assert secret_of(b"x" * 32, "a", 1) not in made
    assert key_check(KEY) != key_check(b"x" * 32)


def test_while_a_secret_changes_both_sign() -> None:
    """A receiver with either is content."""
    header = signature_header([b"n" * 32, b"o" * 32], "msg_1", 5, b"{}")
    assert header.split(" ") == [sign(b"n" * 32, "msg_1", 5, b"{}"), sign(b"o" * 32, "msg_1", 5, b"{}")]


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_AAAA", "whsec_?", "whsec_" + "A" * 200])
def test_what_is_no_secret_is_refused(text: str) -> None:
    """Too short, too long, no base64."""
    with pytest.raises(ValueError, match="secret"):
        read_secret(text)


def test_an_id_has_nothing_that_a_signature_forbids() -> None:
    """Event ids are full of dots, which separate what is signed."""
    made = message_id("cem.sms-usage/0/17/sms_allowance.opened")
    assert made.startswith("msg_")
    assert made[4:].isalnum()
    assert made == message_id("cem.sms-usage/0/17/sms_allowance.opened")
