"""Certificates of the claims about GDPO."""

from __future__ import annotations

from qae_sim.theory.certificates import Counterexample, Enumeration, Part

#: Two groups of 16; σ of a reward is √15·k/16.
_GROUPS = {
    "first(i)": "[0, 1] if i < 1 else ([1, 0] if i < 11 else [1, 1])",
    "second(i)": "[0, 0] if i < 1 else ([0, 1] if i < 6 else ([1, 0] if i < 11 else [1, 1]))",
    "pair(g, i)": "first(i) if g == 0 else second(i)",
    "mean(g, j)": "sum(pair(g, i)[j] for i in range(16))/16",
    "variance(g, j)": "sum((pair(g, i)[j] - mean(g, j))**2 for i in range(16))/16",
    "k(g, j)": "1 if g == 0 and j == 0 else 2",
}

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "gdpo.resolution": (
        Enumeration(
            "256 times a reward's variance is 15k²",
            "256*variance(g, j) == 15*k(g, j)**2",
            where=_GROUPS,
            cases={"g": "[0, 1]", "j": "[0, 1]"},
            count=4,
        ),
        Counterexample(
            "where √15 times the sums of both standardised rewards are the same in both groups, in some order, GRPO's "
            "advantages are, and so is the number of responses with the lowest sum of rewards",
            "any(apart(0)[i] != apart(1)[i] for i in range(16)) or lowest(0) == lowest(1)",
            where=_GROUPS
            | {
                "scaled(g, i)": "sum(16*(pair(g, i)[j] - mean(g, j))/k(g, j) for j in [0, 1])",
                "apart(g)": "sorted([scaled(g, i) for i in range(16)])",
                "total(g, i)": "pair(g, i)[0] + pair(g, i)[1]",
                "least(g)": "min([total(g, i) for i in range(16)])",
                "lowest(g)": "len([i for i in range(16) if total(g, i) == least(g)])",
            },
            at={"G": "16"},
        ),
    ),
    "gdpo.finer": (
        Enumeration(
            "of (0,0), (0,1), (1,0), (1,0) the pairs (0,1) and (1,0) have one sum and two of GDPO's advantages",
            "0 + 1 == 1 + 0 and advantage(0, 1) != advantage(1, 0)",
            where={
                "advantage(x, y)": "(x - mean(0))/sqrt(variance(0)) + (y - mean(1))/sqrt(variance(1))",
                "pairs": "[[0, 0], [0, 1], [1, 0], [1, 0]]",
                "mean(j)": "sum(pairs[i][j] for i in range(4))/4",
                "variance(j)": "sum((pairs[i][j] - mean(j))**2 for i in range(4))/4",
            },
        ),
    ),
}
