"""RLEV's rewards scaled by what a prompt is worth: which estimators notice, and when a response ends."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import grpo, rlev, rloo
from qae_sim.theory.claim import (
    Break,
    CheckOutcome,
    Evidence,
    Method,
    Origin,
    Tier,
    Verdict,
    conclude,
)
from qae_sim.theory.claims.rlev import PAPER
from qae_sim.theory.exact_advantages import binary_variance, mixed_groups
from qae_sim.theory.polynomials import rational, ring
from qae_sim.theory.registry import claim


@claim(
    "rlev.values-count",
    paper=PAPER,
    equation="scaled rewards in GRPO",
    statement="What a prompt is worth changes its advantages, whichever group estimator is used.",
    latex=r"A(s\,r) \ne A(r),\ s > 1",
    assumptions=("binary rewards", "mixed groups", "GRPO, ε = 0"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="the estimator does not divide by the standard deviation; GRPO with ε > 0 notices as little as ε is",
    breaks=(Break("RLOO, which does not divide by the standard deviation", {"base": "rloo"}, Verdict.CERTIFIED),),
)
def rlev_values(quick: bool, *, base: str = "grpo") -> CheckOutcome:
    """Squares of GRPO's advantages are rational: d²/σ² is the same for r and for s·r."""
    top, found = (12 if quick else 32), None
    for (g, n), s in product(mixed_groups(top), (Fraction(3, 2), Fraction(2))):
        before, after = (_square(n, g, scale, base) for scale in (Fraction(1), s))
        if found is None and before == after:
            found = {"g": g, "successes": n, "s": float(s)}
    s_, d, square = ring("s", "d", "square")  # a deviation and σ²
    scaled = (s_ * d) ** 2 * square == d**2 * (s_**2 * square) if base == "grpo" else s_ * d == d
    r = np.array([[1.0, 0, 0, 0]])
    ours = rlev(r, [1.0], base=base) / (grpo(r) if base == "grpo" else rloo(r))  # type: ignore[arg-type]
    wanted = 1.0 if base == "grpo" else 2.0
    most = float(rlev(r, [1000.0], base="rloo")[0, 0])  # the scale is capped at 2
    return conclude(
        Evidence(
            "the success's advantage is another",
            "every group and every s",
            Method.SYMBOLIC,
            not scaled,
            counterexample=found or {},
        ),
        Evidence("rlev does so", "one success in four", Method.FLOATS, bool(np.abs(ours - wanted).max() < 1e-5)),
        Evidence("and scales by 2 at most", "a prompt worth 1000", Method.FLOATS, abs(most - 2) < 1e-12),
        controls=[
            Evidence(
                "RLOO's is s times as large",
                f"G = 2..{top}, every number of successes",
                Method.CASES,
                all(
                    _square(n, g, Fraction(2), "rloo") == 4 * _square(n, g, Fraction(1), "rloo")
                    for g, n in mixed_groups(top)
                ),
            ),
            Evidence(
                "GRPO's is √3: (3/4)² over 3/16, and (3/2)² over 3/4",
                "one success in four, s = 1 and 2, by hand",
                Method.CASES,
                _square(1, 4, Fraction(1), "grpo") == 3 == _square(1, 4, Fraction(2), "grpo"),
            ),
        ],
    )


def _square(n: int, g: int, s: Fraction, base: str) -> Fraction:
    """Square of a success's advantage, rewards being s or 0."""
    deviation = s * (1 - Fraction(n, g))
    if base == "grpo":
        return deviation**2 / (s**2 * binary_variance(n, g))
    return (deviation * g / (g - 1)) ** 2


