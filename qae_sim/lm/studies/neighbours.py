"""The study "neighbours": every estimator of response advantages on the same tasks, at equal compute."""

from __future__ import annotations

from typing import Any

import numpy as np

from qae_sim.advantages import AdvantageRule, PhaseSwitch, SoftAnchor
from qae_sim.lm.config import Config
from qae_sim.lm.studies.arms import Make, Runs, TrainingStudy
from qae_sim.lm.studies.evidence import Finding
from qae_sim.papers import PAPERS

#: Tasks of the study. On the first the common recipe learns. On addition (the only task whose steps can be checked,
#: which FSPO needs) it loses what the base model knew, and estimators differ in how much of it they keep.
_TASKS = ("learned", "addition")

#: Share of the batches after which CAPO switches; the paper has 20 to 30 %.
_CAPO_SWITCH = 0.25

#: Tokens before the greatest length over which a second reward, for GDPO, falls from 0 to -1.
_OVERLONG = 6

#: Parameters other than the defaults: QAE's K, and CANON's μ = 1 as in its code, which compares only between halves
#: (μ = 1/2 is Dr. GRPO).
_PARAMETERS: dict[str, dict[str, Any]] = {
    "qae": {"k": 0.4},
    "pos_mask": {"k": 0.4},
    "neg_mask": {"k": 0.4},
    "quantile_whitening": {"k": 0.4},
    "canon": {"mu": 1.0},
}


#: Names of the arms: estimators that give each response one advantage and can train the toy model. The list is fixed,
#: so that a record stays complete whatever is registered later.
COMPARED = (
    *("grpo", "dr_grpo", "rloo", "reinforce_plus_plus", "reinforce_plus_plus_baseline"),
    *("qae", "pos_mask", "neg_mask", "quantile_whitening", "mapo", "maxrl", "grpo_n", "grpo_passk"),
    *("capo", "gpg", "opo", "canon", "aapo", "rlev", "gdpo", "verl_rank"),
)


def _arms(make: Make) -> dict[str, Config]:
    arms = {}
    for task in _TASKS:
        # Without dynamic sampling all arms sample equally many responses and take equally many steps.
        common = make(task, attempts=1)
        for name in COMPARED:
            parameters = dict(_PARAMETERS.get(name, {}))
            if name == "capo":
                parameters["negatives"] = PhaseSwitch(max(1, round(_CAPO_SWITCH * common.batches)))
            overlong = _OVERLONG if name == "gdpo" else 0
            arms[f"{task}, {name}"] = common.with_(rule=AdvantageRule(name, parameters), overlong=overlong)
        arms[f"{task}, grpo, second reward"] = common.with_(overlong=_OVERLONG)
        arms[f"{task}, ha_dw"] = common.with_(rule=AdvantageRule(anchor=SoftAnchor()))
        arms[f"{task}, reg_grpo"] = common.with_(objective="reg_grpo")
    arms["addition, fspo"] = make("addition", attempts=1, rule=AdvantageRule("fspo"))
    return arms


#: Estimators compared with GRPO: titles, and keys of their papers. RLEV is compared with RLOO, on which it builds, and
#: GDPO with GRPO on the same two rewards.
_TITLES = {
    "dr_grpo": ("Dr. GRPO", "dr_grpo"),
    "rloo": ("RLOO", "rloo"),
    "reinforce_plus_plus": ("REINFORCE++", "reinforce_plus_plus"),
    "reinforce_plus_plus_baseline": ("REINFORCE++ with group baseline", "reinforce_plus_plus"),
    "qae": ("QAE", "qae"),
    "pos_mask": ("POS-MASK", "qae"),
    "neg_mask": ("NEG-MASK", "qae"),
    "quantile_whitening": ("Quantile whitening", "qae"),
    "ha_dw": ("HA-DW", "ha_dw"),
    "mapo": ("MAPO", "mapo"),
    "maxrl": ("MaxRL", "maxrl"),
    "capo": ("CAPO", "capo"),
    "gpg": ("GPG", "gpg"),
    "opo": ("OPO", "opo"),
    "canon": ("CANON (entropy, between halves)", "canon"),
    "aapo": ("AAPO (which samples twice as much)", "aapo"),
    "verl_rank": ("VERL", "verl_rank"),
    "fspo": ("FSPO", "fspo"),
    "reg_grpo": ("Reg-GRPO", "reg_grpo"),
    "grpo_n": ("GRPO-N", "grpo_n"),
    "grpo_passk": ("grpo_passk", "grpo_passk"),
}


def _judge(runs: Runs) -> list[Finding]:
    def gap(arm: str, metric: str, base: str = "grpo") -> dict[str, np.ndarray]:
        return {
            task: runs.last(f"{task}, {arm}", metric) - runs.last(f"{task}, {base}", metric)
            for task in _TASKS
            if f"{task}, {arm}" in runs
        }

    def of_value(arm: str) -> np.ndarray:
        """pass@1, prompts weighted by their values."""
        by_level = runs.last(arm, "pass_by_level")
        worth = np.arange(1, by_level.shape[-1] + 1)
        return np.asarray((by_level * worth).sum(axis=-1) / worth.sum())

    both = "grpo, second reward"
    return [
        *(
            runs.finding(
                f"{title} reaches more than GRPO",
                f"estimator of {PAPERS[paper].number}",
                f"pass@1: {arm} - grpo",
                gap(arm, "pass_1"),
            )
            for arm, (title, paper) in _TITLES.items()
        ),
        runs.finding(
            "GDPO reaches more than GRPO on the sum of two rewards",
            PAPERS["gdpo"].number,
            f"pass@1: gdpo - grpo, both with a punishment over the last {_OVERLONG} tokens",
            gap("gdpo", "pass_1", both),
        ),
        runs.finding(
            "... with shorter responses", PAPERS["gdpo"].number, "tokens: grpo - gdpo", gap(both, "length", "gdpo")
        ),
        runs.finding(
            "RLEV reaches more than RLOO where prompts count by their value",
            PAPERS["rlev"].number,
            "pass@1 weighted by value (harder prompts are worth more): rlev - rloo",
            {task: of_value(f"{task}, rlev") - of_value(f"{task}, rloo") for task in _TASKS},
        ),
        runs.finding(
            "GRPO-N keeps more entropy than GRPO",
            PAPERS["grpo_n"].number,
            "entropy on fixed states: grpo_n - grpo",
            gap("grpo_n", "fixed_entropy"),
        ),
        runs.finding(
            "grpo_passk reaches a higher pass@16 than GRPO",
            PAPERS["grpo_passk"].number,
            "pass@16: grpo_passk - grpo",
            gap("grpo_passk", "pass_k"),
        ),
        runs.finding(
            "OPO keeps more entropy than GRPO",
            PAPERS["opo"].number,
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


#: The study of related estimators.
NEIGHBOURS = (TrainingStudy("neighbours", "Every estimator of responses at equal compute", _arms, _judge),)
