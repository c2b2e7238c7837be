"""`cem doctor`: is everything well, and if not, what to do."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence

import click

from cem.cli.connection import nothing_runs, settings_from
from cem.cli.doctor.finding import Finding, exit_code, verdict
from cem.cli.errors import UNREACHABLE, Failure
from cem.cli.output import json_option, print_json

__all__ = ["command", "without_system"]

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("doctor")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> int:
    """Check Kafka, Redis, topics, versions, clocks, lanes and lag, and say what to do.

    Exit code 0: well, or warnings only; 1: something is wrong; 4: Kafka or Redis cannot be reached.
    """
    from cem.cli.doctor.examination import examine

    findings = asyncio.run(examine(settings_from(ctx)))
    findings = without_system(findings, os.environ, ctx.find_object(dict) or {})
    if as_json:
        print_json({"verdict": verdict(findings), "findings": findings})
    else:
        for finding in findings:
            click.echo(_line(finding))
    return exit_code(findings)


def without_system(
    findings: Sequence[Finding], environ: Mapping[str, str], flags: Mapping[str, object]
) -> list[Finding]:
    """Return the findings; where no system runs, one in place of those that say of each server that it is away."""
    away = [finding for finding in findings if finding.unreachable]
    instead = [nothing_runs(Failure(f.message, UNREACHABLE), environ, flags) for f in away]
    if len(away) < 2 or None in instead:
        return list(findings)
    assert instead[0] is not None
    message, _, remedy = instead[0].message.partition(": ")
    one = Finding(check="system", level="fail", message=message, remedy=remedy, unreachable=True)
    return [*(f for f in findings if f.level == "ok"), one]


def _line(finding: Finding) -> str:
    level = click.style(f"{finding.level:<5}", fg=_COLOURS[finding.level], bold=finding.level != "ok")
    remedy = f"\n      -> {finding.remedy}" if finding.remedy else ""
    return f"{level} {finding.check}: {finding.message}{remedy}"
