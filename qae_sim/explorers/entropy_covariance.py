"""Entropy and covariance: what a step does to the entropy, to first order and exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, number, numbers
from qae_sim.explorers.verifier import VERIFIERS, Verifier, verifier
from qae_sim.pictures.scene import (
    GuideLine,
    Line,
    LookupTable,
    Number,
    Panel,
    Pick,
    Picture,
    Points,
    Touch,
    Words,
    axis_limits,
)
from qae_sim.pictures.style import BASELINE, CORRECT, MEAN, MUTED, QUANTILE, WRONG
from qae_sim.softmax import covariance, entropy, entropy_bounds, entropy_change, paper_update, probabilities

ETAS = np.round(np.arange(1, 101) * 0.05, 2)
BS = np.round(np.arange(51) * 0.02, 2)

# What the browser looks up depends on one of its sliders, or on both.
_BY_B, _BY_ETA, _BY_BOTH = ("b",), ("eta",), ("eta", "b")


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
    verifier: str = verifier()


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
    LEADING: ClassVar = ("b", "eta", "r")
    CLAIMS: ClassVar = (
        "entropy.identity",
        "entropy.remainder",
        "qae.covariance-positive",
        "qae.linear-knob",
        "qae.finite-step-arms",
    )

    def show(self, state: CovarianceState) -> Picture:
        """Scatter, change against the step, and change against the baseline."""
        found = model(state)
        return Picture(panels(found, reach(state)), words(found))


@dataclass(frozen=True)
class PolicyStep:
    """A policy, and what one step of the paper's update does to its entropy: for E step sizes and B baselines.

    Attributes:
        pi: Probabilities of the arms, ``(A,)``.
        r: 1 for a correct arm, else 0, ``(A,)``.
        rho: Their mean rewards ρ, which are r unless the verifier errs, ``(A,)``.
        p: Success rate Σ πr.
        q: Mean reward Σ πρ.
        verifier: How the verifier errs.
        entropy: H in nats.
        reward_covariance: Cov(log π, πρ).
        moved: What errors add to the first-order entropy change per unit of η, whatever b is.
        policy_covariance: Cov(log π, π).
        slope: First-order entropy change per unit of η, ``(B,)``.
        width: Distance of its two ends, at b = 0 and b = 1.
        exact: Entropy change, ``(E, B)``.
        quantile_baseline: 0 or 1, the K-quantile of the rewards.
    """

    pi: NDArray[np.float64]
    r: NDArray[np.float64]
    rho: NDArray[np.float64]
    p: float
    q: float
    verifier: Verifier
    entropy: float
    reward_covariance: float
    moved: float
    policy_covariance: float
    slope: NDArray[np.float64]
    width: float
    exact: NDArray[np.float64]
    quantile_baseline: float

    @property
    def first_order(self) -> NDArray[np.float64]:
        """Entropy change to first order, ``(E, B)``."""
        return ETAS[:, None] * self.slope


def model(state: CovarianceState) -> PolicyStep:
    """Take a step from every baseline with every step size.

    Args:
        state: Policy, rewards and K.

    Returns:
        What it does to the entropy.
    """
    z, r = np.array(state.z) / state.temperature, np.array(state.r)
    pi, verifier = probabilities(z), VERIFIERS[state.verifier]
    rho = verifier.seen(r)
    p, q = float(pi @ r), float(pi @ rho)
    bounds = entropy_bounds(z, rho, eta=1.0)
    (exact,) = exact_changes(z, rho[None], BS)
    return PolicyStep(
        pi=pi,
        r=r,
        rho=rho,
        p=p,
        q=q,
        verifier=verifier,
        entropy=float(entropy(z)),
        reward_covariance=float(covariance(z, np.log(pi), pi * rho)),
        moved=-float(covariance(z, np.log(pi), pi * (rho - r))),
        policy_covariance=float(covariance(z, np.log(pi), pi)),
        slope=float(bounds.lower) + BS * float(bounds.width),
        width=float(bounds.width),
        exact=exact,
        quantile_baseline=0.0 if q <= 1 - state.k else 1.0,
    )


def exact_changes(z: NDArray[np.float64], rho: NDArray[np.float64], bs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy changes of whole steps.

    Args:
        z: Logits, ``(A,)``.
        rho: Mean rewards of the arms under V verifiers, ``(V, A)``.
        bs: Baselines, ``(B,)``.

    Returns:
        The changes, ``(V, E, B)``.
    """
    moved = _moves(z, rho, bs)
    return np.asarray(entropy_change(np.broadcast_to(z, moved.shape), moved))


