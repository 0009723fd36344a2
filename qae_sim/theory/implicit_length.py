"""What a group estimator teaches about the length of responses, through the loss that divides by numbers of tokens.

On-policy, the expected gradient of any group estimator is E[c(o) ∇log π(o)] for a number c(o), the credit of a
response: its weight in the loss times its advantage, averaged over all other responses of the batch. Where that credit
depends on the length of the response, the loss teaches a length that nobody asked for. All sums here are exact: the
tokens of the other responses are counted by their probabilities, nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import advantage_table
from qae_sim.arrays import Array, as_floating, as_numpy, invalid, require_choice, require_count, require_shape, tally
from qae_sim.softmax import binomial

#: How a loss weighs tokens: over all tokens of the batch, over the response's own, or by a constant.
Normaliser = Literal["token", "sequence", "constant"]

#: So many tokens a batch may have: the law of their number is held in memory.
_MOST_TOKENS = 2**24


def expected_credit(
    estimator: str | Callable[..., Array],
    policy: Array,
    correct: Array,
    lengths: Array,
    group_size: int,
    *,
    loss: Normaliser = "token",
    prompts: int = 1,
    **parameters: Any,
) -> NDArray[np.float64]:
    """Expected credit of each response: what its score function is multiplied by, averaged over the rest of the batch.

    E[g] = Σ_o π(o) c(o) ∇log π(o),  g = Σ_i w_i A_i ∇log π(o_i)

    - ``"token"``: w = Q/Z, Z all tokens of the batch's Q prompts; c(o) = Q·G·E[A/Z | o_1 = o]
    - ``"sequence"``: w_i = 1/(G|o_i|); c(o) = E[A_1 | r_1 = r(o)]/|o|
    - ``"constant"``: w = 1/(G·L), L the longest response; c(o) = E[A_1 | r_1 = r(o)]/L

    The difference of two estimators' credits is the implicit reward that one of them adds to the other. All prompts of
    the batch are taken to have this policy; in the credit of a response the others' rewards beyond its group do not
    count, only their tokens.

    Args:
        estimator: A name from :data:`~qae_sim.advantages.ESTIMATORS`, or a function of rewards ``(..., G)``.
        policy: Probabilities π(o) of the responses, ``(A,)``, which add up to 1.
        correct: Which responses are correct, booleans or 0 and 1, ``(A,)``.
        lengths: Tokens |o| of each response, whole numbers >= 1, ``(A,)``.
        group_size: G, 1..1000.
        loss: ``"token"`` (DAPO; TRL's ``dapo``, verl's ``token-mean``), ``"sequence"`` (GRPO; TRL's ``grpo``, verl's
            ``seq-mean-token-mean``), ``"constant"`` (Dr. GRPO; TRL's ``dr_grpo``, verl's ``seq-mean-token-sum-norm``).
        prompts: Q, the prompts whose tokens Z counts, >= 1; without meaning for the other losses.
        **parameters: Passed on to the estimator, for example ``k=0.4``.

    Returns:
        float64 array ``(A,)``.

    Raises:
        TypeError: An argument is of another kind.
        ValueError: Shapes differ, probabilities do not add up to 1, a length is no whole number >= 1, a batch could
            have more than 2**24 tokens, and as for :func:`~qae_sim.advantages.advantage_table`.

    Source:
        Derived here; the losses are those of Wu et al., QAE, Sec. 2.

    Example:
        >>> policy, correct, lengths = [0.25, 0.25, 0.5], [1, 1, 0], [1, 2, 1]
        >>> expected_credit("qae", policy, correct, lengths, 2, loss="sequence", k=0.4, eps=0)
        array([1. , 0.5, 0. ])
        >>> expected_credit("qae", policy, correct, lengths, 2, k=0.4, eps=0).round(3)
        array([1.   , 0.667, 0.   ])
    """
    pi, is_correct, tokens = _checked(policy, correct, lengths)
    require_choice("loss", loss, get_args(Normaliser))
    batch = require_count("prompts", prompts)
    table = advantage_table(estimator, group_size, **parameters)
    # Of the other G - 1 responses, m are correct; the response itself makes them m + 1 if it is correct.
    advantages = {True: table[1:, 1], False: table[:-1, 0]}
    if loss == "token":
        return _shared(pi, is_correct, tokens, advantages, batch)
    weights = binomial(pi[is_correct].sum(), group_size - 1, pi[~is_correct].sum())
    means = {side: float(weights @ values) for side, values in advantages.items()}
    own = tokens if loss == "sequence" else np.full_like(tokens, tokens.max())
    return np.where(is_correct, means[True], means[False]) / own


def length_pressure(credit: Array, policy: Array, correct: Array, lengths: Array) -> float:
    """How fast a credit changes the mean length at a fixed success rate, per step of the natural policy gradient.

    E[Cov(|o|, c(o) | r(o))]

    The step z + η·c changes the mean of f at the rate Cov(f, c); of the mean length's rate this is the part within the
    correct and within the wrong responses. What is left, Cov(E[|o| | r], E[c | r]), comes with the success rate. Below
    0: towards shorter responses.

    Args:
        credit: c(o), for example of :func:`expected_credit`, ``(A,)``.
        policy: Probabilities of the responses, ``(A,)``, which add up to 1.
        correct: Which responses are correct, booleans or 0 and 1, ``(A,)``.
        lengths: Tokens of each response, whole numbers >= 1, ``(A,)``.

    Returns:
        Tokens per unit of step size.

    Raises:
        TypeError: An argument holds no real numbers.
        ValueError: Shapes differ, probabilities do not add up to 1, or a length is no whole number >= 1.

    Source:
        Definition.

    Example:
        >>> policy, correct, lengths = [0.25, 0.25, 0.5], [1, 1, 0], [1, 2, 1]
        >>> length_pressure([1.0, 0.5, 0.0], policy, correct, lengths)
        -0.0625
    """
    pi, is_correct, tokens = _checked(policy, correct, lengths)
    c = as_numpy("credit", as_floating("credit", credit)[0])
    require_shape("credit", c, pi.shape, "a number for each response")
    total = 0.0
    for side in (is_correct, ~is_correct):
        share = float(pi[side].sum())
        if share > 0:
            w = pi[side] / share
            total += share * float(w @ (c[side] * (tokens[side] - w @ tokens[side])))
    return total


def _checked(
    policy: Any, correct: Any, lengths: Any
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Probabilities, booleans and whole numbers of one shape."""
    pi = as_numpy("policy", as_floating("policy", policy)[0]).astype(np.float64)
    if pi.ndim != 1 or not pi.size:
        raise invalid("policy", pi.shape, "one probability for each response, of shape (A,)")
    if not (pi >= 0).all() or abs(pi.sum() - 1) > 1e-9:
        raise invalid("policy", pi, "probabilities that add up to 1")
    marks = as_numpy("correct", as_floating("correct", np.asarray(correct) + 0.0)[0])
    require_shape("correct", marks, pi.shape, "a mark for each response")
    if not np.isin(marks, (0, 1)).all():
        raise invalid("correct", marks, "booleans, or 0 and 1")
    tokens = as_numpy("lengths", as_floating("lengths", lengths)[0])
    require_shape("lengths", tokens, pi.shape, "a number of tokens for each response")
    if not ((tokens >= 1) & (tokens == np.floor(tokens)) & (tokens <= _MOST_TOKENS)).all():
        raise invalid("lengths", tokens, "whole numbers of at least 1")
    return pi, marks == 1, tokens.astype(np.int64)


