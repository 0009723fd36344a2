"""The entropy mechanism's theorems: what the gradient of a softmax policy is, and what its covariance form assumes."""

from __future__ import annotations

from typing import Any

import numpy as np

from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.entropy import PAPER
from qae_sim.theory.claims.qae.first_order_entropy import linear_in_b
from qae_sim.theory.registry import claim
from qae_sim.theory.softmax_identities import Moments, cov, simplex


@claim(
    "entropy.prop1",
    paper=PAPER,
    equation="Proposition 1",
    statement="A vanilla policy gradient step changes the logit of arm a by η π(a) A(a).",
    latex=r"z_a^{k+1} - z_a^k = \eta\,\pi(a)\,A(a)",
    assumptions=("tabular softmax policy", "exact gradient of E_π[A]"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    condition="the advantages have mean 0 under the policy, Σ π A = 0",
    breaks=(
        Break("A is centred by the mean over arms, not by the policy's", {"centre": "arms"}, Verdict.REFUTED),
        Break("the score without its normaliser", {"normaliser": False}, Verdict.CERTIFIED),
    ),
)
def prop1(quick: bool, *, centre: str = "policy", normaliser: bool = True) -> CheckOutcome:
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
    paper=PAPER,
    equation="Theorem 1",
    statement="Under the policy gradient the entropy changes by -η Cov(log π, π A), to first order.",
    latex=r"\Delta H \approx -\eta\,\operatorname{Cov}_{a\sim\pi}(\log\pi(a), \pi(a)A(a))",
    assumptions=("tabular softmax policy", "exact gradient of E_π[A]", "first order in η"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    condition="the advantages have mean 0 under the policy, Σ π A = 0",
    breaks=(
        Break("A is centred by the mean over arms, not by the policy's", {"centre": "arms"}, Verdict.REFUTED),
        Break("the score without its normaliser", {"normaliser": False}, Verdict.CERTIFIED),
    ),
)
def theorem1(quick: bool, *, centre: str = "policy", normaliser: bool = True) -> CheckOutcome:
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
    paper=PAPER,
    equation="Theorem 2",
    statement="The natural gradient step is Δz = η A, so that the entropy changes by -η Cov(log π, A), to first order.",
    latex=r"F\,A = \nabla_z \mathbb E_\pi[A],\ F = \operatorname{diag}\pi - \pi\pi^\top \Rightarrow "
    r"\Delta H \approx -\eta\,\operatorname{Cov}_{a\sim\pi}(\log\pi, A)",
    assumptions=("tabular softmax policy", "first order in η"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("the Fisher matrix without ππᵀ", {"outer": False}, Verdict.REFUTED),),
)
def theorem2(quick: bool, *, outer: bool = True) -> CheckOutcome:
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
    "entropy.natural-gradient-shift",
    paper=PAPER,
    equation="Theorem 2",
    statement="Theorem 2's entropy change under the natural gradient, -η Cov(log π, A), does not depend on a constant "
    "added to all advantages.",
    latex=r"\operatorname{Cov}_\pi(\log\pi, A + c) = \operatorname{Cov}_\pi(\log\pi, A)",
    assumptions=("softmax policy with one logit per arm", "first order in η"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("Theorem 1's expression", {"rule": "paper"}, Verdict.REFUTED),),
)
def natural_gradient_shift(quick: bool, *, rule: str = "natural gradient") -> CheckOutcome:
    """A constant in the advantages is a baseline."""
    return conclude(linear_in_b(rule, "0", quick))


@claim(
    "entropy.policy-gradient-shift",
    paper=PAPER,
    equation="Theorem 1",
    statement="Theorem 1's entropy change under the policy gradient, -η Cov(log π, πA), does not depend on a constant "
    "added to all advantages, as the policy gradient itself does not.",
    latex=r"\operatorname{Cov}_\pi(\log\pi, \pi (A + c)) = \operatorname{Cov}_\pi(\log\pi, \pi A)",
    assumptions=("softmax policy with one logit per arm", "first order in η"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("the gradient with the score's normaliser", {"rule": "policy gradient"}, Verdict.CERTIFIED),),
)
def policy_gradient_shift(quick: bool, *, rule: str = "paper") -> CheckOutcome:
    """The expression changes by -ηc·Cov(log π, π), which is 0 for the uniform policy only."""
    return conclude(linear_in_b(rule, "0", quick))
