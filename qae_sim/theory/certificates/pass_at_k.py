"""Certificates of the claims about pass@k."""

from __future__ import annotations

from qae_sim.advantages import expected_advantages
from qae_sim.theory.certificates import Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "pass-at-k.gradient": (
        Identity(
            "G·c, from groups with one success, is the slope G(1-p)^(G-1) of pass@G times p(1-p); Q = (1-p)^(G-1)",
            "G * (G*p*Q) * (1 - p)/G == G*Q * p*(1 - p)",
            variables=("p", "G", "Q"),
            ties=(
                Tie(
                    "p*(1 - p)**G * G/sqrt(G - 1)",
                    lambda p, G: float(expected_advantages("grpo_passk", p, G, eps=0.0).c),  # noqa: N803
                    {"p": ("1/20", "19/20"), "G": (2, 12)},
                ),
            ),
        ),
    ),
}
