"""`cem size`: a table for a person, JSON for a program, and no server asked."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from cem.cli import cli
from cem.cli.errors import USAGE


def test_the_table_says_how_many_and_why() -> None:
    """Each line has what is needed, how many, and what asks for it."""
    done = CliRunner().invoke(cli, ["size", "1000000"])
    assert done.exit_code == 0
    for name in ("workers", "partitions (CEM_PARTITIONS)", "API processes", "Redis memory", "brokers"):
        assert name in done.output


def test_json_has_demand_costs_and_plan() -> None:
    """A program gets what was asked, what was measured and what follows, unrounded."""
    done = CliRunner().invoke(cli, ["size", "10000000", "--sms", "12", "--peak", "4", "--json"])
    found = json.loads(done.stdout)
    assert found["demand"]["customers"] == 10_000_000
    assert (found["demand"]["sms"], found["demand"]["peak"]) == (12, 4)
    assert found["plan"]["records_per_s"] > 10_000_000 * 12 * 4 / 86_400
    assert found["costs"]["measured_at"]


@pytest.mark.parametrize("wrong", [["0"], ["many"], ["1000", "--sms", "-1"], ["1000", "--peak", "0.2"]])
def test_what_makes_no_sense_is_a_wrong_command(wrong: list[str]) -> None:
    """Numbers that no operator has end with the exit code of a wrong command."""
    assert CliRunner().invoke(cli, ["size", *wrong]).exit_code == USAGE
