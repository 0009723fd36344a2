"""Collapse and explosion: many bandit runs at once under different recipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import AdvantageRule, LinearK, TwoPhaseK
from qae_sim.bandits import SGD, Adam, Bandit, Clip, Momentum, Result, Study, simulate
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice, number, seed, whole
from qae_sim.explorers.verifier import VERIFIERS, Verifier, verifier
from qae_sim.pictures.scene import Band, Line, Panel, Picture, Words, axis_limits
from qae_sim.pictures.style import looks_of
from qae_sim.softmax import pass_at_k_probability

RECIPES = {
    "baselines": ("mean", "QAE"),
    "K": ("K = .2", "QAE", "K = .8", "mean"),
    "masks": ("mean", "QAE", "POS-MASK", "NEG-MASK"),
    "clip": ("mean, clip .2", "mean, Clip-Higher", "QAE, Clip-Higher"),
    "schedules": ("QAE", "K from .2 to .8", "K from .8 to .2", "K .2, then .6"),
    "updates": ("b = 0", "b = p", "b = 1"),
}
_NAMES = {
    "baselines": "Mean and QAE",
    "K": "K = .2, .4, .8, and mean",
    "masks": "Masks",
    "clip": "Clips",
    "schedules": "Schedules of K",
    "updates": "The paper's update",
}
MEASURES = {
    "entropy": "entropy in nats",
    "correct_entropy": "entropy among correct arms",
    "success": "success rate p",
    "pass_at_k": "pass@8",
    "zero_share": "share of zero advantages",
    "entropy_change_positive": "ΔH by positive advantages",
    "entropy_change_negative": "ΔH by negative advantages",
}
PROBLEMS = {
    "peaked": "Peaked: 64 arms, 4 correct",
    "uniform": "Random: 40 arms, 12 correct",
    "diverse": "Equal: 16 arms, 8 correct",
}


_ARMS = {"peaked": 64, "uniform": 40, "diverse": 16}
_CORRECT = {"peaked": 4, "uniform": 12, "diverse": 8}
#: Runs that are shown while the others are simulated.
FEW = 8
_SHARES = ("success", "pass_at_k", "zero_share")


@dataclass(frozen=True)
class CollapseState(State):
    """A problem, the recipes to compare, and what is drawn."""

    recipes: str = choice("baselines", "Recipes", _NAMES)
    problem: str = choice("peaked", "Problem", PROBLEMS)
    optimizer: str = choice(
        "sgd",
        "Optimiser",
        {"sgd": "Plain gradient steps", "momentum": "Momentum .9", "adam": "Adam", "adam_eps": "Adam with ε = .01"},
    )
    left: str = choice("entropy", "Left picture", MEASURES)
    right: str = choice("success", "Right picture", MEASURES)
    clock: str = choice(
        "step",
        "Horizontal axis",
        {
            "step": "Step",
            "success": "Mean success rate",
            "both": "Step and success rate",
        },
    )
    eta: float = number(0.3, "Step size η", 0.01, 1.0, 0.01)
    g: int = whole(16, "Group size G", 4, 32, step=4)
    steps: int = whole(200, "Steps", 50, 1500, step=50)
    runs: int = whole(32, "Runs", 8, 64, step=8)
    seed: int = seed()
    verifier: str = verifier()


class CollapseExplosion(Explorer[CollapseState]):
    """Many runs of a bandit under several recipes: bands from the tenth to the ninetieth percentile.

    Example:
        >>> explorer = CollapseExplosion.from_state("steps=100&runs=8")
        >>> explorer.words()[:23]
        'mean: entropy from 2.05'
    """

    STATE = CollapseState
    PRESETS: ClassVar = {
        "Same path, different clock": CollapseState(clock="both", steps=300),
        "The paper's update": CollapseState(recipes="updates", eta=0.3, steps=200),
        "K and diversity": CollapseState(recipes="K", problem="diverse", eta=0.5, steps=150, left="correct_entropy"),
        "The optimiser decides": CollapseState(optimizer="adam", eta=0.05, steps=150),
        "Split by sign": CollapseState(left="entropy_change_positive", right="entropy_change_negative", steps=150),
    }
    LEADING: ClassVar = ("recipes", "optimizer", "clock")
    CLAIMS: ClassVar = (
        "qae.group-direction",
        "estimators.negatives-share",
        "estimators.unsampled-arms",
        "qae.masks-speed",
        "qae.prop4.2-policy-gradient",
    )

    def coarse(self, state: CollapseState) -> Picture | None:
        """The first runs, which are the same whatever their number."""
        if state.runs <= FEW:
            return None
        shown = self.show(replace(state, runs=FEW))
        return replace(shown, words=(f"The first {FEW} of {state.runs} runs, others are on their way. ", *shown.words))

    def show(self, state: CollapseState) -> Picture:
        """Two measures of the same runs."""
        bare = state.with_(left="entropy", right="success", clock="step", recipes="baselines")
        runs = {name: run(bare, name, _records(state)) for name in RECIPES[state.recipes]}
        results = {name: true_records(result, VERIFIERS[state.verifier]) for name, result in runs.items()}
        clocks = ("step", "success") if state.clock == "both" else (state.clock, state.clock)
        measures = (state.left, state.left if state.clock == "both" else state.right)
        panels = tuple(_panel(state, *chosen, results) for chosen in zip(measures, clocks, strict=True))
        return Picture(panels, _told(state, results))


def study(state: CollapseState, recipe: str) -> Study:
    """The study that a recipe stands for."""
    problem = _problem(state)
    rules: dict[str, Any] = {"sgd": SGD(), "momentum": Momentum(0.9), "adam": Adam(), "adam_eps": Adam(eps=0.01)}
    rule = rules[state.optimizer]
    low, high = Clip(0.2, 0.2), Clip(0.2, 0.28)
    several: dict[str, Any] = {"epochs": 4, "minibatches": 1}
    recipes: dict[str, dict[str, Any]] = {
        "mean": {"rule": "grpo"},
        "QAE": {"rule": AdvantageRule("qae", {"k": 0.4})},
        "K = .2": {"rule": AdvantageRule("qae", {"k": 0.2})},
        "K = .8": {"rule": AdvantageRule("qae", {"k": 0.8})},
        "POS-MASK": {"rule": AdvantageRule("pos_mask", {"k": 0.4})},
        "NEG-MASK": {"rule": AdvantageRule("neg_mask", {"k": 0.4})},
        "mean, clip .2": {"rule": "grpo", "clip": low, **several},
        "mean, Clip-Higher": {"rule": "grpo", "clip": high, **several},
        "QAE, Clip-Higher": {"rule": AdvantageRule("qae", {"k": 0.4}), "clip": high, **several},
        "K from .2 to .8": {"rule": AdvantageRule("qae", {"k": LinearK(0.2, 0.8, state.steps)})},
        "K from .8 to .2": {"rule": AdvantageRule("qae", {"k": LinearK(0.8, 0.2, state.steps)})},
        "K .2, then .6": {"rule": AdvantageRule("qae", {"k": TwoPhaseK(0.2, 0.6, state.steps // 2)})},
        "b = 0": {"rule": "dr_grpo", "update": "paper"},
        "b = p": {"rule": "dr_grpo", "update": "paper"},
        "b = 1": {"rule": "dr_grpo", "update": "paper"},
    }
    fields = recipes[recipe]
    plain = isinstance(rule, SGD) and "clip" not in fields
    if recipe in _FIXED:
        fields = {"rule": _FIXED[recipe], "update": "paper"}
    return Study(
        # With few runs the dense algorithm is the faster one.
        problem,
        algorithm="dense" if plain else "auto",
        group_size=state.g,
        eta=state.eta,
        steps=state.steps,
        runs=state.runs,
        seed=state.seed,
        every=max(1, state.steps // 50),
        optimizer=rule,
        **fields,
    )


def _problem(state: CollapseState) -> Bandit:
    """The bandit: where the verifier errs, an arm's reward is 1 with some chance."""
    problem = {
        "peaked": Bandit.peaked(arms=64, correct=4),
        "uniform": Bandit.uniform(40, 12),
        "diverse": Bandit(success=[1] * 8 + [0] * 8),
    }[state.problem]
    return replace(problem, success=VERIFIERS[state.verifier].seen(np.array(problem.success)))


