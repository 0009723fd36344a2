"""GDPO's separate standardisation of several rewards: which groups it tells apart."""

from __future__ import annotations

from itertools import product

import numpy as np

from qae_sim.advantages import gdpo, grpo
from qae_sim.theory.claim import NEEDS_TRAINING, Break, CheckOutcome, Evidence, Method, Verdict, conclude, unchecked
from qae_sim.theory.claims.gdpo import PAPER
from qae_sim.theory.registry import claim


def _rounded(advantages: np.ndarray) -> tuple[float, ...]:
    """Advantages to nine digits."""
    return tuple(float(a) + 0.0 for a in np.round(advantages, 9))


@claim(
    "gdpo.resolution",
    paper=PAPER,
    equation="motivation",
    statement="GDPO tells apart every two groups that GRPO tells apart, and some that GRPO does not.",
    latex=r"A_{\mathrm{GDPO}}(r)=A_{\mathrm{GDPO}}(r') \Rightarrow A_{\mathrm{GRPO}}(r)=A_{\mathrm{GRPO}}(r')",
    assumptions=("two binary rewards of equal weight", "before the division by the batch's spread", "ε = 0"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("both rewards are the same one", {"same": True}, Verdict.REFUTED),),
)
def gdpo_resolution(quick: bool, *, same: bool = False) -> CheckOutcome:
    """Advantages of all groups with two rewards for each response, to nine digits."""
    merged, counts = None, []
    for g in (2, 3) if quick else (2, 3, 4):
        classes: dict[tuple[float, ...], set[tuple[float, ...]]] = {}
        examples: dict[tuple[float, ...], object] = {}
        for group in product(product((0.0, 1.0), repeat=2), repeat=g):
            first = np.array([pair[0] for pair in group])
            second = first if same else np.array([pair[1] for pair in group])
            apart = _rounded(grpo(first, eps=0) + grpo(second, eps=0))
            together = _rounded(grpo(first + second, eps=0))
            classes.setdefault(apart, set()).add(together)
            if len(classes[apart]) > 1:
                merged = merged or {"rewards": [list(pair) for pair in group]}
            examples.setdefault(together, group)
        counts.append((g, len(examples), len(classes)))
    sharper = all(grouped < separate for _, grouped, separate in counts)
    r, other = np.array([[0.0, 1], [0, 1]]), np.array([[[0.0, 0], [0, 1]]])
    ours = gdpo(r, other, eps=0)
    return conclude(
        Evidence(
            "what GDPO makes equal GRPO makes equal",
            "G = 2, 3 (and 4), all pairs of binary rewards",
            Method.PRECISION,
            merged is None,
            counterexample=merged or {},
        ),
        Evidence(
            "GDPO gives more different advantages",
            "the same",
            Method.PRECISION,
            sharper,
            counterexample={} if sharper else {"classes (G, GRPO, GDPO)": counts},
            figures={f"G = {g}": f"GRPO {a}, GDPO {b}" for g, a, b in counts},
        ),
        Evidence(
            "gdpo gives sums 0, 1 and 0, 2 different advantages",
            "one batch",
            Method.FLOATS,
            bool(abs(ours[1, 1] / ours[0, 1] - 2) < 1e-12),
        ),
    )


@claim(
    "gdpo.training",
    paper=PAPER,
    equation="main results",
    statement="GDPO trains better than GRPO on several rewards.",
    latex=r"\text{GDPO} > \text{GRPO}",
    expected=Verdict.OPEN,
)
def training(quick: bool) -> CheckOutcome:
    """Not checked: it takes the training of large models."""
    return unchecked(NEEDS_TRAINING)
