"""The entropy-covariance identity of softmax policies: the first order, its remainder, and a single logit."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.softmax import entropy_change, entropy_gradient, first_order_entropy_change
from qae_sim.theory.arithmetic import ctx, fmpq
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.certified import digits, entropy, near, number, prove_positive, x_log_x
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.entropy import PAPER
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.softmax_identities import Moments, cov, simplex
from qae_sim.theory.truth import Truth


@claim(
    "entropy.identity",
    paper=PAPER,
    equation="Lemma 1; QAE Eq. 18",
    statement="To first order the entropy of a softmax policy changes by minus the covariance of log π and the logits' "
    "change.",
    latex=r"\frac{\mathrm d}{\mathrm dt} H(z + t\,\delta)\Big|_{t=0} = -\operatorname{Cov}_\pi(\log\pi, \delta)",
    assumptions=("softmax policy with one logit per arm",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("E[log π·δ] instead of the covariance", {"centred": False}, Verdict.REFUTED),),
)
def identity(quick: bool, *, centred: bool = True) -> CheckOutcome:
    """H = l - M_10, log π = z - l: differentiate and compare."""
    m = Moments()
    change = m.along(m.log_partition - m(1, 0))
    moment = m(1, 1) - m.log_partition * m(0, 1)
    mean = (m(1, 0) - m.log_partition) * m(0, 1)
    equal = change == -(moment - mean if centred else moment)
    return conclude(
        Evidence(
            "the derivative of the entropy is the stated moment",
            "every number of arms, every policy and direction",
            Method.SYMBOLIC,
            equal,
            counterexample={}
            if equal
            else {"pi": [0.5, 0.5], "delta": [1, 0], "derivative": 0, "-E[log pi * delta]": math.log(2) / 2},
        ),
        *([machine_checked("entropy.identity")] if centred else []),
    )


def _curvature(q: Ball, second: Ball, u: Ball) -> Ball:
    """E[(1 + log π + H)(d - E d)²] for three arms of probabilities q, second, 1-q-second and d = (0, u, 1)."""
    third = (1 - q - second).nonnegative_part()
    pi, d = (q, second, third), (Ball(0), u, Ball(1))
    mean = total(p * x for p, x in zip(pi, d, strict=True))
    logs = [x_log_x(p) for p in pi]
    h = -total(logs)
    return total((p * (1 + h) + log) * (x - mean) ** 2 for p, log, x in zip(pi, logs, d, strict=True))


@claim(
    "entropy.remainder",
    paper=PAPER,
    equation="Lemma 1 ('≈')",
    statement="What the first-order identity leaves out is at most half the squared spread of the logits' change times "
    "log A.",
    latex=r"\big|\Delta H + \operatorname{Cov}_\pi(\log\pi,\delta)\big| \le \tfrac12 \rho^2 \log A,\quad "
    r"\rho = \max\delta - \min\delta",
    assumptions=("softmax policy with one logit per arm", "A >= 2 arms"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(
        Break("a quarter of the bound", {"factor": Fraction(1, 4)}, Verdict.REFUTED),
        Break("the second derivative of a policy that does not tilt", {"tilt": 0}, Verdict.REFUTED),
    ),
)
def remainder(quick: bool, *, factor: Fraction = Fraction(1), tilt: int = 1) -> CheckOutcome:
    """Taylor with H'' = -E[(1 + log π + H)(d - E d)²], a symbolic identity, and |H''| <= ρ² log A.

    The bound: log π <= 0 and H <= log A give -H'' <= (1 + log A)·Var(d) <= (1 + log A)·ρ²/4; and from below
    E[(-log π - H - 1)⁺] <= E[(log π + H)⁻] = E[(log π + H)⁺] <= H, since log π + H has mean 0 and is at most H. Both
    are at most ρ² log A for A >= 2. Interval arithmetic proves the bound again for all policies and directions of two
    and three arms.
    """
    spread, mean, log_arms = ring("rho", "m", "log A")
    # With d in [0, ρ] and mean m: E[(d-m)²] <= m(ρ-m), because d(ρ-d) >= 0, and that is at most ρ²/4. Then the rest.
    steps = spread**2 - 4 * mean * (spread - mean) == (spread - 2 * mean) ** 2 and (
        4 * log_arms - (1 + log_arms) == 3 * (log_arms - fmpq(1, 3))
    )
    m = Moments()
    entropy = m.log_partition - m(1, 0)
    second = m.along(m.along(entropy, tilt), tilt)
    # log π + H = z - E z, so that the claim is about E[(1 + z - M_10)(d - M_01)²], here multiplied out.
    square = m(0, 2) - m(0, 1) ** 2
    weighted = m(1, 2) - 2 * m(0, 1) * m(1, 1) + m(0, 1) ** 2 * m(1, 0)
    symbolic = Evidence(
        "H'' = -E[(1 + log π + H)(d - E d)²]",
        "every number of arms, every policy and direction",
        Method.SYMBOLIC,
        second == -(square + weighted - m(1, 0) * square),
        counterexample={} if tilt else {"tilt": 0},
    )
    proofs = []
    for arms in (2,) if quick else (2, 3):
        bound = number(factor) * Ball(arms).log()

        def slack(q: Ball, second: Ball, u: Ball, sign: int, bound: Ball = bound) -> Ball:
            if (q + second > 1) is Truth.YES:
                return Ball(1)  # outside the simplex
            return bound + sign * _curvature(q, second, u)

        for sign in (1, -1):
            # H'' scales with ρ², so that directions (0, u, 1) with u in [0, 1] are enough; with two arms there is one.
            sides = [(0, 1), (0, 0), (0, 0)] if arms == 2 else [(0, 1)] * 3
            proof = prove_positive(lambda q, s, u, sign=sign, f=slack: f(q, s, u, sign), *sides, max_boxes=200_000)
            proofs.append(
                Evidence(
                    f"{'-' if sign > 0 else ''}H'' < {'' if factor == 1 else f'{factor}·'}ρ² log A",
                    f"A = {arms}, all policies and all directions",
                    Method.INTERVALS,
                    proof.holds,
                    margin=repr(proof.margin),
                    counterexample={"pi": [float(proof.point[0]), float(1 - proof.point[0] - proof.point[1])]}
                    if proof.holds is Truth.NO
                    else {},
                    figures={"boxes": proof.boxes},
                    confirms=True,
                )
            )
    steps_hold = Evidence(
        "ρ²/4 - m(ρ-m) = (ρ/2-m)², and log A - (1 + log A)/4 = ¾(log A - 1/3), above 0 because log 2 > 1/2 + 1/8",
        "every spread ρ, mean m and number of arms",
        Method.SYMBOLIC,
        bool(steps) and Fraction(1, 2) + Fraction(1, 8) > Fraction(1, 3),
    )
    return conclude(symbolic, steps_hold, machine_checked("entropy.remainder"), *proofs, _remainder_floats())


def _remainder_floats() -> Evidence:
    """The bound in floats, with the project's exact entropy change, on policies from flat to nearly deterministic."""
    rng = np.random.default_rng(0)
    worst = 0.0
    for arms in (2, 3, 10, 100, 1000):
        z = rng.normal(size=(200, arms)) * rng.choice([0.1, 1, 10], size=(200, 1))
        d = rng.normal(size=(200, arms)) * rng.choice([0.01, 1, 5], size=(200, 1))
        left = np.abs(entropy_change(z, d) - first_order_entropy_change(z, d))
        worst = worse(worst, float((left / (0.5 * np.ptp(d, axis=-1) ** 2 * math.log(arms))).max()))
    return Evidence(
        "entropy_change and first_order_entropy_change differ by less",
        "1000 policies of 2 to 1000 arms",
        Method.FLOATS,
        worst <= 1,
        margin=f"{worst:.3f} of the bound",
    )


