"""What the neighbours' papers say of advantages that know more of a response than its reward."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import numpy as np

from qae_sim.advantages import aapo, canon, dr_grpo, gdpo, grpo, opo, rlev, rloo
from qae_sim.theory.claim import Break, Evidence, Finding, Method, Verdict, conclude
from qae_sim.theory.registry import claim

OPO = "OPO (Hao et al., arXiv:2505.23585)"
CANON = "CANON (arXiv:2509.23962)"
AAPO = "AAPO (Xiong et al., arXiv:2505.14264)"
RLEV = "RLEV (Yu et al., arXiv:2510.20187)"
GDPO = "GDPO (arXiv:2601.05242)"


def _mean(values: list[Fraction]) -> Fraction:
    """Mean of exact numbers."""
    return sum(values, Fraction(0)) / len(values)


def _pairs(largest: int) -> Iterator[tuple[list[Fraction], list[int]]]:
    """All groups of rewards 0, 1/2 and 1 with lengths from 1 to 3."""
    for g in range(2, largest + 1):
        for rewards in product((Fraction(0), Fraction(1, 2), Fraction(1)), repeat=g):
            for lengths in product((1, 2, 3), repeat=g):
                yield list(rewards), list(lengths)


@claim(
    "opo.least-variance",
    paper=OPO,
    equation="optimal reward baseline",
    statement="No baseline gives a group's gradient less variance than the mean weighted by length.",
    latex=r"\sum_i \|s_i\|^2 (r_i-b)^2 \ \text{is least at}\ b^* = \frac{\sum_i l_i r_i}{\sum_i l_i}",
    assumptions=("squares of scores grow with the length, ‖s‖² = l", "scores of different responses are orthogonal"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("squares of scores do not depend on the length", {"grows": False}, Verdict.REFUTED),),
)
def opo_variance(quick: bool, *, grows: bool = True) -> Finding:
    """The second moment is a parabola in b; compared with the plain mean's, exactly."""
    largest, found, worst = (3 if quick else 4), None, 0.0
    for rewards, lengths in _pairs(largest):
        squares = lengths if grows else [1] * len(lengths)
        best = sum((n * r for n, r in zip(lengths, rewards, strict=True)), Fraction(0)) / sum(lengths)
        moments = [
            sum((s * (r - b) ** 2 for s, r in zip(squares, rewards, strict=True)), Fraction(0))
            for b in (best, _mean(rewards), best + Fraction(1, 7), best - Fraction(1, 7))
        ]
        if found is None and moments[0] > min(moments):
            found = {"rewards": [float(r) for r in rewards], "lengths": lengths, "better": float(_mean(rewards))}
        r = np.array([float(x) for x in rewards])
        worst = max(worst, float(np.abs(opo(r, lengths) - (r - float(best))).max()))
    return conclude(
        Evidence(
            "neither the plain mean nor anything beside b* has less",
            f"G = 2..{largest}, three levels of reward, lengths 1 to 3",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("opo subtracts b*, to 1e-14", "the same", Method.FLOATS, worst < 1e-14, f"{worst:.1e}"),
    )


@claim(
    "canon.dr-grpo",
    paper=CANON,
    equation="μ = 1/2",
    statement="With μ = 1/2 and halves of equal size CANON is Dr. GRPO, whatever the metric.",
    latex=r"\mu=\tfrac12,\ |G_+|=|G_-| \Rightarrow A_i = r_i - \bar r",
    assumptions=("α = 1", "an even G"),
    expected=Verdict.CERTIFIED,
    breaks=(
        Break("an odd G", {"odd": True}, Verdict.REFUTED),
        Break("μ = 1", {"mu": Fraction(1)}, Verdict.REFUTED),
        Break("α = 9/10", {"alpha": Fraction(9, 10)}, Verdict.REFUTED),
    ),
)
def canon_dr_grpo(
    quick: bool, *, odd: bool = False, mu: Fraction = Fraction(1, 2), alpha: Fraction = Fraction(1)
) -> Finding:
    """All groups of three levels; the first ⌊G/2⌋ are the low half."""
    sizes = (3, 5) if odd else ((2, 4) if quick else (2, 4, 6))
    found, worst = None, 0.0
    for g in sizes:
        for rewards in product((Fraction(0), Fraction(1, 2), Fraction(1)), repeat=g):
            low, high = _mean(list(rewards[: g // 2])), _mean(list(rewards[g // 2 :]))
            exact = [
                mu * (r - alpha * high if i < g // 2 else alpha * r - low)
                + (1 - mu) * (r - (low if i < g // 2 else high))
                for i, r in enumerate(rewards)
            ]
            if found is None and exact != [r - _mean(list(rewards)) for r in rewards]:
                found = {"rewards": [float(r) for r in rewards], "advantages": [float(a) for a in exact]}
            r = np.array([float(x) for x in rewards])
            ours = canon(r, np.arange(g), mu=float(mu), alpha=float(alpha))
            worst = max(worst, float(np.abs(ours - np.array([float(a) for a in exact])).max()))
    return conclude(
        Evidence(
            "the advantages are rewards minus the group's mean",
            f"G = {', '.join(map(str, sizes))}, all groups of three levels",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("canon gives these advantages, to 1e-14", "the same", Method.FLOATS, worst < 1e-14, f"{worst:.1e}"),
        Evidence(
            "and dr_grpo those, whatever the metric",
            "100 groups of 8",
            Method.FLOATS,
            _like_dr_grpo(),
        ),
    )


def _like_dr_grpo() -> bool:
    """Whether canon with its defaults is dr_grpo on random groups and metrics."""
    rng = np.random.default_rng(0)
    rewards, metric = rng.normal(size=(100, 8)), rng.normal(size=(100, 8))
    return bool(np.abs(canon(rewards, metric) - dr_grpo(rewards)).max() < 1e-13)


@claim(
    "aapo.equal-rewards",
    paper=AAPO,
    equation="advantage momentum",
    statement="A group whose rewards are all equal keeps a signal.",
    latex=r"r_1=\dots=r_G \Rightarrow \exists i:\ A_i \ne 0",
    assumptions=("binary rewards, also of the reference model",),
    expected=Verdict.CONDITIONAL,
    breaks=(Break("a margin that is clipped to nothing", {"clip": 0.0}, Verdict.REFUTED),),
)
def aapo_equal(quick: bool, *, clip: float = 0.28) -> Finding:
    """All groups of equal rewards against all rewards of the reference model."""
    largest, found, under = (4 if quick else 8), None, None
    for g in range(2, largest + 1):
        for level, reference in product((0.0, 1.0), product((0.0, 1.0), repeat=g)):
            speaks = bool(aapo([level] * g, reference, clip_low=min(clip, 0.2), clip_high=clip).any())
            example = {"rewards": level, "g": g, "reference": list(reference)}
            if not speaks:
                found = found or example
                if any(x != level for x in reference):
                    under = under or example
    return conclude(
        Evidence(
            "some advantage is not 0",
            f"G = 2..{largest}, all rewards of the reference model",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        under=[
            Evidence("it is under the condition", "the same", Method.CASES, under is None, counterexample=under or {})
        ],
        condition="some response of the reference model fared otherwise",
    )


@claim(
    "rlev.values-count",
    paper=RLEV,
    equation="scaled rewards in GRPO",
    statement="What a prompt is worth changes its advantages, whichever group estimator is used.",
    latex=r"A(s\,r) \ne A(r),\ s > 1",
    assumptions=("binary rewards", "mixed groups", "GRPO, ε = 0"),
    expected=Verdict.REFUTED,
    breaks=(Break("RLOO, which does not divide by the standard deviation", {"base": "rloo"}, Verdict.CERTIFIED),),
)
def rlev_values(quick: bool, *, base: str = "grpo") -> Finding:
    """Squares of GRPO's advantages are rational: d²/σ² is the same for r and for s·r."""
    top, found = (16 if quick else 64), None
    for g in range(2, top + 1):
        for n, s in product(range(1, g), (Fraction(3, 2), Fraction(2))):
            advantage = []
            for scale in (Fraction(1), s):
                deviation = scale * (1 - Fraction(n, g))
                variance = scale**2 * Fraction(n, g) * (1 - Fraction(n, g))
                advantage.append(deviation**2 / variance if base == "grpo" else deviation * g / (g - 1))
            if found is None and advantage[0] == advantage[1]:
                found = {"g": g, "successes": n, "s": float(s)}
    r = np.array([[1.0, 0, 0, 0]])
    ours = rlev(r, [1.0], base=base) / (grpo(r) if base == "grpo" else rloo(r))  # type: ignore[arg-type]
    wanted = 1.0 if base == "grpo" else 2.0
    return conclude(
        Evidence(
            "the success's advantage is another",
            f"G = 2..{top}, every number of successes, s = 3/2 and 2",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("rlev does so", "one success in four", Method.FLOATS, bool(np.abs(ours - wanted).max() < 1e-5)),
    )


@claim(
    "rlev.ending",
    paper=RLEV,
    equation="gradient of the end's logit",
    statement="The gradient of the expected scaled reward with respect to the logit of the end is "
    "s·π(1-π)(p_end - p_go).",
    latex=r"\frac{\partial J}{\partial z_{\mathrm{end}}} = s\,\pi(1-\pi)\,(p_{\mathrm{end}}-p_{\mathrm{go}})",
    assumptions=("one decision, to end or to go on", "p the success rate after either"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("a penalty for going on that does not scale", {"penalty": Fraction(1, 10)}, Verdict.REFUTED),),
)
def rlev_ending(quick: bool, *, penalty: Fraction = Fraction(0)) -> Finding:
    """J is linear in π, so its slope in π times dπ/dz = π(1-π) is the gradient: exact on a grid of all quantities."""
    tenths, found = [Fraction(k, 10) for k in range(11)], None
    for s, end, go, pi in product((Fraction(1), Fraction(3, 2)), tenths, tenths, tenths[1:-1]):
        slope = (s * end) - (s * go - penalty)  # J(π = 1) - J(π = 0)
        if found is None and slope * pi * (1 - pi) != s * pi * (1 - pi) * (end - go):
            found = {"s": float(s), "p_end": float(end), "p_go": float(go)}
    z, eta = 0.3, 1e-6

    def value(logit: float) -> float:
        pi = 1 / (1 + np.exp(-logit))
        return float(1.5 * (pi * 0.8 + (1 - pi) * 0.3))

    pi = 1 / (1 + np.exp(-z))
    gap = abs((value(z + eta) - value(z - eta)) / (2 * eta) - 1.5 * pi * (1 - pi) * 0.5)
    return conclude(
        Evidence(
            "the slope is the stated one",
            "s = 1, 3/2; p, π multiples of 1/10",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("so is a difference quotient, to 1e-8", "one point", Method.FLOATS, gap < 1e-8, f"{gap:.1e}"),
    )


def _rounded(advantages: np.ndarray) -> tuple[float, ...]:
    """Advantages to nine digits."""
    return tuple(float(a) + 0.0 for a in np.round(advantages, 9))


@claim(
    "gdpo.resolution",
    paper=GDPO,
    equation="motivation",
    statement="GDPO tells apart every two groups that GRPO tells apart, and some that GRPO does not.",
    latex=r"A_{\mathrm{GDPO}}(r)=A_{\mathrm{GDPO}}(r') \Rightarrow A_{\mathrm{GRPO}}(r)=A_{\mathrm{GRPO}}(r')",
    assumptions=("two binary rewards of equal weight", "before the division by the batch's spread", "ε = 0"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("both rewards are the same one", {"same": True}, Verdict.REFUTED),),
)
def gdpo_resolution(quick: bool, *, same: bool = False) -> Finding:
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
