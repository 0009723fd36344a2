"""Entropy and covariance: what a step does to the entropy, to first order and exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, number, numbers
from qae_sim.pictures.scene import GuideLine, Line, LookupTable, Number, Panel, Pick, Picture, Points, axis_limits
from qae_sim.pictures.style import BASELINE, CORRECT, MEAN, MUTED, QUANTILE, WRONG
from qae_sim.softmax import covariance, entropy, entropy_bounds, entropy_change, paper_update, probabilities

ETAS = np.round(np.arange(1, 101) * 0.05, 2)
BS = np.round(np.arange(51) * 0.02, 2)


@dataclass(frozen=True)
class CovarianceState(State):
    """A policy of six arms, which of them are correct, and a step of the paper's update."""

    b: float = number(0.5, "Baseline b", 0.0, 1.0, 0.02, local=True)
    eta: float = number(1.0, "Step size η", 0.05, 5.0, 0.05, local=True)
    k: float = number(0.4, "Quantile K", 0.05, 0.95, 0.05)
    temperature: float = number(
        1.0, "Temperature", 0.2, 5.0, 0.1, help="Divides all logits: high is flat, low is sharp."
    )
    z: tuple[float, ...] = numbers((2.0, 1.0, 0.5, 0.0, -0.5, -1.0), "Logit of arm", -4.0, 4.0, 0.1)
    r: tuple[float, ...] = numbers((0.0, 1.0, 0.0, 0.0, 1.0, 0.0), "Reward of arm", 0.0, 1.0, 1.0)


class EntropyCovariance(Explorer[CovarianceState]):
    """Change a policy arm by arm, take a step, and compare the first-order entropy change with the exact one.

    Example:
        >>> explorer = EntropyCovariance.from_state("eta=.5&b=1")
        >>> explorer.words()[:27]
        'The entropy is 1.33 nats an'
    """

    STATE = CovarianceState
    PRESETS: ClassVar = {
        "Rare success": CovarianceState(r=(0.0, 0.0, 0.0, 0.0, 0.0, 1.0)),
        "Likely success": CovarianceState(r=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
        "Nearly uniform": CovarianceState(z=(0.1, 0.0, 0.0, 0.0, 0.0, 0.0), r=(0.0, 1.0, 1.0, 1.0, 0.0, 0.0), eta=2.0),
        "Sharp policy": CovarianceState(temperature=0.4, r=(0.0, 1.0, 0.0, 0.0, 1.0, 0.0)),
    }
    CLAIMS: ClassVar = (
        "entropy.identity",
        "entropy.remainder",
        "qae.covariance-positive",
        "qae.linear-knob",
        "qae.finite-step-arms",
    )

    def show(self, state: CovarianceState) -> Picture:
        """Scatter, change against the step, and the two-sided bound."""
        z, r = np.array(state.z) / state.temperature, np.array(state.r)
        pi = probabilities(z)
        p = float(pi @ r)
        log_pi = np.log(pi)
        cov_f, cov_c = float(covariance(z, log_pi, pi * r)), float(covariance(z, log_pi, pi))
        bounds = entropy_bounds(z, r, eta=1.0)
        linear = float(bounds.lower) + BS * float(bounds.width)  # ΔH(b)/η, first order
        steps = np.stack([paper_update(z, r, float(b), eta=1.0) for b in BS])  # (B, A)
        moved = ETAS[:, None, None] * steps  # (E, B, A)
        exact = entropy_change(np.broadcast_to(z, moved.shape), moved)
        first = ETAS[:, None] * linear
        k_baseline = 0.0 if p <= 1 - state.k else 1.0
        right = r == 1
        at_quantile = float(np.interp(k_baseline, BS, linear))
        by_b, by_eta, both = ("b",), ("eta",), ("eta", "b")
        scatter = Panel(
            "log π against π·r",
            "log π of the arm",
            "π·r",
            axis_limits(-4, 0, log_pi),
            (-0.05, 1.05 * max(0.2, float(pi.max()))),
            (
                Points(log_pi, np.where(right, pi * r, np.nan), CORRECT, "correct arm", "circle", 13),
                Points(log_pi, np.where(right, np.nan, pi * r), WRONG, "wrong arm", "cross", 13),
            ),
        )
        reach = axis_limits(-0.2, 0.2, np.concatenate([exact.ravel(), first.ravel()]))
        growth = Panel(
            "Entropy change as the step grows",
            "step size η",
            "ΔH in nats",
            (0, 5),
            reach,
            (
                Line(ETAS, LookupTable(exact.T, by_b), BASELINE, "exact"),
                Line(ETAS, LookupTable(first.T, by_b), MUTED, "first order", "dashed"),
                GuideLine(LookupTable(ETAS, by_eta), "x", MUTED, "η", "dotted"),
            ),
        )
        bound = Panel(
            "Every baseline, at this step size",
            "baseline b",
            "ΔH in nats",
            (-0.05, 1.05),
            reach,
            (
                Line(BS, LookupTable(exact, by_eta), BASELINE, "exact"),
                Line(BS, LookupTable(first, by_eta), MUTED, "first order", "dashed"),
                Points(
                    np.array([p]),
                    LookupTable(np.array([[np.interp(p, BS, row)] for row in first]), by_eta),
                    MEAN,
                    "mean, RLOO: b = p",
                    "diamond",
                    13,
                ),
                Points(
                    np.array([k_baseline]),
                    LookupTable(ETAS[:, None] * at_quantile, by_eta),
                    QUANTILE,
                    "K-quantile",
                    "square",
                    15,
                ),
                GuideLine(LookupTable(BS, by_b), "x", MUTED, "b", "dotted"),
            ),
        )
        gap = np.abs(exact - first)
        words = (
            "The entropy is ",
            Number(float(entropy(z)), 2),
            " nats and p = ",
            Number(p, 2),
            ". With b = ",
            Number(LookupTable(BS, by_b), 2),
            " a step of η = ",
            Number(LookupTable(ETAS, by_eta), 2),
            " changes the entropy by ",
            Number(LookupTable(exact, both), 3, True),
            ", to first order by ",
            Number(LookupTable(first, both), 3, True),
            " (",
            Number(LookupTable(gap, both), 3),
            " apart). Cov(log π, πr) = ",
            Number(cov_f, 3, True),
            ", Cov(log π, π) = ",
            Number(cov_c, 3),
            ": the bound is ",
            Number(LookupTable(ETAS * float(bounds.width), by_eta), 3),
            " wide. The K-quantile's baseline is ",
            Number(k_baseline, 0),
            ", the ",
            Pick(k_baseline, ("lower", "upper")),
            " end.",
        )
        return Picture((scatter, growth, bound), words)