@claim(
    "rlev.ending",
    paper=PAPER,
    equation="gradient of the end's logit",
    statement="The gradient of the expected scaled reward with respect to the logit of the end is "
    "s·π(1-π)(p_end - p_go).",
    latex=r"\frac{\partial J}{\partial z_{\mathrm{end}}} = s\,\pi(1-\pi)\,(p_{\mathrm{end}}-p_{\mathrm{go}})",
    assumptions=("one decision, to end or to go on", "p the success rate after either"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("a penalty for going on that does not scale", {"penalty": Fraction(1, 10)}, Verdict.REFUTED),),
)
def rlev_ending(quick: bool, *, penalty: Fraction = Fraction(0)) -> CheckOutcome:
    """J = s(π·p_end + (1-π)·p_go) is linear in π, and dπ/dz = π(1-π)."""
    worth, finish, proceed, chance = ring("s", "end", "go", "pi")
    value = chance * (worth * finish) + (1 - chance) * (worth * proceed - rational(penalty))
    slope = value.derivative("pi") * chance * (1 - chance)
    z, eta = 0.3, 1e-6

    def at(logit: float) -> float:
        pi = 1 / (1 + np.exp(-logit))
        return float(1.5 * (pi * 0.8 + (1 - pi) * 0.3))

    pi = 1 / (1 + np.exp(-z))
    gap = abs((at(z + eta) - at(z - eta)) / (2 * eta) - 1.5 * pi * (1 - pi) * 0.5)
    return conclude(
        Evidence(
            "dJ/dπ times π(1-π) is the stated slope",
            "every s, p_end, p_go and π",
            Method.SYMBOLIC,
            slope == worth * chance * (1 - chance) * (finish - proceed),
            counterexample={}
            if penalty == 0
            else {"penalty": float(penalty), "p_end - p_go": 0.0, "slope over π(1-π)": float(penalty)},
        ),
        Evidence("so is a difference quotient, to 1e-8", "one point", Method.FLOATS, gap < 1e-8, f"{gap:.1e}"),
    )


@claim(
    "rlev.training",
    paper=PAPER,
    equation="value-sensitive termination",
    statement="Because values scale the gradient of the end's logit, policies become short on prompts of low value and "
    "thorough on those of high value.",
    latex=r"v_1 < v_2 \Rightarrow \pi_{\mathrm{end}}(v_1) > \pi_{\mathrm{end}}(v_2)",
    assumptions=("the flow of the end's gradient for as long on either prompt", "from the same start, p_end ≠ p_go"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="going on succeeds more often than ending, p_go > p_end",
    breaks=(
        Break("going on helps", {"helps": (1,)}, Verdict.CERTIFIED),
        Break("ending helps, and the condition is dropped", {"helps": (-1,), "under": (-1,)}, Verdict.REFUTED),
    ),
)
def rlev_termination(quick: bool, *, helps: tuple[int, ...] = (1, -1), under: tuple[int, ...] = (1,)) -> CheckOutcome:
    """The flow is z' = s·d·π(1-π), d = p_end - p_go: s multiplies time alone, and both prompts move the same way."""
    odds, s, d = ring("odds", "s", "d")
    # π = o/(1+o), so that do/dt = o·z' = s·d·o²/(1+o)², and F = o - 1/o + 2 log o has dF/do = 1 + 1/o² + 2/o.
    constant = (odds**2 + 1 + 2 * odds) * (s * d * odds**2) == s * d * odds**2 * (1 + odds) ** 2
    wrong = next((sign for sign in helps if not _higher_at_low_value(sign)), None)
    return conclude(
        Evidence(
            "F = o - 1/o + 2 log o of the end's odds o grows at the constant rate s(p_end - p_go)",
            "every s, p_end, p_go and start",
            Method.SYMBOLIC,
            constant,
        ),
        Evidence(
            "on the prompt of low value the end's odds are higher",
            "signs of p_go - p_end" + (", both" if len(helps) == 2 else ""),
            Method.SYMBOLIC,
            wrong is None,
            counterexample={} if wrong is None else {"p_end": 0.5, "p_go": 0.5 + 0.25 * wrong, "s": [1.0, 2.0]},
        ),
        under=[
            Evidence(
                "they are under the condition",
                "every s",
                Method.SYMBOLIC,
                all(_higher_at_low_value(sign) for sign in under),
            )
        ],
        condition="going on succeeds more often than ending, p_go > p_end",
    )


def _higher_at_low_value(sign: int) -> bool:
    """Whether F grows faster where s is lower by some e > 0, for p_go = p_end + h·sign with some h > 0."""
    s, e, h, end = ring("s", "e", "h", "end")
    go = end + sign * h
    difference = s * (end - go) - (s + e) * (end - go)
    return all(coefficient > 0 for coefficient in difference.coeffs())
