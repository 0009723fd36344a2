"""Certificates of QAE's claims about the size of the entropy's change, its second order, and length pressure by K."""

from __future__ import annotations

import numpy as np

from qae_sim.softmax import covariance, entropy_bounds
from qae_sim.theory.certificates import Draw, Enumeration, Identity, Part, Tie
from qae_sim.theory.certificates.entropy import ARMS, LOGS

_RATE: Draw = {"p": ("1/20", "19/20")}
#: Given n successes and m failures, of changes along one direction.
_MOMENTS = Identity(
    "n draws of mean x and mean square S, m of mean y and mean square T: E[X²] = n(S - x²) + m(T - y²) + (nx + my)²",
    "n*S + m*T + n*(n - 1)*x**2 + m*(m - 1)*y**2 + 2*n*m*x*y == n*(S - x**2) + m*(T - y**2) + (n*x + m*y)**2",
    variables=("n", "m", "x", "y", "S", "T"),
)


def _own_covariance(p: float) -> float:
    """Cov(log π, π) of two arms."""
    log_pi = np.log([p, 1 - p])
    return float(covariance(log_pi, log_pi, np.exp(log_pi)))


CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "qae.bounded-change": (
        Identity(
            "Cov(l, x) = E[(l - Σ π l)(x - c)] for every c",
            "cov(l, x) == sum(pi[i]*(l[i] - mean(l))*(x[i] - c) for i in range(3))",
            where=ARMS | LOGS | {"x": "[x0, x1, x2]"},
            variables=("p", "q", "l0", "l1", "l2", "x0", "x1", "x2", "c"),
        ),
        Enumeration(
            "two arms, the first correct, p = .05 to .95: ΔH = -p(1-p) log(p/(1-p)) (p(1-b) + (1-p)b) is within "
            "±H max π for b = 0 and 1, between which it is linear",
            "-bound < change(0) < bound and -bound < change(1) < bound",
            where={
                "p": "i/20",
                "bound": "(-p*log(p) - (1 - p)*log(1 - p))*max(p, 1 - p)",
                "change(b)": "-p*(1 - p)*log(p/(1 - p))*(p*(1 - b) + (1 - p)*b)",
            },
            cases={"i": "range(1, 20)"},
            count=19,
            ties=(
                Tie(
                    "change(1) - change(0)",
                    lambda i: float(entropy_bounds(np.log([i / 20, 1 - i / 20]), [1.0, 0.0], eta=1.0).width),
                    {"i": (1, 19)},
                ),
            ),
        ),
    ),
    "qae.covariance-largest": (
        Identity(
            "ε moved between two arms of the level t changes the covariance by ε² times 2a + 3 - S/t + 2H, a = log t: "
            "the derivative of φ = 2ta + t + 2Ht - S(a + 1), whose own one is 2/t + S/t² > 0",
            "(2*a + 3) - S/t + 2*H == 2*a + 2 + 1 + 2*H - S/t and t**2*(2/t + S/t**2) == 2*t + S",
            variables=("t", "a", "S", "H"),
            ties=(Tie("p*(1 - p)*(2*p - 1)*log(p/(1 - p))", _own_covariance, _RATE),),
        ),
        Enumeration(
            "of 4 arms one of .82 and three of .06 have more than .293, two of .45 or .4 and two of the rest have less",
            "f(82/100, 6/100, 1, 3) > 293/1000 > f(45/100, 5/100, 2, 2) and f(40/100, 10/100, 2, 2) < 293/1000",
            where={
                "h(x, y, k, m)": "-k*x*log(x) - m*y*log(y)",
                "f(x, y, k, m)": "k*x*x*(log(x) + h(x, y, k, m)) + m*y*y*(log(y) + h(x, y, k, m))",
            },
        ),
    ),
    "qae.length-pressure-by-k": (
        Enumeration(
            "from K = 2/5 to 4/5 the quantile of n ones among G rises by 1 if 1/5 < n/G <= 3/5, else by 0",
            "quantile(4/5) - quantile(2/5) == (1 if 1/5 < n/G <= 3/5 else 0)",
            where={"quantile(k)": "0 if (G - n)/G >= k else 1"},
            cases={"G": "range(2, 17)", "n": "range(0, G + 1)"},
            count=150,
        ),
        Identity(
            "responses of chances p, q, s and derivatives x, y, z: one weight w for all scores gives w times the "
            "derivative of the group's chance",
            "p*q*s*(w*x/p + w*y/q + w*z/s) == w*(x*q*s + p*y*s + p*q*z)",
            variables=("p", "q", "s", "x", "y", "z", "w"),
        ),
    ),
    "qae.second-order-entropy": (_MOMENTS,),
    "qae.second-order-clipping": (
        _MOMENTS,
        Enumeration(
            "min(ρA, clip(ρ)A) has the slope A between ρ and ρ + 1/100, and 0 above 6/5 for A > 0, below 4/5 for A < 0",
            "(f(rho + 1/100) - f(rho))*100 == (0 if clipped else A)",
            where={
                "rho": "i/100",
                "f(x)": "min(x*A, max(4/5, min(6/5, x))*A)",
                "clipped": "(A > 0 and rho >= 6/5) or (A < 0 and rho + 1/100 <= 4/5)",
            },
            cases={"A": "[-2, 3]", "i": "range(50, 150)"},
            count=200,
        ),
    ),
}
