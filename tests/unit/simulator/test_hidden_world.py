"""The hidden side: stories, moods, reasons of leaving, and how the truth agrees with what the streams say."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from cem.domain.events import (
    CallStarted,
    CampaignContacted,
    CampaignResponded,
    ContractCancelled,
    ServiceDegraded,
    SmsRated,
    SurveyAnswered,
)
from cem.simulator import Parameters, open_world
from cem.simulator.parameters import DAY_MS
from cem.simulator.world.effects import Belief, Effects
from cem.simulator.world.oracle import area_under_curve
from tests.builders.simulation import lived


def test_story_one_happens_at_its_rate() -> None:
    """A child's texting runs up the bill; the payer calls about it, and calls again within a week or so."""
    world, events, truths = lived(75, 80, story1_per_1000_weeks=40.0)
    spells = {t["episode"]: t for t in truths if t.get("story") == 1 and t["truth"] == "abuse"}
    assert len(spells) > 5
    contacts = defaultdict(list)
    for t in truths:
        if t["truth"] == "contact" and t.get("story") == 1:
            contacts[t["cause"]].append(t["at_ms"])
    twice = [times for times in contacts.values() if len(times) > 1]
    assert twice
    for times in twice:
        assert times[1] - times[0] < 9 * DAY_MS
    lines = Counter(e.event.line for e in events if isinstance(e.event, SmsRated))
    for spell in spells.values():
        assert lines[spell["line"]] > 0
        assert spell["line"] in world.line_names


def test_story_two_happens_at_its_rate() -> None:
    """Bad reception, a bad mood, a contract that ends soon, and a call about an upgrade."""
    _, events, truths = lived(75, 80, story2_per_1000_weeks=30.0)
    who = {t["customer"] for t in truths if t["truth"] == "story" and t["story"] == 2}
    assert len(who) > 5
    bad = {t["customer"] for t in truths if t["truth"] == "bad_reception"}
    assert who <= bad
    dropped = {e.key for e in events if isinstance(e.event, ServiceDegraded) and e.event.line is not None}
    assert len(who & dropped) > len(who) / 2
    calls = {t["customer"]: t["mood"] for t in truths if t["truth"] == "contact" and t.get("story") == 2}
    assert calls
    assert np.mean(list(calls.values())) < -0.1


def test_story_five_shows_in_the_answers() -> None:
    """Who says one channel and answers another, answers campaigns on the other."""
    _, events, truths = lived(75, 80, share_channel_differs=0.5, campaigns_per_month=8.0)
    hidden = {t["customer"]: t for t in truths if t["truth"] == "household"}
    differs = {c for c, t in hidden.items() if t["channel_said"] != t["channel_does"]}
    assert 0.35 < len(differs) / len(hidden) < 0.65
    contacted, answered = Counter(), Counter()
    for event in events:
        said = event.event
        if event.key in differs and isinstance(said, CampaignContacted | CampaignResponded):
            kind = "does" if said.channel == hidden[event.key]["channel_does"] else "other"
            (contacted if isinstance(said, CampaignContacted) else answered)[kind] += 1
    assert answered["does"] / contacted["does"] > 4 * answered["other"] / contacted["other"]


