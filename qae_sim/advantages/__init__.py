"""Rewards in, advantages out: one pure function per estimator, and the table of them.

Group estimators take ``rewards`` of shape ``(..., G)`` as arrays of NumPy, CuPy or PyTorch and answer in kind:

>>> from qae_sim.advantages import qae
>>> qae([1, 0, 0, 0, 0], k=0.4, eps=0)
array([2.5, 0. , 0. , 0. , 0. ])
"""

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
from qae_sim.advantages.history import HistoryWeights, ha_dw, ha_dw_weights
from qae_sim.advantages.kalman import KalmanAnchor, design_effect, intraclass_correlation, steady_state_gain
from qae_sim.advantages.neighbours import grpo_n, grpo_passk, mapo, maxrl
from qae_sim.advantages.schedules import ConstantK, CosineK, LinearK, TwoPhaseK
from qae_sim.advantages.selection import clip_cov_mask, kl_cov_mask, token_covariances
from qae_sim.advantages.table import ESTIMATORS, Estimator, get
from qae_sim.advantages.tokens import TokenAdvantages, TokenTable, ktae, token_table

__all__ = [
    "ESTIMATORS",
    "ConstantK",
    "CosineK",
    "DifficultyAnchor",
    "EntropyTargetK",
    "Estimator",
    "FixedAnchor",
    "GradientVarianceK",
    "GroupExpectation",
    "HardAnchor",
    "HistoryWeights",
    "KalmanAnchor",
    "LinearK",
    "SoftAnchor",
    "SuccessRateK",
    "TokenAdvantages",
    "TokenTable",
    "TwoPhaseK",
    "advantage_table",
    "batch_accuracy",
    "clip_cov_mask",
    "design_effect",
    "dr_grpo",
    "dynamic_sampling_mask",
    "expected_advantages",
    "get",
    "grpo",
    "grpo_n",
    "grpo_passk",
    "ha_dw",
    "ha_dw_weights",
    "intraclass_correlation",
    "k_from_gradient_variance",
    "k_from_success_rate",
    "kl_cov_mask",
    "ktae",
    "mapo",
    "maxrl",
    "neg_mask",
    "overlong_punishment",
    "pos_mask",
    "qae",
    "quantile_baseline",
    "quantile_whitening",
    "reinforce_plus_plus",
    "reinforce_plus_plus_baseline",
    "rloo",
    "steady_state_gain",
    "token_covariances",
    "token_table",
]
