"""Proposition 4.2 for entropies per token: what lengths and the tokens' policies do to the slope in the baseline."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from qae_sim.softmax import entropy as entropy_of_logits
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball, total
from qae_sim.theory.certified import covariance, digits, entropy, near, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.registry import claim
from qae_sim.theory.softmax_identities import cov, simplex
from qae_sim.theory.truth import Truth

#: Probabilities of the first token, and of the second one after each of them.
ROOT = (Fraction(3, 5), Fraction(2, 5))
LEAVES = ((Fraction(1, 2), Fraction(1, 2)), (Fraction(999, 1000), Fraction(1, 1000)))


@claim(
    "qae.prop4.2-length-normalised",
    paper=PAPER,
    equation="Sec. 4.3, Setup: 'H(q) the token-averaged (length-normalized) policy entropy'",
    statement="With each response's surprise divided by its length, too, the first-order entropy change never falls "
    "when the baseline rises.",
    latex=r"\bar H = -\sum_y \pi(y)\,\frac{\log\pi(y)}{|y|}:\quad "
    r"\frac{\partial\Delta\bar H}{\partial b} = "
    r"\eta\,\operatorname{Cov}_\pi\Big(\frac{\log\pi + 1}{|y|}, \pi\Big) \ge 0",
    assumptions=("the paper's update Δz = η π (r - b), one logit per response", "first order in η"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="it is enough that likelier responses have the larger (log π + 1)/|y|, as with equal lengths",
    breaks=(
        Break("equal lengths", {"lengths": (1, 1)}, Verdict.CERTIFIED),
        Break("the derivative of log π is forgotten", {"one": 0}, Verdict.REFUTED),
    ),
)
def length_normalised(quick: bool, *, lengths: tuple[int, int] = (10, 1), one: int = 1) -> CheckOutcome:
    """D(π log π/|y|) = π(δ - Eδ)(log π + 1)/|y|, so that H̄ changes by minus the covariance of δ and (log π + 1)/|y|."""
    pi, logs, rest = simplex(3, "u0", "u1", "u2", "d0", "d1", "d2")
    weights, steps = rest[:3], rest[3:]
    mean = sum((p * d for p, d in zip(pi, steps, strict=True)), 0 * pi[0])
    # The product rule with π' = π(δ - Eδ) and (log π)' = δ - Eδ.
    change = -sum(
        (u * (p * (d - mean) * log + p * (d - mean)) for u, p, d, log in zip(weights, pi, steps, logs, strict=True)),
        0 * pi[0],
    )
    slope = change == -cov(pi, steps, [u * (log + one) for u, log in zip(weights, logs, strict=True)])
    score = [u * (log + 1) for u, log in zip(weights, logs, strict=True)]
    pairs = sum(
        (pi[a] * pi[c] * (score[a] - score[c]) * (pi[a] - pi[c]) for a in range(3) for c in range(a)), 0 * pi[0]
    )
    with ctx.workprec(64):
        policy = [number(x) for x in ROOT]
        found = covariance(policy, [(p.log() + 1) / n for p, n in zip(policy, lengths, strict=True)], policy)
        # By hand: p(1-p)(2p-1) times the difference of the two scores.
        scores = [(number(x).log() + 1) / n for x, n in zip(ROOT, lengths, strict=True)]
        tied = abs(found - number("0.048") * (scores[0] - scores[1])) < number("1e-15")
    rises = found >= 0
    return conclude(
        Evidence(
            "the slope in b is not below 0",
            f"two responses, π = (.6, .4), lengths {lengths[0]} and {lengths[1]}",
            Method.INTERVALS,
            rises,
            counterexample={"pi": [0.6, 0.4], "lengths": list(lengths), "slope per eta": digits(found, 8)}
            if rises is Truth.NO
            else {},
        ),
        under=[
            Evidence(
                "H̄ changes by -Cov(δ, (log π + 1)/|y|); along δ = -ηπ per unit of b it is η times a sum over pairs of "
                "π_a π_c times the difference of (log π + 1)/|y| times that of π",
                "every policy and lengths (three responses: no monomial has more)",
                Method.SYMBOLIC,
                bool(slope and cov(pi, score, pi) == pairs),
            )
        ],
        condition="it is enough that likelier responses have the larger (log π + 1)/|y|, as with equal lengths",
        controls=[Evidence("the slope is the one worked out by hand", "this policy", Method.INTERVALS, tied)],
    )


@claim(
    "qae.prop4.2-tokens",
    paper=PAPER,
    equation="Proposition 4.2 for policies of tokens",
    statement="With the update at every token, Δz(s,a) = η π(a|s)(Q(s,a) - b), the first-order change of the "
    "token-averaged entropy never falls when the baseline rises.",
    latex=r"V(s) = H(\pi_s) + \sum_a \pi(a|s)V(sa):\quad \frac{\partial\Delta V}{\partial b} = "
    r"\eta\,\mathbb E\sum_s \operatorname{Cov}_{\pi_s}\big(\log\pi(a|s) - V(sa), \pi(a|s)\big) \ge 0",
    assumptions=(
        "autoregressive softmax policy with a logit for every prefix and token",
        "equal lengths",
        "first order",
    ),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="it is enough that log π(a|s) - V(sa) rises with π(a|s) at every prefix, V the entropy still to come",
    breaks=(
        Break("the likelier token leads to the more certain one", {"swapped": True}, Verdict.CERTIFIED),
        Break("the entropies still to come are forgotten", {"to_come": 0}, Verdict.REFUTED),
    ),
)
def tokens(quick: bool, *, swapped: bool = False, to_come: int = 1) -> CheckOutcome:
    """V(s) changes by -Cov(log π, δ) + Cov(V(sa), δ) + Σ π(a|s) ΔV(sa): the slope is a sum, by induction.

    In the example the likelier first token leads to a coin toss and the other one to a nearly certain token: a higher
    baseline pushes the likelier one down harder, which costs more entropy at the second token than it wins at the
    first.
    """
    leaves = LEAVES[::-1] if swapped else LEAVES
    with ctx.workprec(64):
        slope = _slope(leaves)
        # By hand: of (p - q)·p·q·(log(p/q) - V₁ + V₂), and of the second leaf (the first, even one adds nothing).
        even, certain = Ball(2).log(), entropy([number("0.999"), number("0.001")])
        gap = even - certain if not swapped else certain - even
        leaf = number("0.998") * number("0.000999") * number(999).log() * number(ROOT[0] if swapped else ROOT[1])
        tied = abs(slope - number("0.048") * (number("1.5").log() - gap) - leaf) < number("1e-15")
        agrees, error = near([(_difference(leaves), slope)], "1e-5")
    rises = slope >= 0
    return conclude(
        Evidence(
            "the slope of ΔV in b is not below 0",
            f"first token (.6, .4), after it {' or '.join(f'({one}, {other})' for one, other in leaves)}",
            Method.INTERVALS,
            rises,
            counterexample={
                "first token": [0.6, 0.4],
                "second token after each": [[float(x) for x in leaf] for leaf in leaves],
                "slope per eta": digits(slope, 8),
            }
            if rises is Truth.NO
            else {},
        ),
        Evidence(
            "the entropies of the token policies after one step differ by that slope",
            "η = 1e-4, b = 0 and 1, no reward",
            Method.FLOATS,
            agrees,
            error,
        ),
        under=[_induction_step(to_come)],
        condition="it is enough that log π(a|s) - V(sa) rises with π(a|s) at every prefix, V the entropy still to come",
        controls=[Evidence("the slope is the one worked out by hand", "this policy", Method.INTERVALS, tied)],
    )


def _slope(leaves: tuple[tuple[Fraction, ...], ...]) -> Ball:
    """Slope of ΔV in b per η: at the root Cov(log π - V, π), at each leaf its own Cov(log π, π), times its chance."""
    root, after = [number(x) for x in ROOT], [[number(x) for x in leaf] for leaf in leaves]
    first = covariance(root, [p.log() - entropy(leaf) for p, leaf in zip(root, after, strict=True)], root)
    return first + total(
        p * covariance(leaf, [x.log() for x in leaf], leaf) for p, leaf in zip(root, after, strict=True)
    )


def _difference(leaves: tuple[tuple[Fraction, ...], ...]) -> float:
    """(V at b = 1 less V at b = 0)/η after the step Δz = -η b π at every prefix, by the project's entropy."""
    eta = 1e-4

    def value(b: float) -> float:
        logits = [
            np.log([float(x) for x in row]) - eta * b * np.array([float(x) for x in row]) for row in (ROOT, *leaves)
        ]
        first = np.exp(logits[0])
        to_come = float(first @ [float(entropy_of_logits(z)) for z in logits[1:]] / first.sum())
        return float(entropy_of_logits(logits[0])) + to_come

    return (value(1.0) - value(0.0)) / eta


