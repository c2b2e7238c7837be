"""docs/api.md and the OpenAPI document speak of the same paths, parameters, fields and problems."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cem.api.parameters import CALL_PARAMETERS
from cem.api.problems import KINDS
from tests.builders.api import Api

PAGE = (Path(__file__).parents[3] / "docs/api.md").read_text("utf-8")
DOCUMENT: dict[str, Any] = Api().get("/openapi.json").json()

#: The served documents themselves are no operations.
DOCUMENTS = {"/openapi.json"}
#: Rows of the table of paths: method and paths, then what is said of them.
ROWS = re.findall(r"^\| `(GET|POST) (.+?) \| (.*) \|$", PAGE, re.MULTILINE)


def documented() -> dict[tuple[str, str], str]:
    """Return (method, path with its parameters unnamed) to what the page says of it."""
    found = {}
    for method, names, said in ROWS:
        for path in re.findall(r"(/[^`,]*)", names):
            found[method.lower(), unnamed(path)] = said
    return found


def served() -> dict[tuple[str, str], dict[str, Any]]:
    """Return (method, path with its parameters unnamed) to the operation."""
    return {
        (method, unnamed(path)): operation
        for path, operations in DOCUMENT["paths"].items()
        for method, operation in operations.items()
    }


def unnamed(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def test_every_path_is_on_the_page_and_every_path_of_the_page_is_served() -> None:
    """Neither promises what the other does not know."""
    assert len(ROWS) >= 9
    assert {path for path in documented() if path[1] not in DOCUMENTS} == set(served())
    for _, path in documented():
        if path in DOCUMENTS:
            assert Api().get(path).status_code == 200


def test_every_parameter_and_field_is_on_the_page() -> None:
    """By its name, in the row of its path; and the page names no parameter that is not there."""
    for key, operation in served().items():
        said = documented()[key]
        known = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
        body = operation.get("requestBody")
        if body is not None:
            schema = body["content"]["application/json"]["schema"]
            known |= set(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"])
        missing = [name for name in sorted(known) if f"`{name}`" not in said and f"`?{name}`" not in said]
        assert not missing, f"{key}: {missing}"


def test_the_page_names_no_unknown_parameter() -> None:
    """What stands in backquotes in a row is a parameter, a value of one, or a field of the answer."""
    values = {"call", "phone", "start", "logged", "next", "next_before_ms"}
    for key, said in documented().items():
        if key not in served():
            continue
        text = repr(served()[key]) + repr(DOCUMENT["components"]["schemas"])
        for name in re.findall(r"`\??([a-z_]+)`", said):
            assert name in values or f"'{name}'" in text, f"{key}: {name}"


def test_every_type_of_problem_is_on_the_page() -> None:
    """With its status."""
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", PAGE, re.MULTILINE))
    assert rows == {kind.slug: str(kind.status) for kind in KINDS.values()}


def test_what_may_be_said_of_a_contact_is_in_the_document() -> None:
    """The parameters that are read by hand are those that are declared."""
    operation = served()["get", "/v1/customers/{}/next-best-action"]
    assert {p["name"] for p in operation["parameters"] if p["in"] == "query"} == set(CALL_PARAMETERS)
