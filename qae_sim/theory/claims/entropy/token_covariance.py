"""The covariance estimated from sampled tokens, as Clip-Cov and KL-Cov use it."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from qae_sim.advantages import token_covariances
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.entropy import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "entropy.token-covariance",
    paper=PAPER,
    equation="Token-wise covariance (Clip-Cov, KL-Cov)",
    statement="The mean of the token-wise covariances of N sampled tokens is an unbiased estimate of the covariance of "
    "Theorem 2.",
    latex=r"\mathbb E\Big[\tfrac1N\sum_i (\ell_i-\bar\ell)(A_i-\bar A)\Big] = \operatorname{Cov}_\pi(\log\pi, A)",
    assumptions=("N tokens drawn independently from one policy",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="the covariance is 0: the expectation is (N-1)/N of it for every N",
    breaks=(Break("times N/(N-1)", {"corrected": True}, Verdict.CERTIFIED),),
)
def token_covariance(quick: bool, *, corrected: bool = False) -> CheckOutcome:
    """All samples of N tokens of a policy of two arms, with log π replaced by an exact stand-in: a factor (N-1)/N."""
    p, scores, values = Fraction(3, 4), (Fraction(-1), Fraction(-3)), (Fraction(2), Fraction(0))
    chances = (p, 1 - p)
    exact = p * (1 - p) * (scores[0] - scores[1]) * (values[0] - values[1])
    found, worst = None, 0.0
    for n in range(2, 7 if quick else 10):
        total = Fraction(0)
        for sample in product((0, 1), repeat=n):
            chance = Fraction(1)
            for arm in sample:
                chance *= chances[arm]
            logs, advantages = [scores[arm] for arm in sample], [values[arm] for arm in sample]
            mean_log, mean_a = sum(logs, Fraction(0)) / n, sum(advantages, Fraction(0)) / n
            value = sum(((x - mean_log) * (a - mean_a) for x, a in zip(logs, advantages, strict=True)), Fraction(0)) / n
            total += chance * value * (Fraction(n, n - 1) if corrected else 1)
            if n == 3:
                ours = token_covariances([float(x) for x in logs], [float(a) for a in advantages], [1] * n)
                worst = worse(worst, abs(float(ours.mean()) - float(value)))
        if found is None and total != exact:
            found = {"N": n, "expected mean": float(total), "covariance": float(exact), "ratio": str(total / exact)}
    return conclude(
        Evidence(
            "its expectation is the covariance",
            "every sample of 2 to 9 tokens, two arms",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("token_covariances has this mean", "N = 3", Method.FLOATS, worst < 1e-12, f"{worst:.1e}"),
        controls=[_expectation()],
    )


def _expectation() -> Evidence:
    """N times the expectation: of the N² pairs of two tokens N are one token, whose product has the mean E[ℓA]."""
    n, both, log, value = ring("N", "E[lA]", "E[l]", "E[A]")
    covariances = n * (n * both) - (n * both + n * (n - 1) * log * value)  # N²·E[mean of products - product of means]
    return Evidence(
        "N² times the expectation is N(N-1) times the covariance",
        "every N, every policy",
        Method.SYMBOLIC,
        bool(covariances == n * (n - 1) * (both - log * value)),
    )
