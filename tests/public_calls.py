"""One valid call of every public function of the rooms that compute with arrays; new functions must be added.

Tests that are about all of them (settings of the caller, odd arguments, input types) start from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qae_sim import advantages as adv
from qae_sim import softmax

REWARDS = [[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]]
FLAT = [1.0, 0.0, 0.0, 1.0]
LENGTHS = [[3.0, 5.0, 2.0, 7.0], [4.0, 4.0, 1.0, 9.0]]
IDS = [[5, 6], [5, 7], [5, 8], [5, 8]]
MASK = [[1, 1], [1, 1], [1, 0], [1, 1]]
PER_TOKEN = [[[0.5, 0.25], [1.0, 0.5], [0.25, 0.75], [0.5, 0.5]]] * 2
OWN = [[[1, 1], [1, 1], [1, 0], [1, 1]]] * 2
LOGITS = [1.0, 0.0, -0.5]
TABLE = [[0.0, 0.0], [-1.0, 1.0], [0.0, 0.0]]
TREE = adv.Tree((-1, 0, 0, 1, 1))
DYNAMICS = adv.RankDynamics(*(np.array([[2.0, 1, 1, 3]] * 2) for _ in range(3)))
BASELINES = adv.RankBaselines(1.5, 1.0, 1.0)


@dataclass(frozen=True)
class Call:
    """A public function with arguments that it takes.

    Attributes:
        function: The function.
        arrays: Arguments that may be arrays of any library.
        others: All others.
        integers: Which of the arrays hold integers or booleans.
        differentiable: The array to differentiate by; empty where there is none.
    """

    function: Callable[..., Any]
    arrays: Mapping[str, Any]
    others: Mapping[str, Any] = field(default_factory=dict)
    integers: tuple[str, ...] = ()
    differentiable: str = ""

    def __call__(self, make: Callable[[Any], Any] = lambda values: values, **changes: Any) -> Any:
        """Call it with arrays made by ``make``; integers as they are."""
        given = {name: values if name in self.integers else make(values) for name, values in self.arrays.items()}
        return self.function(**(given | dict(self.others) | changes))


_STD = {"eps": 1e-6, "ddof": 0}


def _by_group(name: str, others: Mapping[str, Any] = _STD, **arrays: Any) -> tuple[str, Call]:
    arrays = {"rewards": REWARDS} | arrays
    return name, Call(getattr(adv, name), arrays, others, differentiable="rewards")


ADVANTAGES: dict[str, Call] = dict(
    [
        _by_group("grpo"),
        _by_group("dr_grpo", {}),
        _by_group("rloo", {}),
        _by_group("reinforce_plus_plus", lengths=LENGTHS),
        _by_group("reinforce_plus_plus_baseline", lengths=LENGTHS),
        _by_group("qae", {"k": 0.4, "quantile": "linear"} | _STD),
        _by_group("quantile_baseline", {"k": 0.4, "quantile": "linear"}),
        _by_group("quantile_whitening", {"k": 0.4, "quantile": "linear"} | _STD, mask=[[1, 1, 1, 1], [1, 0, 1, 1]]),
        _by_group("grpo_n"),
        _by_group("grpo_passk"),
        _by_group("capo", {"negatives": 0.5} | _STD),
        _by_group("gpg", {"count": "mixed"}),
        _by_group("dgpo", {"eps": 1e-6}),
        _by_group("mc_grpo", {"scale": "std", "count": "differing", "eps": 1e-3}),
        _by_group("rloo_std", {"equal_others": "keep"} | _STD),
        _by_group(
            "krpo",
            {
                "process_variance": 1e-5,
                "observation_variance": 1e-2,
                "start_mean": 0.5,
                "start_variance": 1.0,
                "eps": 1e-8,
            },
        ),
        _by_group("lite_ppo"),
        _by_group("james_stein", {}),
        _by_group("maxrl", {}),
        _by_group("opo", {}, lengths=LENGTHS),
        _by_group("canon", {"mu": 0.7, "alpha": 0.9}, metric=LENGTHS),
        _by_group("aapo", {"clip_low": 0.2, "clip_high": 0.28} | _STD, reference=REWARDS[::-1]),
        _by_group("rlev", {"alpha": 1.0, "base": "grpo"}, prompt_values=[0.5, 0.25]),
        _by_group("gdpo", {"weights": [1.0, 2.0]} | _STD, further=[[[0.0, 1.0, 1.0, 0.5], [0.0, 0.0, 0.0, 1.0]]]),
        _by_group("fspo", marks=[[[1.0, -1.0, 0.0]] * 4] * 2),
    ]
) | {
    "pos_mask": Call(adv.pos_mask, {"rewards": REWARDS}, {"k": 0.4} | _STD),
    "neg_mask": Call(adv.neg_mask, {"rewards": REWARDS}, {"k": 0.4} | _STD),
    "mapo": Call(adv.mapo, {"rewards": REWARDS}, _STD),
    "rl_zvp": Call(
        adv.rl_zvp,
        {"rewards": REWARDS, "entropies": PER_TOKEN, "mask": OWN},
        {"alpha": 0.1} | _STD,
        integers=("mask",),
    ),
    "gtpo": Call(
        adv.gtpo,
        {"rewards": REWARDS, "entropies": PER_TOKEN, "mask": OWN},
        {"bonus": 0.1, "eps": 1e-8},
        integers=("mask",),
    ),
    "optimal_token_baseline": Call(
        adv.optimal_token_baseline,
        {"rewards": REWARDS, "log_probs": [[[-0.5, -1.0]] * 4] * 2, "sum_squares": PER_TOKEN, "mask": OWN},
        integers=("mask",),
        differentiable="rewards",
    ),
    "gae": Call(
        adv.gae,
        {"rewards": REWARDS, "values": PER_TOKEN, "mask": OWN},
        {"gamma": 0.9, "lam": 0.5},
        integers=("mask",),
        differentiable="values",
    ),
    "decoupled_gae": Call(
        adv.decoupled_gae,
        {"rewards": REWARDS, "values": PER_TOKEN, "mask": OWN},
        {"gamma": 1.0, "lam": 0.5, "critic_lam": 1.0},
        integers=("mask",),
        differentiable="values",
    ),
    "length_adaptive_gae": Call(
        adv.length_adaptive_gae,
        {"rewards": REWARDS, "values": PER_TOKEN, "mask": OWN},
        {"gamma": 1.0, "alpha": 0.8, "critic_lam": 1.0},
        integers=("mask",),
        differentiable="values",
    ),
    "spo": Call(adv.spo, {"rewards": REWARDS, "expected": [0.5, 0.25]}, _STD, differentiable="rewards"),
    "rae": Call(adv.rae, {"rewards": REWARDS, "usual": LENGTHS}, differentiable="rewards"),
    "sign_advantage": Call(adv.sign_advantage, {"rewards": REWARDS}),
    "mc_grpo_kept": Call(adv.mc_grpo_kept, {"rewards": REWARDS}),
    "bnpo": Call(adv.bnpo, {"rewards": REWARDS}),
    "a_grae": Call(adv.a_grae, {"rewards": REWARDS}, _STD),
    "ha_dw": Call(adv.ha_dw, {"rewards": REWARDS}, {"anchor": 0.5, "lambda_scale": 1.3} | _STD),
    "ha_dw_weights": Call(
        adv.ha_dw_weights, {"rewards": REWARDS, "advantages": LENGTHS}, {"anchor": 0.5, "lambda_scale": 1.3}
    ),
    "reg_grpo": Call(
        adv.reg_grpo, {"rewards": REWARDS, "log_ratios": LENGTHS}, {"eps": 1e-3, "ddof": 0}, differentiable="log_ratios"
    ),
    "dynamic_sampling_mask": Call(adv.dynamic_sampling_mask, {"rewards": REWARDS}),
    "overlong_punishment": Call(adv.overlong_punishment, {"lengths": LENGTHS}, {"max_length": 8, "cache": 4}),
    "batch_accuracy": Call(adv.batch_accuracy, {"rewards": REWARDS}),
    "k_from_success_rate": Call(adv.k_from_success_rate, {"p_hat": [0.1, 0.5, 0.9]}, {"hard_share": 0.5}),
    "k_from_gradient_variance": Call(adv.k_from_gradient_variance, {"rewards": REWARDS, "squared_norms": LENGTHS}),
    "intraclass_correlation": Call(adv.intraclass_correlation, {"rewards": REWARDS}),
    "design_effect": Call(adv.design_effect, {}, {"group_size": 4, "rho": 0.5}),
    "steady_state_gain": Call(adv.steady_state_gain, {}, {"process_variance": 1.0, "observation_variance": 2.0}),
    "advantage_table": Call(adv.advantage_table, {}, {"estimator": "grpo", "group_size": 4}),
    "expected_advantages": Call(
        adv.expected_advantages, {"p": [0.1, 0.5]}, {"estimator": "grpo", "group_size": 4}, differentiable="p"
    ),
    "token_table": Call(
        adv.token_table, {"rewards": FLAT, "token_ids": IDS, "mask": MASK}, integers=("token_ids", "mask")
    ),
    "ktae": Call(
        adv.ktae,
        {"rewards": FLAT, "token_ids": IDS, "mask": MASK},
        {"variant": "paper", "pad_token_id": 8, "h1": 1.0, "h2": 1.0, "h3": 1.0, "k1": 2.0, "b": 0.5} | _STD,
        integers=("token_ids", "mask"),
    ),
    "token_covariances": Call(
        adv.token_covariances,
        {"log_probs": [-1.0, -3.0, -9.0], "advantages": [1.0, -1.0, 5.0], "mask": [1.0, 1.0, 0.0]},
        differentiable="log_probs",
    ),
    "clip_cov_mask": Call(
        adv.clip_cov_mask,
        {"covariances": [0.1, 2.0, 3.0, 9.0], "mask": [1.0, 1.0, 1.0, 1.0]},
        {"ratio": 0.5, "low": 1.0, "high": 5.0, "seed": 0, "variant": "paper"},
    ),
    "kl_cov_mask": Call(
        adv.kl_cov_mask,
        {"covariances": [0.1, 2.0, 3.0, 9.0], "mask": [1.0, 1.0, 1.0, 0.0]},
        {"ratio": 0.5, "variant": "paper"},
    ),
    "attn_rl": Call(adv.attn_rl, {"rewards": [0.0, 1.0, 1.0]}, {"tree": TREE}),
    "tree_opo": Call(
        adv.tree_opo, {"rewards": [0.0, 1.0, 0.0, 1.0, 1.0]}, {"tree": TREE, "margin": 0.1, "norm": "soft"}
    ),
    "tree_opo_heuristic": Call(
        adv.tree_opo_heuristic,
        {"rewards": [0.0, 1.0, 0.0, 1.0, 1.0]},
        {"tree": TREE, "alpha": 0.5, "value": "expectation"},
    ),
    "ordered_pairs": Call(adv.ordered_pairs, {"rewards": [0.0, 1.0, 0.0, 1.0, 1.0]}, {"tree": TREE}),
    "match_tir": Call(adv.match_tir, {"rewards": [[1.0, 1.0, 0.5], [0.0, 1.0, 1.0]]}, {"gamma": 0.9} | _STD),
    "matched_rewards": Call(adv.matched_rewards, {"similarity": [[0.9, 0.8], [0.8, 0.1]]}, {"matching": "optimal"}),
    "tool_similarity": Call(
        adv.tool_similarity, {}, {"call": adv.ToolCall("a", {"x": 1}), "truth": adv.ToolCall("a", {"x": 2})}
    ),
    "effective_rank": Call(adv.effective_rank, {"states": [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]}),
    "rank_dynamics": Call(adv.rank_dynamics, {"responses": [[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]] * 2}, {"stride": 1}),
    "verl_rank": Call(
        adv.verl_rank,
        {"rewards": REWARDS},
        {"dynamics": DYNAMICS, "baselines": BASELINES, "gain": 2.0, "kappa": 2.0} | _STD,
    ),
}

#: Public functions that compute nothing with numbers.
WITHOUT_NUMBERS = {"get", "register", "registered", "why_not"}

_UPDATE = {"logits": LOGITS, "rewards": [1.0, 0.0, 0.5], "b": 0.25}

SOFTMAX: dict[str, Call] = {
    "probabilities": Call(softmax.probabilities, {"logits": LOGITS}, differentiable="logits"),
    "entropy": Call(softmax.entropy, {"logits": LOGITS}, differentiable="logits"),
    "entropy_gradient": Call(softmax.entropy_gradient, {"logits": LOGITS}, differentiable="logits"),
    "covariance": Call(
        softmax.covariance,
        {"logits": LOGITS, "x": [1.0, -1.0, 0.5], "y": [0.5, 2.0, 0.0]},
        differentiable="logits",
    ),
    "paper_update": Call(softmax.paper_update, _UPDATE, {"eta": 0.5}, differentiable="logits"),
    "policy_gradient_update": Call(softmax.policy_gradient_update, _UPDATE, {"eta": 0.5}, differentiable="logits"),
    "natural_gradient_update": Call(softmax.natural_gradient_update, _UPDATE, {"eta": 0.5}, differentiable="rewards"),
    "first_order_entropy_change": Call(
        softmax.first_order_entropy_change, {"logits": LOGITS, "delta": [0.1, 0.0, -0.3]}, differentiable="logits"
    ),
    "entropy_change": Call(
        softmax.entropy_change, {"logits": LOGITS, "delta": [0.1, 0.0, -0.3]}, differentiable="logits"
    ),
    "entropy_bounds": Call(
        softmax.entropy_bounds, {"logits": LOGITS, "rewards": [1.0, 0.0, 0.5]}, {"eta": 0.5}, differentiable="logits"
    ),
    "group_moments": Call(
        softmax.group_moments, {"table": TABLE, "p": [0.25, 0.5], "complement": [0.75, 0.5]}, differentiable="p"
    ),
    "expected_entropy_change": Call(
        softmax.expected_entropy_change,
        {"logits": LOGITS, "success": [1.0, 0.0, 0.5], "table": TABLE},
        {"eta": 0.5, "rule": "paper"},
        differentiable="logits",
    ),
    "binomial": Call(
        softmax.binomial, {"p": [0.25, 0.5], "complement": [0.75, 0.5]}, {"trials": 4}, differentiable="p"
    ),
    "pass_at_k_probability": Call(softmax.pass_at_k_probability, {"p": [0.25, 0.5]}, {"k": 4}, differentiable="p"),
    "pass_at_k_estimate": Call(
        softmax.pass_at_k_estimate, {"successes": [0, 1, 4]}, {"samples": 8, "k": 3}, integers=("successes",)
    ),
}

CALLS = ADVANTAGES | SOFTMAX


def public_functions(room: Any) -> set[str]:
    """Names of the functions that a room offers."""
    names = {
        name for name in room.__all__ if callable(getattr(room, name)) and not isinstance(getattr(room, name), type)
    }
    return {name for name in names if not getattr(room, name).__module__.startswith("typing")}


def numbers_of(result: Any) -> list[np.ndarray]:
    """All arrays of a result, as NumPy's."""
    if result is None:
        return []
    if isinstance(result, tuple | list):
        return [each for part in result for each in numbers_of(part)]
    if hasattr(result, "__dataclass_fields__"):
        return [each for name in result.__dataclass_fields__ for each in numbers_of(getattr(result, name))]
    if hasattr(result, "detach"):
        result = result.detach().cpu()
        if str(result.dtype) == "torch.bfloat16":
            result = result.float()
    return [np.asarray(result)]