def _moves(z: NDArray[np.float64], rho: NDArray[np.float64], bs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Changes of the logits in whole steps, ``(V, E, B, A)``; arguments as for :func:`exact_changes`."""
    steps = paper_update(np.broadcast_to(z, (len(rho), len(bs), len(z))), rho[:, None], bs, eta=1.0)
    return np.asarray(ETAS[:, None, None] * steps[:, None])


def reach(state: CovarianceState) -> tuple[float, float]:
    """Ends of the axis of entropy changes: the same however the verifier errs, by some baselines.

    There are two axes, for small changes and for large ones: policies of a kind are to be compared.
    """
    z, r = np.array(state.z) / state.temperature, np.array(state.r)
    rho = np.stack([verifier.seen(r) for verifier in VERIFIERS.values()])
    bounds = entropy_bounds(np.broadcast_to(z, rho.shape), rho, eta=float(ETAS[-1]))
    # An axis needs no more digits than the difference of two entropies has, which takes a sixth of the time.
    differences = entropy(z + _moves(z, rho, BS[::5])) - entropy(z)
    changes = np.concatenate([differences.ravel(), bounds.lower, bounds.upper])
    small, large = axis_limits(-0.2, 0.2, changes), axis_limits(-1.4, 1.4, changes)
    return small if small == (-0.2, 0.2) else large


def panels(found: PolicyStep, reach: tuple[float, float]) -> tuple[Panel, ...]:
    """Draw the arms, and the entropy change against the step size and against the baseline, on one axis."""
    return _arms(found), _against_step(found, reach), _against_baseline(found, reach)


def _arms(found: PolicyStep) -> Panel:
    """Each arm by its log-probability and by what the step gives its logit; the line's slope is Cov / Var under π."""
    log_pi, right = np.log(found.pi), found.r == 1
    given = found.pi * (found.rho - BS[:, None])  # (B, A)
    centred = log_pi - found.pi @ log_pi
    variance = float(found.pi @ centred**2)
    covariances = (given - (given @ found.pi)[:, None]) @ (found.pi * centred)
    slopes = covariances / variance if variance > 1e-12 else np.zeros(len(BS))  # a uniform policy has no slope
    ends = np.array([log_pi.min() - 0.1, 0.0])
    fit = (given @ found.pi)[:, None] + slopes[:, None] * (ends - found.pi @ log_pi)
    reach = 1.1 * max(0.2, float(found.pi.max()))
    size = 8 + 26 * np.sqrt(found.pi)
    return Panel(
        "What the step gives each arm",
        "log π of the arm",
        "π·(ρ − b)" if found.verifier.errs else "π·(r − b)",
        axis_limits(-4, 0, log_pi),
        (-reach, reach),
        (
            GuideLine(0.0, "y", MUTED),
            Line(ends, LookupTable(fit, _BY_B), BASELINE, "fit, arms weighted by π", "dashed"),
            Points(log_pi, LookupTable(np.where(right, given, np.nan), _BY_B), CORRECT, "correct", "circle", size),
            Points(log_pi, LookupTable(np.where(right, np.nan, given), _BY_B), WRONG, "wrong", "cross", size),
        ),
    )


def _against_step(found: PolicyStep, reach: tuple[float, float]) -> Panel:
    """Entropy change of the chosen baseline, for every step size."""
    return Panel(
        "Entropy change as the step grows",
        "step size η",
        "ΔH in nats",
        (0, 5),
        reach,
        (
            Line(ETAS, LookupTable(found.exact.T, _BY_B), BASELINE, "exact"),
            Line(ETAS, LookupTable(found.first_order.T, _BY_B), MUTED, "first order", "dashed"),
            GuideLine(LookupTable(ETAS, _BY_ETA), "x", MUTED, "η", "dotted"),
        ),
        touches=(Touch("eta"),),
    )


def _against_baseline(found: PolicyStep, reach: tuple[float, float]) -> Panel:
    """Entropy change at the chosen step size, for every baseline; where mean and K-quantile stand."""
    first, b = found.first_order, found.quantile_baseline
    at_mean = np.array([[np.interp(found.q, BS, row)] for row in first])
    at_quantile = ETAS[:, None] * float(np.interp(b, BS, found.slope))
    mean = "mean: b = q" if found.verifier.errs else "mean: b = p"
    return Panel(
        "Every baseline, at this step size",
        "baseline b",
        "ΔH in nats",
        (-0.05, 1.05),
        reach,
        (
            Line(BS, LookupTable(found.exact, _BY_ETA), BASELINE, "exact"),
            Line(BS, LookupTable(first, _BY_ETA), MUTED, "first order", "dashed"),
            Points(np.array([found.q]), LookupTable(at_mean, _BY_ETA), MEAN, mean, "diamond", 13),
            Points(np.array([b]), LookupTable(at_quantile, _BY_ETA), QUANTILE, "K-quantile", "square", 15),
            GuideLine(LookupTable(BS, _BY_B), "x", MUTED, "b", "dotted"),
        ),
        touches=(Touch("b"),),
    )


def words(found: PolicyStep) -> Words:
    """Say what the step does to the entropy, and between which ends baselines can move that."""
    gap = np.abs(found.exact - found.first_order)
    reward = "ρ" if found.verifier.errs else "r"
    errors: Words = ()
    if found.verifier.errs:
        errors = (
            found.verifier.shown(found.p),
            " An arm's mean reward is ρ. To first order this moves the change, and both ends of the bound, by ",
            Number(LookupTable(ETAS * found.moved, _BY_ETA), 3, True),
            ", whatever the baseline; the bound stays as wide as it was.",
        )
    return (
        "The entropy is ",
        Number(found.entropy, 2),
        " nats and p = ",
        Number(found.p, 2),
        ". With b = ",
        Number(LookupTable(BS, _BY_B), 2),
        " a step of η = ",
        Number(LookupTable(ETAS, _BY_ETA), 2),
        " changes the entropy by ",
        Number(LookupTable(found.exact, _BY_BOTH), 3, True),
        ", to first order by ",
        Number(LookupTable(found.first_order, _BY_BOTH), 3, True),
        " (",
        Number(LookupTable(gap, _BY_BOTH), 3),
        f" apart). Cov(log π, π{reward}) = ",
        Number(found.reward_covariance, 3, True),
        ", Cov(log π, π) = ",
        Number(found.policy_covariance, 3),
        ": the bound is ",
        Number(LookupTable(ETAS * found.width, _BY_ETA), 3),
        " wide. The K-quantile's baseline is ",
        Number(found.quantile_baseline, 0),
        ", the ",
        Pick(found.quantile_baseline, ("lower", "upper")),
        " end.",
        *errors,
    )
