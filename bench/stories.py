"""Is abuse told before the payer's call? The whole step over simulated operators, judged by their hidden truth.

    .venv/bin/python -m bench.stories --seeds 11 12 13 14 15

Each operator lives in event time, in memory (as `cem pilot` does); nobody is held out. A spell is found if somebody is told
about its line between its begin and a day after its end; it is found in time if that is before the payer's first call about
what it cost, which follows the bill and not the alert.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import msgspec

from cem.bootstrap.rules import read_policies
from cem.domain.events import Alert, SmsRated
from cem.domain.events.enums import AlertState, Tell
from cem.pilot.history import Piece
from cem.pilot.lived import live
from cem.settings import Settings
from cem.simulator import Parameters, open_world
from cem.simulator.sending import outgoing

DAY_MS = 86_400_000
#: Why an open alert is said again though nothing new is known.
_NO_NEWS = ("told", "quiet hours over")


class Judged(msgspec.Struct):
    """What became of the spells of one operator."""

    spells: int = 0
    found: int = 0
    called: int = 0
    in_time: int = 0


def judge(parameters: Parameters, days: int, every: int) -> Judged:
    """Let an operator live and judge it. Of households without a spell every `every`-th keeps its messages."""
    world = open_world(parameters)
    world.truths = []
    events = world.advance(parameters.day_start_ms(days) - 1)
    truths = world.take_truths()
    spells = [row for row in truths if row["truth"] == "abuse"]
    abusive = {row["customer"] for row in spells}
    texting = {
        name
        for name, owner in zip(world.line_names, world.owners, strict=True)
        if world.keys[owner] in abusive or owner % every == 0
    }
    pieces = []
    for event in events:
        if not isinstance(event.event, SmsRated) or event.event.line in texting:
            record = outgoing(event)
            pieces.append(
                Piece(
                    record.topic,
                    len(pieces) + 1,
                    event.recorded_ms,
                    record.key or b"",
                    record.value or b"",
                    tuple(record.headers),
                )
            )
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_env({}, state_dir=Path(folder))
        told: dict[str, list[int]] = {}

        def hear(at_ms: int, alert: Alert) -> None:
            news = alert.state is AlertState.OPEN and alert.reason not in _NO_NEWS
            if news and alert.type.startswith("sms_") and alert.tell.who in (Tell.PAYER, Tell.USER):
                told.setdefault(alert.subject, []).append(at_ms)

        rules, policy, _ = read_policies(settings)
        live(pieces, rules, policy, on_alert=hear)
    judged = Judged(len(spells))
    for spell in spells:
        begin_ms, end_ms = spell["start"] * 1000, spell["end"] * 1000 + DAY_MS
        heard = [at_ms for at_ms in told.get(spell["line"], ()) if begin_ms <= at_ms <= end_ms]
        cause = f"episode-{spell['episode']}"
        calls = [row["at_ms"] for row in truths if row["truth"] == "contact" and row["cause"] == cause]
        judged.found += bool(heard)
        judged.called += bool(heard and calls)
        judged.in_time += bool(heard and calls and min(heard) < min(calls))
    return judged


def main() -> None:
    """Print a line for each seed, and their sum."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15])
    parser.add_argument("--customers", type=int, default=120)
    parser.add_argument("--days", type=int, default=61)
    parser.add_argument("--every", type=int, default=4)
    given = parser.parse_args()
    total = Judged()
    for seed in given.seeds:
        parameters = Parameters(
            seed=seed,
            customers=given.customers,
            story1_per_1000_weeks=60,
            abuse_per_1000_line_weeks=20,
            stage_stories=False,
        )
        judged = judge(parameters, given.days, given.every)
        print(f"seed {seed}: {msgspec.structs.asdict(judged)}", flush=True)
        for name in judged.__struct_fields__:
            setattr(total, name, getattr(total, name) + getattr(judged, name))
    share = total.in_time / max(1, total.called)
    print(
        f"{total.found} of {total.spells} spells found; of {total.called} followed by a call {share:.1%} in time"
    )


if __name__ == "__main__":
    main()
