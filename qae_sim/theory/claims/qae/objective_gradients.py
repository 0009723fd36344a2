"""Whether the paper's objectives, Eqs. 5 to 8, have different gradients: on-policy, off-policy, clipped, by length.

All of them are weighted mean scores s⁺ of the correct and s⁻ of the wrong responses. Eqs. 5 and 6 differ by a multiple
of one vector, the gradient of the mean score of all responses, p·∇s⁺ + (1-p)·∇s⁻. With unclipped ratios that is the
gradient of Σ π(o) = 1; with weights w(o), such as 1 and 0 for ratios that are not and are clipped, or 1/|o|, it is the
gradient of E[w(o)].
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


def both_sides(p: Any, up: Any, down: Any) -> tuple[Any, Any, Any]:
    """√(p(1-p)) times the gradients of Eq. 5, and of Eq. 6 on hard and on easy queries, from those of s⁺ and s⁻."""
    return p * (1 - p) * (up - down), p * up, -(1 - p) * down


def pooled(p: Any, up: Any, down: Any) -> Any:
    """Gradient of the mean score of all responses, correct or wrong."""
    return p * up + (1 - p) * down


def weighted_gradient(chance: Any, weight: Any, others: Any) -> Any:
    """∂E[w]/∂z of one response of a softmax policy: π(w - E[w]), where E[w] = π·w + (1-π)·(mean weight of the others).

    A policy with other parameters has chain-rule combinations of these.
    """
    return chance * (weight - (chance * weight + (1 - chance) * others))


def _two_arms() -> Evidence:
    """Two arms at p = 1/5: the log-probabilities' slopes in the correct arm's logit are 1 - p = 4/5 and -p = -1/5."""
    return Evidence(
        "the gradients of Eq. 5 and of both sides of Eq. 6 are 4/25 over √(4/25), which is 2/5",
        "two arms, p = 1/5, by hand",
        Method.CASES,
        set(both_sides(Fraction(1, 5), Fraction(4, 5), Fraction(-1, 5))) == {Fraction(4, 25)},
    )


@claim(
    "qae.one-gradient-criterion",
    paper=PAPER,
    equation="Eq. 5 against Eq. 6",
    statement="Eqs. 5 and 6 have one gradient exactly where that of the mean score of all responses, correct and "
    "wrong, is zero: on hard and on easy queries, whatever clipping or normalisation the scores have.",
    latex=r"\nabla J_5 = \nabla J_6 \iff p\,\nabla s^+ + (1-p)\,\nabla s^- = 0",
    assumptions=("one query", "p in (0, 1) does not depend on the parameters"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the wrong responses' scores are added, not subtracted, in Eq. 5", {"sign": -1}, Verdict.REFUTED),),
)
def one_gradient_criterion(quick: bool, *, sign: int = 1) -> CheckOutcome:
    """The differences are multiples of the pooled gradient, by factors that are not zero inside (0, 1)."""
    p, up, down = ring("p", "up", "down")
    five, hard, easy = both_sides(p, up, sign * down)[0], *both_sides(p, up, down)[1:]
    found = {
        "hard": five - hard == -p * pooled(p, up, down),
        "easy": five - easy == (1 - p) * pooled(p, up, down),
    }
    wrong = [side for side, holds in found.items() if not holds]
    return conclude(
        Evidence(
            "√(p(1-p))(∇J₅ - ∇J₆) is -p or 1-p times p∇s⁺ + (1-p)∇s⁻",
            "all p and gradients, both regimes",
            Method.SYMBOLIC,
            not wrong,
            counterexample={"queries": wrong[0]} if wrong else {},
        )
    )


@claim(
    "qae.on-policy-gradients-differ",
    paper=PAPER,
    equation="Sec. 4.2, Remark: Eq. 5 against Eq. 6",
    statement="On-policy, nullifying one term and replacing the weight √(p(1-p)) changes the objective's gradient.",
    latex=r"\nabla\sqrt{p(1-p)}\,\mathbb E[s^+ - s^-] \ne \nabla\sqrt{\tfrac p{1-p}}\,\mathbb E[s^+],\quad "
    r"\nabla\sqrt{p(1-p)}\,\mathbb E[s^+ - s^-] \ne -\nabla\sqrt{\tfrac{1-p}p}\,\mathbb E[s^-]",
    assumptions=("on-policy", "p is the success rate itself (many responses)", "whole-response log-probability"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="exactly if p·∇s⁺ + (1-p)·∇s⁻ is not 0, which takes clipping, weights by length, or a sampled p",
    breaks=(Break("the expected score is not zero", {"zero_score": False}, Verdict.CERTIFIED),),
)
def on_policy_gradients(quick: bool, *, zero_score: bool = True) -> CheckOutcome:
    """p·∇s⁺ + (1-p)·∇s⁻ = 0 means ∇s⁺ = (1-p)·d and ∇s⁻ = -p·d: the gradients are all p(1-p)·d over √(p(1-p))."""
    p, d, rest = ring("p", "d", "rest")
    five, hard, easy = both_sides(p, (1 - p) * d, -p * d + (0 if zero_score else rest))
    equal = five == hard == easy
    clipped = both_sides(Fraction(1, 2), Fraction(1), Fraction(0))
    return conclude(
        Evidence(
            "the gradients of Eq. 5 and Eq. 6 differ",
            "all p in (0, 1), every policy and parametrisation, both regimes",
            Method.SYMBOLIC,
            not equal,
            counterexample={"p": 0.2, "gradient of Eq. 5": 0.4, "gradient of Eq. 6": 0.4} if equal else {},
        ),
        controls=[
            _two_arms(),
            Evidence(
                "with all wrong responses clipped they are 1/4 and 1/2 over 1/2, and differ",
                "two arms, p = 1/2",
                Method.CASES,
                clipped[:2] == (Fraction(1, 4), Fraction(1, 2)),
            ),
        ],
    )


@claim(
    "qae.off-policy-gradients-equal",
    paper=PAPER,
    equation="Sec. 4.2: Eq. 5 against Eq. 6",
    statement="Off-policy steps alone do not tell Eqs. 5 and 6 apart: with unclipped ratios of whole responses their "
    "gradients stay equal at every parameter.",
    latex=r"\sum_o \pi_{\mathrm{old}}(o)\,\nabla\frac{\pi_\theta(o)}{\pi_{\mathrm{old}}(o)} = "
    r"\nabla \sum_o \pi_\theta(o) = 0 \Rightarrow \nabla J_5 = \nabla J_6",
    assumptions=("no clipping", "no length normalisation", "p is the success rate of the old policy itself"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(
        Break("ratios clipped to (.8, 1.28)", {"clip": ("0.2", "0.28")}, Verdict.REFUTED),
        Break("score functions divided by the response's length", {"by_length": True}, Verdict.REFUTED),
    ),
)
def off_policy_gradients(quick: bool, *, clip: tuple[str, str] | None = None, by_length: bool = False) -> CheckOutcome:
    """The pooled gradient is that of Σ π(o), which is 1; a grid of exact old and new policies of three responses.

    The responses are "a" (correct, one token) and "bc", "bd" (wrong, two tokens); the logit is that of "a" against "b".
    """
    steps = 10 if quick else 40
    found = None
    for i in range(1, steps):
        for j in range(1, steps):
            old, new = Fraction(i, steps), Fraction(j, steps)
            five, six = _objectives(old, *_ratio_gradients(old, new, clip, by_length))
            if five != six and found is None:
                found = _shown(old, new, five, six)
    p, up, down, chance = ring("p", "up", "down", "chance")
    five, hard, easy = both_sides(p, up, down)
    weight, other = (2, 1) if by_length else (1, 1)  # twice 1/|o| of one token and of two
    constant = weighted_gradient(chance, weight, other) == 0
    return conclude(
        Evidence(
            "∇J₅ - ∇J₆ is a multiple of Σ ∇π(o), over responses of weight 1, and that is 0",
            "every policy, old and new, every number of responses, and every p",
            Method.SYMBOLIC,
            five - hard == -p * pooled(p, up, down) and five - easy == (1 - p) * pooled(p, up, down) and constant,
        ),
        Evidence(
            "∇J₅ = ∇J₆ (both divided by √(p(1-p))), K = .4",
            f"old and new probability of the correct response in steps of 1/{steps}",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=True,
        ),
    )


def _ratio_gradients(
    old: Fraction, new: Fraction, clip: tuple[str, str] | None, by_length: bool
) -> tuple[Fraction, Fraction]:
    """Gradients of the mean (clipped) ratio of the correct and of the wrong responses by the logit of "a"."""
    plus, minus = new / old, (1 - new) / (1 - old)
    slope = new * (1 - new)
    up, down = slope / old, -slope / (1 - old)
    if clip is not None:
        low, high = (Fraction(x) for x in clip)
        up = Fraction(0) if plus > 1 + high else up  # f⁺ = min(x, 1 + ε)
        down = Fraction(0) if minus < 1 - low else down  # f⁻ = max(x, 1 - ε)
    if by_length:
        down /= 2
    return up, down


def _objectives(old: Fraction, up: Fraction, down: Fraction) -> tuple[Fraction, Fraction]:
    """Gradients of Eqs. 5 and 6 over √(p(1-p)), K = .4."""
    five, hard, easy = (gradient / (old * (1 - old)) for gradient in both_sides(old, up, down))
    return five, hard if old <= Fraction(3, 5) else easy


def _shown(old: Fraction, new: Fraction, five: Fraction, six: Fraction) -> dict[str, float]:
    """A counterexample for a reader."""
    return {
        "p": float(old),
        "new probability of the correct response": float(new),
        "gradient of Eq. 5": float(five),
        "of Eq. 6": float(six),
    }


#: Exactly when clipping keeps the gradients of Eqs. 5 and 6 equal.
CLIPPED = (
    "the total probability of the clipped responses has gradient zero; where all correct responses have one ratio, and "
    "all wrong ones: exactly if both sides are clipped or neither is, as in the first step of a batch"
)


@claim(
    "qae.clipped-gradients",
    paper=PAPER,
    equation="Eqs. 5, 6, 16 and 17",
    statement="With clipped ratios, too, Eqs. 5 and 6 have one gradient at every parameter.",
    latex=r"\nabla J_5^{\mathrm{clip}} = \nabla J_6^{\mathrm{clip}}",
    assumptions=("Clip-Higher, ratios kept within (.8, 1.28)", "p is the success rate of the old policy itself"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition=CLIPPED,
    breaks=(
        Break("no clipping", {"clip": None}, Verdict.CERTIFIED),
        Break("the condition lets the wrong side alone be clipped", {"strict": False}, Verdict.REFUTED),
    ),
)
def clipped_gradients(
    quick: bool, *, clip: tuple[str, str] | None = ("0.2", "0.28"), strict: bool = True
) -> CheckOutcome:
    """A clipped ratio has gradient 0. Old and new policies with one ratio per side, clipped or not, on a grid."""
    steps = 40 if quick else 100
    literal, under = None, None
    for i in range(1, steps):
        for j in range(1, steps):
            old, new = Fraction(i, steps), Fraction(j, steps)
            up, down = _ratio_gradients(old, new, clip, by_length=False)
            five, six = _objectives(old, up, down)
            found = _shown(old, new, five, six)
            if five != six:
                literal = literal or found
            # A gradient is 0 if and only if its side is clipped: otherwise new·(1 - new) makes it something else.
            allowed = (up == 0) == (down == 0) or (down == 0 and not strict)
            if (five == six) != allowed:
                under = under or found
    over = f"old and new probability of the correct response in steps of 1/{steps}, K = .4"
    p, d, chance = ring("p", "d", "chance")
    criterion = True
    for correct in (0, 1):  # 1: these responses are not clipped
        for wrong in (0, 1):
            five, hard, easy = both_sides(p, correct * (1 - p) * d, -wrong * p * d)
            criterion &= (five == hard == easy) == (correct == wrong)
    clipped_away = weighted_gradient(chance, 0, 1) == -weighted_gradient(chance, 1, 0)
    return conclude(
        Evidence("∇J₅ = ∇J₆", over, Method.CASES, literal is None, counterexample=literal or {}),
        under=[
            Evidence(
                "with the correct side's gradient, the wrong side's, both or none at 0: equal for both and none only",
                "every policy with one ratio per side, every p",
                Method.SYMBOLIC,
                criterion,
            ),
            Evidence(
                "the gradients of the clipped and of the other responses' total probabilities add up to 0",
                "every policy",
                Method.SYMBOLIC,
                clipped_away,
            ),
            Evidence(
                "∇J₅ = ∇J₆ exactly where both sides are clipped or neither is",
                over,
                Method.CASES,
                under is None,
                counterexample=under or {},
                confirms=True,
            ),
        ],
        condition=CLIPPED,
        controls=[_two_arms()],
    )


#: Exactly when weights 1/|o| keep the gradients of Eqs. 5 and 6 equal.
LENGTHS = (
    "the gradient of E[1/|o|] is 0; where every response has a logit of its own: exactly if all have the same length"
)


@claim(
    "qae.length-normalised-gradients",
    paper=PAPER,
    equation="Eqs. 5, 6 and 9",
    statement="With the score functions of the paper, normalised by length, Eqs. 5 and 6 still have one gradient "
    "on-policy.",
    latex=r"\mathbb E\Big[\tfrac{1}{|o|}\nabla\log\pi(o)\Big] = 0",
    assumptions=("on-policy", "no clipping"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition=LENGTHS,
    breaks=(
        Break("no normalisation", {"by_length": False}, Verdict.CERTIFIED),
        Break("lengths may differ from their mean", {"free": True}, Verdict.REFUTED),
    ),
)
def length_normalised(quick: bool, *, by_length: bool = True, free: bool = False) -> CheckOutcome:
    """The responses "a" and "bc", "bd" again; and for any policy the gradient of E[1/|o|] logit by logit."""
    steps = 20 if quick else 200
    rates = [Fraction(i, steps) for i in range(1, steps)]
    scores = {p: (1 - p, -p / (2 if by_length else 1)) for p in rates}  # slopes of the mean scores in the logit of "a"
    wrong = [p for p, (up, down) in scores.items() if pooled(p, up, down) != 0]
    literal = Evidence(
        "the expected score is zero",
        f"lengths 1 and 2, p in steps of 1/{steps}",
        Method.CASES,
        not wrong,
        counterexample={
            "p": 0.5,
            "expected score": float(pooled(Fraction(1, 2), *scores[Fraction(1, 2)])),
            "gradient of Eq. 5": float(_objectives(Fraction(1, 2), *scores[Fraction(1, 2)])[0] / 2),
            "of Eq. 6": float(_objectives(Fraction(1, 2), *scores[Fraction(1, 2)])[1] / 2),
        }
        if wrong
        else {},
    )
    chance, mean, gap = ring("chance", "mean", "gap")  # a response's 1/|o| is `gap` above the mean of the others
    slope = weighted_gradient(chance, mean + gap, mean)
    return conclude(
        literal,
        under=[
            Evidence(
                "∂E[1/|o|]/∂z is 0 for a response as long as the others",
                "every softmax policy, any number of responses",
                Method.SYMBOLIC,
                (slope if free else weighted_gradient(chance, mean, mean)) == 0,
            ),
            Evidence(
                "and π(1-π) times the gap to the others' mean of 1/|o| for any other response, which is not 0",
                "the same",
                Method.SYMBOLIC,
                slope == chance * (1 - chance) * gap,
            ),
        ],
        condition=LENGTHS,
        controls=[
            _two_arms(),
            Evidence(
                "lengths 1 and 2 at p = 1/2: the gradients of Eqs. 5 and 6 over √(p(1-p)) = 1/2 are 3/4 and 1",
                "by hand: ∇s⁺ = 1/2 and ∇s⁻ = -1/4",
                Method.CASES,
                _objectives(Fraction(1, 2), Fraction(1, 2), Fraction(-1, 4)) == (Fraction(3, 4), Fraction(1)),
            ),
        ],
    )


@claim(
    "qae.masks-speed",
    paper=PAPER,
    equation="Eqs. 7 and 8",
    statement="On-policy POS-MASK learns exactly twice as fast as QAE on hard queries and as fast on easy ones; "
    "NEG-MASK the reverse.",
    latex=r"\nabla J_{\mathrm{POS}} = (1 + \mathbf 1\{p \le 1-K\})\,\nabla J_{\mathrm{QAE}},\quad "
    r"\nabla J_{\mathrm{NEG}} = (1 + \mathbf 1\{p > 1-K\})\,\nabla J_{\mathrm{QAE}}",
    assumptions=("on-policy", "p is the success rate itself", "whole-response log-probability"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the expected score is not zero", {"zero_score": False}, Verdict.REFUTED),),
)
def masks_speed(quick: bool, *, zero_score: bool = True) -> CheckOutcome:
    """A mask has one term of QAE's always, the other one on its side of the gate; both terms have one gradient."""
    p, d, rest = ring("p", "d", "rest")
    _, correct, wrong = both_sides(p, (1 - p) * d, -p * d + (0 if zero_score else rest))
    doubled = correct + wrong == 2 * correct == 2 * wrong
    return conclude(
        Evidence(
            "the two terms √(p/(1-p))·∇s⁺ and -√((1-p)/p)·∇s⁻ are equal, so that having both doubles the gradient",
            "all p in (0, 1), every policy",
            Method.SYMBOLIC,
            doubled,
            counterexample={} if doubled else {"p": 0.5, "expected score": "not zero"},
        ),
        machine_checked("qae.masks-speed"),
    )
