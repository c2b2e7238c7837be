"""English words of praise and complaint, as customers of a service use them. Written for this project; data only.

An entry that ends in `*` stands for every word that begins so. Two words are a phrase. What stands in several lists
counts by the longest entry. The strengths are judgement, not measurement: a model learns its own from the first
labels on, and needs these until then.
"""

from __future__ import annotations

from typing import Final

__all__ = ["NEGATORS", "POLARITY", "STRENGTHENERS"]

_STRONG_PRAISE: Final = """
amazing awesome brilliant excellent exceptional fabulous fantastic flawless* incredible love loved loves outstanding
perfect perfectly perfection phenomenal superb terrific wonderful* best stellar marvel* magnificent impeccable
lifesaver delight* ecstatic thrilled exceed* rockstar rocks kudos bravo yay woohoo hooray
"""
_PRAISE: Final = """
appreciat* attentive beautiful* better bless* calm charming cheer* clean comfortable comfy competent congrat*
convenient courteous cool cute easy easily efficient* effortless* enjoy* excited exciting fair friendly fun generous glad good
grateful gratitude great greatly handy happy happily happier hassle-free helped helpful helping helps hero honest impress*
improved improvement* intuitive kind kindly kindness kindest knowledgeable liked lovely nice nicely nicest neat patient
patiently pleasant* pleased pleasure polite* positive praise prompt promptly proud quick quickly quicker reasonable recommend*
reliable relaxed relief relieved resolved respectful responsive responsiveness reward* safe safely satisf* seamless* sincere smart
smile* smiling smooth smoothly solved spotless stable success* super supportive sweet swift* terrif* thank thanks thankful*
thanking thx thnx tks top transparent trust* understanding useful upgraded valuable valued warm welcoming win winner wins won worth
worthwhile wow yummy superstar genius gem
"""
_WEAK_PRAISE: Final = """
affordable available cheap decent fast fine fixed free honoured improve improving interest* like likes okay please pretty ready
refunded restored works worked yes looking favourite favorite fav
"""
_WEAK_COMPLAINT: Final = """
again against although answer* away beg* behind but call* cancel* change* charge* charged clueless complicated confus*
contact* couldn't decline* demand difficult* disconnect* down* drop dropped due else empty end ended even expect* expensive
explain explanation extra fee fees finally forced forget forgot forgotten gone guess hang hard hour hours hrs idk instead issue issues
joke just leave leaving left limit limited long longer lose luck manual message min mins minute minutes miss missed missing month* need*
nobody none nothing old only outstanding-bill paid pathetic* pending phone please-help price* promised push queue question
quit reach reply repeat* response said sat shut sit sitting someone speak still stop stopped stuck supposed suspend* switch* tell
told tried tries trouble* try trying twice understaffed unless until wait* weeks week where while why without yet yesterday days day-late
"""
_COMPLAINT: Final = """
abandon* absurd* abysmal afraid alarm* anger* angry annoy* anxious apolog* argu* ashamed attitude avoid awkward ban banned bill-shock blame*
blatant* block blocked bogus bore* boring bother* breach break* broke broken bug bugs buggy bump bumped careless
cheat* clumsy cold complain* complaint* con crap crash* crazy critic* cry crying damage* damn danger* deaf debt delay* deceiv*
deceptive deny denied desperate* difficulty dirty disable* disagree* disappear* discourag* discriminat* dishonest*
dislike* disorgan* dispute* disrespect* disrupt* dissatisf* distress* doubt* dreadful* dumb error errors evil exhaust* fail* fake
fault* fear* filthy flaw* fool* freez* froze* frustrat* glitch* greedy grr* gross guilt* harass* harm* hassle hate* headache hell helpless
hidden hopeless* hostile hung hurt* idiot* ignor* illegal* impolite impossible inaccurate inadequate incompeten* inconsiderate
inconsisten* inconvenien* incorrect* ineffective inefficien* inexcusable inferior insane insult* intermittent
interrupt* invalid irrespons* irritat* jam jammed junk lack lacking lacks lag lags lagging laggy late lazy leak* liar* lie lied lies lost lousy
lying mad malfunction* mediocre mess messed misled mislead* mistake* mistreat* misunderst* monopoly nasty neglect*
nervous nightmare* noise noisy nonsense nowhere offend* offline outage* outdated overbook* overcharg* overpriced pain painful* panic* penalt*
plague* pointless poor poorly problem problems problematic rant refuse* regret* reject* resent* ridiculous* rip-off ripped rob robbed rotten rough rubbish
ruin* rude* rudeness sad sadly scam* scandal* scared screw* selfish shabby shady shame* shock* shout* sick silly sloppy slow
slower slowest slowly smell* sorry spam* stale steal* stink* stole* stolen strand* stress* struggl* stupid* suck sucks sucked suffer*
sue suspicious terminat* theft thief threat* tired trick* ugly unable unacceptable unanswered unavailable unaware uncertain
unclear uncomfortable unexpected* unfair* unfortunat* unfriendly unhappy unhelpful uninform* unjust* unkind unnecessary
unpleasant unpredictable unprofession* unreachable unrealistic unreason* unreliable unresolved unresponsive unsafe unsatisf*
unstable unsupport* unsure unusable unwilling upset* useless vague victim* violat* warn* waste* wasting weak weird wont worried worry worrying
worse worthless wreck* wrong wrongly yell* zero won't can't cannot didn't doesn't isn't wasn't aren't weren't wouldn't
"""
_STRONG_COMPLAINT: Final = """
appalling atrocious awful* bad badly bullshit bs despicable disaster* disgrace* disgust* fuck* wtf horrendous* horrib* horrid horrif*
infuriat* livid outrag* pathetic shit* terribl* worst fraud* furious fuming enraged deplorable shambles fiasco catastroph* unbeliev* unforgiv*
ass asshole bitch* bastard* lmfao smh ugh* nomore
"""
_PRAISE_PHRASES: Final = """
thank you; thanks so; well done; good job; great job; nice job; great service; keep up; shout out; hats off; top notch; first class; no
problem; no issues; no trouble; no worries; problem solved; all good; so far; happy with; right away; on time; back up; much appreciated;
made my; best ever; worth it; can't wait; cannot wait; won't regret; on point; well organised; well organized; look forward; looking forward;
big thanks; many thanks; above and; never disappoint; not bad; so quick; so fast; very fast; quick response; fast response;
good luck
"""
_COMPLAINT_PHRASES: Final = """
on hold; hang up; hung up; hangs up; cut off; let down; no one; no longer; never again; not working; doesn't work; don't work; didn't work;
won't work; not acceptable; no answer; no response; no reply; no service; no signal; no help; no idea; no way; no explanation; no reason; no luck; no
connection; no internet; not happy; not impressed; not fair; not good; fed up; rip off; ripped off; give up; gave up; sick of; tired of; what
happened; how long; still waiting; been waiting; still no; still not; stood up; customer disservice; last time; last straw; too long; too slow; too
expensive; too late; too much; at all; really disappointed; go elsewhere; going elsewhere; get it; thanks for nothing; for nothing; called back; calling
back; call back; ever again; a joke; is this; are you; can you; why is; why are; why do; why did; why can't; what is; what's going; where is; will
never; would never; i've been; have been; has been; hours ago; days ago; weeks ago; an hour; two hours; over an; more than; at least; sort it; sort
out; needs to; need to; wake up; get your; fix your; fix this; fix it; your system; your website; the phone; poor service; bad service; could
care; do better; looking into; my money; money back; want my; refund me
"""

#: Word, prefix with `*`, or phrase -> strength, praise above zero.
POLARITY: Final[dict[str, float]] = {}
for _words, _strength in (
    (_WEAK_PRAISE, 0.5),
    (_WEAK_COMPLAINT, -0.3),
    (_PRAISE, 1.0),
    (_COMPLAINT, -1.0),
    (_STRONG_PRAISE, 1.6),
    (_STRONG_COMPLAINT, -1.6),
):
    POLARITY.update(dict.fromkeys(_words.split(), _strength))
for _words, _strength in ((_PRAISE_PHRASES, 1.2), (_COMPLAINT_PHRASES, -0.8)):
    POLARITY.update({" ".join(phrase.split()): _strength for phrase in _words.split(";")})

_NEGATORS: Final = "not no never none nobody nothing neither nor cannot without hardly barely dont"
_STRENGTHENERS: Final = """
very so really extremely absolutely totally completely super incredibly highly truly too always such most more
"""

#: What turns the next words round; also every word in n't.
NEGATORS: Final = frozenset(_NEGATORS.split())

#: What makes the next word stronger.
STRENGTHENERS: Final = frozenset(_STRENGTHENERS.split())
