"""The models on simulated customers, judged against the hidden truth: `python -m bench.learning --customers 20000`.

The product's own fold and pupils, in one process and without servers: a world is lived, its events are folded in the
order of their arrival, ticks come when they are due, each example is learnt as soon as it is made. What the models said
when they were asked is compared with what came, with what an oracle said who knows each customer's hidden hazard, and
with the hidden moods. Of the messages one a line and day (`--messages-every`) is folded: the models look at no more of them.
Drivers are not asked for: each costs a prediction a feature, and changes no score.

`--rows FILE` keeps what the churn model was asked and what came, and compares our recipes with batch gradient boosting on
these same rows (`bench.churn_rows`). With `--models none` that is all that is done, for many
customers (`make bench-churn`).
"""

from __future__ import annotations

import argparse
import heapq
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.churn_rows import BOOSTING, TARGETS, compared, save_rows
from bench.common import Row, Target, check_targets, show, write_results
from cem.domain.customer import Customer, new_customer
from cem.domain.events import Event, SmsRated, type_of
from cem.domain.events.envelope import Received
from cem.domain.fold import fold, next_due_ms, tick
from cem.domain.scores import example_emission
from cem.domain.view import mood_level
from cem.domain.view.portrait import features_of
from cem.domain.weeks import instant_of, week_of
from cem.learning.evaluation.measures import auc
from cem.learning.pupil import Lesson, Pupil
from cem.learning.shelf import LEAST_EXAMPLES, Loaded, ModelShelf
from cem.learning.surveys import answers_of
from cem.simulator import Parameters, open_world
from cem.simulator.parameters import DAY_MS
from tests.builders.customers import Context

__all__ = ["ON_THE_STREAM", "Judge", "judge", "live"]

#: What is asked of the models of a run; of those that were not run, nothing.
ON_THE_STREAM = (
    Target("answers, csat: of the running mean's", most=0.85, of="value"),
    Target("answers, csat: coverage", least=0.88, of="value"),
    Target("answers, csat: coverage", most=0.92, of="value"),
    Target("mood: correlation", least=0.60, of="value"),
)


class Judge(Context):
    """The fold's context of all customers: asks the pupils, gives them their examples, and remembers what was said."""

    def __init__(self, models: tuple[str, ...]) -> None:
        super().__init__(0)
        self.pupils = {name: Pupil(name) for name in models}
        self.customer_id = ""
        #: (customer, week) -> portrait and chance said; label.
        self.portraits: dict[tuple[str, int], tuple[bytes, float | None]] = {}
        self.labels: dict[tuple[str, int], int] = {}
        #: Question of a survey -> (estimate, its lowest and highest, answer, mean of the answers before).
        self.answers: dict[str, list[tuple[float, float, float, float, float]]] = defaultdict(list)
        self._means: dict[str, tuple[float, int]] = {}
        self.learn_s = self.ask_s = 0.0
        self._shelf = ModelShelf()
        self._offsets: dict[str, int] = defaultdict(int)

    def emit(self, event: Event, *, kind: str, key: str | None = None, at_ms: int | None = None) -> str:
        return ""

    def ask(self, model: str, question: Any) -> Any:
        began = time.process_time()
        name = "sentiment" if model == "about" else model
        pupil = self.pupils.get(name)
        answer = None
        if model == "churn":
            said = None
            if pupil is not None and pupil.examples >= LEAST_EXAMPLES["churn"]:
                said = pupil.contest.predict_one(features_of(question))
                answer = [round(said.probability * 10_000), pupil.version, []]
            week = week_of(self.customer_id, self.lane_time_ms)
            self.portraits[self.customer_id, week] = (question, None if said is None else said.score)
        elif pupil is not None:
            self._shelf._loaded[name] = Loaded(pupil.version, pupil.contest.champion, pupil.examples)
            found = self._shelf.ask(model, question)
            answer = None if found is None else found[1]
        self.ask_s += time.process_time() - began
        return answer

    def example(self, model: str, source: str, x: Any, y: Any) -> None:
        if model == "churn" and x is not None:
            self.labels[self.customer_id, int(source.rsplit("/", 1)[1])] = y
        pupil = self.pupils.get(model)
        if pupil is None:
            return
        began = time.process_time()
        self._offsets[model] += 1
        made = example_emission(
            model, x, y, about=source, key="", id="", source="", time_ms=self.lane_time_ms, sequence=0
        )
        pupil.take(Lesson(self._offsets[model], self.lane_time_ms, made.value))
        if model == "satisfaction" and y is not None:
            self._note(pupil.contest.said, answers_of(y))
        self.learn_s += time.process_time() - began

    def _note(self, said: Any, answers: dict[str, float]) -> None:
        """Remember what was estimated of each answer before it was learnt."""
        for question, answer in answers.items():
            total, count = self._means.get(question, (0.0, 0))
            self._means[question] = total + answer, count + 1
            estimate = said if question == "csat" else said.others.get(question)
            if estimate is not None and count:
                row = (estimate.point, estimate.low, estimate.high, answer, total / count)
                self.answers[question].append(row)


