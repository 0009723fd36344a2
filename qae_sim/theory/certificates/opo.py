"""Certificates of the claims about OPO."""

from __future__ import annotations

from qae_sim.advantages import opo
from qae_sim.theory.certificates import Counterexample, Identity, Part, Tie

_STEP = {
    "step(b)": "2*((1 - p)*(1 - b) + p*b)",
    "weighted": "l/(l + m)",
}

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "opo.least-variance": (
        Identity(
            "Σ l(r-b)² = S - 2bA + b²L, with L = Σ l, A = Σ l·r, S = Σ l·r², exceeds its value at A/L by (bL - A)²/L",
            "moment(b) - moment(A/L) == (b*L - A)**2/L",
            where={"moment(b)": "S - 2*b*A + b**2*L"},
            variables=("b", "L", "A", "S"),
            ties=(
                Tie(
                    "x - (l*x + m*y)/(l + m)",
                    lambda x, y, l, m: float(opo([x, y], [l, m])[0]),  # noqa: E741
                    {"x": ("1", "2"), "y": ("0", "1"), "l": (1, 9), "m": (1, 9)},
                ),
            ),
        ),
    ),
    "opo.training": (
        Identity(
            "a mixed pair's step at OPO's baseline less that at the mean, 1/2",
            "step(weighted) - step(1/2) == (1 - 2*p)*(m - l)/(l + m)",
            where=_STEP,
            variables=("p", "l", "m"),
            ties=(
                Tie(
                    "2*((1 - p)*(1 - l/(l + m)) + p*l/(l + m))",
                    lambda p, l, m: float(opo([1.0, 0.0], [l, m]) @ [2 * (1 - p), -2 * p]),  # noqa: E741
                    {"p": ("1/20", "19/20"), "l": (1, 9), "m": (1, 9)},
                ),
            ),
        ),
        Counterexample(
            "OPO's step is shorter, and what it costs of entropy, log(p/(1-p)) times the step, is less",
            "step(weighted) < step(1/2) and log(p/(1 - p))*step(weighted) < log(p/(1 - p))*step(1/2)",
            where=_STEP,
            at={"p": "9/10", "l": "2", "m": "1"},
        ),
    ),
}
