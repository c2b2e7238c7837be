"""The next best action: a pure decision over a policy (catalogue and parameters) and the facts of one customer.

policy = load_policy(texts, currency="EUR")
facts = facts_of(customer, call, now_ms, policy.catalogue.fact_names, policy.params.topics)
context = Context(decision_id, customer_id, now_ms, facts, history_of(customer, now_ms), staleness_s)
decision = decide(context, policy.catalogue, policy.params, draw_of(decision_id))
"""

from __future__ import annotations

from cem.nba.answer import Answer, OtherPolicy, answer_of, encode_answer, record_of, remake, replay
from cem.nba.call import Call
from cem.nba.catalogue import Catalogue
from cem.nba.decide import decide
from cem.nba.decision import Context, Decision
from cem.nba.exploration import draw_of
from cem.nba.fact_table import FACTS, INPUT_TOPICS
from cem.nba.facts import facts_of, history_of, model_versions
from cem.nba.fallback import service_only
from cem.nba.params import Params
from cem.nba.policy import Policy, PolicyError, load_policy
from cem.nba.propensity import Learnt

__all__ = [
    "FACTS",
    "INPUT_TOPICS",
    "Answer",
    "Call",
    "Catalogue",
    "Context",
    "Decision",
    "Learnt",
    "OtherPolicy",
    "Params",
    "Policy",
    "PolicyError",
    "answer_of",
    "decide",
    "draw_of",
    "encode_answer",
    "facts_of",
    "history_of",
    "load_policy",
    "model_versions",
    "record_of",
    "remake",
    "replay",
    "service_only",
]
