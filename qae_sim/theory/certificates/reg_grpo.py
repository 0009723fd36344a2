"""Certificates of the claims about Reg-GRPO."""

from __future__ import annotations

from qae_sim.advantages import reg_grpo
from qae_sim.theory.certificates import Counterexample, Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "reg-grpo.scale": (
        Identity(
            "of ρ = s·r + c, with Σ r = S and Σ r² = squares: deviations are s times, G² times the variance s² times",
            "G*(s*r + c) - (s*S + G*c) == s*(G*r - S) and "
            "G*(s**2*squares + 2*s*c*S + G*c**2) - (s*S + G*c)**2 == s**2*(G*squares - S**2)",
            variables=("r", "s", "c", "S", "squares", "G"),
        ),
    ),
    "reg-grpo.first-step": (
        Identity(
            "the loss (A - t/(t + ε))² falls by 2A·t/(t + ε) less a square, so its slope at t = 0 is -2A/ε",
            "((A - t/(t + eps))**2 - A**2)/t == 0 - 2*A/(t + eps) + t/(t + eps)**2",
            variables=("A", "t", "eps"),
            ties=(
                Tie(
                    "(1/2/(1/2 + 1/10) - t/(t + 1/10))**2",
                    lambda t: float(reg_grpo([1.0, 0.0], [t, -t], eps=0.1)),
                    {"t": ("1/20", "1")},
                ),
            ),
        ),
        Counterexample(
            "the slope is at most 10 times the advantage",
            "2*A/eps <= 10*A",
            at={"A": "1", "eps": "1/1000000"},
        ),
    ),
}
