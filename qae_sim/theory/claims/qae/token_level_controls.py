"""Token-level controls beside the baseline: rescaled steps, clipping, and a KL penalty."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from qae_sim.softmax import first_order_entropy_change, paper_update
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.certified import covariance, digits, near, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.claims.qae.proposition_4_2_limits import two_arms
from qae_sim.theory.exact_advantages import advantages, mixed_groups
from qae_sim.theory.registry import claim
from qae_sim.theory.softmax_identities import cov, simplex
from qae_sim.theory.truth import Truth, for_all

K = Fraction(2, 5)


@claim(
    "qae.token-level-controls",
    paper=PAPER,
    equation="Sec. 4.3, Takeaway: 'only rescale steps [...], so they cannot realize these guarantees'",
    statement="Rescaling the steps of GRPO's responses, each by a factor >= 0, cannot give the extremal entropy change "
    "of QAE's baseline.",
    latex=r"\nexists f_\pm \ge 0:\ f_\pm(p)\,\hat A^{\mathrm{GRPO}}_\pm = \hat A^{\mathrm{QAE}}_\pm",
    assumptions=("binary rewards", "the paper's update", "first order in η", "K = .4"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="the factors of correct and of wrong responses do not depend on the group's success rate",
    breaks=(
        Break("the upper half of Proposition 4.2 on hard queries", {"end": 1}, Verdict.REFUTED),
        Break("only factors above 0", {"positive": True}, Verdict.CERTIFIED),
    ),
)
def token_level_controls(quick: bool, *, end: int = 0, positive: bool = False) -> CheckOutcome:
    """QAE is GRPO with factors 1/(1-p) and 0 on hard queries, 0 and 1/p on easy ones: they see p, and one is 0."""

    def rescaled(group: tuple[int, int]) -> bool:
        g, n = group
        p = Fraction(n, g)
        factors = (1 / (1 - p), Fraction(0)) if p <= 1 - K else (Fraction(0), 1 / p)
        theirs, ours = advantages("grpo", n, g, K), advantages("qae", n, g, K)
        squares = [square * f**2 for (_, square), f in zip(theirs, factors, strict=True)]
        same = all(
            square == wanted and (not square or sign == other)
            for square, (sign, _), (other, wanted) in zip(squares, theirs, ours, strict=True)
        )
        return same and not (positive and 0 in factors)

    found = for_all(mixed_groups(8 if quick else 16), lambda group: not rescaled(group))
    everywhere = for_all(mixed_groups(8 if quick else 16), lambda group: rescaled(group) or positive)
    # Two arms, L = log((1-p)/p): ΔH = -η(α P - β N) for steps α·π₊ and -β·π₋, against -ηP of b = 0 (ηN of b = 1).
    pi, logs, rest = simplex(2, "plus", "minus")
    plus, minus = rest
    p, log = pi[0], logs[1] - logs[0]
    mechanism = -cov(pi, logs, [plus * (1 - p) * p, -minus * p * (1 - p)])  # GRPO's steps, π(r - p), rescaled
    quantile = -cov(pi, logs, [p, 0 * p] if end == 0 else [0 * p, -(1 - p)])
    gap = quantile - mechanism == p**2 * (1 - p) * log * (1 - (plus + minus) * (1 - p))
    return conclude(
        Evidence(
            "GRPO's advantages times some factors >= 0 of the success rate differ from QAE's",
            f"{everywhere.cases} mixed groups",
            Method.CASES,
            found.holds,
            counterexample={
                "G": found.case[0],
                "successes": found.case[1],
                "factor of correct, of wrong": "1/(1-p), 0"
                if Fraction(found.case[1], found.case[0]) <= 1 - K
                else "0, 1/p",
            }
            if found.case
            else {},
        ),
        under=[
            Evidence(
                "with constant factors f₊, f₋ and two arms, ΔH of b = 0 less ΔH of the rescaled steps is "
                "η p²(1-p) log((1-p)/p) (1 - (f₊ + f₋)(1-p))",
                "every p, f₊ and f₋",
                Method.SYMBOLIC,
                bool(gap),
            ),
            Evidence(
                "it is >= 0 at p = .3 only if f₊ + f₋ <= 10/7, which makes it negative at p = .55, another hard query",
                "two arms, p = .3 and .55, both at most 1 - K = .6",
                Method.CASES,
                1 - Fraction(10, 7) * (1 - Fraction(11, 20)) > 0 and Fraction(11, 20) <= 1 - K,
                figures={"p = .3 needs f₊ + f₋ at most": "10/7", "p = .55 needs at least": "20/9"},
                confirms=True,
            ),
        ],
        condition="the factors of correct and of wrong responses do not depend on the group's success rate",
        controls=[
            Evidence(
                "QAE is GRPO with its steps times 1/(1-p) and 0, or 0 and 1/p",
                "the same groups",
                Method.CASES,
                everywhere.holds,
            )
        ],
    )


@claim(
    "qae.prop4.2-clipping",
    paper=PAPER,
    equation="Proposition 4.2 (1), '(including ... token-level clipping/KL that keep b unchanged)'",
    statement="On hard queries the quantile baseline's entropy change is also below that of any baseline combined with "
    "clipping.",
    latex=r"\Delta H(b_K) \le \Delta H_{\mathrm{clip}}(b)",
    assumptions=("the paper's update", "first order in η"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="b·Σ_kept π² (log π + H) + Σ_clipped r π² (log π + H) >= 0; for b = 0 and one clipped arm, π >= exp(-H)",
    breaks=(Break("nothing is clipped", {"clipped": False}, Verdict.CERTIFIED),),
)
def prop42_clipping(quick: bool, *, clipped: bool = True) -> CheckOutcome:
    """A rare correct arm at the upper clip gets no update: ΔH is then 0, below the entropy that b = 0 adds."""
    pi, logs, rest = simplex(3, "r0", "r1", "r2", "b")
    r, b = rest[:-1], rest[-1]
    surprise = [log - sum((p * x for p, x in zip(pi, logs, strict=True)), 0 * b) for log in logs]
    kept = (1, 1, 0)  # the last arm is clipped
    steps = [p * (x - b) * m for p, x, m in zip(pi, r, kept, strict=True)]
    difference = -cov(pi, logs, steps) + cov(pi, logs, [p * x for p, x in zip(pi, r, strict=True)])
    parts = [p**2 * s * (b * m + x * (1 - m)) for p, s, x, m in zip(pi, surprise, r, kept, strict=True)]
    with ctx.workprec(64):
        rates = [Fraction(percent, 100) for percent in (40, 30, 20, 10, 1)]
        search = for_all(rates, lambda p: _hard_change(p) <= 0 if clipped else True)
        found = {}
        if search.case:
            found = {
                "pi": [float(search.case), float(1 - search.case)],
                "r": [1, 0],
                "b": 0,
                "clipped": "the correct arm",
                "dH of QAE per eta": digits(_hard_change(search.case), 10),
                "dH clipped per eta": 0,
            }
        by_hand = abs(_hard_change(Fraction(1, 10)) - number("0.009") * number(9).log()) < number("1e-15")
        likely = _hard_change(Fraction(11, 20)) <= 0
        floats = [(_hard_change_in_floats(float(p)), _hard_change(p)) for p in rates]
        agrees, gap = near(floats, "1e-15")
    return conclude(
        Evidence(
            "ΔH of the unclipped b = 0 is at most that of b = 0 with the correct arm clipped",
            "two arms, p = .4, .3, .2, .1, .01",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
        ),
        Evidence("softmax gives the same change of b = 0", "the same policies", Method.FLOATS, agrees, gap),
        controls=[
            Evidence("ΔH of b = 0 is p²(1-p) log((1-p)/p)", "p = .1", Method.INTERVALS, by_hand),
            Evidence("the order holds where the correct arm is the likelier one", "p = .55", Method.INTERVALS, likely),
            Evidence(
                "ΔH clipped less ΔH(0) is η (b·Σ_kept π² (log π + H) + Σ_clipped r π² (log π + H))",
                "every policy, rewards and baseline",
                Method.SYMBOLIC,
                bool(difference == sum(parts, 0 * b)),
            ),
        ],
    )


def _hard_change(p: Fraction) -> Ball:
    """ΔH per η of b = 0 with two arms: only the correct one moves."""
    pi, logs = two_arms(p)
    return -covariance(pi, logs, [pi[0], Ball(0)])


def _hard_change_in_floats(p: float) -> float:
    """The same by the project's functions."""
    z = np.log([p, 1 - p])
    return float(first_order_entropy_change(z, paper_update(z, [1.0, 0.0], 0.0, eta=1.0)))


