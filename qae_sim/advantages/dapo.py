"""DAPO's dynamic sampling and overlong punishment; its advantages are GRPO's."""

from __future__ import annotations

from qae_sim.advantages._statistics import checked_rewards, deviations
from qae_sim.arrays import (
    Array,
    as_floating,
    invalid,
    number_of,
    require_count,
    require_integer,
    self_contained,
    working_precision,
)


@self_contained
def dynamic_sampling_mask(rewards: Array) -> Array:
    """DAPO's dynamic sampling: keep the groups whose rewards are not all equal.

    keep = 1{std(r) > 0};  for binary rewards 1{0 < #correct < G}

    Args:
        rewards: Rewards, ``(..., G)``, G >= 2, any finite numbers.

    Returns:
        Boolean array ``(...)``, true where the group is kept.

    Raises:
        TypeError: ``rewards`` holds no real numbers.
        ValueError: G < 2, or a reward is NaN or infinite.

    Source:
        Yu et al., DAPO (arXiv:2503.14476), as restated in Wu et al., QAE (arXiv:2509.22611), Sec. 2.

    Example:
        >>> dynamic_sampling_mask([[1, 0, 0], [0, 0, 0], [1, 1, 1]])
        array([ True, False, False])
    """
    r, _ = checked_rewards(rewards)
    return deviations(working_precision(r), ddof=0).std[..., 0] > 0


@self_contained
def overlong_punishment(lengths: Array, *, max_length: int = 20480, cache: int = 4096) -> Array:
    """DAPO's soft overlong punishment, to be added to the reward.

    0 if L <= Lmax - Lc;  ((Lmax - Lc) - L) / Lc if Lmax - Lc < L <= Lmax;  -1 if L > Lmax

    Args:
        lengths: Response lengths L in tokens, >= 0, any shape.
        max_length: Lmax in tokens, 1..2⁶³ - 1.
        cache: Lc in tokens, 1..Lmax, the stretch over which the punishment grows from 0 to -1.

    Returns:
        Punishments in [-1, 0], the shape of ``lengths``, floating.

    Raises:
        TypeError: ``lengths`` holds no real numbers, or a limit is no integer.
        ValueError: A length is negative or not finite, or a limit is out of range.

    Source:
        Yu et al., DAPO (arXiv:2503.14476), soft overlong punishment; limits from Wu et al., QAE
        (arXiv:2509.22611), App. D.1.

    Example:
        >>> overlong_punishment([16384, 18432, 20480, 30000])
        array([ 0. , -0.5, -1. , -1. ])
    """
    n, xp = as_floating("lengths", lengths)
    limit = require_count("max_length", max_length)
    stretch = require_integer("cache", cache, low=1, high=limit)
    if not bool(xp.all((n >= 0) & xp.isfinite(n))):
        raise invalid("lengths", number_of(n[~((n >= 0) & xp.isfinite(n))][0]), "finite and at least 0, in tokens")
    # float64 rounds neither the limits nor lengths of a shorter type.
    punishments = xp.clip(((limit - stretch) - xp.astype(n, xp.float64)) / stretch, -1.0, 0.0)
    return xp.astype(punishments, n.dtype, copy=False)