def _shared(
    pi: NDArray[np.float64],
    correct: NDArray[np.bool_],
    tokens: NDArray[np.int64],
    advantages: dict[bool, NDArray[np.float64]],
    batch: int,
) -> NDArray[np.float64]:
    """Q·G·E[A/Z | the response]: A and the tokens of the other Q·G - 1 responses have one joint law.

    Generating functions of numbers of tokens multiply, and the discrete Fourier transform of a law holds their values.
    """
    group = len(advantages[True])
    size = batch * group * int(tokens.max()) + 1
    if size > _MOST_TOKENS:
        raise invalid("prompts", batch, f"so few that a batch has at most {_MOST_TOKENS} tokens; here {size - 1}")
    right, wrong = (np.fft.rfft(tally(tokens[side], pi[side], minlength=size)) for side in (correct, ~correct))
    others = (right + wrong) ** (group * (batch - 1))
    credit = np.empty(len(pi))
    for side, values in advantages.items():
        terms = (float(comb(group - 1, m)) * a * right**m * wrong ** (group - 1 - m) for m, a in enumerate(values) if a)
        law = np.fft.irfft(sum(terms, np.zeros_like(right)) * others, size)
        for o in np.flatnonzero(correct == side):
            credit[o] = batch * group * float(law @ (1 / (tokens[o] + np.arange(size))))
    return credit
