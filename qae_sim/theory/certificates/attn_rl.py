"""Certificates of the claims about AttnRL."""

from __future__ import annotations

from qae_sim.advantages import Tree, attn_rl
from qae_sim.theory.certificates import Identity, Part, Tie

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "attn-rl.siblings": (
        Identity(
            "children with reward sums s, t, u over l, m, n leaves, the parent's value being that of all leaves: "
            "what they gain adds up to 0, weighted by their leaves (a further child is a third one that is two)",
            "l*(s/l - V) + m*(t/m - V) + n*(u/n - V) == 0",
            where={"V": "(s + t + u)/(l + m + n)"},
            variables=("s", "t", "u", "l", "m", "n"),
            ties=(
                Tie(
                    "(((y + z)/2 - (x + y + z)/3) + ((y + z)/2 - (x + y + z)/3))/sqrt(2)",
                    lambda x, y, z: float(attn_rl([x, y, z], Tree((-1, 0, 0, 1, 1)))[1]),
                    {"x": ("0", "1"), "y": ("2", "3"), "z": ("0", "1")},
                ),
            ),
        ),
    ),
}
