"""Certificates of the claims about the entropy mechanism."""

from __future__ import annotations

import numpy as np

from qae_sim.softmax import entropy_gradient, first_order_entropy_change
from qae_sim.theory.certificates import Counterexample, Enumeration, Identity, Part, Tie

#: Three arms; logarithms l and other quantities of the arms are free. An identity for any l holds for the logarithms.
ARMS = {
    "pi": "[p, q, 1 - p - q]",
    "mean(x)": "sum(pi[i]*x[i] for i in range(3))",
    "cov(x, y)": "sum(pi[i]*x[i]*y[i] for i in range(3)) - mean(x)*mean(y)",
    "times(x)": "[pi[i]*x[i] for i in range(3)]",
}
LOGS = {"l": "[l0, l1, l2]"}
#: Two arms of the probabilities p and 1-p: covariances of quantities that are 1 on the first arm and 0 on the second.
PAIR = {"odds": "log(p/(1 - p))", "c": "p*(1 - p)*odds"}

_IDENTITY = Identity(
    "by the product rule, π' = π(d - mean) and l' = d - mean give H' = -(Σ π' l + Σ π l') = -Cov(l, d)",
    "-sum(pi[i]*(d[i] - mean(d))*(l[i] + 1) for i in range(3)) == -cov(l, d)",
    where=ARMS | LOGS | {"d": "[d0, d1, d2]"},
    variables=("p", "q", "l0", "l1", "l2", "d0", "d1", "d2"),
    ties=(
        Tie(
            "-p*(1 - p)*log(p/(1 - p))",
            lambda p: float(first_order_entropy_change(np.log([p, 1 - p]), [1.0, 0.0])),
            {"p": ("1/20", "19/20")},
        ),
    ),
)

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "entropy.identity": (_IDENTITY,),
    "entropy.remainder": (
        Identity(
            "ρ²/4 - m(ρ-m) is a square, and log A - (1 + log A)/4 = 3/4 (log A - 1/3)",
            "rho**2/4 - m*(rho - m) == (rho/2 - m)**2 and a - (1 + a)/4 == 3/4*(a - 1/3)",
            variables=("rho", "m", "a"),
        ),
        Enumeration("log 2 > 1/3", "log(2) > 1/3"),
        Enumeration(
            "two arms, p = .05 to .95: |H''| <= ρ² log 2 along d = (1, 0), H'' = -p(1-p)(1 + (1-2p) log(p/(1-p)))",
            "-log(2) < p*(1 - p)*(1 + (1 - 2*p)*log(p/(1 - p))) < log(2)",
            where={"p": "i/20"},
            cases={"i": "range(1, 20)"},
            count=19,
        ),
    ),
    "entropy.second-order": (
        Identity(
            "4/27 - x²(1-x) = (x-2/3)²(x+1/3); ρ³ - (ρ-m)³ - m³ = 3ρm(ρ-m); 9/4 a - (8/27 + 7/4 a) = (a - 16/27)/2",
            "4/27 - x**2*(1 - x) == (x - 2/3)**2*(x + 1/3) and rho**3 - (rho - m)**3 - m**3 == 3*rho*m*(rho - m) "
            "and 9/4*a - 8/27 - 7/4*a == (a - 16/27)/2",
            variables=("x", "rho", "m", "a"),
        ),
        Enumeration("log 2 > 16/27", "log(2) > 16/27"),
        Enumeration(
            "two arms, p = .05 to .95: |H'''| <= 9/4 ρ³ log 2 along d = (1, 0)",
            "-9/4*log(2) < p*(1 - p)*(2*(1 - 2*p) + log(p/(1 - p))*(1 - 6*p*(1 - p))) < 9/4*log(2)",
            where={"p": "i/20"},
            cases={"i": "range(1, 20)"},
            count=19,
        ),
    ),
    "entropy.noise-lowers": (
        Counterexample(
            "two arms: along d = (1, 0) the second derivative, p(1-p)((1-2p) log((1-p)/p) - 1), is not above 0",
            "p*(1 - p)*((1 - 2*p)*log((1 - p)/p) - 1) <= 0",
            at={"p": "1/20"},
        ),
        Enumeration(
            "both factors of (1-2p) log((1-p)/p) fall up to p = 1/2, and it passes 1 between .1760 and .1761",
            "f(1760/10000) > 1 > f(1761/10000)",
            where={"f(p)": "(1 - 2*p)*log((1 - p)/p)"},
        ),
    ),
    "entropy.single-logit": (
        Identity(
            "-Cov(l, 1{a}) = -π_a (l_a - Σ π l)",
            "-cov(l, [1, 0, 0]) == -p*(l0 - mean(l))",
            where=ARMS | LOGS,
            variables=("p", "q", "l0", "l1", "l2"),
            ties=(
                Tie(
                    "-p*(1 - p)*log(p/(1 - p))",
                    lambda p: float(entropy_gradient(np.log([p, 1 - p]))[0]),
                    {"p": ("1/20", "19/20")},
                ),
            ),
        ),
    ),
    "entropy.prop1": (
        Identity(
            "Σ_b A_b π_b (1{a=b} - π_a) = π_a A_a - π_a E_π[A], for a = the first arm",
            "a0*p*(1 - p) - a1*q*p - a2*(1 - p - q)*p == p*a0 - p*mean([a0, a1, a2])",
            where=ARMS,
            variables=("p", "q", "a0", "a1", "a2"),
        ),
    ),
    "entropy.theorem1": (
        Identity(
            "Cov(l, πA) - Cov(l, π(A - E_π[A])) = E_π[A] Cov(l, π): 0 for an advantage",
            "cov(l, times(a)) - cov(l, times([x - mean(a) for x in a])) == mean(a)*cov(l, pi)",
            where=ARMS | LOGS | {"a": "[a0, a1, a2]"},
            variables=("p", "q", "l0", "l1", "l2", "a0", "a1", "a2"),
        ),
    ),
    "entropy.theorem2": (
        Identity(
            "(diag π - ππᵀ) A = π (A - E_π[A]), for the first arm",
            "p*a0 - p*(p*a0 + q*a1 + (1 - p - q)*a2) == p*(a0 - mean([a0, a1, a2]))",
            where=ARMS,
            variables=("p", "q", "a0", "a1", "a2"),
        ),
        _IDENTITY,
    ),
    "entropy.natural-gradient-shift": (
        Identity(
            "Cov(l, A + c) = Cov(l, A)",
            "cov(l, [a0 + c, a1 + c, a2 + c]) == cov(l, [a0, a1, a2])",
            where=ARMS | LOGS,
            variables=("p", "q", "l0", "l1", "l2", "a0", "a1", "a2", "c"),
        ),
    ),
    "entropy.policy-gradient-shift": (
        Counterexample(
            "c = 1 adds nothing to Cov(log π, πA): Cov(log π, π) = (2p-1) p(1-p) log(p/(1-p)) is 0",
            "(2*p - 1)*c == 0",
            where=PAIR,
            at={"p": "9/10"},
        ),
    ),
    "entropy.token-covariance": (
        Identity(
            "N² times the expectation is N(N-1) times the covariance",
            "n*n*both - (n*both + n*(n - 1)*x*y) == n*(n - 1)*(both - x*y)",
            variables=("n", "both", "x", "y"),
        ),
        Counterexample(
            "two samples, two arms, scores -1 and -3, values 2 and 0: the mean estimate is the covariance p(1-p)·4",
            "2*p*(1 - p)*1 == p*(1 - p)*(-1 + 3)*(2 - 0)",
            at={"p": "3/4"},
        ),
    ),
    "entropy.law-two-arms": (
        Counterexample(
            "the only law through p = 1/2 and p = 1 gives R = p",
            "3/2 - exp(-p*log(p) - (1 - p)*log(1 - p))/2 == p",
            at={"p": "3/4"},
        ),
    ),
}

NONE = {"entropy.law": "it is about training runs of large models"}
