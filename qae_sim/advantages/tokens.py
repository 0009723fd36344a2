"""KTAE: what a token's presence in correct and wrong responses says about it."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import array_api_compat as compat
import numpy as np

from qae_sim.advantages._statistics import checked_rewards
from qae_sim.advantages.group import grpo
from qae_sim.arrays import (
    Array,
    Namespace,
    as_array,
    checked_mask,
    invalid,
    like,
    require_choice,
    require_count,
    require_finite,
    require_number,
    self_contained,
    take,
    working_precision,
)
from qae_sim.frozen import dataclass

Variant: TypeAlias = Literal["paper", "code"]

#: Keeps ratios of term frequencies finite for tokens in correct (or wrong) responses only; the released code's value.
TF_FLOOR = 1e-5

#: Largest h₁, h₂, h₃ and k₁: their products stay far inside the range of float32.
LARGEST_WEIGHT = 1e6


@dataclass(frozen=True, eq=False)
class TokenAdvantages:
    """Advantages of single tokens.

    Attributes:
        advantages: Group advantage of the response plus the token's key value, ``(..., G, T)``; 0 where masked.
        key_values: How much the token speaks for (+) or against (-) a correct response, ``(..., G, T)``; 0 where
            masked.
    """

    advantages: Array
    key_values: Array


@dataclass(frozen=True, eq=False)
class TokenTable:
    """The statistics behind KTAE's key values, one entry per token position.

    All arrays are ``(..., G, T)``; entries at masked positions mean nothing.

    Attributes:
        a: Correct responses of the group that contain the token.
        b: Wrong responses that contain it.
        c: Correct responses without it.
        d: Wrong responses without it.
        count_correct: Occurrences of the token in the correct responses together.
        count_wrong: Occurrences in the wrong responses together.
        length_correct: Unmasked tokens of the correct responses together.
        length_wrong: Unmasked tokens of the wrong responses together.
    """

    a: Array
    b: Array
    c: Array
    d: Array
    count_correct: Array
    count_wrong: Array
    length_correct: Array
    length_wrong: Array


def _checked_tokens(token_ids: Any, mask: Any, rewards: Any) -> tuple[Array, Array, Array, Namespace]:
    """Check token ids, mask and rewards of groups against each other."""
    r, xp = checked_rewards(rewards)
    ids, ids_xp = as_array("token_ids", token_ids)
    if not ids_xp.isdtype(ids.dtype, "integral"):
        raise invalid("token_ids", str(ids.dtype), "an array of integers", TypeError)
    ids = like("token_ids", r, ids, xp.int64)
    if ids.ndim != r.ndim + 1 or tuple(ids.shape[:-1]) != tuple(r.shape) or ids.shape[-1] == 0:
        raise invalid("token_ids", tuple(ids.shape), f"of shape (..., G, T) with T >= 1 for rewards {tuple(r.shape)}")
    kept = checked_mask(mask, ids, "token_ids")
    return ids, kept, r, xp


@self_contained
def token_table(rewards: Array, token_ids: Array, mask: Array) -> TokenTable:
    """Count, for every token of every group, in how many correct and wrong responses it occurs, and how often.

    A response is correct when its reward is positive. Presence is per response; counts are per occurrence.

    Args:
        rewards: ``(..., G)``, G >= 2.
        token_ids: Token ids, ``(..., G, T)`` integers >= 0 wherever the mask is set.
        mask: True (1) at the response's own tokens, false (0) at padding, ``(..., G, T)``.

    Returns:
        The contingency table and the term counts of the token at each position.

    Raises:
        TypeError: ``token_ids`` are no integers, or an argument holds no real numbers.
        ValueError: Shapes do not fit, a mask entry is neither 0 nor 1, an unmasked id is negative or beyond 2**31.

    Source:
        Sun et al., KTAE (arXiv:2505.16826), contingency table and BM25 counts; equations not seen.

    Example:
        >>> table = token_table([1, 0, 0], [[7, 8], [7, 9], [9, 9]], [[1, 1], [1, 1], [1, 1]])
        >>> table.a.tolist(), table.b.tolist(), table.count_wrong.tolist()
        ([[1, 1], [1, 0], [0, 0]], [[1, 0], [1, 2], [2, 2]], [[1, 0], [1, 3], [3, 3]])
    """
    ids, kept, r, xp = _checked_tokens(token_ids, mask, rewards)
    require_finite("rewards", r)
    return _count(ids, kept, r, xp)


def _count(ids: Array, kept: Array, r: Array, xp: Namespace) -> TokenTable:
    """Build the table from what :func:`_checked_tokens` returned."""
    outside = kept & ((ids < 0) | (ids >= 2**31))
    if bool(xp.any(outside)):
        raise invalid("token_ids", int(ids[outside][0]), "from 0 to 2**31 - 1 wherever the mask is set")
    size, width = ids.shape[-2:]
    shape = ids.shape
    if math.prod(shape) == 0:  # a batch of no groups
        return TokenTable(*(xp.zeros_like(ids) for _ in range(8)))
    correct = xp.broadcast_to((r > 0)[..., None], shape)

    # One sort of (group, token, response) brings every token's occurrences together, its responses in order.
    # Masked positions get the token 0 of a vocabulary that starts at 1.
    token = xp.reshape(xp.where(kept, ids + 1, 0), (-1, size * width))
    vocabulary = int(xp.max(token)) + 1
    groups = token.shape[0]
    if groups * vocabulary * size >= 2**62:
        raise invalid("token_ids", vocabulary - 2, f"small enough for {groups} groups of {size} to be told apart")
    steps = {"dtype": xp.int64, "device": compat.device(r)}
    group = xp.arange(groups, **steps)[:, None]
    response = xp.arange(size * width, **steps)[None, :] // width
    key = xp.reshape((group * vocabulary + token) * size + response, (-1,))
    order = xp.argsort(key, stable=False)
    ordered = take(key, order)
    weight = xp.astype(take(xp.reshape(kept, (-1,)), order), xp.int64)
    correct_weight = weight * xp.astype(take(xp.reshape(correct, (-1,)), order), xp.int64)

    first_in_response = _starts(xp, ordered)
    pair = ordered // size
    starts = _starts(xp, pair)
    number = xp.cumulative_sum(starts) - 1  # which (group, token) pair an occurrence belongs to
    begin = xp.nonzero(starts)[0]
    end = xp.concat([begin[1:], xp.asarray([key.shape[0]], dtype=begin.dtype, device=steps["device"])])
    # Back from sorted order to the positions of the tokens.
    back = take(number, xp.argsort(order, stable=False))

    def per_position(indicator: Array) -> Array:
        """Sum an indicator over each pair's run, and hand every position the sum of its own pair."""
        running = xp.concat([xp.zeros(1, **steps), xp.cumulative_sum(indicator)])
        sums = take(running, end) - take(running, begin)
        return xp.reshape(take(sums, back), shape)

    a = per_position(first_in_response * correct_weight)
    b = per_position(first_in_response * (weight - correct_weight))
    n_correct = xp.sum(xp.astype(r > 0, xp.int64), axis=-1)[..., None, None]
    lengths = xp.sum(xp.astype(kept, xp.int64), axis=-1)
    length_correct = xp.sum(xp.where(r > 0, lengths, 0), axis=-1)[..., None, None]
    length_wrong = xp.sum(xp.where(r > 0, 0, lengths), axis=-1)[..., None, None]
    return TokenTable(
        a=a,
        b=b,
        c=n_correct - a,
        d=(size - n_correct) - b,
        count_correct=per_position(correct_weight),
        count_wrong=per_position(weight - correct_weight),
        length_correct=xp.broadcast_to(length_correct, shape),
        length_wrong=xp.broadcast_to(length_wrong, shape),
    )


