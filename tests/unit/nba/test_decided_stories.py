"""The stories that must come true, as the shipped policy decides them."""

from __future__ import annotations

from tests.builders.nba import at_price, decided, drops, names, shipped_policy


def test_the_daughters_texting() -> None:
    """The father calls a second time: a priced remedy and an owner for his case, not another transfer."""
    decision = decided(
        call_topic="billing", sms_extra_minor=2400, sms_extra_child_minor=2400, child_lines=1, sms_alert_open=True,
        sms_top_line_segments=480, repeat_contact=True, contacts_7d=1, calls_7d=1, plan_price_minor=4000,
        bill_total_minor=6400, bill_delta_minor=2400, bill_extra_minor=2400, days_since_bill=3.0, satisfaction=3.0,
        customer_language="vi",
    )  # fmt: skip
    assert {"sms_bundle", "usage_control", "escalate_case", "explain_bill"} <= set(names(decision))
    assert names(decision)[0] == "escalate_case"
    remedy = shipped_policy().catalogue.action("sms_bundle")
    assert remedy is not None
    assert remedy.price_minor == 300
    assert names(decision).index("sms_bundle") < 4


def test_the_man_who_wanted_an_upgrade() -> None:
    """He has a reception problem and is unhappy: it is solved first, he is kept, and nothing dear is pushed."""
    facts = {
        "call_topic": "plan", "open_faults": 1, "faults_30d": 3, "fault_hours_30d": 40.0, "satisfaction": 2.1,
        "plan_price_minor": 4500, "contract_days_left": 25.0, "bill_extra_minor": 1800, "bill_total_minor": 6000,
        "tenure_days": 1500.0,
    }  # fmt: skip
    for price in (100, 2000, 10_000):
        decision = decided(at_price(shipped_policy(), price), **facts)
        assert drops(decision)["plan_upgrade"][0] in ("suitability.content_enough", "floor.fault_now")
        assert "device_offer" in drops(decision)
        if price >= 500:
            assert names(decision)[0] in ("solve_reception_fault", "apologise_and_credit")
    happy = {**facts, "open_faults": 0, "faults_30d": 0, "fault_hours_30d": 0.0, "satisfaction": 4.2}
    assert "plan_upgrade" in names(decided(**happy))


def test_faults_felt_again_and_again_are_solved_before_what_he_asks_for() -> None:
    """None is open now and nobody knows how content he is: the upgrade that he wants waits until he can use it."""
    facts = {
        "call_topic": "plan",
        "plan_price_minor": 6000,
        "bill_extra_minor": 1800,
        "bill_total_minor": 7800,
    }
    once = decided(faults_30d=1, fault_hours_30d=0.5, **facts)
    assert names(once)[0] == "plan_upgrade"
    again = decided(faults_30d=2, fault_hours_30d=1.0, **facts)
    assert names(again)[0] == "solve_reception_fault"
    assert "plan_upgrade" in names(again)
    assert [floor.rule for floor in again.floors] == ["floor.faults_lately"]


def test_who_calls_about_what_has_raised_an_alert_is_helped_not_sold_to() -> None:
    """A bigger plan would earn more than a cap on the child's line; it is not the moment. Who calls for a plan may have one."""
    facts = {
        "call_topic": "usage", "plan_price_minor": 6000, "sms_extra_minor": 1200, "sms_allowance_share": 1.4,
        "child_lines": 1, "sms_top_line_segments": 140,
    }  # fmt: skip
    assert names(decided(sms_alert_open=False, **facts))[0] == "plan_upgrade"
    decision = decided(sms_alert_open=True, **facts)
    assert names(decision)[0] == "usage_control"
    assert drops(decision)["plan_upgrade"][0] == "floor.usage_alert"
    back = decided(repeat_contact=True, **facts)
    assert names(back)[0] == "escalate_case"
    assert drops(back)["plan_upgrade"][0] == "floor.comes_back"
    wanted = decided(repeat_contact=True, **{**facts, "call_topic": "plan"})
    assert "plan_upgrade" in names(wanted)


def test_hardship_is_met_with_a_payment_plan() -> None:
    """No reproach, no selling, no retention discount."""
    decision = decided(
        overdue_days=45, overdue_minor=9000, in_hardship=True, failed_payments_90d=2, plan_price_minor=3000,
        contract_days_left=10.0, call_topic="payment", bill_total_minor=3000,
    )  # fmt: skip
    assert names(decision)[0] == "payment_plan"
    assert "€90.00 is overdue for 45 days" in decision.sentences.rep
    assert not {"plan_upgrade", "device_offer", "retention_discount", "loyalty_bonus"} & set(names(decision))


def test_who_wants_to_leave_is_asked_to_stay_unless_he_has_just_been_asked() -> None:
    """One offer he can be kept with; not again within its rest."""
    from cem.nba.history import Past
    from tests.builders.nba import NOW_MS

    facts = {"call_topic": "cancel", "plan_price_minor": 4000, "satisfaction": 3.2, "tenure_days": 800.0}
    decision = decided(**facts)
    assert names(decision)[0] in ("retention_discount", "loyalty_bonus")
    again = decided(history=(Past("retention_discount", "declined", NOW_MS - 86_400_000),), **facts)
    assert drops(again)["retention_discount"][0] == "contact.cool_down"


def test_a_content_customer_with_nothing_open_is_just_helped() -> None:
    """An honest "nothing to sell, just help"."""
    decision = decided(satisfaction=4.5, plan_price_minor=2000, bill_total_minor=2000, bill_extra_minor=500)
    assert names(decision) == ["just_help"]
    assert decision.sentences.rep.startswith("Nothing to sell")


def test_the_wrong_channel() -> None:
    """He says phone and answers mail: who promises to come back to him is told where; else nothing is said of it."""

    def promise(does: str, language: str = "en") -> str:
        decision = decided(
            open_tickets=1, unresolved_30d=1, channel_said="call", channel_does=does, rep_language=language
        )
        assert names(decision)[0] == "callback_promise"
        return decision.sentences.rep

    assert "by e-mail: he asks for phone, but that is where he answers" in promise("email")
    assert "qua email, nơi khách thường trả lời, dù yêu cầu điện thoại" in promise("email", "vi")
    assert promise("").startswith("Agree a time and call back")
    assert promise("call") == promise("")