def true_records(result: Result, verifier: Verifier) -> dict[str, NDArray[np.float64]]:
    """Records of a simulation, of which the simulator takes rewards for success, as they are by correctness.

    The simulator's success rate is q. Its entropy among correct arms is that of the policy weighted by ρ,
    H̃ = h(s) + s H₊ + (1-s) H₋ with s = (1 - f₋) p/q the share of the correct arms in it, and the policy's is
    H = h(p) + p H₊ + (1-p) H₋, h being the entropy of two outcomes: two equations for H₊ and H₋, the entropies among
    correct and among wrong arms.

    Args:
        result: What was recorded: entropy, success and more.
        verifier: How the verifier erred.

    Returns:
        Steps, and records by name.
    """
    found = {name: np.asarray(result[name]) for name in result.study.records} | {"steps": np.asarray(result.steps)}
    if not verifier.errs:
        return found
    q = found["success"]
    p = np.clip(verifier.true(q), 0, 1)  # rounding must not make it a little more than 1
    found["success"] = p
    if "pass_at_k" in found:
        found["pass_at_k"] = np.asarray(pass_at_k_probability(p, result.study.pass_at))
    if "correct_entropy" in found:
        share = np.clip((1 - verifier.false_negatives) * p / q, 0, 1)
        both, weighted = found["entropy"] - _two(p), found["correct_entropy"] - _two(share)
        if verifier.false_positives:
            certain = share <= p  # then the policy gives correct arms alone
            weighted = (weighted * (1 - p) - both * (1 - share)) / np.where(certain, 1.0, share - p)
            weighted = np.where(certain, both, weighted)
        found["correct_entropy"] = weighted
    return found


