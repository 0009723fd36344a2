"""Rewards in, advantages out: one pure function per estimator, and the table of them.

Group estimators take ``rewards`` of shape ``(..., G)`` as arrays of NumPy, CuPy or PyTorch and return the same kind:

>>> from qae_sim.advantages import qae
>>> qae([1, 0, 0, 0, 0], k=0.4, eps=0)
array([2.5, 0. , 0. , 0. , 0. ])
"""

from qae_sim.advantages._statistics import Quantile
from qae_sim.advantages.across_prompts import a_grae, bnpo, james_stein, lite_ppo
from qae_sim.advantages.anchors import (
    DifficultyAnchor,
    FixedAnchor,
    HardAnchor,
    SoftAnchor,
    batch_accuracy,
)
from qae_sim.advantages.automatic import (
    EntropyTargetK,
    GradientVarianceK,
    SuccessRateK,
    k_from_gradient_variance,
    k_from_success_rate,
    quantile_whitening,
)
from qae_sim.advantages.availability import PLACES, why_not
from qae_sim.advantages.centre_and_scale import dgpo, krpo, mc_grpo, mc_grpo_kept, rloo_std, sign_advantage
from qae_sim.advantages.critics import CriticAdvantages, decoupled_gae, gae, length_adaptive_gae
from qae_sim.advantages.dapo import dynamic_sampling_mask, overlong_punishment
from qae_sim.advantages.expectation import (
    GroupExpectation,
    advantage_table,
    expected_advantages,
)
from qae_sim.advantages.group import (
    dr_grpo,
    grpo,
    neg_mask,
    pos_mask,
    qae,
    quantile_baseline,
    reinforce_plus_plus,
    reinforce_plus_plus_baseline,
    rloo,
)
from qae_sim.advantages.hidden_state_rank import RankBaselines, RankDynamics, effective_rank, rank_dynamics, verl_rank
from qae_sim.advantages.inputs import INPUTS, Input
from qae_sim.advantages.kalman_anchor import KalmanAnchor, design_effect, intraclass_correlation, steady_state_gain
from qae_sim.advantages.losses import reg_grpo
from qae_sim.advantages.registry import ESTIMATORS, LEFT_OUT, Estimator, get, register, registered
from qae_sim.advantages.reward_only import capo, gpg, grpo_n, grpo_passk, mapo, maxrl
from qae_sim.advantages.rule import AdvantageRule
from qae_sim.advantages.schedules import ConstantK, CosineK, LinearK, PhaseSwitch, TwoPhaseK
from qae_sim.advantages.side_information import aapo, canon, gdpo, opo, rlev
from qae_sim.advantages.terms import AdvantageState, Term
from qae_sim.advantages.token_credit import gtpo, optimal_token_baseline, rl_zvp
from qae_sim.advantages.token_selection import clip_cov_mask, kl_cov_mask, token_covariances
from qae_sim.advantages.tokens import TokenAdvantages, TokenTable, ktae, token_table
from qae_sim.advantages.trackers import AgentMeans, BetaTracker, rae, spo
from qae_sim.advantages.trees import Tree, attn_rl, ordered_pairs, tree_opo, tree_opo_heuristic
from qae_sim.advantages.turns import ToolCall, fspo, match_tir, matched_rewards, tool_similarity
from qae_sim.advantages.weights import HistoryWeights, ha_dw, ha_dw_weights

__all__ = [
    "ESTIMATORS",
    "INPUTS",
    "LEFT_OUT",
    "PLACES",
    "AdvantageRule",
    "AdvantageState",
    "AgentMeans",
    "BetaTracker",
    "ConstantK",
    "CosineK",
    "CriticAdvantages",
    "DifficultyAnchor",
    "EntropyTargetK",
    "Estimator",
    "FixedAnchor",
    "GradientVarianceK",
    "GroupExpectation",
    "HardAnchor",
    "HistoryWeights",
    "Input",
    "KalmanAnchor",
    "LinearK",
    "PhaseSwitch",
    "Quantile",
    "RankBaselines",
    "RankDynamics",
    "SoftAnchor",
    "SuccessRateK",
    "Term",
    "TokenAdvantages",
    "TokenTable",
    "ToolCall",
    "Tree",
    "TwoPhaseK",
    "a_grae",
    "aapo",
    "advantage_table",
    "attn_rl",
    "batch_accuracy",
    "bnpo",
    "canon",
    "capo",
    "clip_cov_mask",
    "decoupled_gae",
    "design_effect",
    "dgpo",
    "dr_grpo",
    "dynamic_sampling_mask",
    "effective_rank",
    "expected_advantages",
    "fspo",
    "gae",
    "gdpo",
    "get",
    "gpg",
    "grpo",
    "grpo_n",
    "grpo_passk",
    "gtpo",
    "ha_dw",
    "ha_dw_weights",
    "intraclass_correlation",
    "james_stein",
    "k_from_gradient_variance",
    "k_from_success_rate",
    "kl_cov_mask",
    "krpo",
    "ktae",
    "length_adaptive_gae",
    "lite_ppo",
    "mapo",
    "match_tir",
    "matched_rewards",
    "maxrl",
    "mc_grpo",
    "mc_grpo_kept",
    "neg_mask",
    "opo",
    "optimal_token_baseline",
    "ordered_pairs",
    "overlong_punishment",
    "pos_mask",
    "qae",
    "quantile_baseline",
    "quantile_whitening",
    "rae",
    "rank_dynamics",
    "reg_grpo",
    "register",
    "registered",
    "reinforce_plus_plus",
    "reinforce_plus_plus_baseline",
    "rl_zvp",
    "rlev",
    "rloo",
    "rloo_std",
    "sign_advantage",
    "spo",
    "steady_state_gain",
    "token_covariances",
    "token_table",
    "tool_similarity",
    "tree_opo",
    "tree_opo_heuristic",
    "verl_rank",
    "why_not",
]
