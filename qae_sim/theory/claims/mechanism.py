"""The entropy mechanism's theorems: what the gradient of a softmax policy is, and what its covariance form assumes."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from flint import arb, ctx

from qae_sim.advantages import token_covariances
from qae_sim.papers import ENTROPY
from qae_sim.softmax import entropy_gradient
from qae_sim.theory.certified import digits, entropy, number
from qae_sim.theory.claim import Break, Evidence, Finding, Method, Verdict, conclude
from qae_sim.theory.claims.covariance import Moments, cov, simplex
from qae_sim.theory.claims.entropy_order import linear_in_b
from qae_sim.theory.registry import claim


@claim(
    "entropy.prop1",
    paper=ENTROPY,
    equation="Proposition 1",
    statement="A vanilla policy gradient step changes the logit of arm a by η π(a) A(a).",
    latex=r"z_a^{k+1} - z_a^k = \eta\,\pi(a)\,A(a)",
    assumptions=("tabular softmax policy", "exact gradient of E_π[A]"),
    expected=Verdict.CONDITIONAL,
    breaks=(
        Break("A is centred by the mean over arms, not by the policy's", {"centre": "arms"}, Verdict.REFUTED),
        Break("the score without its normaliser", {"normaliser": False}, Verdict.CERTIFIED),
    ),
)
def prop1(quick: bool, *, centre: str = "policy", normaliser: bool = True) -> Finding:
    """The gradient is π_a (A_a - E_π A): the second term is missing unless the advantages have mean 0."""
    literal, under = True, True
    for arms in (2, 3):
        pi, _, values = simplex(arms, *(f"a{i}" for i in range(arms)))
        weights = pi if centre == "policy" else [1 + 0 * pi[0]] * arms
        scale = 1 if centre == "policy" else arms
        mean = sum((w * a for w, a in zip(weights, values, strict=True)), 0 * pi[0])
        centred = [scale * a - mean for a in values]
        literal &= all(_gradient(pi, values, normaliser)[i] == pi[i] * values[i] for i in range(arms))
        under &= all(_gradient(pi, centred, normaliser)[i] == pi[i] * centred[i] for i in range(arms))
    any_a = Evidence(
        "∂E_π[A]/∂z_a = π_a A_a for any A",
        "every policy and advantages",
        Method.SYMBOLIC,
        bool(literal),
        counterexample={}
        if literal
        else {"pi": [0.5, 0.5], "A": [1, 0], "gradient": [0.25, -0.25], "stated": [0.5, 0]},
    )
    centred_a = Evidence("the same for centred advantages", "every policy", Method.SYMBOLIC, bool(under))
    return conclude(any_a, under=[centred_a], condition="the advantages have mean 0 under the policy, Σ π A = 0")


def _gradient(pi: list[Any], values: list[Any], normaliser: bool = True) -> list[Any]:
    """∂E_π[A]/∂z by the score e_a - π."""
    mean = sum((p * a for p, a in zip(pi, values, strict=True)), 0 * pi[0]) if normaliser else 0 * pi[0]
    return [p * (a - mean) for p, a in zip(pi, values, strict=True)]


@claim(
    "entropy.theorem1",
    paper=ENTROPY,
    equation="Theorem 1",
    statement="Under the policy gradient the entropy changes by -η Cov(log π, π A), to first order.",
    latex=r"\Delta H \approx -\eta\,\operatorname{Cov}_{a\sim\pi}(\log\pi(a), \pi(a)A(a))",
    assumptions=("tabular softmax policy", "exact gradient of E_π[A]", "first order in η"),
    expected=Verdict.CONDITIONAL,
    breaks=(
        Break("A is centred by the mean over arms, not by the policy's", {"centre": "arms"}, Verdict.REFUTED),
        Break("the score without its normaliser", {"normaliser": False}, Verdict.CERTIFIED),
    ),
)
def theorem1(quick: bool, *, centre: str = "policy", normaliser: bool = True) -> Finding:
    """-Cov(log π, gradient) against the stated covariance."""
    literal, under = True, True
    for arms in (2, 3):
        pi, logs, values = simplex(arms, *(f"a{i}" for i in range(arms)))
        weights = pi if centre == "policy" else [1 + 0 * pi[0]] * arms
        scale = 1 if centre == "policy" else arms
        mean = sum((w * a for w, a in zip(weights, values, strict=True)), 0 * pi[0])
        centred = [scale * a - mean for a in values]
        for chosen, name in ((values, "literal"), (centred, "under")):
            exact = cov(pi, logs, _gradient(pi, chosen, normaliser))
            stated = cov(pi, logs, [p * a for p, a in zip(pi, chosen, strict=True)])
            if name == "literal":
                literal &= exact == stated
            else:
                under &= exact == stated
    any_a = Evidence(
        "both covariances are equal for any A",
        "every policy and advantages",
        Method.SYMBOLIC,
        bool(literal),
        counterexample={} if literal else _theorem1_example(),
    )
    centred_a = Evidence("the same for centred advantages", "every policy", Method.SYMBOLIC, bool(under))
    return conclude(any_a, under=[centred_a], condition="the advantages have mean 0 under the policy, Σ π A = 0")


def _theorem1_example() -> dict[str, object]:
    """A policy whose entropy falls while the stated expression says that it rises."""
    pi, a = np.array([0.8, 0.2]), np.array([-1.0, -1.1])
    log_pi = np.log(pi)

    def cov_of(x: np.ndarray) -> float:
        return float(pi @ (log_pi * x) - (pi @ log_pi) * (pi @ x))

    return {
        "pi": [0.8, 0.2],
        "A": [-1.0, -1.1],
        "dH per eta": round(-cov_of(pi * (a - pi @ a)), 6),
        "stated": round(-cov_of(pi * a), 6),
    }


@claim(
    "entropy.theorem2",
    paper=ENTROPY,
    equation="Theorem 2",
    statement="The natural gradient step is Δz = η A, so that the entropy changes by -η Cov(log π, A), to first order.",
    latex=r"F\,A = \nabla_z \mathbb E_\pi[A],\ F = \operatorname{diag}\pi - \pi\pi^\top \Rightarrow "
    r"\Delta H \approx -\eta\,\operatorname{Cov}_{a\sim\pi}(\log\pi, A)",
    assumptions=("tabular softmax policy", "first order in η"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("the Fisher matrix without ππᵀ", {"outer": False}, Verdict.REFUTED),),
)
def theorem2(quick: bool, *, outer: bool = True) -> Finding:
    """F·A is the gradient; the entropy's part is the identity of Lemma 1 along d = A."""
    equal = True
    for arms in (2, 3):
        pi, _, values = simplex(arms, *(f"a{i}" for i in range(arms)))
        mean = sum((p * a for p, a in zip(pi, values, strict=True)), 0 * pi[0])
        step = [p * a - (p * mean if outer else 0 * p) for p, a in zip(pi, values, strict=True)]
        equal &= step == _gradient(pi, values)
    m = Moments()
    along = m.along(m.log_partition - m(1, 0)) == -(m(1, 1) - m(1, 0) * m(0, 1))
    return conclude(
        Evidence(
            "F·A is the policy gradient",
            "every policy and advantages",
            Method.SYMBOLIC,
            bool(equal),
            counterexample={} if equal else {"pi": [0.5, 0.5], "A": [1, 0]},
        ),
        Evidence("along d the entropy changes by -Cov(log π, d)", "every number of arms", Method.SYMBOLIC, bool(along)),
    )


