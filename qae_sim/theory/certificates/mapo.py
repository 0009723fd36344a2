"""Certificates of the claims about MAPO."""

from __future__ import annotations

from qae_sim.advantages import mapo
from qae_sim.theory.certificates import Draw, Identity, Part, Tie

#: u is √((1-p)/p), GRPO's advantage of a success; the mixture's λ is the same at p and 1-p.
_MIXED = {"p": "1/(1 + u**2)", "mixture": "1 - 4*p*(1 - p)"}
#: Numbers of successes and failures.
_COUNTS: Draw = {"n": (1, 6), "m": (1, 6)}

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "mapo.hard-prompts": (
        Identity(
            "a success's (1-λ)u + λ(1-p)/p exceeds u by u(u-1)³(u+1)²/(u²+1)², which has the sign of u - 1",
            "(1 - mixture)*u + mixture*(1 - p)/p - u == u*(u - 1)**3*(u + 1)**2/(u**2 + 1)**2",
            where=_MIXED,
            variables=("u",),
            ties=(
                Tie(
                    "4*n*m/(n + m)**2*sqrt(m/n) + (1 - 4*n*m/(n + m)**2)*m/n",
                    lambda n, m: float(mapo([1.0] * n + [0.0] * m, eps=0.0)[0]),
                    _COUNTS,
                ),
            ),
        ),
    ),
    "mapo.mirror": (
        Identity(
            "a failure at the rate 1-p has -(1-λ)u - λ: with a success at p that adds up to (u²-1)³/(u²+1)²",
            "(1 - mixture)*u + mixture*(1 - p)/p - (1 - mixture)*u - mixture == (u**2 - 1)**3/(u**2 + 1)**2",
            where=_MIXED,
            variables=("u",),
            ties=(
                Tie(
                    "0 - 4*n*m/(n + m)**2*sqrt(m/n) - 1 + 4*n*m/(n + m)**2",
                    lambda n, m: float(mapo([1.0] * m + [0.0] * n, eps=0.0)[-1]),
                    _COUNTS,
                ),
            ),
        ),
    ),
}