def _starts(xp: Namespace, ordered: Array) -> Array:
    """Mark with 1 where a sorted sequence takes a new value."""
    new = xp.astype(ordered[1:] != ordered[:-1], xp.int64)
    return xp.concat([xp.ones_like(new[:1]) if new.shape[0] else xp.ones_like(ordered[:1]), new])


@lru_cache(maxsize=64)
def association(size: int, n_correct: int, variant: Variant) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fisher probability, information gain and Cohen's h for every table of a group.

    They depend on (a, b) alone once G and the number of correct responses are fixed, so a few hundred values serve
    all tokens of a batch.

    Returns:
        Three arrays ``(n_correct + 1, G - n_correct + 1)``, indexed by a and b.
    """
    n_wrong = size - n_correct
    a = np.arange(n_correct + 1)[:, None]
    b = np.arange(n_wrong + 1)[None, :]
    log_factorial = np.array([math.lgamma(n + 1) for n in range(size + 1)])

    def log_choose(n: Any, k: Any) -> Any:
        return log_factorial[n] - log_factorial[k] - log_factorial[n - k]

    # Probability of the table with its margins fixed (hypergeometric).
    single = np.exp(log_choose(n_correct, a) + log_choose(n_wrong, b) - log_choose(size, a + b))
    if variant == "paper":
        fisher = single
    else:
        # Two-sided: all tables with the same margins that are no more probable. The small tolerance is for ties.
        fisher = np.empty_like(single)
        for containing in range(size + 1):
            k = np.arange(max(0, containing - n_wrong), min(n_correct, containing) + 1)
            p = single[k, containing - k]
            fisher[k, containing - k] = np.minimum(np.where(p[None, :] <= p[:, None] * (1 + 1e-9), p, 0).sum(axis=1), 1)
    # Snap to 1 what is 1, because F(1) = 0 is a jump.
    fisher = np.where(np.abs(fisher - 1) < 1e-12, 1.0, fisher)

    present = a + b
    h_present = _entropy_bits(a, present)
    h_absent = _entropy_bits(n_correct - a, size - present)
    h_y = _entropy_bits(np.asarray(n_correct), np.asarray(size))
    gain = h_y - (present * h_present + (size - present) * h_absent) / size
    cohen = np.arcsin(np.sqrt(a / max(n_correct, 1))) - np.arcsin(np.sqrt(b / max(n_wrong, 1)))
    # A token whose share of correct responses is the group's says nothing; rounding would leave ±1e-17.
    return fisher, np.where(a * size == n_correct * present, 0.0, np.maximum(gain, 0.0)), cohen


def _entropy_bits(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Entropy in bits of a coin that shows heads ``part`` times in ``whole``; 0 where ``whole`` is 0."""
    p = part / np.maximum(whole, 1)
    return np.asarray(-sum(np.where(q > 0, q * np.log2(np.where(q > 0, q, 1)), 0) for q in (p, 1 - p)) * (whole > 0))


