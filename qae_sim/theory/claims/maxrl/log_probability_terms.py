"""How many terms of the expansion of log p MaxRL's group gradient contains."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from qae_sim.advantages import expected_advantages
from qae_sim.theory.arithmetic import fmpz_poly
from qae_sim.theory.binomial import binomial_term
from qae_sim.theory.claim import (
    NEEDS_TRAINING,
    Break,
    CheckOutcome,
    Evidence,
    Method,
    Origin,
    Tier,
    Verdict,
    conclude,
    unchecked,
    worst_of,
)
from qae_sim.theory.claims.maxrl import PAPER
from qae_sim.theory.polynomials import X, Y, ring, value_at
from qae_sim.theory.registry import claim


@claim(
    "maxrl.terms",
    paper=PAPER,
    equation="number of terms of log p",
    statement="With G responses MaxRL's expected group gradient is that of the first G terms of log p.",
    latex=r"\mathbb E\,\tfrac1G\sum_i A_i(e_{a_i}-\pi) = \nabla_z \Big(-\sum_{k=1}^{G}\tfrac{(1-p)^k}{k}\Big)",
    assumptions=(
        "binary rewards",
        "softmax bandit",
        "rewards minus the group's mean, over that mean",
        "0 in a group without success",
    ),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="G - 1 terms are meant; or scores of successes are averaged without centring; or a group without "
    "success has advantages of -1",
    breaks=(
        Break("G - 1 terms", {"fewer": 1}, Verdict.CERTIFIED),
        Break("no mean subtracted: the scores of successes, averaged", {"centred": False}, Verdict.CERTIFIED),
        Break("advantages of -1 also in a group without success", {"silent": False}, Verdict.CERTIFIED),
    ),
)
def maxrl_terms(quick: bool, *, fewer: int = 0, centred: bool = True, silent: bool = True) -> CheckOutcome:
    """C as a polynomial: a group with n > 0 successes adds (G-n)/G, or 1-p if nothing is subtracted."""
    top, found = (16 if quick else 64), None
    speed, terms_of = _in_ring(centred, silent), _terms_in_ring(fewer)
    for g in range(2, top + 1):
        total = _polynomial(g, centred, silent)
        terms = sum((Y**k for k in range(g - fewer)), fmpz_poly())
        if found is None and total != g * X * Y * terms:
            half = Fraction(1, 2)
            ratio = value_at(total, half) / (g * half**2)
            found = {"g": g, "p": 0.5, "c over p(1-p)": float(ratio), "sum of the terms": float(value_at(terms, half))}
    worst = worst_of(
        abs(float(expected_advantages("maxrl", p, 8).c) - p * (1 - p) * sum((1 - p) ** k for k in range(7)))
        for p in (0.1, 0.5, 0.8)
    )
    text = f"c = p(1-p) Σ (1-p)^k over {'G' if not fewer else 'G - 1'} terms"
    return conclude(
        Evidence(
            text,
            "every p and G, (1-p)^(G-1) a variable",
            Method.SYMBOLIC,
            speed == terms_of,
            counterexample=found or {},
        ),
        Evidence(text, f"every p, G = 2..{top}", Method.ROOTS, found is None, confirms=True),
        Evidence(
            "expected_advantages('maxrl') has G - 1 terms, to 1e-14",
            "G = 8, p = .1, .5, .8",
            Method.FLOATS,
            worst < 1e-14,
            f"{worst:.1e}",
        ),
        controls=[
            Evidence(
                "c = p(1-p) Σ (1-p)^k over G - 1 terms",
                "every p and G",
                Method.SYMBOLIC,
                _in_ring(True, True) == _terms_in_ring(1),
            ),
            Evidence(
                "c = 1/4: half of the groups are mixed, and in them advantages of 1 and -1 push by 1/2",
                "G = 2, p = 1/2, by hand",
                Method.CASES,
                value_at(_polynomial(2, True, True), Fraction(1, 2)) == 2 * Fraction(1, 4),
            ),
        ],
    )


def _in_ring(centred: bool, silent: bool) -> Any:
    """The speed c with Q = (1-p)^(G-1) as a variable of its own, for every G.

    Centred, E[(G-n)/G; n > 0] = (1-p) - (1-p)^G; not centred, (1-p)·P(n > 0).
    """
    p, q_power = ring("p", "Q")
    missed = (1 - p) * q_power  # (1-p)^G, the chance of a group without success
    if not centred:
        return (1 - p) * (1 - missed)
    return (1 - p) - missed + (0 if silent else p * missed)


def _terms_in_ring(fewer: int) -> Any:
    """p(1-p) Σ_{k<K} (1-p)^k = (1-p)(1 - (1-p)^K) for K = G or G - 1."""
    p, q_power = ring("p", "Q")
    return (1 - p) * (1 - (q_power if fewer else (1 - p) * q_power))


def _polynomial(g: int, centred: bool, silent: bool) -> fmpz_poly:
    """G·c as a polynomial in p, summed over the numbers of successes."""
    if not centred:
        return sum((binomial_term(g, n) * g * Y for n in range(1, g + 1)), fmpz_poly())
    mixed = sum((binomial_term(g, n) * (g - n) for n in range(1, g)), fmpz_poly())
    return mixed if silent else mixed + binomial_term(g, 0) * g * X


@claim(
    "maxrl.training",
    paper=PAPER,
    equation="main results",
    statement="MaxRL trains better than plain RL, pass@k included.",
    latex=r"\text{MaxRL} > \text{RL}",
    expected=Verdict.OPEN,
    origin=Origin.PARAPHRASED,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
