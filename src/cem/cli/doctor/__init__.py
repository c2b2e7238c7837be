"""`cem doctor`: is everything well, and if not, what to do."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import click

from cem.cli.connection import nothing_runs, settings_from
from cem.cli.doctor.finding import Finding, exit_code, verdict, warn
from cem.cli.errors import UNREACHABLE, Failure
from cem.cli.output import json_option, print_json
from cem.settings import Settings

__all__ = ["command", "misspelt", "without_system"]

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
    findings += misspelt(os.environ)
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


def misspelt(environ: Mapping[str, str]) -> list[Finding]:
    """Return a warning of each variable that is nearly a setting's: nobody reads it."""
    known = [f"CEM_{name.upper()}" for name in Settings.model_fields]
    found = []
    for name in sorted(environ):
        if name.startswith("CEM_") and name not in known and (near := get_close_matches(name, known, 1, 0.9)):
            found.append(
                warn("settings", f"{name} is no setting, so nobody reads it", f"is {near[0]} meant?")
            )
    return found


def _line(finding: Finding) -> str:
    level = click.style(f"{finding.level:<5}", fg=_COLOURS[finding.level], bold=finding.level != "ok")
    remedy = f"\n      -> {finding.remedy}" if finding.remedy else ""
    return f"{level} {finding.check}: {finding.message}{remedy}"
