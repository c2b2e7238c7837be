"""`cem doctor`: is everything well, and if not, what to do."""

from __future__ import annotations

import asyncio

import click

from cem.cli.connection import settings_from
from cem.cli.doctor.finding import Finding, exit_code, verdict
from cem.cli.output import json_option, print_json

__all__ = ["command"]

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
    if as_json:
        print_json({"verdict": verdict(findings), "findings": findings})
    else:
        for finding in findings:
            click.echo(_line(finding))
    return exit_code(findings)


def _line(finding: Finding) -> str:
    level = click.style(f"{finding.level:<5}", fg=_COLOURS[finding.level], bold=finding.level != "ok")
    remedy = f"\n      -> {finding.remedy}" if finding.remedy else ""
    return f"{level} {finding.check}: {finding.message}{remedy}"
