"""CPU that asking the shipped segments' rules costs a record, beside folding it, and bytes that a standing takes.

    python -m bench.segments [--runs 3000]

A typical customer (`tests.builders.typical_customer`), in process. Each figure is the median of five.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from bench.common import Row, show, write_results
from cem.domain.customer import decode_customer, encode_customer
from cem.domain.events import SmsRated
from cem.domain.fold import fold
from cem.segments import ALL, groups
from tests.builders.customers import HOUR, Context, received
from tests.builders.segments import shipped_segments
from tests.builders.typical_customer import PAYER, typical_customer, typical_events

__all__ = ["main"]

_GROUPS = ("CONTACTS", "BILLS", "SUPPLIES", "PROFILE", "FAULTS", "PROMISES", "ANSWERS", "OUTCOMES", "ALL")


def cost_us(call: Callable[[], object], runs: int) -> float:
    """Return the CPU of one call, the median of five times so many."""
    found = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(runs):
            call()
        found.append((time.process_time() - began) / runs * 1e6)
    return sorted(found)[2]


def main() -> int:
    """Measure, show and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3_000)
    runs = parser.parse_args().runs
    customer, rules = typical_customer(), shipped_segments()
    now_ms = typical_events()[-1][0] + HOUR
    before = len(encode_customer(customer))
    rules.ask(customer, ALL, now_ms, "UTC")
    after = encode_customer(customer)
    message = SmsRated(line=PAYER, recipient="x", in_allowance=True)
    numbers = iter(range(10**9))
    folded, ctx = decode_customer(after), Context(now_ms)

    def fold_one() -> None:
        fold(folded, received(message, now_ms, id=f"m{next(numbers)}"), ctx)

    rows = [Row("a message, folded", cost_us(fold_one, runs), "us")]
    asked = cost_us(lambda: (rules.knows(customer), rules.of_message(customer, message, now_ms)), runs)
    rows.append(Row.against("a message, rules", asked, "us", rows[0]))
    for name in _GROUPS:
        touched = getattr(groups, name)
        cost = cost_us(lambda touched=touched: rules.ask(customer, touched, now_ms, "UTC"), runs)  # type: ignore[misc]
        rows.append(Row.against(f"rules after {name.lower()}", cost, "us", rows[0]))
    rows.append(Row("bytes of a standing", len(after) - before, "B"))
    show(
        "Segments",
        ("what", "value", "unit", "ratio"),
        [(r.name, r.value, r.unit, r.ratio or "") for r in rows],
    )
    write_results("segments", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
