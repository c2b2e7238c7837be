"""What waits in the state for its label, and becomes an example when it is known."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from cem.domain import view
from cem.domain.customer import Customer, decode_customer, encode_customer
from cem.domain.events import (
    BillCause,
    BillIssued,
    BillItem,
    CallEnded,
    CallStarted,
    CallTurn,
    ContractCancelled,
    CustomerErased,
    DecisionMade,
    Event,
    OutcomeRecorded,
    OutcomeState,
    PaymentMade,
    PlanChanged,
    ProfileChanged,
    Speaker,
    SurveyAnswered,
)
from cem.domain.events.enums import Channel, Initiative, PaymentMethod
from cem.domain.facts.learning import HORIZON_MS
from cem.domain.fold import fold, next_due_ms
from cem.domain.state.estimates import pack_portraits, waiting_portraits
from cem.domain.view.portrait import features_of, portrait
from cem.domain.weeks import WEEK_MS, instant_of, week_of
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, advance, household, received

CONTRACT: tuple[int, Event] = (T0, PlanChanged(plan="M", price_minor=2000))
#: The first look after the contract began, and the later ones.
LOOKS = [instant_of("C1", week_of("C1", T0) + n) for n in range(1, 30)]


def cancelled(effective_ms: int, initiative: Initiative = Initiative.CUSTOMER) -> ContractCancelled:
    day = datetime.fromtimestamp(effective_ms / 1000, UTC).date()
    return ContractCancelled(effective=day, reason="price", initiative=initiative)


def labels(ctx: Context) -> list[tuple[int, int]]:
    """Return instant and label of the churn examples, corrections left out."""
    return [
        (instant_of("C1", int(source.split("/")[2])), y)
        for model, source, x, y in ctx.examples
        if model == "churn" and x is not None
    ]


def lived(events: list[tuple[int, Event]], until_ms: int) -> tuple[Customer, Context]:
    ctx = Context(0)
    ctx.answers = {
        "churn": [1234, 9, [2, -15]],
        "satisfaction": [180, 100, 230, 7, [14], {"nps": [42, 20, 75, -14]}],
    }
    customer, ctx = household([CONTRACT, *events], ctx=ctx)
    advance(customer, ctx, until_ms)
    return customer, ctx


def test_one_example_a_week_when_its_horizon_closes() -> None:
    """Who stays is a negative example of every week, learnt thirty days after it."""
    customer, ctx = lived([], LOOKS[9])
    assert labels(ctx) == [(at, 0) for at in LOOKS if at + HORIZON_MS <= LOOKS[9]]
    assert len(waiting_portraits(decode_customer(encode_customer(customer)).estimates.waiting)) == 5
    risk = view.churn_risk(customer, LOOKS[9])
    assert risk is not None and risk.chance == 0.1234
    assert risk.drivers == (("contract_days_left", True), ("days_since_survey", False))


def test_who_leaves_is_positive_from_thirty_days_before() -> None:
    """A cancellation makes examples of the weeks whose horizon holds its effect, and ends the looks."""
    at_ms = LOOKS[8] + HOUR
    customer, ctx = lived([(at_ms, cancelled(at_ms + 10 * DAY))], LOOKS[20])
    gone_ms = (at_ms + 10 * DAY) // DAY * DAY
    assert labels(ctx) == [(at, int(at + HORIZON_MS >= gone_ms)) for at in LOOKS[:9]]
    assert sum(label for _, label in labels(ctx)) in (3, 4)
    assert next_due_ms(customer) is None
    assert view.churn_risk(customer, LOOKS[9]) is None


def test_an_operator_who_ends_a_contract_teaches_nothing_of_leaving() -> None:
    """Dismissed customers did not choose: their weeks are negatives until then."""
    _, ctx = lived([(LOOKS[8], cancelled(LOOKS[8], Initiative.OPERATOR))], LOOKS[20])
    assert {label for _, label in labels(ctx)} == {0}


def test_a_cancellation_heard_of_late_corrects() -> None:
    """It took effect within a horizon that has closed since: the example of that week gets its label anew."""
    gone_ms, heard_ms = LOOKS[3] // DAY * DAY, LOOKS[9] + HOUR
    _, ctx = lived([(heard_ms, cancelled(gone_ms))], heard_ms + HOUR)
    corrected = [source for _, source, x, y in ctx.examples if x is None and y == 1]
    closed = [at for at in LOOKS[:9] if at + HORIZON_MS <= heard_ms and at < gone_ms <= at + HORIZON_MS]
    assert corrected == [f"churn/C1/{week_of('C1', at)}" for at in closed] != []


def call(survey: SurveyAnswered | None, after_ms: int = 2 * HOUR) -> list[tuple[int, Event]]:
    said = CallTurn(call_id="c1", turn=1, speaker=Speaker.CUSTOMER, text="it fails again")
    events: list[tuple[int, Event]] = [
        (T0 + HOUR, CallStarted(call_id="c1", reason="coverage")),
        (T0 + HOUR + MINUTE, said),
        (T0 + HOUR + 2 * MINUTE, CallEnded(call_id="c1", duration_s=120, wait_s=300)),
    ]
    return events if survey is None else [*events, (T0 + HOUR + after_ms, survey)]


def test_a_survey_labels_the_contact() -> None:
    """The answer makes examples of what was said, and of what was known at the contact's end."""
    customer, ctx = lived(call(SurveyAnswered(about="c1", csat=2, nps=3, text="bad")), T0 + DAY)
    rows = {(model, x.get("text"), x.get("channel")): y for model, _, x, y in ctx.examples}
    assert rows == {
        ("reason", "it fails again", "call"): "coverage",
        ("sentiment", "bad", "survey"): "negative",
        ("sentiment", "it fails again", "call"): "negative",
        ("satisfaction", "it fails again", "call"): {"csat": 2, "nps": 3},
    }
    known = next(x["features"] for model, _, x, _ in ctx.examples if model == "satisfaction")
    assert known["waited_min_30d"] == 5 and known["contacts_7d"] == 1
    assert customer.estimates.heard == []
    found = view.predicted_satisfaction(customer, T0 + DAY)
    assert found is not None and (found.point, found.low, found.high) == (3.6, 2.0, 4.6)
    customer = decode_customer(encode_customer(customer))
    nps = view.predicted_satisfaction(customer, T0 + DAY, "nps")
    assert nps is not None and (nps.point, nps.low, nps.high) == (4.2, 2.0, 7.5)
    assert nps.drivers == (("csat_level", False),)
    assert view.predicted_satisfaction(customer, T0 + DAY, "ces") is None


