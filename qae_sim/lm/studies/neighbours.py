"""A study of the neighbours: every estimator of responses on the same tasks, at equal compute."""

from __future__ import annotations

from typing import Any

import numpy as np

from qae_sim.advantages import ESTIMATORS, PhaseSwitch, SoftAnchor, why_not
from qae_sim.lm.config import Config
from qae_sim.lm.studies.arms import PAPER, Make, Runs, Study
from qae_sim.lm.studies.evidence import Finding

#: Tasks of the study. The first is the one on which the common recipe learns; on addition (the only one whose steps can
#: be checked, which FSPO needs) it loses what the base model knew, and estimators can show how much of it they keep.
_TASKS = ("learned", "addition")

#: Share of the batches after which CAPO switches; the paper's is 20 to 30 %.
_CAPO_SWITCH = 0.25

#: Tokens before the greatest length over which a second reward, for GDPO, falls from 0 to -1.
_OVERLONG = 6

#: Not the defaults: QAE's K, and CANON's comparison between halves alone, which its code does (μ = 1/2 is Dr. GRPO).
_PARAMETERS: dict[str, dict[str, Any]] = {
    "qae": {"k": 0.4},
    "pos_mask": {"k": 0.4},
    "neg_mask": {"k": 0.4},
    "quantile_whitening": {"k": 0.4},
    "canon": {"mu": 1.0},
}


def compared() -> list[str]:
    """Names of the estimators that give responses an advantage and can train the toy model.

    Example:
        >>> "maxrl" in compared(), "ktae" in compared()
        (True, False)
    """
    return [
        name for name, entry in ESTIMATORS.items() if entry.level in ("response", "batch") and not why_not(name, "lm")
    ]


def _arms(make: Make) -> dict[str, Config]:
    arms = {}
    for task in _TASKS:
        # Without dynamic sampling every arm samples as many responses, and takes as many steps, as any other.
        common = make(task, attempts=1)
        for name in compared():
            parameters = dict(_PARAMETERS.get(name, {}))
            if name == "capo":
                parameters["negatives"] = PhaseSwitch(max(1, round(_CAPO_SWITCH * common.batches)))
            overlong = _OVERLONG if name == "gdpo" else 0
            arms[f"{task}, {name}"] = common.with_(estimator=name, parameters=parameters, overlong=overlong)
        arms[f"{task}, grpo, second reward"] = common.with_(overlong=_OVERLONG)
        arms[f"{task}, ha_dw"] = common.with_(anchor=SoftAnchor())
        arms[f"{task}, reg_grpo"] = common.with_(objective="reg_grpo")
    arms["addition, fspo"] = make("addition", attempts=1, estimator="fspo")
    return arms


#: Compared with GRPO: titles and sources. RLEV is compared with RLOO, which it builds on; GDPO at the same two rewards.
_TITLES = {
    "dr_grpo": ("Dr. GRPO", "arXiv:2503.20783"),
    "rloo": ("RLOO", "arXiv:2402.14740"),
    "reinforce_plus_plus": ("REINFORCE++", "arXiv:2501.03262"),
    "reinforce_plus_plus_baseline": ("REINFORCE++ with group baseline", "arXiv:2501.03262"),
    "qae": ("QAE", PAPER),
    "pos_mask": ("POS-MASK", PAPER),
    "neg_mask": ("NEG-MASK", PAPER),
    "quantile_whitening": ("Quantile whitening", PAPER),
    "ha_dw": ("HA-DW", "arXiv:2601.08521"),
    "mapo": ("MAPO", "arXiv:2509.18849"),
    "maxrl": ("MaxRL", "arXiv:2602.02710"),
    "capo": ("CAPO", "arXiv:2512.02580"),
    "gpg": ("GPG", "arXiv:2504.02546"),
    "opo": ("OPO", "arXiv:2505.23585"),
    "canon": ("CANON (entropy, between halves)", "arXiv:2509.23962"),
    "aapo": ("AAPO (which samples twice as much)", "arXiv:2505.14264"),
    "verl_rank": ("VERL", "arXiv:2509.23808"),
    "fspo": ("FSPO", "arXiv:2505.24630"),
    "reg_grpo": ("Reg-GRPO", "arXiv:2506.07464"),
    "grpo_n": ("GRPO-N", "arXiv:2510.04028"),
    "grpo_passk": ("grpo_passk", "arXiv:2503.19595"),
}


def _judge(runs: Runs) -> list[Finding]:
    def gap(arm: str, metric: str, base: str = "grpo") -> dict[str, np.ndarray]:
        return {
            task: runs.last(f"{task}, {arm}", metric) - runs.last(f"{task}, {base}", metric)
            for task in _TASKS
            if f"{task}, {arm}" in runs
        }

    def of_value(arm: str) -> np.ndarray:
        """pass@1 where a prompt counts as much as it is worth."""
        by_level = runs.last(arm, "pass_by_level")
        worth = np.arange(1, by_level.shape[-1] + 1)
        return np.asarray((by_level * worth).sum(axis=-1) / worth.sum())

    both = "grpo, second reward"
    return [
        *(
            runs.finding(
                f"{title} reaches more than GRPO", f"estimator of {source}", f"pass@1: {arm} - grpo", gap(arm, "pass_1")
            )
            for arm, (title, source) in _TITLES.items()
        ),
        runs.finding(
            "GDPO reaches more than GRPO on the sum of two rewards",
            "arXiv:2601.05242",
            f"pass@1: gdpo - grpo, both with a punishment over the last {_OVERLONG} tokens",
            gap("gdpo", "pass_1", both),
        ),
        runs.finding(
            "... with shorter responses", "arXiv:2601.05242", "tokens: grpo - gdpo", gap(both, "length", "gdpo")
        ),
        runs.finding(
            "RLEV reaches more than RLOO where prompts count by their value",
            "arXiv:2510.20187",
            "pass@1 weighted by value (harder prompts are worth more): rlev - rloo",
            {task: of_value(f"{task}, rlev") - of_value(f"{task}, rloo") for task in _TASKS},
        ),
        runs.finding(
            "GRPO-N keeps more entropy than GRPO",
            "arXiv:2510.04028",
            "entropy on fixed states: grpo_n - grpo",
            gap("grpo_n", "fixed_entropy"),
        ),
        runs.finding(
            "grpo_passk reaches a higher pass@16 than GRPO",
            "arXiv:2503.19595",
            "pass@16: grpo_passk - grpo",
            gap("grpo_passk", "pass_k"),
        ),
        runs.finding(
            "OPO keeps more entropy than GRPO",
            "arXiv:2505.23585",
            "entropy on fixed states: opo - grpo",
            gap("opo", "fixed_entropy"),
        ),
        runs.finding(
            "VERL's bonus makes responses longer",
            "seen in these runs: the effective rank of more tokens is larger",
            "tokens: verl_rank - grpo",
            gap("verl_rank", "length"),
        ),
    ]


#: The study of the neighbours.
NEIGHBOURS = (Study("neighbours", "Every estimator of responses at equal compute", _arms, _judge),)
