"""Certificates of the claims about RLEV."""

from __future__ import annotations

from qae_sim.advantages import rlev
from qae_sim.theory.certificates import Counterexample, Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "rlev.values-count": (
        Counterexample(
            "GRPO's squared advantage of a success, rewards being s or 0, is another one at s = 2 than at s = 1",
            "square(2) != square(1)",
            where={"square(s)": "(s*(1 - n/G))**2/(s**2*n*(G - n)/G**2)"},
            at={"n": "1", "G": "4"},
        ),
        Identity(
            "it is the same at every s; RLOO's advantage is s times as large",
            "(s*d)**2/(s**2*v) == d**2/v and s*d*G/(G - 1) == s*(d*G/(G - 1))",
            variables=("s", "d", "v", "G"),
            ties=(
                Tie(
                    "(1 + v)*(1 - 1/4)*4/3",
                    lambda v: float(rlev([[1.0, 0.0, 0.0, 0.0]], [v], base="rloo")[0, 0]),
                    {"v": ("0", "1")},
                ),
            ),
        ),
    ),
    "rlev.ending": (
        Identity(
            "J = s(π·end + (1-π)·go) is linear in π: its slope, J(1) - J(0), times dπ/dz = π(1-π)",
            "(J(1) - J(0))*pi*(1 - pi) == s*pi*(1 - pi)*(end - go)",
            where={"J(x)": "s*(x*end + (1 - x)*go)"},
            variables=("s", "pi", "end", "go"),
        ),
    ),
    "rlev.training": (
        Identity(
            "o' = s·d·o²/(1+o)² for the end's odds, and dF/do = 1 + 1/o² + 2/o for F = o - 1/o + 2 log o: F' = s·d",
            "(1 + 1/o**2 + 2/o) * s*d*o**2/(1 + o)**2 == s*d",
            variables=("o", "s", "d"),
        ),
        Counterexample(
            "F grows faster, towards the end, on the prompt of low value s = 1 than on that of high value s = 2",
            "1*(end - go) > 2*(end - go)",
            at={"end": "1/2", "go": "1/4"},
        ),
        Identity(
            "it does by e·h where going on succeeds more often by h > 0 and s differs by e > 0",
            "s*(end - (end + h)) - (s + e)*(end - (end + h)) == e*h",
            variables=("s", "e", "h", "end"),
        ),
    ),
}
