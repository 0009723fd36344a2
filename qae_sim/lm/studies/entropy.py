"""Studies of entropy: where it collapses and explodes, the sign of the advantage, sparsity, K."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qae_sim.advantages import AdvantageRule
from qae_sim.lm.config import Config
from qae_sim.lm.runs import Record
from qae_sim.lm.studies.arms import (
    ACCURACY,
    LEARNING_RATES,
    NO_CLIP,
    PAPER,
    QAE,
    SETTINGS,
    SYMMETRIC,
    Make,
    Runs,
    TrainingStudy,
    core,
)
from qae_sim.lm.studies.evidence import Finding, mean_known


def _regime_arms(make: Make) -> dict[str, Config]:
    arms = core(make)
    for rate in LEARNING_RATES:
        for baseline, recipe in (("mean", {}), ("QAE", QAE)):
            step: dict[str, Any] = {"learning_rate": rate} | recipe
            # A single step per batch is never clipped, so one arm is enough for all clip ranges.
            arms[f"rate {rate:g}, 1 step, {baseline}, no clip"] = make("memorised", minibatches=1, **step, **NO_CLIP)
            if rate == LEARNING_RATES[1]:
                arms[f"rate {rate:g}, 4 steps, {baseline}, 0.28"] = make("memorised", minibatches=4, **step)
            for clip, limits in (("0.28", {}), ("0.20", SYMMETRIC), ("no clip", NO_CLIP)):
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
            f"what Figs. 2 and 10 of {PAPER} presuppose",
            "share of tokens clipped, less 0.01",
            clipped,
        ),
        runs.finding(
            "Without Clip-Higher the entropy collapses under the mean baseline",
            f"Figs. 2 and 10, {PAPER}",
            "entropy on fixed states: before training - after (clip 0.20)",
            minus(starts, ends("mean", "0.20")),
        ),
        runs.finding(
            "With Clip-Higher the entropy grows under the mean baseline",
            f"Figs. 1, 2 and 10, {PAPER}",
            "entropy on fixed states: after - before (clip 0.28)",
            minus(ends("mean", "0.28"), starts),
        ),
        runs.finding(
            "A wider clip means more entropy under the mean baseline",
            f"Fig. 10, {PAPER}",
            "entropy on fixed states: clip 0.28 - clip 0.20",
            minus(ends("mean", "0.28"), ends("mean", "0.20")),
        ),
        *(
            runs.finding(
                f"QAE keeps the entropy below the mean baseline's ({where})",
                f"Figs. 1 and 11, {PAPER}",
                f"{where}: mean - QAE (clip 0.28)",
                minus(ends("mean", "0.28", metric), ends("QAE", "0.28", metric)),
            )
            for metric, where in (("fixed_entropy", "entropy on fixed states"), ("entropy", "entropy on-policy"))
        ),
        runs.finding(
            "QAE keeps the entropy above the mean baseline's where that one collapses (clip 0.20)",
            f"Prop. 4.2, {PAPER}",
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
            f"Table 1, {PAPER}",
            f"{ACCURACY}: QAE - mean (clip 0.28)",
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
            f"Fig. 4 (left), {PAPER}",
            "growth of the entropy: negative - positive (mean baseline)",
            {s: grown(arm, "negative") - grown(arm, "positive") for s, arm in mean.items()},
        ),
        runs.finding(
            "Early on, responses with negative advantage hold most of the entropy",
            f"Fig. 4 (left), {PAPER}",
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
            f"Fig. 5b, {PAPER}",
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
            f"Fig. 2 (right), {PAPER}",
            "their share of the tokens: batches 8-11 - batches 0-1 (mean baseline)",
            {s: grown(f"{s}, mean, 0.28", early) for s in places},
        ),
        runs.finding(
            "... and then fall back while accuracy stalls",
            f"Fig. 2 (right), {PAPER}",
            "their share of the tokens: batches 8-11 - last six (mean baseline)",
            {s: grown(f"{s}, mean, 0.28", early) - grown(f"{s}, mean, 0.28", late) for s in places},
        ),
        runs.finding(
            "Under QAE they stay more frequent than at the start",
            f"Figs. 7 and 8, {PAPER}",
            "their share of the tokens: last six batches - batches 0-1 (QAE)",
            {s: grown(f"{s}, QAE, 0.28", late) for s in places},
        ),
    ]


def _judge_sparsity(runs: Runs) -> list[Finding]:
    shares = {s: runs[f"{s}, QAE, 0.28"]["zero_share"][:, :-1].mean(axis=1) for s in SETTINGS}
    return [
        runs.finding(
            "About 80 % of the responses have no advantage under QAE (K = 0.4)",
            f"Fig. 5c, {PAPER}",
            "0.1 - |share of responses without advantage - 0.8|",
            {s: share - 0.8 for s, share in shares.items()},
            margin=0.1,
        ),
        runs.finding(
            "The share is the gate's own: it follows from the success rates alone",
            "control: 1 - E[min over the side that counts] from the recorded histograms",
            "0.02 - |share - share computed from success rates|",
            {s: shares[s] - gate_share(runs[f"{s}, QAE, 0.28"]) for s in SETTINGS},
            margin=0.02,
        ),
    ]


def gate_share(record: Record) -> np.ndarray:
    """Compute the share of zero advantages that QAE's gate gives at the recorded success rates.

    Args:
        record: Runs of one arm with QAE.

    Returns:
        A share for each run, ``(R,)``.
    """
    size = record.configs[0].group_size
    groups = np.nansum(record["success_histogram"][:, :-1, : size + 1], axis=1)
    n = np.arange(size + 1)
    silenced = np.where(n / size <= 1 - record.configs[0].rule.parameters["k"], size - n, n) / size
    mixed = (n > 0) & (n < size)
    filled = record["mixed_share"][:, :-1].mean(axis=1)
    return np.asarray(1 - filled + filled * (groups * silenced * mixed).sum(axis=1) / (groups * mixed).sum(axis=1))


_KS = (0.2, 0.4, 0.6, 0.8)


def _k_arms(make: Make) -> dict[str, Config]:
    return {f"{s}, K={k}": make(s, rule=AdvantageRule("qae", {"k": k})) for s in SETTINGS for k in _KS}


def _judge_k(runs: Runs) -> list[Finding]:
    def at(k: float, metric: str) -> dict[str, np.ndarray]:
        return {s: runs.last(f"{s}, K={k}", metric) for s in SETTINGS}

    def gap(a: float, b: float, metric: str) -> dict[str, np.ndarray]:
        return {s: at(a, metric)[s] - at(b, metric)[s] for s in SETTINGS}

    slopes = {s: np.polyfit(_KS, np.stack([at(k, "fixed_entropy")[s] for k in _KS]), 1)[0] for s in SETTINGS}
    figure = f"Fig. 9, {PAPER}"
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
                f"{ACCURACY}: K=0.4 - K={other}",
                {s: runs.accuracy(s, f"{s}, K=0.4") - runs.accuracy(s, f"{s}, K={other}") for s in SETTINGS},
            )
            for other in (0.2, 0.8)
        ),
        runs.finding("Large K makes responses longer", figure, "tokens: K=0.8 - K=0.4", gap(0.8, 0.4, "length")),
    ]


#: Studies of entropy.
ENTROPY = (
    TrainingStudy(
        "regime", "Where entropy collapses and explodes, and what baselines do there", _regime_arms, _judge_regime
    ),
    TrainingStudy("sign", "Entropy by the sign of the advantage", core, _judge_sign),
    TrainingStudy("words", "Words that hesitate", core, _judge_words),
    TrainingStudy("sparsity", "How many responses have no advantage", core, _judge_sparsity),
    TrainingStudy("k", "K from 0.2 to 0.8", _k_arms, _judge_k),
)
