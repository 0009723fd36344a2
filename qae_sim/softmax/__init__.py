"""The exact entropy calculus of a softmax policy: entropy, covariance, update rules, entropy change.

All functions take logits ``(..., A)`` of NumPy, CuPy or PyTorch and return the same kind.
"""

from qae_sim.softmax.binomial_law import binomial, pass_at_k_estimate, pass_at_k_probability
from qae_sim.softmax.change import EntropyBounds, entropy_bounds, entropy_change, first_order_entropy_change
from qae_sim.softmax.entropy import (
    UPDATE_RULES,
    covariance,
    entropy,
    entropy_gradient,
    natural_gradient_update,
    paper_update,
    policy_gradient_update,
    probabilities,
)
from qae_sim.softmax.groups import (
    ExpectedEntropyChange,
    GroupMoments,
    expected_entropy_change,
    group_moments,
)

__all__ = [
    "UPDATE_RULES",
    "EntropyBounds",
    "ExpectedEntropyChange",
    "GroupMoments",
    "binomial",
    "covariance",
    "entropy",
    "entropy_bounds",
    "entropy_change",
    "entropy_gradient",
    "expected_entropy_change",
    "first_order_entropy_change",
    "group_moments",
    "natural_gradient_update",
    "paper_update",
    "pass_at_k_estimate",
    "pass_at_k_probability",
    "policy_gradient_update",
    "probabilities",
]