@claim(
    "entropy.single-logit",
    paper=ENTROPY,
    equation="Lemma 1, for one arm",
    statement="Raising one arm's logit lowers the entropy exactly if the arm's probability is above exp(-H).",
    latex=r"\frac{\partial H}{\partial z_a} = -\pi_a(\log\pi_a + H) < 0 \iff \pi_a > e^{-H}",
    assumptions=("softmax policy with one logit per arm",),
    expected=Verdict.CERTIFIED,
    breaks=(Break("the threshold 1/A: arms likelier than average", {"threshold": "1/A"}, Verdict.REFUTED),),
)
def single_logit(quick: bool, *, threshold: str = "exp(-H)") -> Finding:
    """The covariance with an indicator is π_a(log π_a - E log π); compared with the signs on a grid of policies."""
    pi, logs, _ = simplex(3)
    one = [1 + 0 * pi[0], 0 * pi[0], 0 * pi[0]]
    mean = sum((p * x for p, x in zip(pi, logs, strict=True)), 0 * pi[0])
    identity = cov(pi, logs, one) == pi[0] * (logs[0] - mean)
    steps, found, worst = 20, None, 0.0
    with ctx.workprec(64):
        for i, j in product(range(1, steps), repeat=2):
            if i + j >= steps:
                continue
            exact = [Fraction(i, steps), Fraction(j, steps), Fraction(steps - i - j, steps)]
            p = [number(x) for x in exact]
            h = entropy(p)
            slope = -p[0] * (p[0].log() + h)
            worst = max(worst, abs(float(slope) - float(entropy_gradient(np.log([float(x) for x in exact]))[0])))
            bar = (-h).exp() if threshold == "exp(-H)" else arb(1) / 3
            if found is None and ((p[0] > bar and slope > 0) or (p[0] < bar and slope < 0)):
                found = {"pi": [float(x) for x in exact], "dH/dz of the first arm": digits(slope, 8)}
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
            found is None,
            counterexample=found or {},
        ),
        Evidence(
            "softmax.entropy_gradient is this derivative", "the same", Method.FLOATS, worst < 1e-14, f"{worst:.1e}"
        ),
    )


