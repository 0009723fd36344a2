"""QAE after the fact: subtracting their own quantile from advantages that are there already."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from qae_sim.advantages import grpo, qae, quantile_baseline
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.exact_advantages import baseline, centred, floats, groups, variance
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "qae.after-the-fact",
    paper=PAPER,
    equation="Eq. 3 applied to advantages",
    statement="QAE can be applied after the fact: subtracting their own K-quantile from a group's GRPO advantages "
    "gives QAE's.",
    latex=r"\frac{r - Q_K(r)}{\sigma+\varepsilon} = \hat A - Q_K(\hat A),\quad "
    r"\hat A = \frac{r-\bar r}{\sigma+\varepsilon}",
    assumptions=("inverse-CDF quantile", "one reward, normalised within the group"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(
        Break("two rewards, each normalised and then added", {"rewards": 2}, Verdict.REFUTED),
        Break("advantages normalised by the batch", {"batch": True}, Verdict.REFUTED),
    ),
)
def after_the_fact(quick: bool, *, rewards: int = 1, batch: bool = False) -> CheckOutcome:
    """Quantiles commute with rising maps; they do not with sums, and another scale is another advantage."""
    largest, found = (4 if quick else 6), None
    for r in groups(largest):
        if variance(r) == 0 or found:
            continue
        mean = sum(r, Fraction(0)) / len(r)
        if rewards == 2:
            other = r[::-1]
            if variance(other) != variance(r):
                continue
            total = [x + y for x, y in zip(r, other, strict=True)]  # both normalised by the same σ
            left = [x - b for x, b in zip(total, baseline("qae", total), strict=True)]
            right = [x + y for x, y in zip(centred("qae", r), centred("qae", other), strict=True)]
        else:
            # The advantages times the group's σ; the batch, here with a group of zeros, has another one.
            ratio = variance(r + [Fraction(0)] * len(r)) / variance(r) if batch else Fraction(1)
            left, right = centred("qae", [x - mean for x in r]), [x * ratio for x in centred("qae", r)]
        if left != right:
            found = {"rewards": floats(r), "k": 0.4} | ({"second reward": floats(r[::-1])} if rewards == 2 else {})
    sample = np.random.default_rng(0).normal(size=(40, 9))
    a = grpo(sample)
    worst = float(np.abs(a - quantile_baseline(a, 0.4)[:, None] - qae(sample, k=0.4)).max())
    x, q, mean, scale, own = ring("x", "q", "mean", "scale", "own")  # scale > 0: 1/(σ+ε), of the group or the batch
    group = own if batch else scale
    proof = Evidence(
        "advantages are in the order of the rewards, A(x) - A(q) = (x - q)·scale, so that the quantile q of the "
        "rewards gives that of the advantages, and the difference is QAE's advantage",
        "every group of real rewards, every K and ε",
        Method.SYMBOLIC,
        (x - mean) * scale - (q - mean) * scale == (x - q) * group,
    )
    return conclude(
        *([proof] if rewards == 1 else []),
        *([machine_checked("qae.after-the-fact")] if rewards == 1 and not batch else []),
        Evidence(
            "both sides are equal",
            f"G = 2..{largest}, all groups of three levels, K = .4",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=True,
        ),
        Evidence("grpo and qae do so to 1e-13", "40 groups of 9", Method.FLOATS, worst < 1e-13, f"{worst:.1e}"),
    )