def judge(
    customers: int,
    days: int,
    seed: int,
    texts: str,
    models: tuple[str, ...],
    rows_file: Path | None = None,
    messages_every: int = 1,
) -> dict[str, Any]:
    """Return what was found. messages_every: days between two messages of a line that are folded."""
    ctx = Judge(models)
    moods, heard = live(ctx, customers, days, seed, texts, messages_every)
    return _figures(ctx, moods, heard, rows_file)


def live(
    ctx: Judge, customers: int, days: int, seed: int, texts: str, messages_every: int = 1
) -> tuple[dict[str, Any], list[tuple[float, float]]]:
    """Let a world live and `ctx` fold it; return the truths told weekly of each household, and moods beside hidden ones."""
    parameters = Parameters(customers=customers, seed=seed, texts=texts)
    world = open_world(parameters)
    world.truths = []
    states: dict[str, Customer] = {}
    dues: list[tuple[int, str]] = []
    moods: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    heard: list[tuple[float, float]] = []
    messages: dict[str, int] = {}
    fold_s, number = 0.0, 0
    for day in range(days):
        events = world.advance(parameters.day_start_ms(day + 1) - 1)
        for row in world.take_truths():
            if row["what"] == "mood" if "what" in row else "leaves_within_30d" in row:
                at = row.get("at_ms") or parameters.day_start_ms(day)
                moods[row["customer"]].append((at, row["mood"], row["leaves_within_30d"]))
        began = time.process_time()
        for event in sorted(events, key=lambda e: (e.recorded_ms, e.id)):
            customer_id = event.key
            if isinstance(event.event, SmsRated):
                if day - messages.get(event.event.line, -messages_every) < messages_every:
                    continue
                messages[event.event.line] = day
            while dues and dues[0][0] <= event.recorded_ms:
                at_ms, due_id = heapq.heappop(dues)
                _tick(states[due_id], max(at_ms, ctx.lane_time_ms), ctx, dues)
            ctx.lane_time_ms = max(ctx.lane_time_ms, event.recorded_ms)
            if not event.event.OF_CUSTOMER:
                continue
            state = states.get(customer_id)
            if state is None:
                state = states[customer_id] = new_customer(customer_id)
            ctx.customer_id = customer_id
            number += 1
            before = next_due_ms(state)
            fold(state, _received(event), ctx)
            due = next_due_ms(state)
            if due is not None and due != before:
                heapq.heappush(dues, (due, customer_id))
        if day % 7 == 0 and day > 30:
            heard += _moods_now(states, moods, ctx.lane_time_ms)
        fold_s += time.process_time() - began
    print(
        f"{number:,} records folded, {fold_s:.0f} s; of that {ctx.learn_s:.0f} s learning, {ctx.ask_s:.0f} s asking"
    )
    return moods, heard


def _tick(state: Customer, now_ms: int, ctx: Judge, dues: list[tuple[int, str]]) -> None:
    due = next_due_ms(state)
    if due is None or due > now_ms:
        if due is not None:
            heapq.heappush(dues, (due, state.customer_id))
        return
    ctx.lane_time_ms = now_ms
    ctx.customer_id = state.customer_id
    tick(state, now_ms, ctx)
    due = next_due_ms(state)
    if due is not None:
        heapq.heappush(dues, (due, state.customer_id))


def _received(event: Any) -> Received:
    return Received(
        event.key, type_of(event.event), event.id, event.source, event.time_ms, event.recorded_ms, event.sequence,
        None, event.event, event.topic, 0, 0,
    )  # fmt: skip


def _moods_now(states: dict[str, Customer], moods: dict[str, Any], now_ms: int) -> list[tuple[float, float]]:
    """Return mood as the state has it and the hidden one, of whoever has spoken within two weeks."""
    found = []
    for customer_id, truths in moods.items():
        state = states.get(customer_id)
        talked = None if state is None else state.estimates.talked
        if state is None or talked is None or now_ms - talked.at_s * 1000 > 14 * DAY_MS:
            continue
        level = mood_level(state, now_ms)
        if level is not None:
            found.append((level, truths[-1][1]))
    return found