def test_a_survey_that_never_comes_is_an_example_of_silence() -> None:
    """After four days the contact waits no more: the model learns who does not answer."""
    customer, ctx = lived(call(None), T0 + 6 * DAY)
    assert [y for model, _, _, y in ctx.examples if model == "satisfaction"] == [None]
    assert customer.estimates.heard == []


def test_erasure_takes_what_waits() -> None:
    """Nothing that was known of an erased customer becomes an example."""
    _, ctx = lived([*call(None), (T0 + DAY, CustomerErased())], LOOKS[12])
    assert [model for model, *_ in ctx.examples] == ["reason"]


@given(st.lists(st.tuples(st.integers(1, 300), st.binary(min_size=1, max_size=40)), max_size=6))
def test_portraits_in_waiting_come_back(rows: list[tuple[int, bytes]]) -> None:
    """Whatever their weeks and lengths, packed portraits are unpacked as they were."""
    week, found = 0, []
    for gap, packed in rows:
        week += gap
        found.append((week, packed))
    assert waiting_portraits(pack_portraits(found)) == found
    assert WEEK_MS * 52 < 365 * DAY


def test_a_lane_that_is_behind_looks_at_the_next_record() -> None:
    """Where no tick came, the customer is looked at before his next record is folded, as he was until then."""
    ctx = Context(T0)
    ctx.answers = {"churn": [1234, 9, []]}
    customer, _ = household([CONTRACT], ctx=ctx)
    ctx.lane_time_ms = LOOKS[0] + DAY
    fold(customer, received(CallStarted(call_id="c1", reason="price"), ctx.lane_time_ms), ctx)
    (model, packed) = ctx.asked[0]
    assert model == "churn"
    assert features_of(packed)["contacts_7d"] == 0
    assert view.churn_risk(customer, ctx.lane_time_ms) is not None