def term_frequency(xp: Namespace, count: Array, length: Array, mean_length: Array, k1: float, b: float) -> Array:
    """BM25 saturation of a term frequency; 0 where the term does not occur."""
    # With k1 = 0, or b = 1 and a side without tokens, the quotient would be 0/0 there.
    occurs = count > 0
    saturated = k1 * (1 - b + b * length / mean_length) + count
    return xp.where(occurs, (k1 + 1) * (count / xp.where(occurs, saturated, 1.0)), 0.0)


@self_contained
def ktae(
    rewards: Array,
    token_ids: Array,
    mask: Array,
    *,
    variant: Variant = "paper",
    pad_token_id: int | None = None,
    h1: float = 1.0,
    h2: float = 1.0,
    h3: float = 1.0,
    k1: float = 2.0,
    b: float = 0.5,
    eps: float = 1e-6,
    ddof: int | None = None,
) -> TokenAdvantages:
    """KTAE: GRPO's advantage plus what the token itself says about success.

    A_{i,t} = A_i^GRPO + key(o_{i,t})

    For each token o of a group, from the table a, b (correct, wrong responses with o), c, d (without):
    F = exp(-2·Fisher) and 0 if Fisher = 1; IG = H(Y) - H(Y|o in response), in bits;
    D = asin √(a/(a+c)) - asin √(b/(b+d)) + h₃ (TF_T/TF_F - TF_F/TF_T);
    TF = (k₁+1)·tf / (k₁(1 - b + b·len/len_avg) + tf) over the correct (T) and the wrong (F) responses together.

    - ``variant="paper"``: Fisher is the probability of the one table, tf the number of occurrences,
      key = σ((h₁F + h₂IG)·D) - 1/2, in [-1/2, 1/2].
    - ``variant="code"`` (the released code): Fisher is the two-sided p-value, tf the share of the side's tokens,
      key = 2σ((h₁F + h₂IG)·D / (h₁+h₂)) - 1, in [-1, 1], and ``ddof`` is 1. The code sums in float32, where ties of
      the p-value can break; here ties are ties. It also adds 1e-10 in the proportions of D, which is left out here.

    The paper leaves open h₁, h₂, h₃, k₁, b and the ratio where TF = 0; the defaults, and the 1e-5 added to the
    denominators of both ratios, are the code's. A token in correct (or wrong) responses only thus gets a key near
    ±1/2 (±1 in the code's variant). If no response of a group is correct, or none is wrong, all its key values are 0.

    Args:
        rewards: ``(G,)`` or ``(..., G)``, G >= 2; a response is correct when its reward is positive.
        token_ids: Token ids, ``(G, T)`` or ``(..., G, T)``, integers >= 0 wherever the mask is set.
        mask: True (1) at the response's own tokens, false (0) at padding, the shape of ``token_ids``.
        variant: ``"paper"`` or ``"code"``.
        pad_token_id: A token whose key value is 0 although unmasked (the code does so for its end-of-text token).
        h1: Weight of F, in [0, 1e6].
        h2: Weight of IG, in [0, 1e6].
        h3: Weight of the term-frequency ratios, in [0, 1e6] (the code knows only 0 and 1).
        k1: BM25's saturation, in [0, 1e6].
        b: BM25's length normalisation, in [0, 1].
        eps: ε of the GRPO advantage.
        ddof: Of the GRPO advantage; by default 0 for the paper and 1 for the code.

    Returns:
        Advantages and key values, each ``(..., G, T)`` in the floating type of the rewards; exactly 0 where masked.

    Raises:
        TypeError: ``token_ids`` are no integers, or another argument is no real number.
        ValueError: Shapes that do not fit, G < 2, NaN or infinite rewards, mask entries other than 0 and 1, an
            unknown ``variant``, parameters out of range (h₁ and h₂ both 0 in the code's variant, too).

    Source:
        Sun et al., KTAE (arXiv:2505.16826), equation numbers not seen; the authors' released code.

    Example:
        >>> ids = [[5, 6], [5, 7], [5, 8], [5, 8]]
        >>> result = ktae([1, 1, 0, 0], ids, [[1, 1]] * 4)
        >>> result.key_values.round(3)
        array([[ 0. ,  0.5],
               [ 0. ,  0.5],
               [ 0. , -0.5],
               [ 0. , -0.5]])
    """
    require_choice("variant", variant, ("paper", "code"))
    weights = {
        name: require_number(name, value, low=0.0, high=LARGEST_WEIGHT)
        for name, value in (("h1", h1), ("h2", h2), ("h3", h3), ("k1", k1))
    }
    weights["b"] = require_number("b", b, low=0.0, high=1.0)
    if variant == "code" and weights["h1"] + weights["h2"] == 0:
        raise invalid("h1", h1, "positive when h2 is 0: the code's variant divides by their sum")
    ids, kept, r, xp = _checked_tokens(token_ids, mask, rewards)
    response = grpo(working_precision(r), eps=eps, ddof=ddof if ddof is not None else int(variant == "code"))
    table = _count(ids, kept, r, xp)
    key = _key_values(xp, table, working_precision(r), variant, **weights)
    shown = kept
    if pad_token_id is not None:
        shown = kept & (ids != require_count("pad_token_id", pad_token_id, low=0))
    key = xp.where(shown, key, 0.0)
    advantages = xp.where(kept, response[..., None] + key, 0.0)
    return TokenAdvantages(xp.astype(advantages, r.dtype, copy=False), xp.astype(key, r.dtype, copy=False))


