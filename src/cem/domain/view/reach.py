"""Over which channel and in which part of the day he answers, beside what he asked for: what he says and what he does.

Unit: messages of ours that ask for an answer, each answered or not (`cem.domain.facts.answering`), as far as they are
kept: 13 periods of 28 days. One from n periods ago weighs 2^(-n/6): half after 168 days.

People have a channel on which they answer, and on the others they hardly do. So a channel's rate of answers has a Beta
prior of mean .4 if it is his (worth five messages) and of mean .08 if it is not (worth six); its posterior is the two Beta
posteriors mixed by the probability that it is his. That is, before any answer, .7 for the one he asked for, the rest
shared by the others; each then in proportion to the (beta-binomial) likelihood of what he answered. A contact that he
began himself over a channel speaks for it by half a time, all of them together by no more than three times; a call
says nothing: everybody phones about trouble. The priors are stated, not learnt: an operator's usual rates.

Parts of the day: within a channel, each part's rate has a Beta posterior around the channel's own rate times the part's
lift, which pools all channels and the hours at which he turned to us (Gamma-Poisson, prior weight four).

Everything is evaluated at the reader's instant; nothing is stored for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from math import exp, lgamma
from operator import itemgetter
from typing import Final, NamedTuple

from cem.domain.customer import Customer
from cem.domain.facts.answering import cells_of, part_at
from cem.domain.state.contact_rows import contact_channels
from cem.domain.state.outreach import Outreach, Touch
from cem.domain.state.reach import PARTS, PERIOD_MS, PERIODS_KEPT, past_cells
from cem.domain.view.person import consent

__all__ = [
    "TELLING",
    "BestHour",
    "ChannelRate",
    "Choice",
    "answering_channel",
    "best_channel",
    "best_hour",
    "channel_rates",
    "does_channel",
]

#: Channels over which a message can be sent, in the order in which they are tried when nothing is known.
TELLING: Final = ("sms", "app", "email", "call")

_HALF_LIFE_PERIODS: Final = 6.0
#: Beta priors of the rate of answers on his channel and on any other one.
_HIS: Final = (2.0, 3.0)
_OTHER: Final = (0.5, 5.5)
#: How likely the channel that he asked for is his.
_SAID: Final = 0.7
#: By what a contact of his own over a channel, but the phone, makes it likelier, and all of them at most.
_OWN_CONTACT: Final = 1.5
_OWN_MOST: Final = 3.0
#: Messages that must speak before "does" is said, and how sure it must then be.
_DOES_LEAST: Final = 3.0
_DOES_SURE: Final = 0.6
_PART_WEIGHT: Final = 4.0
_OWN_HOUR: Final = 0.3
#: Where hours of a day fall whose contacts say nothing of him: shares of a week's contacts by part, all customers.
_PART_SHARES: Final = (0.30, 0.28, 0.36, 0.06)
_WEEKEND_SHARE: Final = 2 / 7
_NIGHT: Final = len(PARTS) - 1
#: The weights of a channel over which nothing was said.
_NOTHING: Final = (0.0, 0.0)


class ChannelRate(NamedTuple):
    """What is known of one channel."""

    channel: str
    #: Messages of ours that he answered, and all that speak; and the same weighted by age.
    answered: int
    sent: int
    answered_weight: float
    sent_weight: float
    #: Mean of the posterior of his rate of answers.
    probability: float
    #: Probability that it is the channel on which he answers, by what he said and did, and by what he did alone.
    his: float
    does: float


class Choice(NamedTuple):
    """The channel over which to tell him something."""

    #: "" = he has forbidden all of them.
    channel: str
    #: Chance that he answers there.
    probability: float
    #: What he asked for; what his answers show ("" = nothing clear yet).
    said: str
    does: str
    #: Messages answered and sent over the channel, as far as kept, and over all channels.
    answered: int
    sent: int
    observations: int
    #: said (he asked for it, and nothing speaks against it), confirmed (and he answers there), answers (he answers
    #: there, whatever he asked for), silent (he does not answer where he asked to be), refused (he asked for another
    #: one and forbade it), default (he has not said), none.
    reason: str


class BestHour(NamedTuple):
    """When to turn to him."""

    part: str
    weekend: bool
    #: Local hours: from (inclusive), to (exclusive).
    from_hour: int
    to_hour: int
    #: Chance that he answers then, over the channel asked about.
    probability: float
    #: Messages, answered or not, and contacts of his own that speak of hours.
    observations: int


#: Answered and not, weighted by age, by channel and part.
_Weights = dict[tuple[str, int], list[float]]


def channel_rates(customer: Customer, now_ms: int, channels: Iterable[str] = TELLING) -> list[ChannelRate]:
    """Return what is known of his answers over each of these channels and over those he was sent something on."""
    counts, weights = _answers(customer, now_ms)
    said = customer.profile.channel_said
    names = _named(customer, channels, counts)
    did = _likelihoods(customer, now_ms, names, weights)
    prior = [_prior(name, said, len(names)) for name in names]
    total, all_did = sum(p * d for p, d in zip(prior, did, strict=True)), sum(did)
    found = []
    for name, before, likely in zip(names, prior, did, strict=True):
        yes, no = weights.get(name, (0.0, 0.0))
        taken, left = counts.get(name, (0, 0))
        his = before * likely / total
        mean = his * _mean(_HIS, yes, no) + (1 - his) * _mean(_OTHER, yes, no)
        found.append(ChannelRate(name, taken, taken + left, yes, yes + no, mean, his, likely / all_did))
    return found


def answering_channel(customer: Customer, now_ms: int) -> str:
    """Return `does_channel` of his `channel_rates`: of most customers too little is known, and that is seen first."""
    if _most_answers(customer.outreach) < _DOES_LEAST:
        return ""
    counts, weights = _answers(customer, now_ms)
    names = _named(customer, TELLING, counts)
    # Added up in the order of the rates, so that the sum is theirs to the last bit.
    if sum([yes + no for yes, no in [weights.get(name, _NOTHING) for name in names]]) < _DOES_LEAST:
        return ""
    did = _likelihoods(customer, now_ms, names, weights)
    all_did = sum(did)
    return _clearest(
        [
            (likely / all_did, name, counts.get(name, (0, 0))[0])
            for name, likely in zip(names, did, strict=True)
        ]
    )


def _named(customer: Customer, channels: Iterable[str], counts: Iterable[str]) -> list[str]:
    """Return the channels that are compared: these, the one he asked for, those he was sent something on."""
    said = customer.profile.channel_said
    return list(dict.fromkeys((*channels, *([said] if said else ()), *counts)))


def _clearest(channels: Sequence[tuple[float, str, int]]) -> str:
    """Return which of (share, channel, how often he answered) stands out, the first of equals; "" if none does."""
    share, name, answered = max(channels, key=itemgetter(0))
    return name if share >= _DOES_SURE and answered else ""


def _answers(customer: Customer, now_ms: int) -> tuple[dict[str, list[int]], dict[str, list[float]]]:
    """Return by channel how many messages he answered and did not, and the same weighted by age."""
    counts: dict[str, list[int]] = {}
    weights: dict[str, list[float]] = {}
    for (channel, _, answered), (number, weight) in _observed(customer, now_ms).items():
        counted, weighed = counts.setdefault(channel, [0, 0]), weights.setdefault(channel, [0.0, 0.0])
        counted[not answered] += number
        weighed[not answered] += weight
    return counts, weights


def _most_answers(outreach: Outreach) -> int:
    """Return no fewer answers, given or not, than there are at any instant; none of them weighs more than one."""
    touches = outreach.touches
    # An answer over another channel is one there as well.
    elsewhere = sum([touch.response_code > 0 for touch in touches])
    return sum(past_cells(outreach).values()) + len(touches) + elsewhere


def _likelihoods(
    customer: Customer, now_ms: int, names: Sequence[str], weights: Mapping[str, Sequence[float]]
) -> list[float]:
    """Return of each channel how much likelier what he did is if it is his."""
    own = _own_contacts(customer, now_ms)
    return [own.get(name, 1.0) * exp(_evidence(*weights.get(name, _NOTHING))) for name in names]


def does_channel(rates: Sequence[ChannelRate]) -> str:
    """Return the channel on which he answers, by what he did alone; "" while too little is known or none stands out."""
    if sum(rate.sent_weight for rate in rates) < _DOES_LEAST:
        return ""
    return _clearest([(rate.does, rate.channel, rate.answered) for rate in rates])


def best_channel(customer: Customer, purpose: str, now_ms: int, channels: Sequence[str] = TELLING) -> Choice:
    """Return over which of these channels (or the one he asked for) he is best told something, if he allows any.

    `purpose` is the consent that it needs. Without evidence it is the channel that he asked for, else the first one.
    """
    said = customer.profile.channel_said
    rates = {rate.channel: rate for rate in channel_rates(customer, now_ms, channels)}
    does = does_channel(list(rates.values()))
    observations = sum(rate.sent for rate in rates.values())
    candidates = [
        channel
        for channel in dict.fromkeys((said, *channels))
        if channel and consent(customer, purpose, channel) is not False
    ]
    if not candidates:
        return Choice("", 0.0, said, does, 0, 0, observations, "none")
    # The first of equals: what he asked for, then the given order.
    best = max(candidates, key=lambda channel: round(rates[channel].probability, 9))
    rate = rates[best]
    reason = _reason(best, said, does, rate, said in candidates)
    return Choice(best, rate.probability, said, does, rate.answered, rate.sent, observations, reason)


def best_hour(customer: Customer, channel: str, now_ms: int, tz: tzinfo) -> BestHour | None:
    """Return the part of the week in which he answers best over `channel`, never the night; None: nothing is known."""
    observed = _observed(customer, now_ms, tz)
    rates = {rate.channel: rate.probability for rate in channel_rates(customer, now_ms, (channel,))}
    number = sum(count for count, _ in observed.values())
    seen, expected = [0.0] * (2 * len(PARTS)), [0.0] * (2 * len(PARTS))
    cells: _Weights = {}
    for (via, part, answered), (_, weight) in observed.items():
        seen[part] += weight * answered
        expected[part] += weight * rates.get(via, 0.0)
        cells.setdefault((via, part), [0.0, 0.0])[not answered] += weight
    own = [at_ms for at_ms, _ in contact_channels(customer.contacts) if at_ms <= now_ms]
    total = 0.0
    for at_ms in own:
        weight = _OWN_HOUR * _weight(at_ms // PERIOD_MS, now_ms)
        seen[part_at(at_ms, tz)] += weight
        total += weight
    if not number and not own:
        return None
    best, chance = 0, -1.0
    for part in range(2 * len(PARTS)):
        if part % len(PARTS) == _NIGHT:
            continue
        usual = total * _share(part)
        lift = (_PART_WEIGHT * _share(part) + seen[part]) / (
            _PART_WEIGHT * _share(part) + expected[part] + usual
        )
        mean = min(0.95, rates[channel] * lift)
        yes, no = cells.get((channel, part), (0.0, 0.0))
        probability = (_PART_WEIGHT * mean + yes) / (_PART_WEIGHT + yes + no)
        if probability > chance + 1e-9:
            best, chance = part, probability
    name, begins = PARTS[best % len(PARTS)]
    ends = PARTS[best % len(PARTS) + 1][1]
    return BestHour(name, best >= len(PARTS), begins, ends, chance, number + len(own))


def _reason(best: str, said: str, does: str, rate: ChannelRate, said_allowed: bool) -> str:
    if best == said:
        return "confirmed" if does == said else "said"
    if rate.answered and (does == best or not said):
        return "answers"
    if said and not said_allowed:
        return "refused"
    return "silent" if said else "default"


def _prior(channel: str, said: str, channels: int) -> float:
    """Return how likely the channel is his before any answer."""
    if not said or channels == 1:
        return 1 / channels
    return _SAID if channel == said else (1 - _SAID) / (channels - 1)


def _evidence(yes: float, no: float) -> float:
    """Return the logarithm of how much likelier these answers are on his channel than on another one."""
    if not yes and not no:
        return 0.0
    return _log_beta(_HIS, yes, no) - _log_beta(_OTHER, yes, no) - _NO_EVIDENCE


def _log_beta(prior: tuple[float, float], yes: float, no: float) -> float:
    """Return the logarithm of the beta function at the prior's parameters and these counts."""
    a, b = prior
    return lgamma(a + yes) + lgamma(b + no) - lgamma(a + b + yes + no)