@claim(
    "entropy.single-logit",
    paper=PAPER,
    equation="Lemma 1, for one arm",
    statement="Raising one arm's logit lowers the entropy exactly if the arm's probability is above exp(-H).",
    latex=r"\frac{\partial H}{\partial z_a} = -\pi_a(\log\pi_a + H) < 0 \iff \pi_a > e^{-H}",
    assumptions=("softmax policy with one logit per arm",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the threshold 1/A: arms likelier than average", {"threshold": "1/A"}, Verdict.REFUTED),),
)
def single_logit(quick: bool, *, threshold: str = "exp(-H)") -> CheckOutcome:
    """The covariance with an indicator is π_a(log π_a - E log π); compared with the signs on a grid of policies."""
    pi, logs, _ = simplex(3)
    one = [1 + 0 * pi[0], 0 * pi[0], 0 * pi[0]]
    mean = sum((p * x for p, x in zip(pi, logs, strict=True)), 0 * pi[0])
    identity = cov(pi, logs, one) == pi[0] * (logs[0] - mean)
    steps, found, pairs, holds = 20, None, [], Truth.YES
    with ctx.workprec(64):
        for i, j in product(range(1, steps), repeat=2):
            if i + j >= steps:
                continue
            exact = [Fraction(i, steps), Fraction(j, steps), Fraction(steps - i - j, steps)]
            p = [number(x) for x in exact]
            h = entropy(p)
            slope = -p[0] * (p[0].log() + h)
            pairs.append((float(entropy_gradient(np.log([float(x) for x in exact]))[0]), slope))
            bar = (-h).exp() if threshold == "exp(-H)" else Ball(1) / 3
            # Either both differences are positive or both negative, but for the uniform policy, where both are 0.
            right = Truth.YES if len(set(exact)) == 1 else (p[0] > bar) & (slope < 0) | (p[0] < bar) & (slope > 0)
            holds = holds & right
            if found is None and right is Truth.NO:
                found = {"pi": [float(x) for x in exact], "dH/dz of the first arm": digits(slope, 8)}
    agrees, gap = near(pairs, "1e-14")
    return conclude(
        Evidence(
            "the derivative is -π_a(log π_a + H)",
            "every policy (three arms: the others share one sum)",
            Method.SYMBOLIC,
            bool(identity),
        ),
        Evidence(
            f"its sign turns at {threshold}",
            "three arms in steps of .05",
            Method.INTERVALS,
            holds,
            counterexample=found or {},
            confirms=threshold == "exp(-H)",
        ),
        *([machine_checked("entropy.single-logit")] if threshold == "exp(-H)" else []),
        Evidence("softmax.entropy_gradient is this derivative", "the same", Method.FLOATS, agrees, gap),
    )
