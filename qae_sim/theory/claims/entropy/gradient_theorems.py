"""The entropy mechanism's theorems: the gradient of a softmax policy, and the covariance form of its entropy change."""

from __future__ import annotations

from typing import Any

import numpy as np

from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.entropy import PAPER
from qae_sim.theory.claims.qae.first_order_entropy import linear_in_b, slope_in_floats
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.registry import claim
from qae_sim.theory.softmax_identities import Moments, cov, simplex


@claim(
    "entropy.prop1",
    paper=PAPER,
    equation="Proposition 1",
    statement="A vanilla policy gradient step changes the logit of arm a by η π(a) A(a).",
    latex=r"z_a^{k+1} - z_a^k = \eta\,\pi(a)\,A(a)",
    assumptions=("tabular softmax policy", "exact gradient of E_π[A]", "A is an advantage: E_π[A] = 0"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    condition="E_π[A] = 0, and only then; r - b of QAE's Eq. 18 has this mean for b = E_π[r] alone",
    breaks=(
        Break("A is centred by the mean over arms, not by the policy's", {"centre": "arms"}, Verdict.REFUTED),
        Break("values of any mean", {"centre": "nothing"}, Verdict.REFUTED),
    ),
)
def prop1(quick: bool, *, centre: str = "policy") -> CheckOutcome:
    """The gradient is π_a (A_a - E_π A)."""
    holds, differs = True, True
    for arms in (2, 3, 4):
        pi, _, values = simplex(arms, *(f"a{i}" for i in range(arms)))
        chosen = _centred(pi, values, centre)
        gradient = _gradient(pi, chosen)
        holds &= all(gradient[i] == pi[i] * chosen[i] for i in range(arms))
        differs &= all(
            g == p * (x - _mean(pi, values)) for g, p, x in zip(_gradient(pi, values), pi, values, strict=True)
        )
    return conclude(
        Evidence(
            "∂E_π[A]/∂z_a = π_a A_a",
            "every policy and advantages (no monomial has more than three arms)",
            Method.SYMBOLIC,
            bool(holds),
            counterexample={}
            if holds
            else {"pi": [0.9, 0.1], "A": [1, 0], "gradient": [0.09, -0.09], "stated": [0.9, 0]},
        ),
        controls=[
            Evidence("for values of any mean it is π_a (A_a - E_π[A])", "every policy", Method.SYMBOLIC, bool(differs))
        ],
    )


def _mean(weights: list[Any], values: list[Any]) -> Any:
    """Σ of weights times values."""
    return sum((p * a for p, a in zip(weights, values, strict=True)), 0 * weights[0])


def _centred(pi: list[Any], values: list[Any], centre: str) -> list[Any]:
    """Values less their mean under the policy, or less (up to a factor) that over arms, or as they are."""
    if centre == "nothing":
        return values
    weights = pi if centre == "policy" else [1 + 0 * pi[0]] * len(pi)
    scale = 1 if centre == "policy" else len(pi)
    mean = _mean(weights, values)
    return [scale * a - mean for a in values]


def _gradient(pi: list[Any], values: list[Any]) -> list[Any]:
    """∂E_π[A]/∂z by the product rule, Σ_b A_b ∂π_b/∂z_a with ∂π_b/∂z_a = π_b (1{a=b} - π_a)."""
    return [sum((values[b] * pi[b] * (int(a == b) - pi[a]) for b in range(len(pi))), 0 * pi[0]) for a in range(len(pi))]


@claim(
    "entropy.theorem1",
    paper=PAPER,
    equation="Theorem 1",
    statement="Under the policy gradient the entropy changes by -η Cov(log π, π A), to first order.",
    latex=r"\Delta H \approx -\eta\,\operatorname{Cov}_{a\sim\pi}(\log\pi(a), \pi(a)A(a))",
    assumptions=(
        "tabular softmax policy",
        "exact gradient of E_π[A]",
        "A is an advantage: E_π[A] = 0",
        "first order in η",
    ),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    condition="E_π[A] = 0 or π is uniform, and only then",
    breaks=(
        Break("A is centred by the mean over arms, not by the policy's", {"centre": "arms"}, Verdict.REFUTED),
        Break("values of any mean", {"centre": "nothing"}, Verdict.REFUTED),
    ),
)
def theorem1(quick: bool, *, centre: str = "policy") -> CheckOutcome:
    """-Cov(log π, gradient) against the stated covariance; they differ by E_π[A]·Cov(log π, π)."""
    holds, differs = True, True
    for arms in (2, 3, 4):
        pi, logs, values = simplex(arms, *(f"a{i}" for i in range(arms)))
        chosen = _centred(pi, values, centre)
        holds &= cov(pi, logs, _gradient(pi, chosen)) == cov(pi, logs, [p * a for p, a in zip(pi, chosen, strict=True)])
        stated = cov(pi, logs, [p * a for p, a in zip(pi, values, strict=True)])
        differs &= stated - cov(pi, logs, _gradient(pi, values)) == _mean(pi, values) * cov(pi, logs, pi)
    return conclude(
        Evidence(
            "Cov(log π, ∇E_π[A]) = Cov(log π, π A)",
            "every policy and advantages (no monomial has more than four arms)",
            Method.SYMBOLIC,
            bool(holds),
            counterexample={} if holds else _theorem1_example(),
        ),
        controls=[
            Evidence(
                "for values of any mean the two differ by E_π[A]·Cov(log π, π)",
                "every policy and values",
                Method.SYMBOLIC,
                bool(differs),
            )
        ],
    )


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
    for arms in (2, 3, 4):
        pi, _, values = simplex(arms, *(f"a{i}" for i in range(arms)))
        mean = _mean(pi, values)
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
        *([machine_checked("entropy.theorem2")] if outer else []),
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
    proved = [machine_checked("entropy.natural-gradient-shift")] if rule == "natural gradient" else []
    return conclude(linear_in_b(rule, "0"), *proved)


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
    origin=Origin.OURS,
    condition="π is uniform",
    breaks=(Break("the gradient with the score's normaliser", {"rule": "policy gradient"}, Verdict.CERTIFIED),),
)
def policy_gradient_shift(quick: bool, *, rule: str = "paper") -> CheckOutcome:
    """The expression changes by -ηc·Cov(log π, π), which is 0 for the uniform policy only."""
    return conclude(linear_in_b(rule, "0"), controls=[linear_in_b("paper", "C"), slope_in_floats("paper", "C")])
