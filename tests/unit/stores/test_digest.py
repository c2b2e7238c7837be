"""The digest is of what states say, not of how they were made small."""

from __future__ import annotations

from cem.domain.customer import encode_customer, plain_bytes
from cem.stores.digest import Digester
from tests.builders.typical_customer import typical_customer


def test_deflated_and_plain_states_have_one_digest() -> None:
    """Another build of zlib deflates to other bytes; the digest stays the same, and differs for another content."""

    def digest(state: bytes) -> str:
        digester = Digester()
        digester.add("C0012345", state)
        return digester.result().digest

    customer = typical_customer()
    data = encode_customer(customer)
    assert data != plain_bytes(data)
    assert digest(data) == digest(plain_bytes(data))
    customer.billing.paid_minor += 1
    assert digest(encode_customer(customer)) != digest(data)
    assert digest(b"no customer") != digest(b"nor this")
