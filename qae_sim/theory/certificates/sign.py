"""Certificates of the claims about the sign advantage."""

from __future__ import annotations

from qae_sim.advantages import expected_advantages
from qae_sim.theory.certificates import Counterexample, Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "sign.gradient": (
        Identity(
            "with α = 1 and β = -1 the speed is 2p(1-p)",
            "p*(1 - p)*(1 - (-1)) == 2*p*(1 - p)",
            variables=("p",),
            ties=(
                Tie(
                    "2*p*(1 - p)",
                    lambda p, G: float(expected_advantages("sign_advantage", p, G).c),  # noqa: N803
                    {"p": ("1/20", "19/20"), "G": (2, 12)},
                ),
            ),
        ),
    ),
    "sign.degeneracy": (
        Counterexample(
            "with one rate at all prompts the share of equal groups exceeds the prediction",
            "p**G + (1 - p)**G > p**G + (1 - p)**G",
            at={"p": "1/2", "G": "2"},
        ),
        Identity(
            "what p^G is above its tangent at m is (p-m)² times a sum without negative terms",
            "p**G - m**G - G*m**(G - 1)*(p - m) == (p - m)**2 * sum((k + 1)*m**k*p**(G - 2 - k) for k in range(G - 1))",
            cases={"G": "range(2, 13)"},
            count=11,
            variables=("p", "m"),
        ),
        Identity(
            "from G to G + 1, P = p^G and M = m^(G-1): R(G+1) = p R(G) + G M (p-m)²",
            "P*p - M*m**2 - (G + 1)*M*m*(p - m) == p*(P - M*m - G*M*(p - m)) + G*M*(p - m)**2",
            variables=("p", "m", "P", "M", "G"),
        ),
    ),
}
