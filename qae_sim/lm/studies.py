"""What the papers claim about training, as studies on the toy language model: arms to train, and what to compare.

Nothing here was tuned towards a verdict. All arms share one setting (:data:`SETTINGS`), which was fixed before the
recorded runs were made; the study "regime" varies learning rate, steps per batch and clip range around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from qae_sim.advantages import EntropyTargetK, FixedAnchor, HardAnchor, KalmanAnchor, LinearK, SoftAnchor, SuccessRateK
from qae_sim.arrays import invalid, require_choice
from qae_sim.lm.config import Config
from qae_sim.lm.runs import Record

_QAE: dict[str, Any] = {"estimator": "qae", "parameters": {"k": 0.4}}
_NO_CLIP = {"clip_low": math.inf, "clip_high": math.inf}
_SYMMETRIC = {"clip_high": 0.2}
# The paper's range of a response's ratio, 3e-4 and 4e-4, is for long responses and small steps.
_GSPO = {"objective": "gspo", "clip_low": 0.03, "clip_high": 0.04}

#: Sizes of all runs. Small: two cores, an hour. Full: a GPU.
SIZES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "small": {"prompts": 32, "batches": 30, "attempts": 3, "held_out": 96},
        "full": {"prompts": 64, "batches": 100, "attempts": 6, "held_out": 180, "size": "medium", "base_passes": 8},
    }
)
SEEDS: Mapping[str, int] = MappingProxyType({"small": 5, "full": 8})

#: The tasks that studies use, by what to call them. Each seed has a base model of its own.
SETTINGS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "memorised": {"task": "style", "task_options": {"truth": "memorised"}},
        "learned": {"task": "style", "task_options": {"truth": "learned"}},
        "addition": {"task": "addition"},
    }
)
#: Learning rates that the study "regime" searches, and steps per batch.
LEARNING_RATES = (1.5e-4, 5e-4, 1.5e-3)
STEPS_PER_BATCH = (1, 4, 16)


@dataclass(frozen=True)
class Evidence:
    """A quantity that is positive where the claim is right, over seeds.

    Attributes:
        setting: Where it was measured.
        mean: Mean over seeds.
        low: Lower end of its 95 % confidence interval (Student's t).
        high: Upper end.
        seeds: How many seeds.
    """

    setting: str
    mean: float
    low: float
    high: float
    seeds: int

    @property
    def speaks(self) -> int:
        """+1 for the claim, -1 against it, 0 where the interval holds 0."""
        return int(self.low > 0) - int(self.high < 0)


@dataclass(frozen=True)
class Finding:
    """A claim, and what the runs say about it.

    Attributes:
        study: Name of the study.
        claim: What is claimed, in words.
        source: Figure, table or section, and paper.
        quantity: What the numbers are, positive where the claim is right.
        evidence: A number for each setting.
    """

    study: str
    claim: str
    source: str
    quantity: str
    evidence: tuple[Evidence, ...]

    @property
    def verdict(self) -> str:
        """Say "replicated" (in all settings), "not replicated" (in none), or "depends" and in which ones."""
        places = {sign: [e.setting for e in self.evidence if e.speaks == sign] for sign in (1, 0, -1)}
        if len(places[1]) == len(self.evidence):
            return "replicated"
        if not places[1]:
            against = ", ".join(places[-1])
            return "not replicated" + (f" (the opposite: {against})" if against else " (the runs leave it open)")
        words = {1: "yes", 0: "open", -1: "the opposite"}
        return "depends: " + "; ".join(f"{words[sign]}: {', '.join(of)}" for sign, of in places.items() if of)


@dataclass(frozen=True)
class Study:
    """A question put to trained models.

    Attributes:
        name: The name to ask for it by.
        title: What it is about.
        arms: From a function that makes a configuration, the arms by name.
        judge: From a function that gives an arm's record, one entry per seed, the findings.
    """

    name: str
    title: str
    arms: Callable[[Make], dict[str, Config]]
    judge: Callable[[Runs], list[Finding]]


class Make:
    """Makes configurations of one size.

    Args:
        size: ``"small"`` or ``"full"``.

    Example:
        >>> Make("small")("learned", estimator="rloo").estimator
        'rloo'
    """

    def __init__(self, size: str) -> None:
        self._common = SIZES[require_choice("size", size, tuple(SIZES))]

    def __call__(self, setting: str, **changes: Any) -> Config:
        """Configuration of a setting, some fields changed."""
        return Config(**{**self._common, **SETTINGS[setting], **changes})


class Runs:
    """The runs of a study's arms.

    Args:
        name: The study.
        arms: Its arms.
        record: All runs there are.

    Raises:
        ValueError: An arm has not been run.
    """

    def __init__(self, name: str, arms: Mapping[str, Config], record: Record) -> None:
        self.name, self._arms = name, arms
        places: dict[str, list[int]] = {}
        for i, config in enumerate(record.configs):
            places.setdefault(repr(seedless(config)), []).append(i)
        missing = [arm for arm, config in arms.items() if repr(config) not in places]
        if missing:
            raise ValueError(f"study {name} needs runs that are not there: {', '.join(missing)}")
        self._records = {
            arm: record.take(sorted(places[repr(config)], key=lambda i: record.configs[i].seed))
            for arm, config in arms.items()
        }

    def __getitem__(self, arm: str) -> Record:
        """The record of an arm, seeds in order."""
        return self._records[arm]

    def __iter__(self) -> Any:
        return iter(self._arms)

    def last(self, arm: str, metric: str) -> np.ndarray:
        """A metric at the end of training, by seed: its last evaluation, or the mean of the last fifth of batches."""
        values = self[arm][metric]
        if np.isnan(values[:, -1]).all():
            tail = max(1, (values.shape[1] - 1) // 5)
            return mean_known(values[:, -1 - tail : -1])
        return self[arm].last(metric)

    def first(self, arm: str, metric: str) -> np.ndarray:
        """A metric before training, by seed."""
        return np.asarray(self[arm][metric][:, 0])

    def accuracy(self, setting: str, arm: str) -> np.ndarray:
        """Accuracy at the end of training, by seed: pass@1 on held-out prompts where there is a rule to be learned.

        Where the truth can only be memorised no recipe can do anything for held-out prompts: there it is the reward
        on training prompts.
        """
        return self.last(arm, "reward" if setting.startswith("memorised") else "pass_1")

    def finding(
        self, claim: str, source: str, quantity: str, values: Mapping[str, np.ndarray], margin: float | None = None
    ) -> Finding:
        """Put a finding together; values are by setting, one for each seed, and with a margin to be inside of it."""
        evidence = tuple(
            interval(setting, numbers) if margin is None else within(setting, numbers, margin)
            for setting, numbers in values.items()
        )
        return Finding(self.name, claim, source, quantity, evidence)


def mean_known(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is known; NaN where nothing is."""
    known = ~np.isnan(values)
    counts = np.where(known.any(axis=-1), known.sum(axis=-1), np.nan)
    return np.asarray(np.where(known, values, 0.0).sum(axis=-1) / counts)


def seedless(config: Config) -> Config:
    """The arm that a run belongs to."""
    return config.with_(seed=0, base_seed=0)


def interval(setting: str, values: np.ndarray) -> Evidence:
    """Mean and 95 % confidence interval over seeds.

    Args:
        setting: What the numbers belong to.
        values: A number for each seed; NaN where a seed has none.

    Returns:
        The evidence.

    Example:
        >>> e = interval("here", np.array([1.0, 2.0, 3.0]))
        >>> round(e.low, 3), round(e.high, 3)
        (-0.484, 4.484)
    """
    from scipy import stats

    kept = np.asarray(values, dtype=float)
    kept = kept[np.isfinite(kept)]
    if len(kept) < 2:
        return Evidence(setting, float(kept.mean()) if len(kept) else math.nan, -math.inf, math.inf, len(kept))
    half = float(stats.t.ppf(0.975, len(kept) - 1) * kept.std(ddof=1)) / math.sqrt(len(kept))
    mean = float(kept.mean())
    return Evidence(setting, mean, mean - half, mean + half, len(kept))


def within(setting: str, differences: np.ndarray, margin: float) -> Evidence:
    """How far inside a margin the interval of a mean difference lies: positive throughout where it is inside.

    Args:
        setting: What the numbers belong to.
        differences: A difference for each seed.
        margin: The largest difference that counts as none.

    Returns:
        The margin less the size of the difference.

    Example:
        >>> within("here", np.array([0.01, -0.01, 0.0]), 0.05).speaks
        1
    """
    found = interval(setting, differences)
    least = 0.0 if found.low <= 0 <= found.high else min(abs(found.low), abs(found.high))
    most = max(abs(found.low), abs(found.high))
    return Evidence(setting, margin - abs(found.mean), margin - most, margin - least, found.seeds)


# --- the studies ----------------------------------------------------------------------------------------------------

_PAPER = "arXiv:2509.22611"
_ACCURACY = "pass@1 (memorised: reward on training prompts)"


def _core(make: Make) -> dict[str, Config]:
    """Mean and quantile baseline, three clip ranges, three tasks: what most studies look at."""
    arms = {}
    for setting in SETTINGS:
        for baseline, recipe in (("mean", {}), ("QAE", _QAE)):
            for clip, limits in (("0.28", {}), ("0.20", _SYMMETRIC), ("no clip", _NO_CLIP)):
                arms[f"{setting}, {baseline}, {clip}"] = make(setting, **recipe, **limits)
    return arms


def _regime_arms(make: Make) -> dict[str, Config]:
    arms = _core(make)
    for rate in LEARNING_RATES:
        for baseline, recipe in (("mean", {}), ("QAE", _QAE)):
            step: dict[str, Any] = {"learning_rate": rate} | recipe
            # A single step per batch is never clipped: one arm stands for all clip ranges.
            arms[f"rate {rate:g}, 1 step, {baseline}, no clip"] = make("memorised", minibatches=1, **step, **_NO_CLIP)
            if rate == LEARNING_RATES[1]:
                arms[f"rate {rate:g}, 4 steps, {baseline}, 0.28"] = make("memorised", minibatches=4, **step)
            for clip, limits in (("0.28", {}), ("0.20", _SYMMETRIC), ("no clip", _NO_CLIP)):
                arms[f"rate {rate:g}, 16 steps, {baseline}, {clip}"] = make("memorised", **step, **limits)
    return arms


def _judge_regime(runs: Runs) -> list[Finding]:
    def ends(baseline: str, clip: str, metric: str = "fixed_entropy") -> dict[str, np.ndarray]:
        places = {s: f"{s}, {baseline}, {clip}" for s in SETTINGS}
        places |= {
            f"memorised at rate {rate:g}": f"rate {rate:g}, 16 steps, {baseline}, {clip}"
            for rate in (LEARNING_RATES[0], LEARNING_RATES[2])
        }
        return {place: runs.last(arm, metric) for place, arm in places.items()}

    def minus(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {place: a[place] - b[place] for place in a}

    starts = {s: runs.first(f"{s}, mean, 0.28", "fixed_entropy") for s in SETTINGS}
    starts |= {place: starts["memorised"] for place in ends("mean", "0.28") if place not in starts}
    steps = [(rate, 16, "0.28") for rate in LEARNING_RATES] + [(LEARNING_RATES[1], 4, "0.28")]
    steps += [(rate, 1, "no clip") for rate in LEARNING_RATES]
    clipped = {}
    for rate, count, clip in steps:
        record = runs[f"rate {rate:g}, {count} step{'s' * (count > 1)}, mean, {clip}"]
        share = record["clip_low"][:, :-1] + record["clip_high"][:, :-1]
        clipped[f"{count} step{'s' * (count > 1)} at {rate:g}"] = share.mean(axis=1) - 0.01
    return [
        runs.finding(
            "The clip acts on more than 1 % of the tokens",
            f"what Figs. 2 and 10 of {_PAPER} presuppose",
            "share of tokens clipped, less 0.01",
            clipped,
        ),
        runs.finding(
            "Without Clip-Higher the entropy collapses under the mean baseline",
            f"Figs. 2 and 10, {_PAPER}",
            "entropy on fixed states: before training - after (clip 0.20)",
            minus(starts, ends("mean", "0.20")),
        ),
        runs.finding(
            "With Clip-Higher the entropy grows under the mean baseline",
            f"Figs. 1, 2 and 10, {_PAPER}",
            "entropy on fixed states: after - before (clip 0.28)",
            minus(ends("mean", "0.28"), starts),
        ),
        runs.finding(
            "A wider clip means more entropy under the mean baseline",
            f"Fig. 10, {_PAPER}",
            "entropy on fixed states: clip 0.28 - clip 0.20",
            minus(ends("mean", "0.28"), ends("mean", "0.20")),
        ),
        *(
            runs.finding(
                f"QAE keeps the entropy below the mean baseline's ({where})",
                f"Figs. 1 and 11, {_PAPER}",
                f"{where}: mean - QAE (clip 0.28)",
                minus(ends("mean", "0.28", metric), ends("QAE", "0.28", metric)),
            )
            for metric, where in (("fixed_entropy", "entropy on fixed states"), ("entropy", "entropy on-policy"))
        ),
        runs.finding(
            "QAE keeps the entropy above the mean baseline's where that one collapses (clip 0.20)",
            f"Prop. 4.2, {_PAPER}",
            "entropy on fixed states: QAE - mean (clip 0.20)",
            minus(ends("QAE", "0.20"), ends("mean", "0.20")),
        ),
        runs.finding(
            "The clip makes the difference: without one QAE's gap is smaller",
            "control",
            "mean - QAE in entropy on fixed states: at clip 0.28 - without a clip",
            minus(
                minus(ends("mean", "0.28"), ends("QAE", "0.28")),
                minus(ends("mean", "no clip"), ends("QAE", "no clip")),
            ),
        ),
        runs.finding(
            "The baselines differ even with one step per batch, where no clip can act",
            "control",
            "entropy on fixed states: mean - QAE (memorised, one step per batch)",
            {
                f"rate {rate:g}": runs.last(f"rate {rate:g}, 1 step, mean, no clip", "fixed_entropy")
                - runs.last(f"rate {rate:g}, 1 step, QAE, no clip", "fixed_entropy")
                for rate in LEARNING_RATES
            },
        ),
        runs.finding(
            "QAE raises accuracy",
            f"Table 1, {_PAPER}",
            f"{_ACCURACY}: QAE - mean (clip 0.28)",
            {s: runs.accuracy(s, f"{s}, QAE, 0.28") - runs.accuracy(s, f"{s}, mean, 0.28") for s in SETTINGS},
        ),
    ]


def _judge_sign(runs: Runs) -> list[Finding]:
    def grown(arm: str, side: str) -> np.ndarray:
        values = runs[arm][f"entropy_{side}"][:, :-1]
        tail = max(1, values.shape[1] // 5)
        return np.asarray(mean_known(values[:, -tail:]) - mean_known(values[:, :2]))

    mean, quantile = ({s: f"{s}, {b}, 0.28" for s in SETTINGS} for b in ("mean", "QAE"))
    early = {s: runs[arm]["entropy_mass_negative"][:, :10].mean(axis=1) - 0.5 for s, arm in mean.items()}
    return [
        runs.finding(
            "Entropy grows more in responses with negative advantage than in those with positive",
            f"Fig. 4 (left), {_PAPER}",
            "growth of the entropy: negative - positive (mean baseline)",
            {s: grown(arm, "negative") - grown(arm, "positive") for s, arm in mean.items()},
        ),
        runs.finding(
            "Early on, responses with negative advantage hold most of the entropy",
            f"Fig. 4 (left), {_PAPER}",
            "their share of the entropy in the first 10 batches, less a half (mean baseline)",
            early,
        ),
        runs.finding(
            "... and more of it than of the tokens' number (what composition alone would give)",
            "control",
            "entropy per token: negative - positive, first 10 batches (mean baseline)",
            {
                s: mean_known(runs[a]["entropy_negative"][:, :10] - runs[a]["entropy_positive"][:, :10])
                for s, a in mean.items()
            },
        ),
        runs.finding(
            "QAE holds down the entropy of responses with negative advantage",
            f"Fig. 5b, {_PAPER}",
            "entropy of negative responses at the end: mean - QAE",
            {s: runs.last(mean[s], "entropy_negative") - runs.last(quantile[s], "entropy_negative") for s in SETTINGS},
        ),
    ]


def _judge_words(runs: Runs) -> list[Finding]:
    places = ("learned", "addition")

    def grown(arm: str, batches: slice) -> np.ndarray:
        values = runs[arm]["correction_share"][:, :-1]
        return np.asarray(values[:, batches].mean(axis=1) - values[:, :2].mean(axis=1))

    early, late = slice(8, 12), slice(-6, None)
    return [
        runs.finding(
            "Words that hesitate get more frequent early in training",
            f"Fig. 2 (right), {_PAPER}",
            "their share of the tokens: batches 8-11 - batches 0-1 (mean baseline)",
            {s: grown(f"{s}, mean, 0.28", early) for s in places},
        ),
        runs.finding(
            "... and then fall back while accuracy stalls",
            f"Fig. 2 (right), {_PAPER}",
            "their share of the tokens: batches 8-11 - last six (mean baseline)",
            {s: grown(f"{s}, mean, 0.28", early) - grown(f"{s}, mean, 0.28", late) for s in places},
        ),
        runs.finding(
            "Under QAE they stay more frequent than at the start",
            f"Figs. 7 and 8, {_PAPER}",
            "their share of the tokens: last six batches - batches 0-1 (QAE)",
            {s: grown(f"{s}, QAE, 0.28", late) for s in places},
        ),
    ]


def _judge_sparsity(runs: Runs) -> list[Finding]:
    shares = {s: runs[f"{s}, QAE, 0.28"]["zero_share"][:, :-1].mean(axis=1) for s in SETTINGS}
    return [
        runs.finding(
            "About 80 % of the responses have no advantage under QAE (K = 0.4)",
            f"Fig. 5c, {_PAPER}",
            "0.1 - |share of responses without advantage - 0.8|",
            {s: share - 0.8 for s, share in shares.items()},
            margin=0.1,
        ),
        runs.finding(
            "The share is the gate's own: it follows from the success rates alone",
            "control: 1 - E[min over the side that counts] from the recorded histograms",
            "0.02 - |share - share computed from success rates|",
            {s: shares[s] - _gate_share(runs[f"{s}, QAE, 0.28"]) for s in SETTINGS},
            margin=0.02,
        ),
    ]


def _gate_share(record: Record) -> np.ndarray:
    """Share of zero advantages that the gate gives on mixed groups with the recorded success rates."""
    size = record.configs[0].group_size
    groups = np.nansum(record["success_histogram"][:, :-1, : size + 1], axis=1)
    n = np.arange(size + 1)
    silenced = np.where(n / size <= 1 - record.configs[0].parameters["k"], size - n, n) / size
    mixed = (n > 0) & (n < size)
    filled = record["mixed_share"][:, :-1].mean(axis=1)
    return np.asarray(1 - filled + filled * (groups * silenced * mixed).sum(axis=1) / (groups * mixed).sum(axis=1))


_KS = (0.2, 0.4, 0.6, 0.8)


def _k_arms(make: Make) -> dict[str, Config]:
    return {f"{s}, K={k}": make(s, estimator="qae", parameters={"k": k}) for s in SETTINGS for k in _KS}


def _judge_k(runs: Runs) -> list[Finding]:
    def at(k: float, metric: str) -> dict[str, np.ndarray]:
        return {s: runs.last(f"{s}, K={k}", metric) for s in SETTINGS}

    def gap(a: float, b: float, metric: str) -> dict[str, np.ndarray]:
        return {s: at(a, metric)[s] - at(b, metric)[s] for s in SETTINGS}

    slopes = {s: np.polyfit(_KS, np.stack([at(k, "fixed_entropy")[s] for k in _KS]), 1)[0] for s in SETTINGS}
    figure = f"Fig. 9, {_PAPER}"
    return [
        runs.finding("K is an entropy knob: larger K, more entropy", figure, "slope of the entropy in K, nats", slopes),
        runs.finding(
            "K = 0.2 leads to lower entropy than 0.4",
            figure,
            "entropy on fixed states: K=0.4 - K=0.2",
            gap(0.4, 0.2, "fixed_entropy"),
        ),
        runs.finding(
            "K = 0.8 leads to higher entropy than 0.4",
            figure,
            "entropy on fixed states: K=0.8 - K=0.4",
            gap(0.8, 0.4, "fixed_entropy"),
        ),
        *(
            runs.finding(
                f"K = 0.4 learns better than {other}",
                figure,
                f"{_ACCURACY}: K=0.4 - K={other}",
                {s: runs.accuracy(s, f"{s}, K=0.4") - runs.accuracy(s, f"{s}, K={other}") for s in SETTINGS},
            )
            for other in (0.2, 0.8)
        ),
        runs.finding("Large K makes responses longer", figure, "tokens: K=0.8 - K=0.4", gap(0.8, 0.4, "length")),
    ]


_MASKED = ("memorised", "learned")


def _mask_arms(make: Make) -> dict[str, Config]:
    arms = {}
    for s in _MASKED:
        for clip, limits in (("0.28", {}), ("0.20", _SYMMETRIC)):
            arms[f"{s}, QAE, {clip}"] = make(s, **_QAE, **limits)
            for mask in ("pos_mask", "neg_mask"):
                arms[f"{s}, {mask}, {clip}"] = make(s, estimator=mask, parameters={"k": 0.4}, **limits)
    return arms


def _judge_masks(runs: Runs) -> list[Finding]:
    def gap(a: str, b: str, clip: str) -> dict[str, np.ndarray]:
        return {s: runs.accuracy(s, f"{s}, {a}, {clip}") - runs.accuracy(s, f"{s}, {b}, {clip}") for s in _MASKED}

    figure = f"Fig. 6, {_PAPER}"
    return [
        runs.finding(
            "With weak clipping NEG-MASK learns better than POS-MASK",
            f"{figure} (b)",
            f"{_ACCURACY}: NEG-MASK - POS-MASK (clip 0.28)",
            gap("neg_mask", "pos_mask", "0.28"),
        ),
        runs.finding(
            "With strong clipping POS-MASK learns better than NEG-MASK",
            f"{figure} (c)",
            f"{_ACCURACY}: POS-MASK - NEG-MASK (clip 0.20)",
            gap("pos_mask", "neg_mask", "0.20"),
        ),
        runs.finding(
            "NEG-MASK has less entropy than POS-MASK, whatever the clip",
            "control: what masking failures or successes does by itself",
            "entropy on fixed states: POS-MASK - NEG-MASK",
            {
                f"{s} {clip}": runs.last(f"{s}, pos_mask, {clip}", "fixed_entropy")
                - runs.last(f"{s}, neg_mask, {clip}", "fixed_entropy")
                for clip in ("0.28", "0.20")
                for s in _MASKED
            },
        ),
        runs.finding(
            "With weak clipping NEG-MASK comes within 0.03 of QAE's accuracy",
            f"{figure} (b)",
            f"0.03 - |{_ACCURACY}: NEG-MASK - QAE| (clip 0.28)",
            gap("neg_mask", "QAE", "0.28"),
            margin=0.03,
        ),
    ]


def _judge_pass(runs: Runs) -> list[Finding]:
    def gap(metric: str) -> dict[str, np.ndarray]:
        places = ("learned", "addition")  # what is memorised does nothing for held-out prompts
        return {s: runs.last(f"{s}, QAE, 0.28", metric) - runs.last(f"{s}, mean, 0.28", metric) for s in places}

    return [
        runs.finding("QAE raises pass@1", f"Fig. 5a, {_PAPER}", "pass@1: QAE - mean", gap("pass_1")),
        runs.finding(
            "... and keeps pass@16 within 0.05",
            f"Fig. 5a, {_PAPER}",
            "0.05 - |pass@16: QAE - mean|",
            gap("pass_k"),
            margin=0.05,
        ),
    ]


def _size_arms(make: Make) -> dict[str, Config]:
    # The larger model learns from its demonstrations faster: half of them give a base model of like accuracy.
    larger: dict[str, Any] = {"size": "medium", "base_demonstrations": 10_000}
    return {
        f"{size}, {baseline}": make("learned", **recipe, **changes)
        for size, changes in (("small", {"size": "small"}), ("medium", larger))
        for baseline, recipe in (("mean", {}), ("QAE", _QAE))
    }


def _judge_sizes(runs: Runs) -> list[Finding]:
    def gap(a: str, b: str, metric: str) -> dict[str, np.ndarray]:
        return {z: runs.last(f"{z}, {a}", metric) - runs.last(f"{z}, {b}", metric) for z in ("small", "medium")}

    return [
        runs.finding(
            "QAE keeps the entropy below the mean baseline's at both sizes",
            f"Figs. 11 and 12, {_PAPER}",
            "entropy on fixed states: mean - QAE (learned)",
            gap("mean", "QAE", "fixed_entropy"),
        ),
        runs.finding(
            "QAE raises pass@1 at both sizes",
            f"Figs. 11 and 12, {_PAPER}",
            "pass@1: QAE - mean (learned)",
            gap("QAE", "mean", "pass_1"),
        ),
    ]


_COMBINED: Mapping[str, Mapping[str, Any]] = {
    # Their own recipes: no clip to speak of beside the choice of tokens.
    "Clip-Cov": {"objective": "clip_cov", "clip_low": 1.0, "clip_high": 1.0},
    "KL-Cov": {"objective": "kl_cov"},
    "GSPO": _GSPO,
}


def _combined_arms(make: Make) -> dict[str, Config]:
    return {
        f"{method}, {baseline}": make("learned", **recipe, **changes)
        for method, changes in _COMBINED.items()
        for baseline, recipe in (("mean", {}), ("QAE", _QAE))
    }


def _judge_combined(runs: Runs) -> list[Finding]:
    return [
        runs.finding(
            "QAE improves Clip-Cov, KL-Cov and GSPO",
            f"Table 2, {_PAPER}",
            "pass@1: with QAE - without (learned)",
            {m: runs.last(f"{m}, QAE", "pass_1") - runs.last(f"{m}, mean", "pass_1") for m in _COMBINED},
        )
    ]


_HA_DW = "arXiv:2601.08521"
_HISTORY: Mapping[str, Mapping[str, Any]] = {
    "GRPO": {**_SYMMETRIC, "loss": "sequence", "attempts": 1},
    "GSPO": {**_GSPO, "attempts": 1},
    "DAPO": {},
}


def _history_arms(make: Make) -> dict[str, Config]:
    arms = {}
    for method, changes in _HISTORY.items():
        arms[method] = make("learned", **changes)
        arms[f"{method} + HA-DW"] = make("learned", anchor=SoftAnchor(), **changes)
    for size in (8,):
        arms[f"G={size}"] = make("learned", group_size=size)
        arms[f"G={size} + HA-DW"] = make("learned", group_size=size, anchor=SoftAnchor())
    for scale in (1.0, 1.7):
        arms[f"lambda={scale}"] = make("learned", anchor=SoftAnchor(), lambda_scale=scale)
    for name, anchor in (("fixed 0.5", FixedAnchor(0.5)), ("hard", HardAnchor()), ("Kalman", KalmanAnchor())):
        arms[f"anchor {name}"] = make("learned", anchor=anchor)
    return arms


def _judge_history(runs: Runs) -> list[Finding]:
    def gap(a: str, b: str) -> np.ndarray:
        return np.asarray(runs.last(a, "pass_1") - runs.last(b, "pass_1"))

    def by_level(level: int) -> dict[str, np.ndarray]:
        return {
            m: (runs.last(f"{m} + HA-DW", "pass_by_level") - runs.last(m, "pass_by_level"))[:, level] for m in _HISTORY
        }

    return [
        runs.finding(
            "HA-DW raises pass@1 of GRPO, GSPO and DAPO",
            f"main results, {_HA_DW}",
            "pass@1: with HA-DW - without (learned)",
            {m: gap(f"{m} + HA-DW", m) for m in _HISTORY},
        ),
        runs.finding(
            "It helps most on the hardest prompts",
            f"results by difficulty, {_HA_DW}",
            "gain in pass@1: hardest level - easiest level",
            {m: by_level(2)[m] - by_level(0)[m] for m in _HISTORY},
        ),
        runs.finding(
            "It helps more with small groups, whose bias is larger",
            f"Fig. 2 and results by G, {_HA_DW}",
            "gain in pass@1: G=8 - G=16 (DAPO)",
            {"learned": gap("G=8 + HA-DW", "G=8") - gap("DAPO + HA-DW", "DAPO")},
        ),
        runs.finding(
            "lambda = 1.3 is better than 1.0 and than 1.7",
            f"ablation of lambda, {_HA_DW}",
            "pass@1: lambda=1.3 - other (DAPO)",
            {f"{scale:g}": gap("DAPO + HA-DW", f"lambda={scale}") for scale in (1.0, 1.7)},
        ),
        runs.finding(
            "An anchor that evolves is better than a fixed one",
            f"ablation of the threshold, {_HA_DW}",
            "pass@1: anchor - fixed 0.5 (DAPO)",
            {
                "soft": gap("DAPO + HA-DW", "anchor fixed 0.5"),
                "hard": gap("anchor hard", "anchor fixed 0.5"),
                "Kalman": gap("anchor Kalman", "anchor fixed 0.5"),
            },
        ),
    ]


_KEYED = ("learned", "addition")


def _key_arms(make: Make) -> dict[str, Config]:
    return {f"{s}, {name}": make(s, estimator=name) for s in _KEYED for name in ("grpo", "ktae")}


def _judge_keys(runs: Runs) -> list[Finding]:
    def gap(a: str, b: str, metric: str) -> dict[str, np.ndarray]:
        return {s: runs.last(f"{s}, {a}", metric) - runs.last(f"{s}, {b}", metric) for s in _KEYED}

    return [
        runs.finding(
            "KTAE raises accuracy",
            "main results, arXiv:2505.16826",
            "pass@1: KTAE - GRPO",
            gap("ktae", "grpo", "pass_1"),
        ),
        runs.finding(
            "... with shorter responses",
            "response length, arXiv:2505.16826",
            "tokens: GRPO - KTAE",
            gap("grpo", "ktae", "length"),
        ),
    ]


def fit_law(entropy: np.ndarray, reward: np.ndarray) -> tuple[float, float, float]:
    """Fit R = -a·exp(H) + b to a run.

    Args:
        entropy: H at each batch.
        reward: R at each batch.

    Returns:
        a, b, and R², the share of the variance of R that is explained.

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
    law = "arXiv:2505.22617"
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
    fixed = {"K=0.4": make("learned", **_QAE), "mean": make("learned")}
    return fixed | {name: make("learned", estimator="qae", parameters={"k": k}) for name, k in _AUTOMATIC.items()}


def _judge_automatic(runs: Runs) -> list[Finding]:
    target = {
        name: np.abs(runs.last("K=0.4", "entropy") - 1.0) - np.abs(runs.last(name, "entropy") - 1.0)
        for name in ("entropy target",)
    }
    return [
        runs.finding(
            "Automatic K and schedules learn better than K = 0.4",
            f"Sec. 6 (future work), {_PAPER}; the rules are ours",
            "pass@1: automatic or scheduled - K=0.4 (learned)",
            {name: runs.last(name, "pass_1") - runs.last("K=0.4", "pass_1") for name in _AUTOMATIC},
        ),
        runs.finding(
            "A K that follows the entropy brings it nearer to its target (1 nat)",
            f"Sec. 6 (future work), {_PAPER}; the rule is ours",
            "distance of the on-policy entropy from the target: K=0.4 - automatic",
            target,
        ),
    ]


def _mass_arms(make: Make) -> dict[str, Config]:
    to_qae = {"estimator": "qae", "k": 0.4}
    return {
        f"{s}, {name}": make(s, **changes)
        for s in _MASKED
        for name, changes in (
            ("mean", {}),
            ("QAE", _QAE),
            ("mean with QAE's mass", {"mass_of": to_qae}),
            ("QAE with the mean's mass", {**_QAE, "mass_of": {"estimator": "grpo"}}),
        )
    }


def _judge_mass(runs: Runs) -> list[Finding]:
    def gap(a: str, b: str) -> dict[str, np.ndarray]:
        return {s: runs.last(f"{s}, {a}", "fixed_entropy") - runs.last(f"{s}, {b}", "fixed_entropy") for s in _MASKED}

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


#: All studies, in the order in which they build on each other.
STUDIES: Mapping[str, Study] = MappingProxyType(
    {
        study.name: study
        for study in (
            Study(
                "regime",
                "Where entropy collapses and explodes, and what baselines do there",
                _regime_arms,
                _judge_regime,
            ),
            Study("sign", "Entropy by the sign of the advantage", _core, _judge_sign),
            Study("words", "Words that hesitate", _core, _judge_words),
            Study("sparsity", "How many responses have no advantage", _core, _judge_sparsity),
            Study("k", "K from 0.2 to 0.8", _k_arms, _judge_k),
            Study("masks", "POS-MASK and NEG-MASK under weak and strong clipping", _mask_arms, _judge_masks),
            Study("pass", "pass@1 against pass@16", _core, _judge_pass),
            Study("sizes", "Two sizes of the model", _size_arms, _judge_sizes),
            Study("combined", "QAE on top of Clip-Cov, KL-Cov and GSPO", _combined_arms, _judge_combined),
            Study("ha_dw", "HA-DW on GRPO, GSPO and DAPO, and its ablations", _history_arms, _judge_history),
            Study("ktae", "KTAE's accuracy and length", _key_arms, _judge_keys),
            Study("law", "R = -a exp(H) + b", _core, _judge_law),
            Study("automatic", "Automatic K and schedules", _automatic_arms, _judge_automatic),
            Study("mass", "Control: equal net advantage mass", _mass_arms, _judge_mass),
        )
    }
)


def recorded(size: str = "small") -> Record:
    """Read the runs that come with the package: all arms of all studies.

    Args:
        size: ``"small"`` or ``"full"``.

    Returns:
        The runs.

    Raises:
        ValueError: Runs of this size do not come with the package.

    Example:
        >>> len({config.seed for config in recorded().configs})
        5
    """
    path = Path(__file__).parent / "recorded" / f"{require_choice('size', size, tuple(SIZES))}.npz"
    if not path.exists():
        raise invalid("size", size, "'small': no runs of this size come with the package")
    return Record.load(path)


def judge(names: Sequence[str], size: str, record: Record) -> list[Finding]:
    """Judge the claims of some studies on the runs there are.

    Args:
        names: Studies.
        size: ``"small"`` or ``"full"``.
        record: The runs.

    Returns:
        Findings, in the studies' order.

    Raises:
        ValueError: A study is unknown, or its runs are not there.
    """
    make = Make(size)
    findings = []
    for name in names:
        study = STUDIES[require_choice("study", name, tuple(STUDIES))]
        findings += study.judge(Runs(name, study.arms(make), record))
    return findings
