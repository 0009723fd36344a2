"""The estimate of pass@k from n sampled responses has no bias."""

from __future__ import annotations

from math import comb

import numpy as np

from qae_sim.papers import PAPERS
from qae_sim.softmax import pass_at_k_estimate
from qae_sim.theory.arithmetic import fmpz_poly
from qae_sim.theory.binomial import binomial_term
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.polynomials import Y, ring
from qae_sim.theory.registry import claim


@claim(
    "estimators.pass-at-k",
    paper=PAPERS["pass_at_k"],
    equation="pass@k",
    statement="1 - C(n-c, k)/C(n, k) is an unbiased estimate of the chance that one of k responses is correct.",
    latex=r"\mathbb E\Big[1 - \tbinom{n-c}{k}/\tbinom nk\Big] = 1-(1-p)^k",
    assumptions=("n independent responses, c of them correct", "k <= n"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(Break("the plug-in estimate 1 - (1-c/n)^k", {"plug_in": True}, Verdict.REFUTED),),
)
def unbiased_pass_at_k(quick: bool, *, plug_in: bool = False) -> CheckOutcome:
    """By induction for every n and k; as polynomials in p for small ones.

    C(n, c)·C(n-c, k) = C(n, k)·C(n-k, c), so that the expectation of the quotient is (1-p)^k times a sum of 1.
    """
    n_, k_, c_ = ring("n", "k", "c")
    # C(n, c+1)/C(n, c) = (n-c)/(c+1) and C(n-c-1, k)/C(n-c, k) = (n-c-k)/(n-c), against (n-k-c)/(c+1) on the right.
    induction = (n_ - c_) * (n_ - c_ - k_) * (c_ + 1) == (c_ + 1) * (n_ - c_) * (n_ - k_ - c_)
    top, found, worst = (10 if quick else 24), None, 0.0
    for n in range(1, top + 1):
        for k in range(1, n + 1):
            scale = n**k if plug_in else comb(n, k)
            missed = [(n - c) ** k if plug_in else comb(n - c, k) for c in range(n + 1)]
            total = sum((missed[c] * binomial_term(n, c) for c in range(n + 1)), fmpz_poly())
            if found is None and total != scale * Y**k:
                found = {"n": n, "k": k}
            ours = pass_at_k_estimate(np.arange(n + 1), n, k)
            exact = np.array([1 - comb(n - c, k) / comb(n, k) for c in range(n + 1)])
            worst = worse(worst, float(np.abs(ours - exact).max()))
    return conclude(
        Evidence(
            "C(n, c)·C(n-c, k) = C(n, k)·C(n-k, c): both are C(n, k) at c = 0, and grow alike from c to c + 1",
            "every n, k and c",
            Method.SYMBOLIC,
            induction,
        ),
        Evidence(
            "its expectation is 1-(1-p)^k",
            f"every p, n = 1..{top}, all k",
            Method.ROOTS,
            found is None,
            counterexample=found or {},
            confirms=not plug_in,
        ),
        machine_checked("estimators.pass-at-k"),
        Evidence("softmax.pass_at_k gives the same", "the same", Method.FLOATS, worst < 1e-12, f"{worst:.1e}"),
    )