def _two(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy of two outcomes, in nats."""
    chances = np.stack([p, 1 - p])
    return np.asarray(-(chances * np.log(np.where(chances > 0, chances, 1.0))).sum(axis=0))


def zero_baseline(rewards: Any) -> Any:
    """A = r."""
    return rewards


def mean_baseline(rewards: Any) -> Any:
    """A = r - mean(r)."""
    return rewards - rewards.mean(axis=-1, keepdims=True)


def one_baseline(rewards: Any) -> Any:
    """A = r - 1."""
    return rewards - 1


_FIXED = {"b = 0": zero_baseline, "b = p": mean_baseline, "b = 1": one_baseline}


def _records(state: CollapseState) -> tuple[str, ...]:
    """What has to be recorded."""
    return tuple(sorted({state.left, state.right, "success", "entropy"}))


@lru_cache(maxsize=64)
def run(state: CollapseState, recipe: str, records: tuple[str, ...]) -> Result:
    """Simulate a recipe, remembering; of the state only what the study needs."""
    return simulate(study(state, recipe).with_(records=records))


def _panel(
    state: CollapseState, measure: str, clock: str, results: Mapping[str, Mapping[str, NDArray[np.float64]]]
) -> Panel:
    """Mean and band of one measure under every recipe."""
    layers: list[Band | Line] = []
    values: list[NDArray[np.float64]] = []
    by_success = clock == "success"
    looks = looks_of(list(results))
    for name, result in results.items():
        record = result[measure]
        low, high = np.nanquantile(record, [0.1, 0.9], axis=1)
        mean = np.nanmean(record, axis=1)
        x = result["success"].mean(axis=1) if by_success else result["steps"].astype(float)
        if not by_success:
            layers.append(Band(x, low, high, looks[name].light))
            values += [low, high]
        layers.append(Line(x, mean, looks[name].light, name, looks[name].dash))
        values.append(mean)
    title = MEASURES[measure][0].upper() + MEASURES[measure][1:]
    axis = ("success rate p", (0.0, 1.0)) if by_success else ("step", (0.0, float(state.steps)))
    return Panel(
        title,
        axis[0],
        MEASURES[measure],
        axis[1],
        axis_limits(*_ends(state, measure), np.concatenate(values)),
        tuple(layers),
    )


def _ends(state: CollapseState, measure: str) -> tuple[float, float]:
    """Ends of a measure's axis: the same for all recipes, optimisers, clocks and verifiers, as they are compared."""
    if measure in _SHARES:
        return 0.0, 1.0
    if measure in ("entropy", "correct_entropy"):
        arms = (_ARMS if measure == "entropy" else _CORRECT)[state.problem]
        return 0.0, float(np.log(arms)) + 1e-9
    return -1.2 * state.eta, 1.2 * state.eta  # one step's change grows with the step


def _told(state: CollapseState, results: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> Words:
    """What came of each recipe, and what errors of the verifier did."""
    parts = []
    for name, result in results.items():
        entropy, success = result["entropy"].mean(axis=1), result["success"].mean(axis=1)
        parts.append(
            f"{name}: entropy from {entropy[0]:.2f} to {entropy.max():.2f} nats at most and {entropy[-1]:.2f} at the "
            f"end, "
            f"p from {success[0]:.2f} to {success[-1]:.2f}"
        )
    return (
        "; ".join(parts) + f". {state.runs} runs, seed {state.seed}; bands hold the middle 80 % of the runs.",
        _errors(state),
    )


def _errors(state: CollapseState) -> str:
    """What errors of the verifier do here."""
    verifier = VERIFIERS[state.verifier]
    if not verifier.errs:
        return ""
    said = f" Here {verifier.said}, whichever it is; p counts correct responses, whatever the verifier says of them."
    if state.recipes in ("updates", "clip") or state.optimizer != "sgd":
        return said
    return f"{said} On average such errors change the speed of a step alone, not its direction."
