"""The report as one HTML page that needs nothing else: no script, no font, no address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from cem.domain.money import money
from cem.pilot.report import Episode, Report

__all__ = ["page_of"]

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 68rem; padding: 0 1rem; color: #1b1f24 }
h1 { font-size: 1.5rem; margin-bottom: .2rem } h2 { font-size: 1.1rem; margin-top: 2rem }
p.lead { font-size: 1.1rem } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #d6dae0; vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums } small { color: #59636e }
@media (prefers-color-scheme: dark) { body { background: #14171b; color: #e4e7eb } th, td { border-color: #39414b }
small { color: #9aa4af } }
"""


def page_of(report: Report) -> str:
    """Return the page."""
    share = report.contacts_warned / report.contacts if report.contacts else 0.0
    span = f"{(report.first or '-')[:10]} to {(report.last or '-')[:10]}"
    body = [
        f"<h1>Pilot on history: {span}</h1>",
        f"<p><small>{report.rows:,} rows, {report.records:,} events of {report.customers:,} customers; "
        f"{report.skipped:,} rows left out, {sum(report.rejects.values()):,} rejected</small></p>",
        f'<p class="lead">{report.contacts:,} times a customer turned to the company. Before '
        f"<b>{report.contacts_warned:,}</b> of them ({share:.0%}) an alert about him would have been told within "
        f"{report.horizon_days} days; {report.contacts_repeated:,} came within a week of another.</p>",
        "<h2>Alerts that would have been told</h2>",
        _table(
            ("type", "alerts", "notices", "customers", "before a contact", "hours before (median)"),
            (
                (t.type, t.alerts, t.notices, t.customers, t.before_a_contact, t.median_hours_before)
                for t in report.alerts
            ),
        ),
        "<h2>What would have been proposed</h2>",
        _table(
            ("action", "with an alert", "at a contact"),
            ((a.action, a.with_an_alert, a.at_a_contact) for a in report.actions),
        ),
        f"<h2>Alerts and the contacts that they came before ({len(report.episodes)} of them, dearest first)</h2>",
        _table(
            ("customer", "alert", "told", "what was seen", "remedy", "the contact", "proposed then"),
            (_row(episode, report.currency) for episode in report.episodes),
        ),
    ]
    if report.rejects:
        body += ["<h2>Rows that could not be used</h2>", _table(("reason", "rows"), report.rejects.items())]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>Pilot {escape(span)}</title><style>{_STYLE}</style></head>'
        f"<body>{''.join(body)}</body></html>\n"
    )


def _row(episode: Episode, currency: str) -> Sequence[object]:
    seen = ", ".join(f"{name} {value}" for name, value in episode.evidence.items())
    cost = f"; {money(episode.cost_minor, currency, 'en')} so far" if episode.cost_minor else ""
    return (
        episode.customer_id,
        f"{episode.type} ({episode.tier}), {episode.subject}",
        episode.told_at[:16].replace("T", " "),
        seen + cost,
        episode.remedy,
        f"{episode.contact_at[:16].replace('T', ' ')}, {episode.channel}"
        f"{', ' + episode.reason if episode.reason else ''}: {episode.hours_before:,.1f} h later",
        f"{episode.proposed}: {episode.sentence}",
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    listed = [list(row) for row in rows]
    if not listed:
        return "<p>None.</p>"
    numbers = [all(isinstance(row[i], int | float | None) for row in listed) for i in range(len(columns))]
    kinds = [' class="n"' if number else "" for number in numbers]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(columns, kinds, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{_cell(cell)}</td>" for cell, kind in zip(row, kinds, strict=True)) + "</tr>"
        for row in listed
    )  # fmt: skip
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.1f}"
    return f"{cell:,}" if isinstance(cell, int) else escape(str(cell))
