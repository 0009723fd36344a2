"""Certificates of the claims about CANON."""

from __future__ import annotations

from qae_sim.advantages import canon
from qae_sim.theory.certificates import Identity, Part, Tie

#: Of a reward r, with the means of its own half and of the other, at α = 1.
_INTER_INTRA = {"advantage(r, own, other)": "mu*(r - other) + (1 - mu)*(r - own)"}

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "canon.dr-grpo": (
        Identity(
            "at μ = 1/2 a reward less both halves' means is the reward less the group's, h responses in each half",
            "advantage(r, low, high) == r - (h*low + h*high)/(2*h) == advantage(r, high, low)",
            where=_INTER_INTRA | {"mu": "1/2"},
            variables=("r", "low", "high", "h"),
            ties=(
                Tie(
                    "mu*(x - (w + z)/2) + (1 - mu)*(x - (x + y)/2)",
                    lambda x, y, z, w: float(canon([x, y, z, w], [1, 2, 3, 4], mu=0.5)[0]),
                    {"x": ("4", "5"), "y": ("0", "1"), "z": ("0", "1"), "w": ("0", "1")},
                ),
            ),
        ),
    ),
    "canon.no-direction": (
        Identity(
            "a response of the low half has μ(r - mean of the high half) + (1-μ)(r - mean of the low half); in the "
            "high half, after turning the metric, the same with its own half's mean and the other's",
            "mu*(r - other) + (1 - mu)*(r - own) == mu*(1*r - other) + (1 - mu)*(r - own)",
            variables=("r", "own", "other", "mu"),
            ties=(
                Tie(
                    "3/10*(x - (w + z)/2) + 7/10*(x - (x + y)/2)",
                    lambda x, y, z, w: float(canon([x, y, z, w], [4, 3, 2, 1], mu=0.3)[0]),
                    {"x": ("4", "5"), "y": ("0", "1"), "z": ("0", "1"), "w": ("0", "1")},
                ),
                Tie(
                    "3/10*(x - (w + z)/2) + 7/10*(x - (x + y)/2)",
                    lambda x, y, z, w: float(canon([x, y, z, w], [1, 2, 3, 4], mu=0.3)[0]),
                    {"x": ("4", "5"), "y": ("0", "1"), "z": ("0", "1"), "w": ("0", "1")},
                ),
            ),
        ),
    ),
}
