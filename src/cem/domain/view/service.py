"""What does not work, and what was promised to him. Windows as in `cem.domain.view`."""

from __future__ import annotations

from cem.domain.customer import Customer
from cem.domain.localtime import DAY_MS
from cem.domain.state.service import Fault, Order, Task, Ticket

__all__ = [
    "missed_promises_in",
    "open_faults",
    "open_orders",
    "open_tasks",
    "open_tickets",
]


def open_faults(customer: Customer, now_ms: int) -> list[Fault]:
    """Return the faults that last."""
    return [f for f in customer.service.faults if not f.ended_ms and 0 < f.began_ms <= now_ms]


def open_tickets(customer: Customer) -> list[Ticket]:
    """Return the tickets that are not closed, the one touched last at the end."""
    return [t for t in customer.service.tickets if not t.closed_ms]


def open_orders(customer: Customer) -> list[Order]:
    """Return the orders that have not arrived."""
    return [o for o in customer.service.orders if not o.delivered_ms]


def open_tasks(customer: Customer) -> list[Task]:
    """Return the tasks that are not closed."""
    return [t for t in customer.service.tasks if not t.closed_ms]


def missed_promises_in(customer: Customer, now_ms: int, days: int = 30) -> int:
    """Return how many promises (deliveries, repairs, tasks) fell due unkept in the last `days`, of those kept."""
    since_ms = now_ms - days * DAY_MS
    service = customer.service
    dues = [(o.due_ms, o.delivered_ms) for o in service.orders]
    dues += [(t.due_ms, t.closed_ms) for t in service.tickets]
    dues += [(t.due_ms, 0 if t.given_up else t.closed_ms) for t in service.tasks]
    return sum(1 for due, done in dues if since_ms < due <= now_ms and not 0 < done < due)