def test_the_father_calls_after_the_growth_of_the_bill_not_after_an_alert() -> None:
    """Without anybody who alerts, the calls about the texting come all the same."""
    truths = lived(75, 80, story1_per_1000_weeks=40.0).truths
    grown: dict[str, int] = {}
    for t in truths:
        if t["truth"] == "bill_growth_seen":
            assert t["cost_minor"] >= 500
            grown.setdefault(t["customer"], t["at_ms"])
    called = [t for t in truths if t["truth"] == "contact" and t["problem"] == "sms_cost"]
    after = [t for t in called if t["customer"] in grown and t["at_ms"] >= grown[t["customer"]]]
    assert grown
    assert {t["customer"] for t in after} >= set(list(grown)[: len(grown) // 2])


def test_nothing_abnormal_is_in_a_world_without_abuse() -> None:
    """Rates of nought give a population to count false alerts on."""
    truths = lived(
        30, 60, abuse_per_1000_line_weeks=0.0, benign_per_1000_line_weeks=0.0, story1_per_1000_weeks=0.0
    ).truths
    assert not [t for t in truths if t["truth"] in ("abuse", "benign")]


def test_all_kinds_of_abuse_begin_and_are_labelled() -> None:
    """The truth of a spell is a label row: line, start, end, kind, label."""
    truths = lived(75, 80, abuse_per_1000_line_weeks=60.0, benign_per_1000_line_weeks=60.0).truths
    kinds = Counter(t["kind"] for t in truths if t["truth"] == "abuse")
    assert {"rise_sudden", "rise_gradual", "burst", "premium", "night"} <= set(kinds)
    for t in truths:
        if t["truth"] in ("abuse", "benign"):
            assert t["label"] == t["truth"]
            assert t["start"] < t["end"]


def test_the_truth_is_never_on_a_stream() -> None:
    """No event names a mood, an episode or a hazard."""
    for event in lived(75, 80).events:
        assert not {"mood", "hazard", "episode", "truth"} & set(event.event.__struct_fields__)


def test_who_leaves_says_so_on_the_stream() -> None:
    """Each leaver of the truth file has his cancellation, with the same last day."""
    _, events, truths = lived(110, 120)
    told = {
        e.key: e.event.effective.isoformat()
        for e in events
        if isinstance(e.event, ContractCancelled) and e.event.effective is not None
    }
    leavers = [t for t in truths if t["truth"] == "leaves"]
    assert leavers
    for t in leavers:
        # One who has left in silence is heard of some days later.
        assert told.get(t["customer"], t["effective"]) == t["effective"]


def test_unsolved_problems_bring_the_customer_back() -> None:
    """There are second and third calls about the same problem."""
    truths = lived(75, 80).truths
    assert max(t["nth"] for t in truths if t["truth"] == "contact") >= 3


def test_surveys_are_answered_by_the_dissatisfied_and_the_delighted() -> None:
    """Who is indifferent answers half as often."""
    truths = lived(75, 80, questions_per_week=1.5).truths
    asked, answered = Counter(), Counter()
    for t in truths:
        if t["truth"] == "judged":
            kind = "extreme" if t["csat"] in (1, 2, 5) else "middle"
            asked[kind] += 1
            answered[kind] += t["answers"]
    assert answered["extreme"] / asked["extreme"] > 1.5 * answered["middle"] / asked["middle"]


def test_answers_follow_the_mood() -> None:
    """A survey's answer is what the hidden mood says, give or take."""
    _, events, truths = lived(75, 80, questions_per_week=1.5)
    moods = {t["contact"]: t["mood"] for t in truths if t["truth"] == "judged"}
    pairs = [
        (moods[e.event.about], e.event.csat)
        for e in events
        if isinstance(e.event, SurveyAnswered) and e.event.about in moods and e.event.csat is not None
    ]
    assert len(pairs) > 50
    assert np.corrcoef(np.array(pairs).T)[0, 1] > 0.6


def test_an_oracle_foresees_leaving_well_but_not_surely() -> None:
    """Who knows the hidden hazard reaches an area under the curve of .84 to .90 (here within what chance allows)."""
    parameters = Parameters(customers=1200)
    world = open_world(parameters)
    for day in range(0, 70, 5):
        world.advance(parameters.day_start_ms(day + 5) - 1)
    found = world.oracle.area(world.people.left, world.people.dismissed, world.day)
    assert found is not None
    area, _, positives = found
    assert positives > 50
    assert 0.80 < area < 0.93


def test_the_area_under_the_curve_counts_ties_half() -> None:
    """All the same score is no knowledge; perfect order is 1."""
    labels = np.array([True, False, True, False])
    assert area_under_curve(np.zeros(4), labels) == 0.5
    assert area_under_curve(np.array([1.0, 0.0, 2.0, 0.5]), labels) == 1.0


def test_true_effects_differ_from_what_the_catalogue_believes_by_a_seeded_factor() -> None:
    """Each effect is the belief's times a factor between a half and two, the same for the same seed."""
    belief = Belief("plan_upgrade", "selling", accept=0.2, delta_if_accepted=0.2, annoyance_if_declined=0.3)
    factors = []
    for seed in range(40):
        true = Effects(seed, 2.0, 1, [belief]).of("plan_upgrade")
        assert all(0.5 <= f <= 2.0 for f in true.factors)
        assert true.delta == 0.2 * true.factors[1]
        assert true.annoyance == 0.3 * true.factors[2]
        assert Effects(seed, 2.0, 1, [belief]).of("plan_upgrade") == true
        factors.append(true.factors[0])
    assert min(factors) < 0.7
    assert max(factors) > 1.4


def test_actions_have_effects_of_their_own() -> None:
    """Two actions of one world do not share their factors."""
    effects = Effects(7, 2.0)
    assert effects.of("sms_bundle").factors != effects.of("explain_bill").factors
    assert effects.of("sms_bundle").kind.kind == "message_bundle"
    assert effects.of("a thing nobody knows").kind.kind == "other"


def test_calls_name_a_reason_mostly() -> None:
    """Menus know the reason of most calls, not of all."""
    reasons = [e.event.reason for e in lived(75, 80).events if isinstance(e.event, CallStarted)]
    assert 0.6 < sum(reason is not None for reason in reasons) / len(reasons) < 0.95