def _key_values(
    xp: Namespace,
    table: TokenTable,
    r: Array,
    variant: Variant,
    *,
    h1: float,
    h2: float,
    h3: float,
    k1: float,
    b: float,
) -> Array:
    """Key value of the token at each position, masked or not."""
    size = r.shape[-1]
    n_correct = xp.sum(xp.astype(r > 0, xp.int64), axis=-1)
    # One flat table of (strength, Cohen's h) for all numbers of correct responses that occur.
    starts = np.zeros(size + 1, dtype=np.int64)
    strength, cohen, filled = [np.zeros(1)], [np.zeros(1)], 1
    for m in sorted({int(m) for m in np.unique(_to_numpy(n_correct))} - {0, size}):
        fisher, gain, h = association(size, m, variant)
        starts[m] = filled
        filled += h.size
        f = np.where(fisher == 1, 0.0, np.exp(-2 * fisher))
        strength.append((h1 * f + h2 * gain).ravel())
        cohen.append(h.ravel())
    two_sided = ((n_correct > 0) & (n_correct < size))[..., None, None]
    begin = take(like("rewards", r, starts, xp.int64), xp.reshape(n_correct, (-1,)))
    begin = xp.reshape(begin, n_correct.shape)[..., None, None]
    wide = (size + 1 - n_correct)[..., None, None]
    # Groups that are all correct or all wrong read entry 0, whose strength is 0.
    index = xp.reshape(xp.where(two_sided, begin + table.a * wide + table.b, 0), (-1,))

    def look_up(entries: list[np.ndarray]) -> Array:
        return xp.reshape(take(like("rewards", r, np.concatenate(entries)), index), table.a.shape)

    length_t, length_f = (xp.astype(n, r.dtype) for n in (table.length_correct, table.length_wrong))
    tf_t, tf_f = (xp.astype(n, r.dtype) for n in (table.count_correct, table.count_wrong))
    # A side without tokens has no term frequency; a length of 1 keeps its quotients defined.
    mean_length = xp.where(length_t + length_f > 0, (length_t + length_f) / 2, 1.0)
    if variant == "code":
        tf_t, tf_f = tf_t / xp.where(length_t > 0, length_t, 1.0), tf_f / xp.where(length_f > 0, length_f, 1.0)
    tf_t = term_frequency(xp, tf_t, length_t, mean_length, k1, b)
    tf_f = term_frequency(xp, tf_f, length_f, mean_length, k1, b)
    direction = look_up(cohen) + h3 * (tf_t / (tf_f + TF_FLOOR) - tf_f / (tf_t + TF_FLOOR))
    exponent = look_up(strength) * direction
    # σ(x) - 1/2 = tanh(x/2)/2
    return xp.tanh(exponent / 2) / 2 if variant == "paper" else xp.tanh(exponent / (2 * (h1 + h2)))


def _to_numpy(x: Array) -> np.ndarray:
    """Copy a small array to NumPy, whatever its library and device."""
    if hasattr(x, "get"):
        return np.asarray(x.get())
    return np.asarray(x.cpu() if hasattr(x, "cpu") else x)