def test_a_portrait_has_categories_of_the_profile() -> None:
    """How he pays, and the first three labels by name; another value is another category, a fourth label is none."""
    labels = {"won_by": "friends", "shop": "shop-06", "tier": "gold", "zone": "n"}
    made = PaymentMade(bill_id="b", amount_minor=1, method=PaymentMethod.CASH)
    seen = []
    for shop in ("shop-06", "shop-06", "shop-07"):
        profile = ProfileChanged(segments=labels | {"shop": shop})
        customer, _ = household([CONTRACT, (T0, profile), (T0 + 1, made)])
        seen.append(features_of(portrait(customer, T0 + DAY, "UTC")))
    first, same, other = seen
    assert first["pays_by"] == "cash"
    assert first == same
    assert {name for name in first if first[name] != other[name]} == {"label_1"}
    assert {"label_1", "label_2", "label_3"} < first.keys() and "label_4" not in first
    plain, _ = household([CONTRACT])
    assert not {"pays_by", "label_1"} & features_of(portrait(plain, T0 + DAY, "UTC")).keys()


def test_a_portrait_counts_the_bills_with_a_credit() -> None:
    """Of the last 90 days; what costs something is none."""

    def bill(number: int, credit_minor: int) -> BillIssued:
        items = (
            BillItem(cause=BillCause.PLAN, amount_minor=2_000),
            BillItem(cause=BillCause.CREDIT, amount_minor=credit_minor),
        )
        return BillIssued(bill_id=f"b-{number}", total_minor=2_000 + credit_minor, items=items)

    customer, _ = household([CONTRACT, (T0, bill(1, -500)), (T0 + DAY, bill(2, 300))])
    assert features_of(portrait(customer, T0 + 2 * DAY, "UTC"))["credited_90d"] == 1.0
    assert features_of(portrait(customer, T0 + 100 * DAY, "UTC"))["credited_90d"] == 0.0


def test_an_outcome_labels_the_decision() -> None:
    """What was known at the decision, with the chance that it logged, is learnt when it is known what he wanted."""
    at_ms = T0 + HOUR
    made = DecisionMade(
        decision_id="C1.1",
        customer_id="C1",
        as_of=datetime.fromtimestamp(at_ms / 1000, UTC),
        action="sms_bundle",
        group="sell",
        channel=Channel.CALL,
        probability=0.25,
        policy_hash="a" * 64,
    )
    shown = OutcomeRecorded(decision_id="C1.1", state=OutcomeState.DISPLAYED)
    wanted = OutcomeRecorded(decision_id="C1.1", state=OutcomeState.ACCEPTED)
    done = OutcomeRecorded(decision_id="C1.1", state=OutcomeState.DONE)
    events = [(at_ms, made), (at_ms + 1, shown), (at_ms + 2, wanted), (at_ms + 3, done)]
    customer, ctx = lived(events, T0 + 2 * DAY)
    ((source, x, y),) = [(source, x, y) for model, source, x, y in ctx.examples if model == "propensity"]
    assert (x["action"], x["channel"], x["probability"], y) == ("sms_bundle", "call", 0.25, 1)
    assert x["group"] == "sell"
    instead = OutcomeRecorded(decision_id="C1.1", state=OutcomeState.ACCEPTED, action="discount")
    _, ctx_instead = lived([events[0], (at_ms + 1, instead)], T0 + 2 * DAY)
    ((x_instead, _),) = [(x, y) for model, _, x, y in ctx_instead.examples if model == "propensity"]
    assert (x_instead["action"], x_instead["group"], x_instead["probability"]) == ("discount", "", 0.0)
    assert x["features"]["price"] > 1_000 and source.endswith("/sms_bundle")
    assert customer.estimates.offered == []
    customer, ctx = lived(events[:2], T0 + 4 * DAY)
    assert customer.estimates.offered == [] and not ctx.examples
