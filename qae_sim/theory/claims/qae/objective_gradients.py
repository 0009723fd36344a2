"""Whether the paper's objectives, Eqs. 5 to 8, have different gradients: on-policy, off-policy, clipped, by length.

The expected score is zero, p·g₊ + (1-p)·g₋ = 0: with t = √(p/(1-p)) the gradients of all four objectives are multiples
of one vector, with polynomials in t as factors.
"""

from __future__ import annotations

from fractions import Fraction

from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


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
    breaks=(Break("the expected score is not zero", {"zero_score": False}, Verdict.CERTIFIED),),
)
def on_policy_gradients(quick: bool, *, zero_score: bool = True) -> CheckOutcome:
    """p·g₊ + (1-p)·g₋ = 0 gives g₋ = -t²g₊ with t² = p/(1-p); both gradients are then t·g₊, as polynomials."""
    t, g, rest = ring("t", "g", "rest")
    wrong = -(t * t) * g + (0 if zero_score else rest)
    grpo = t * (g - wrong)  # times 1/(1 + t²) = 1 - p
    hard, easy = t * g * (1 + t * t), -wrong * (1 + t * t)  # easy: times t, because 1/t is no polynomial
    equal = grpo == hard and grpo * t == easy
    return conclude(
        Evidence(
            "the gradients of Eq. 5 and Eq. 6 differ",
            "all p in (0, 1), every policy and parametrisation, both regimes",
            Method.SYMBOLIC,
            not equal,
            counterexample={"p": 0.2, "gradient of Eq. 5": "0.5·g₊", "gradient of Eq. 6": "0.5·g₊"} if equal else {},
        )
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
    """Gradients of both objectives by one logit, in a grid of exact old and new policies.

    The responses are "a" (correct, one token) and "bc", "bd" (wrong, two tokens); the logit is that of "a" against "b".
    """
    steps = 10 if quick else 40
    found = None
    for i in range(1, steps):
        for j in range(1, steps):
            old, new = Fraction(i, steps), Fraction(j, steps)
            plus, minus = _ratio_gradients(old, new, clip, by_length)
            # √(p(1-p)) (s₊ - s₋) = √(p/(1-p)) s₊  or  -√((1-p)/p) s₋; both sides divided by √(p(1-p))
            five = plus - minus
            six = plus / (1 - old) if old <= Fraction(3, 5) else -minus / old
            if five != six and found is None:
                found = {
                    "p": float(old),
                    "new probability of the correct response": float(new),
                    "gradient of Eq. 5": float(five),
                    "of Eq. 6": float(six),
                }
    # All new probabilities add up to 1, so that with D = ∇Σ π(correct) the mean ratios have the gradients D/p and
    # -D/(1-p). Times p(1-p), Eq. 5 is D(1-p) + Dp; Eq. 6 is D, on either side.
    p, d = ring("p", "D")
    return conclude(
        Evidence(
            "p(1-p)∇J₅ = D(1-p) + D·p and p(1-p)∇J₆ = D, both over √(p(1-p)), are equal",
            "every policy, old and new, and every p",
            Method.SYMBOLIC,
            d * (1 - p) + d * p == d,
        ),
        Evidence(
            "∇J₅ = ∇J₆ (both divided by √(p(1-p))), K = .4",
            f"old and new probability of the correct response in steps of 1/{steps}",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=clip is None and not by_length,
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


@claim(
    "qae.clipped-gradients",
    paper=PAPER,
    equation="Eqs. 5, 6, 16 and 17",
    statement="With clipped ratios, too, Eqs. 5 and 6 have one gradient at every parameter.",
    latex=r"\nabla J_5^{\mathrm{clip}} = \nabla J_6^{\mathrm{clip}}",
    assumptions=("Clip-Higher, ratios kept within (.8, 1.28)", "p is the success rate of the old policy itself"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.ENUMERATED,
    origin=Origin.IMPLIED,
    condition="no ratio has reached its clip, as in the first step of a batch",
    breaks=(
        Break("no clipping", {"clip": None}, Verdict.CERTIFIED),
        Break("the condition lets probabilities change by half", {"within": Fraction(1, 2)}, Verdict.REFUTED),
    ),
)
def clipped_gradients(
    quick: bool, *, clip: tuple[str, str] | None = ("0.2", "0.28"), within: Fraction = Fraction(1, 5)
) -> CheckOutcome:
    """Where one side is clipped and the other is not, the two objectives weigh what is left differently."""
    steps = 40 if quick else 100
    literal, under = None, None
    for i in range(1, steps):
        for j in range(1, steps):
            old, new = Fraction(i, steps), Fraction(j, steps)
            plus, minus = _ratio_gradients(old, new, clip, by_length=False)
            five, six = plus - minus, plus / (1 - old) if old <= Fraction(3, 5) else -minus / old
            if five == six:
                continue
            found = {
                "p": float(old),
                "new probability of the correct response": float(new),
                "gradient of Eq. 5": float(five),
                "of Eq. 6": float(six),
            }
            literal = literal or found
            if max(abs(new / old - 1), abs((1 - new) / (1 - old) - 1)) <= within:
                under = under or found
    over = f"old and new probability of the correct response in steps of 1/{steps}, K = .4"
    return conclude(
        Evidence("∇J₅ = ∇J₆", over, Method.CASES, literal is None, counterexample=literal or {}),
        under=[
            Evidence(
                f"the same where no ratio is more than {within} from 1",
                over,
                Method.CASES,
                under is None,
                counterexample=under or {},
            )
        ],
        condition="no ratio has reached its clip, as in the first step of a batch",
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
    tier=Tier.ENUMERATED,
    origin=Origin.IMPLIED,
    condition="all responses have the same length",
    breaks=(
        Break("no normalisation", {"by_length": False}, Verdict.CERTIFIED),
        Break("lengths differ, although of one kind among the correct ones", {"condition": False}, Verdict.REFUTED),
    ),
)
def length_normalised(quick: bool, *, by_length: bool = True, condition: bool = True) -> CheckOutcome:
    """The responses "a" and "bc", "bd" again: E[s/|o|] = π_a(1-π_a)(1 - 1/2) is not zero; with equal lengths it is."""
    steps = 20 if quick else 200
    rates = [Fraction(i, steps) for i in range(1, steps)]
    wrong = [p for p in rates if sum(_weighted(p, by_length)) != 0]
    p = Fraction(1, 2)
    literal = Evidence(
        "the expected score is zero",
        f"lengths 1 and 2, p in steps of 1/{steps}",
        Method.CASES,
        not wrong,
        counterexample={
            "p": 0.5,
            "expected score": float(sum(_weighted(p, by_length))),
            "gradient of Eq. 5": 0.375,
            "of Eq. 6": 0.5,
        }
        if wrong
        else {},
    )
    if not condition:
        return conclude(literal)
    same = Evidence(
        "the same when all responses have one length",
        f"p in steps of 1/{steps}",
        Method.CASES,
        all(sum(_weighted(p, False)) == 0 for p in rates),
    )
    return conclude(literal, under=[same], condition="all responses have the same length")


def _weighted(p: Fraction, by_length: bool) -> tuple[Fraction, Fraction]:
    """π·∇log π (over the length) of the correct response and of the wrong ones together."""
    return p * (1 - p), -(1 - p) * p / (2 if by_length else 1)


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
    """With g₋ = -t²g₊ both sides of the masks' objectives are t·g₊."""
    t, g, rest = ring("t", "g", "rest")
    wrong = -(t * t) * g + (0 if zero_score else rest)
    correct_side, wrong_side = t * t * g, -wrong  # both times t
    return conclude(
        Evidence(
            "the two sides √(p/(1-p))·g₊ and -√((1-p)/p)·g₋ are equal, so that having both doubles the gradient",
            "all p in (0, 1), every policy",
            Method.SYMBOLIC,
            correct_side == wrong_side,
            counterexample={} if correct_side == wrong_side else {"p": 0.5, "expected score": "not zero"},
        )
    )
