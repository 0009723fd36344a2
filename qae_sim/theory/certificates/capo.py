"""Certificates of the claims about CAPO."""

from __future__ import annotations

from qae_sim.theory.certificates import Counterexample, Identity, Part

_NOISE = {
    "chance(n)": "binomial(G, n) * p**n * (1 - p)**(G - n)",
    "step(n)": "n*(G - n)/G",
    "mean(f)": "sum(chance(n) * f * step(n) for n in range(G + 1))",
    "square(f)": "sum(chance(n) * (f * step(n))**2 for n in range(G + 1))",
    "noise(f)": "square(f)/mean(f)**2 - 1",
}

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "capo.signal-to-noise": (
        Identity(
            "advantages of sums s and -s move the log-odds by 2s(1-p) + 2sp = 2s, the positive ones alone by (1-p) "
            "times as much, and Var/mean² of (1-p)·step is that of step",
            "2*s*(1 - p) == (1 - p)*(2*s*(1 - p) + 2*s*p) and "
            "((1 - p)**2*square - ((1 - p)*mean)**2)/((1 - p)*mean)**2 == (square - mean**2)/mean**2",
            variables=("s", "p", "square", "mean"),
        ),
        Counterexample(
            "Var/mean² of the positive advantages' step, 1-p times each group's step, is less than that of all",
            "noise(1 - p) < noise(1)",
            where=_NOISE,
            at={"G": "2", "p": "1/2"},
        ),
    ),
}
