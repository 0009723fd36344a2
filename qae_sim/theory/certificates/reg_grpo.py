"""Certificates of the claims about Reg-GRPO."""

from __future__ import annotations

from qae_sim.theory.certificates import Identity, Part

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "reg-grpo.scale": (
        Identity(
            "of ρ = s·r + c, with Σ r = S and Σ r² = squares: deviations are s times, G² times the variance s² times",
            "G*(s*r + c) - (s*S + G*c) == s*(G*r - S) and "
            "G*(s**2*squares + 2*s*c*S + G*c**2) - (s*S + G*c)**2 == s**2*(G*squares - S**2)",
            variables=("r", "s", "c", "S", "squares", "G"),
        ),
    ),
}