@claim(
    "entropy.token-covariance",
    paper=ENTROPY,
    equation="Token-wise covariance (Clip-Cov, KL-Cov)",
    statement="The mean of the token-wise covariances of N sampled tokens is an unbiased estimate of the covariance of "
    "Theorem 2.",
    latex=r"\mathbb E\Big[\tfrac1N\sum_i (\ell_i-\bar\ell)(A_i-\bar A)\Big] = \operatorname{Cov}_\pi(\log\pi, A)",
    assumptions=("N tokens drawn independently from one policy",),
    expected=Verdict.REFUTED,
    breaks=(Break("times N/(N-1)", {"corrected": True}, Verdict.CERTIFIED),),
)
def token_covariance(quick: bool, *, corrected: bool = False) -> Finding:
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
                worst = max(worst, abs(float(ours.mean()) - float(value)))
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
    )


@claim(
    "entropy.natural-gradient-shift",
    paper=ENTROPY,
    equation="Theorem 2",
    statement="Theorem 2's entropy change under the natural gradient, -η Cov(log π, A), does not depend on a constant "
    "added to all advantages.",
    latex=r"\operatorname{Cov}_\pi(\log\pi, A + c) = \operatorname{Cov}_\pi(\log\pi, A)",
    assumptions=("softmax policy with one logit per arm", "first order in η"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("Theorem 1's expression", {"rule": "paper"}, Verdict.REFUTED),),
)
def natural_gradient_shift(quick: bool, *, rule: str = "natural gradient") -> Finding:
    """A constant in the advantages is a baseline."""
    return conclude(linear_in_b(rule, "0", quick))


@claim(
    "entropy.policy-gradient-shift",
    paper=ENTROPY,
    equation="Theorem 1",
    statement="Theorem 1's entropy change under the policy gradient, -η Cov(log π, πA), does not depend on a constant "
    "added to all advantages, as the policy gradient itself does not.",
    latex=r"\operatorname{Cov}_\pi(\log\pi, \pi (A + c)) = \operatorname{Cov}_\pi(\log\pi, \pi A)",
    assumptions=("softmax policy with one logit per arm", "first order in η"),
    expected=Verdict.REFUTED,
    breaks=(Break("the gradient with the score's normaliser", {"rule": "policy gradient"}, Verdict.CERTIFIED),),
)
def policy_gradient_shift(quick: bool, *, rule: str = "paper") -> Finding:
    """The expression changes by -ηc·Cov(log π, π), which is 0 for the uniform policy only."""
    return conclude(linear_in_b(rule, "0", quick))