def _figures(
    ctx: Judge, moods: dict[str, Any], heard: list[tuple[float, float]], rows_file: Path | None
) -> dict[str, Any]:
    """Return the figures; the rows behind those of churn go to `rows_file`."""
    rows = []
    for (customer_id, week), label in ctx.labels.items():
        portrait, score = ctx.portraits.get((customer_id, week), (b"", None))
        at_ms = instant_of(customer_id, week)
        oracle = [p for at, _, p in moods[customer_id] if at_ms - 7 * DAY_MS < at <= at_ms]
        if portrait and oracle:
            rows.append((at_ms, score, oracle[-1], label, portrait))
    rows.sort(key=lambda row: row[0])
    said = [row for row in rows if row[1] is not None]
    late = said[len(said) // 2 :]
    found: dict[str, Any] = {"examples": len(rows), "positives": sum(r[3] for r in rows)}
    for name, part in (("all", said), ("second half", late)):
        labels = [bool(row[3]) for row in part]
        ours = auc([row[1] or 0.0 for row in part], labels)
        oracle_auc = auc([row[2] for row in part], labels)
        found[f"churn, {name}"] = {"auc": ours, "oracle": oracle_auc, "share": _share(ours, oracle_auc)}
    found["churn calibration"] = ctx.pupils["churn"].figures() if "churn" in ctx.pupils else {}
    for name in ("sentiment", "satisfaction", "reason"):
        if name in ctx.pupils:
            found[name] = ctx.pupils[name].figures()
    for question, answers in ctx.answers.items():
        found[f"answers, {question}"] = _of_answers(answers)
    if len(heard) > 2:
        ours_, hidden = np.array(heard).T
        found["mood"] = {"pairs": len(heard), "correlation": float(np.corrcoef(ours_, hidden)[0, 1])}
    if rows_file is not None:
        times, _, chances, labels_, portraits = zip(*rows, strict=True)
        save_rows(rows_file, times, list(portraits), chances, labels_)
    return found


def _of_answers(rows: list[tuple[float, float, float, float, float]]) -> dict[str, float]:
    """Return how far answers to one question were from their estimates, and how often inside the 90 % intervals."""
    point, low, high, answer, mean = np.array(rows).T
    error = float(np.abs(point - answer).mean())
    return {
        "answers": float(len(rows)),
        "mean absolute error": error,
        "of the running mean's": error / float(np.abs(mean - answer).mean()),
        "coverage": float(((low <= answer) & (answer <= high)).mean()),
    }


def _as_rows(found: dict[str, Any]) -> list[Row]:
    """Return the figures as rows, those that could not be had left out."""
    return [
        Row(f"{group}: {name}", float(value), "")
        for group, figures in found.items()
        for name, value in (figures.items() if isinstance(figures, dict) else [("count", figures)])
        if value is not None
    ]


def _share(ours: float | None, oracle: float | None) -> float | None:
    return None if ours is None or oracle is None else (ours - 0.5) / (oracle - 0.5)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--days", type=int, default=150)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--texts", default="open")
    parser.add_argument(
        "--models",
        default="sentiment,satisfaction,churn",
        help="none: rows of churn are made, and nothing learnt on the way",
    )
    parser.add_argument("--messages-every", type=int, default=1, help="days between two messages of a line")
    parser.add_argument(
        "--rows", type=Path, help="write the examples of churn there (npz), and compare learners on them"
    )
    given = parser.parse_args()
    models = () if given.models == "none" else tuple(given.models.split(","))
    found = judge(
        given.customers, given.days, given.seed, given.texts, models, given.rows, given.messages_every
    )
    rows = _as_rows(found)
    show("Models on the stream", ("figure", "value", "unit"), [(r.name, r.value, r.unit) for r in rows])
    targets = [target for target in ON_THE_STREAM if any(row.name == target.row for row in rows)]
    if given.rows is not None:
        with np.load(given.rows) as file:
            same = compared({name: file[name] for name in file.files})
        show(
            "Churn from the same rows", ("figure", "value", "unit"), [(r.name, r.value, r.unit) for r in same]
        )
        rows += same
        targets += TARGETS if BOOSTING.exists() else [each for each in TARGETS if "boosting" not in each.row]
    write_results("learning", rows, found=found)
    check_targets(rows, targets)


if __name__ == "__main__":
    main()