def _induction_step(to_come: int) -> Evidence:
    """The change of V(s) along δ = -π per unit of ηb, with V(sa) and their changes as variables."""
    equal = True
    for arms in (2, 3):
        names = [f"{name}{a}" for name in ("v", "e") for a in range(arms)]
        pi, logs, rest = simplex(arms, *names)
        values, changes = rest[:arms], rest[arms:]
        steps: list[Any] = [-p for p in pi]
        mean = sum((p * d for p, d in zip(pi, steps, strict=True)), 0 * pi[0])
        moved = sum((p * (d - mean) * v for p, d, v in zip(pi, steps, values, strict=True)), 0 * pi[0])
        below = sum((p * e for p, e in zip(pi, changes, strict=True)), 0 * pi[0])
        change = -cov(pi, logs, steps) + to_come * moved + below
        score = [log - v for log, v in zip(logs, values, strict=True)]
        pairs = sum(
            (pi[a] * pi[c] * (score[a] - score[c]) * (pi[a] - pi[c]) for a in range(arms) for c in range(a)), 0 * pi[0]
        )
        equal &= change - below == pairs
    return Evidence(
        "V(s) changes by Σ π(a|s) times the changes of V(sa), plus a sum over pairs of tokens of π_a π_c times the "
        "difference of log π - V times that of π",
        "every prefix, every number of tokens and length (induction over the length)",
        Method.SYMBOLIC,
        bool(equal),
    )