_NO_EVIDENCE: Final = _log_beta(_HIS, 0, 0) - _log_beta(_OTHER, 0, 0)


def _mean(prior: tuple[float, float], yes: float, no: float) -> float:
    a, b = prior
    return (a + yes) / (a + b + yes + no)


def _observed(
    customer: Customer, now_ms: int, tz: tzinfo | None = None
) -> dict[tuple[str, int, bool], tuple[int, float]]:
    """Return number and weight of what is known by channel, part (0 for all where no zone is given) and answered."""
    found: dict[tuple[str, int, bool], tuple[int, float]] = {}
    outreach = customer.outreach
    counted = [(cell, count) for cell, count in past_cells(outreach).items()]
    touches: list[Touch] = outreach.touches
    for touch in touches:
        if touch.at_ms <= now_ms:
            counted += [(cell, 1) for cell in cells_of(touch, now_ms, tz)]
    for cell, count in counted:
        weight = _weight(cell.period, now_ms)
        if weight:
            key = (cell.channel, cell.part if tz is not None else 0, cell.answered)
            number, sum_ = found.get(key, (0, 0.0))
            found[key] = (number + count, sum_ + count * weight)
    return found


def _own_contacts(customer: Customer, now_ms: int) -> dict[str, float]:
    """Return by what his own contacts make each channel likelier to be his."""
    found: dict[str, float] = {}
    for at_ms, channel in contact_channels(customer.contacts):
        if channel not in ("", "call") and at_ms <= now_ms:
            grown = found.get(channel, 1.0) * _OWN_CONTACT ** _weight(at_ms // PERIOD_MS, now_ms)
            found[channel] = min(_OWN_MOST, grown)
    return found


def _weight(period: int, now_ms: int) -> float:
    """Return what something of that period weighs now."""
    age = max(0, now_ms // PERIOD_MS - period)
    return 2.0 ** (-age / _HALF_LIFE_PERIODS) if age < PERIODS_KEPT else 0.0


def _share(part: int) -> float:
    weekend = part >= len(PARTS)
    return _PART_SHARES[part % len(PARTS)] * (_WEEKEND_SHARE if weekend else 1 - _WEEKEND_SHARE)