@claim(
    "qae.prop4.2-kl",
    paper=PAPER,
    equation="Proposition 4.2 (1), '(including ... token-level clipping/KL that keep b unchanged)'",
    statement="On hard queries the quantile baseline's entropy change is also below that of any baseline combined with "
    "a KL penalty.",
    latex=r"\Delta H(b_K) \le \Delta H_{\mathrm{KL}}(b),\quad "
    r"\Delta z = \eta\,\pi\big(r - b - \beta(\log\tfrac{\pi}{\pi_{\mathrm{ref}}} - \mathrm{KL})\big)",
    assumptions=("the paper's update and the gradient of -β KL(π‖π_ref)", "first order in η", "β > 0"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="Cov(log π, π (log(π/π_ref) - KL)) >= 0, as for a uniform π_ref",
    breaks=(
        Break("a uniform reference policy", {"reference": (Fraction(1, 2), Fraction(1, 2))}, Verdict.CERTIFIED),
        Break("the penalty's sign turned, under a uniform reference", {"sign": -1}, Verdict.REFUTED),
    ),
)
def prop42_kl(
    quick: bool, *, reference: tuple[Fraction, Fraction] = (Fraction(1, 10), Fraction(9, 10)), sign: int = 1
) -> CheckOutcome:
    """The penalty adds β·Cov(log π, π (log(π/π_ref) - KL)), which a reference more certain than π makes negative."""
    policy = (Fraction(3, 10), Fraction(7, 10))
    with ctx.workprec(64):
        pi, logs = two_arms(policy[0])
        pull = total(p * (log - number(ref).log()) for p, log, ref in zip(pi, logs, reference, strict=True))  # KL
        excess = [log - number(ref).log() - pull for log, ref in zip(logs, reference, strict=True)]
        added = covariance(pi, logs, [p * x for p, x in zip(pi, excess, strict=True)])
        own = _hard_change(policy[0])
        # By hand: log π + H is (-.7, .3) times log(7/3), log(π/π_ref) - KL is (.7, -.3) times log(27/7).
        seven_thirds, ratio = number("7/3").log(), number("27/7").log()
        by_hand = -seven_thirds * ratio * (number("0.3") ** 2 * number("0.7") ** 2 * 2)
        tied = abs(added - by_hand) < number("1e-15") if reference == (Fraction(1, 10), Fraction(9, 10)) else Truth.YES
    p, logs_of, rest = simplex(3)
    del rest
    mean = sum((x * log for x, log in zip(p, logs_of, strict=True)), 0 * p[0])
    # For a uniform reference log(π/π_ref) - KL = log π + H.
    squares = sum((x**2 * (log - mean) ** 2 for x, log in zip(p, logs_of, strict=True)), 0 * p[0])
    uniform = cov(p, logs_of, [sign * x * (log - mean) for x, log in zip(p, logs_of, strict=True)]) == squares
    below = added >= 0
    return conclude(
        Evidence(
            "the penalty does not lower the entropy change of b = 0",
            f"π = (.3, .7), r = (1, 0), b = 0, π_ref = ({reference[0]}, {reference[1]})",
            Method.INTERVALS,
            below,
            counterexample={
                "pi": [0.3, 0.7],
                "pi_ref": [float(x) for x in reference],
                "r": [1, 0],
                "dH of QAE per eta": digits(own, 8),
                "the penalty adds per eta beta": digits(added, 8),
            }
            if below is Truth.NO
            else {},
        ),
        under=[
            Evidence(
                "for a uniform π_ref the penalty adds β Σ π² (log π + H)² >= 0, and b > 0 adds b·Cov(log π, π) >= 0",
                "every policy",
                Method.SYMBOLIC,
                bool(uniform),
            )
        ],
        condition="Cov(log π, π (log(π/π_ref) - KL)) >= 0, as for a uniform π_ref",
        controls=[
            Evidence("the penalty adds -2(.3·.7)² log(7/3) log(27/7)", "this policy", Method.INTERVALS, tied),
        ],
    )


@claim(
    "qae.clip-higher",
    paper=PAPER,
    equation="Sec. 1, Observation 1: 'Clip-Higher averts collapse but induces an early entropy spike'",
    statement="A looser upper clip raises the first-order entropy change.",
    latex=r"-\eta\,\pi_a \bar A_a \big(\pi_a(\log\pi_a + H) - \operatorname{Cov}_\pi(\log\pi,\pi)\big) \ge 0,\quad "
    r"\bar A_a > 0",
    assumptions=(
        "softmax policy with one logit per arm",
        "policy gradient of the clipped objective",
        "one freed arm a",
    ),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="π_a (log π_a + H) <= Cov(log π, π) for the freed arm; with two arms, π_a <= 1/2",
    breaks=(
        Break("the rarer arm is freed", {"freed": Fraction(3, 10)}, Verdict.CERTIFIED),
        Break("the score without its normaliser", {"normaliser": 0}, Verdict.REFUTED),
    ),
)
def clip_higher(quick: bool, *, freed: Fraction = Fraction(7, 10), normaliser: int = 1) -> CheckOutcome:
    """The freed arm's step is π_a Ā_a (e_a - π): minus its covariance with log π is the stated change."""
    pi, logs, (gain,) = simplex(3, "A")
    mean = sum((p * x for p, x in zip(pi, logs, strict=True)), 0 * gain)
    step = [pi[0] * gain * (int(a == 0) - normaliser * p) for a, p in enumerate(pi)]
    stated = -pi[0] * gain * (pi[0] * (logs[0] - mean) - cov(pi, logs, pi))
    with ctx.workprec(64):
        now, log_now = two_arms(freed)
        change = -covariance(now, log_now, [now[0] * (1 - now[0]), -now[0] * now[1]])
        by_hand = -2 * (number(freed) * number(1 - freed)) ** 2 * number(freed / (1 - freed)).log()
        tied = abs(change - by_hand) < number("1e-15")
    rises = change >= 0
    return conclude(
        Evidence(
            "raising ε_high from .2 to .28 does not lower ΔH",
            f"two arms, the freed one of π = {freed} and π_old = π/1.25",
            Method.INTERVALS,
            rises,
            counterexample={
                "pi": [float(freed), float(1 - freed)],
                "ratio of the freed arm": 1.25,
                "dH added per eta and advantage": digits(change, 8),
            }
            if rises is Truth.NO
            else {},
        ),
        under=[
            Evidence(
                "the freed arm adds -η π_a Ā_a (π_a(log π_a + H) - Cov(log π, π))",
                "every policy and advantage",
                Method.SYMBOLIC,
                bool(-cov(pi, logs, step) == stated),
            )
        ],
        condition="π_a (log π_a + H) <= Cov(log π, π) for the freed arm; with two arms, π_a <= 1/2",
        controls=[
            Evidence("with two arms it adds -2π²(1-π)² log(π/(1-π))", "this policy", Method.INTERVALS, tied),
        ],
    )
