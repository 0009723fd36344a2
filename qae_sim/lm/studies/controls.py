"""Studies of the entropy law and of automatic K, and a control with equal net advantage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qae_sim.advantages import AdvantageRule, EntropyTargetK, LinearK, SuccessRateK
from qae_sim.lm.config import Config
from qae_sim.lm.studies.arms import MASKED, PAPER, QAE, SETTINGS, Make, Runs, TrainingStudy, core
from qae_sim.lm.studies.evidence import Finding
from qae_sim.papers import PAPERS


def fit_law(entropy: np.ndarray, reward: np.ndarray) -> tuple[float, float, float]:
    """Fit R = -a·exp(H) + b to a run, by least squares.

    Args:
        entropy: H at each batch, in nats, ``(batches,)``.
        reward: R at each batch, ``(batches,)``.

    Returns:
        a, b, and R², the explained share of the variance of R.

    Source:
        Cui et al., The entropy mechanism (arXiv:2505.22617).

    Example:
        >>> h = np.linspace(0.1, 1, 9)
        >>> [round(x, 6) for x in fit_law(h, 3 - 0.5 * np.exp(h))]
        [0.5, 3.0, 1.0]
    """
    slope, b = np.polyfit(np.exp(entropy), reward, 1)
    rest = reward - (slope * np.exp(entropy) + b)
    return -float(slope), float(b), 1 - float(rest.var() / reward.var())


def _judge_law(runs: Runs) -> list[Finding]:
    fits = {}
    for s in SETTINGS:
        for clip in ("0.20", "0.28", "no clip"):
            record = runs[f"{s}, mean, {clip}"]
            pairs = zip(record["entropy"][:, :-1], record["reward"][:, :-1], strict=True)
            fits[f"{s} {clip}"] = np.array([fit_law(h, r) for h, r in pairs])
    law = PAPERS["entropy"].number
    return [
        runs.finding(
            "Reward is bought with entropy: R = -a exp(H) + b with a > 0",
            f"entropy-performance law, {law}",
            "a, by run",
            {arm: fit[:, 0] for arm, fit in fits.items()},
        ),
        runs.finding(
            "... and the law explains 90 % of the variance of R within a run",
            f"entropy-performance law, {law}",
            "R² - 0.9, by run",
            {arm: fit[:, 2] - 0.9 for arm, fit in fits.items()},
        ),
    ]


_AUTOMATIC: Mapping[str, Any] = {
    "success rate": SuccessRateK(),
    "entropy target": EntropyTargetK(target=1.0),
    "0.6 to 0.4": LinearK(0.6, 0.4, steps=20),
    "0.2 to 0.6": LinearK(0.2, 0.6, steps=20),
}


def _automatic_arms(make: Make) -> dict[str, Config]:
    fixed = {"K=0.4": make("learned", **QAE), "mean": make("learned")}
    return fixed | {name: make("learned", rule=AdvantageRule("qae", {"k": k})) for name, k in _AUTOMATIC.items()}


def _judge_automatic(runs: Runs) -> list[Finding]:
    target = {
        name: np.abs(runs.last("K=0.4", "entropy") - 1.0) - np.abs(runs.last(name, "entropy") - 1.0)
        for name in ("entropy target",)
    }
    return [
        runs.finding(
            "Automatic K and schedules learn better than K = 0.4",
            f"Sec. 6 (future work), {PAPER}; the rules are ours",
            "pass@1: automatic or scheduled - K=0.4 (learned)",
            {name: runs.last(name, "pass_1") - runs.last("K=0.4", "pass_1") for name in _AUTOMATIC},
        ),
        runs.finding(
            "A K that follows the entropy brings it nearer to its target (1 nat)",
            f"Sec. 6 (future work), {PAPER}; the rule is ours",
            "distance of the on-policy entropy from the target: K=0.4 - automatic",
            target,
        ),
    ]


def _mass_arms(make: Make) -> dict[str, Config]:
    return {
        f"{s}, {name}": make(s, **changes)
        for s in MASKED
        for name, changes in (
            ("mean", {}),
            ("QAE", QAE),
            ("mean with QAE's mass", {"mass_of": QAE["rule"]}),
            ("QAE with the mean's mass", {**QAE, "mass_of": AdvantageRule("grpo")}),
        )
    }


def _judge_mass(runs: Runs) -> list[Finding]:
    def gap(a: str, b: str) -> dict[str, np.ndarray]:
        return {s: runs.last(f"{s}, {a}", "fixed_entropy") - runs.last(f"{s}, {b}", "fixed_entropy") for s in MASKED}

    return [
        runs.finding(
            "Net advantage mass alone lowers the entropy: the mean baseline with QAE's mass has less",
            "control",
            "entropy on fixed states: mean - mean with QAE's mass",
            gap("mean", "mean with QAE's mass"),
        ),
        runs.finding(
            "... and QAE without its mass has more",
            "control",
            "entropy on fixed states: QAE with the mean's mass - QAE",
            gap("QAE with the mean's mass", "QAE"),
        ),
        runs.finding(
            "With equal mass QAE still has less entropy than the mean baseline",
            "control",
            "entropy on fixed states: mean - QAE with the mean's mass",
            gap("mean", "QAE with the mean's mass"),
        ),
    ]


#: Studies of laws and controls.
CONTROLS = (
    TrainingStudy("law", "R = -a exp(H) + b", core, _judge_law),
    TrainingStudy("automatic", "Automatic K and schedules", _automatic_arms, _judge_automatic),
    TrainingStudy("mass", "Control: equal net advantage mass", _mass_arms, _judge_mass),
)
