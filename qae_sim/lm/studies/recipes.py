"""Studies of recipes: masks, accuracy, sizes, QAE on top of others, HA-DW, KTAE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qae_sim.advantages import AdvantageRule, FixedAnchor, HardAnchor, KalmanAnchor, SoftAnchor
from qae_sim.lm.config import Config
from qae_sim.lm.studies.arms import ACCURACY, GSPO, MASKED, PAPER, QAE, SYMMETRIC, Make, Runs, TrainingStudy, core
from qae_sim.lm.studies.evidence import Finding
from qae_sim.papers import PAPERS


def _mask_arms(make: Make) -> dict[str, Config]:
    arms = {}
    for s in MASKED:
        for clip, limits in (("0.28", {}), ("0.20", SYMMETRIC)):
            arms[f"{s}, QAE, {clip}"] = make(s, **QAE, **limits)
            for mask in ("pos_mask", "neg_mask"):
                arms[f"{s}, {mask}, {clip}"] = make(s, rule=AdvantageRule(mask, {"k": 0.4}), **limits)
    return arms


def _judge_masks(runs: Runs) -> list[Finding]:
    def gap(a: str, b: str, clip: str) -> dict[str, np.ndarray]:
        return {s: runs.accuracy(s, f"{s}, {a}, {clip}") - runs.accuracy(s, f"{s}, {b}, {clip}") for s in MASKED}

    figure = f"Fig. 6, {PAPER}"
    return [
        runs.finding(
            "With weak clipping NEG-MASK learns better than POS-MASK",
            f"{figure} (b)",
            f"{ACCURACY}: NEG-MASK - POS-MASK (clip 0.28)",
            gap("neg_mask", "pos_mask", "0.28"),
        ),
        runs.finding(
            "With strong clipping POS-MASK learns better than NEG-MASK",
            f"{figure} (c)",
            f"{ACCURACY}: POS-MASK - NEG-MASK (clip 0.20)",
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
                for s in MASKED
            },
        ),
        runs.finding(
            "With weak clipping NEG-MASK comes within 0.03 of QAE's accuracy",
            f"{figure} (b)",
            f"0.03 - |{ACCURACY}: NEG-MASK - QAE| (clip 0.28)",
            gap("neg_mask", "QAE", "0.28"),
            margin=0.03,
        ),
    ]


def _judge_pass(runs: Runs) -> list[Finding]:
    def gap(metric: str) -> dict[str, np.ndarray]:
        places = ("learned", "addition")  # what is memorised does not help on held-out prompts
        return {s: runs.last(f"{s}, QAE, 0.28", metric) - runs.last(f"{s}, mean, 0.28", metric) for s in places}

    return [
        runs.finding("QAE raises pass@1", f"Fig. 5a, {PAPER}", "pass@1: QAE - mean", gap("pass_1")),
        runs.finding(
            "... and keeps pass@16 within 0.05",
            f"Fig. 5a, {PAPER}",
            "0.05 - |pass@16: QAE - mean|",
            gap("pass_k"),
            margin=0.05,
        ),
    ]


def _size_arms(make: Make) -> dict[str, Config]:
    # The larger model learns faster: half of the demonstrations give a base model of similar accuracy.
    larger: dict[str, Any] = {"size": "medium", "base_demonstrations": 10_000}
    return {
        f"{size}, {baseline}": make("learned", **recipe, **changes)
        for size, changes in (("small", {"size": "small"}), ("medium", larger))
        for baseline, recipe in (("mean", {}), ("QAE", QAE))
    }


def _judge_sizes(runs: Runs) -> list[Finding]:
    def gap(a: str, b: str, metric: str) -> dict[str, np.ndarray]:
        return {z: runs.last(f"{z}, {a}", metric) - runs.last(f"{z}, {b}", metric) for z in ("small", "medium")}

    return [
        runs.finding(
            "QAE keeps the entropy below the mean baseline's at both sizes",
            f"Figs. 11 and 12, {PAPER}",
            "entropy on fixed states: mean - QAE (learned)",
            gap("mean", "QAE", "fixed_entropy"),
        ),
        runs.finding(
            "QAE raises pass@1 at both sizes",
            f"Figs. 11 and 12, {PAPER}",
            "pass@1: QAE - mean (learned)",
            gap("QAE", "mean", "pass_1"),
        ),
    ]


_COMBINED: Mapping[str, Mapping[str, Any]] = {
    # Their own recipes: besides the selection of tokens hardly anything is clipped.
    "Clip-Cov": {"objective": "clip_cov", "clip_low": 1.0, "clip_high": 1.0},
    "KL-Cov": {"objective": "kl_cov"},
    "GSPO": GSPO,
}


def _combined_arms(make: Make) -> dict[str, Config]:
    return {
        f"{method}, {baseline}": make("learned", **recipe, **changes)
        for method, changes in _COMBINED.items()
        for baseline, recipe in (("mean", {}), ("QAE", QAE))
    }


def _judge_combined(runs: Runs) -> list[Finding]:
    return [
        runs.finding(
            "QAE improves Clip-Cov, KL-Cov and GSPO",
            f"Table 2, {PAPER}",
            "pass@1: with QAE - without (learned)",
            {m: runs.last(f"{m}, QAE", "pass_1") - runs.last(f"{m}, mean", "pass_1") for m in _COMBINED},
        )
    ]


_HA_DW = PAPERS["ha_dw"].number
_WEIGHTED = AdvantageRule(anchor=SoftAnchor())
_HISTORY: Mapping[str, Mapping[str, Any]] = {
    "GRPO": {**SYMMETRIC, "loss": "sequence"},
    "GSPO": GSPO,
    "DAPO": {},
}


def _history_arms(make: Make) -> dict[str, Config]:
    arms = {}
    for method, changes in _HISTORY.items():
        arms[method] = make("learned", **changes)
        arms[f"{method} + HA-DW"] = make("learned", rule=_WEIGHTED, **changes)
    for size in (8,):
        arms[f"G={size}"] = make("learned", group_size=size)
        arms[f"G={size} + HA-DW"] = make("learned", group_size=size, rule=_WEIGHTED)
    for scale in (1.0, 1.7):
        arms[f"lambda={scale}"] = make("learned", rule=_WEIGHTED.with_(lambda_scale=scale))
    for name, anchor in (("fixed 0.5", FixedAnchor(0.5)), ("hard", HardAnchor()), ("Kalman", KalmanAnchor())):
        arms[f"anchor {name}"] = make("learned", rule=AdvantageRule(anchor=anchor))
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


_KTAE = PAPERS["ktae"].number
_KEYED = ("learned", "addition")


def _key_arms(make: Make) -> dict[str, Config]:
    return {f"{s}, {name}": make(s, rule=AdvantageRule(name)) for s in _KEYED for name in ("grpo", "ktae")}


def _judge_keys(runs: Runs) -> list[Finding]:
    def gap(a: str, b: str, metric: str) -> dict[str, np.ndarray]:
        return {s: runs.last(f"{s}, {a}", metric) - runs.last(f"{s}, {b}", metric) for s in _KEYED}

    return [
        runs.finding(
            "KTAE raises accuracy",
            f"main results, {_KTAE}",
            "pass@1: KTAE - GRPO",
            gap("ktae", "grpo", "pass_1"),
        ),
        runs.finding(
            "... with shorter responses",
            f"response length, {_KTAE}",
            "tokens: GRPO - KTAE",
            gap("grpo", "ktae", "length"),
        ),
    ]


#: Studies of recipes.
RECIPES = (
    TrainingStudy("masks", "POS-MASK and NEG-MASK under weak and strong clipping", _mask_arms, _judge_masks),
    TrainingStudy("pass", "pass@1 against pass@16", core, _judge_pass),
    TrainingStudy("sizes", "Two sizes of the model", _size_arms, _judge_sizes),
    TrainingStudy("combined", "QAE on top of Clip-Cov, KL-Cov and GSPO", _combined_arms, _judge_combined),
    TrainingStudy("ha_dw", "HA-DW on GRPO, GSPO and DAPO, and its ablations", _history_arms, _judge_history),
    TrainingStudy("ktae", "KTAE's accuracy and length", _key_arms, _judge_keys),
)
