"""A query may name what its route has declared, and nothing else: a misspelt filter would filter nothing, in silence."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from fastapi import Request

from cem.api.parameters import invalid

__all__ = ["only_declared"]


def only_declared(request: Request) -> None:
    """Return if the query fits the route, as a dependency of it. Raises Problem with the nearest known name."""
    route = request.scope["route"]
    declared = {
        parameter.alias: _is_list(parameter.field_info.annotation)
        for parameter in route.dependant.query_params
    }
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in declared:
            near = get_close_matches(name, declared, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(declared)}"
            raise invalid(name[:64], f"there is no such parameter{hint}")
        if times > 1 and not declared[name]:
            raise invalid(name, "stands here twice")


def _is_list(annotation: Any) -> bool:
    """Return whether the parameter may stand in a query more than once: a list, or none."""
    return any(get_origin(kind) is list for kind in (annotation, *get_args(annotation)))
